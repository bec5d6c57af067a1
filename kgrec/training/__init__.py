"""Training: examples, objective, the loop and its checkpoints."""

from kgrec.training.best_weights import METRIC
from kgrec.training.checkpoint import Checkpoint
from kgrec.training.data.examples import Sequences
from kgrec.training.data.sampled_steps import ROW_TABLES, StepSampler
from kgrec.training.data.scenario_rows import own_items
from kgrec.training.item_weights import fit_item_weights, fit_own_weights
from kgrec.training.plan import DataSummary, Plan, examples_to_try, follows_in_time, make_plan
from kgrec.training.trainer import Trainer

__all__ = [
    "METRIC",
    "ROW_TABLES",
    "Checkpoint",
    "DataSummary",
    "Plan",
    "Sequences",
    "StepSampler",
    "Trainer",
    "examples_to_try",
    "fit_item_weights",
    "fit_own_weights",
    "follows_in_time",
    "make_plan",
    "own_items",
]
