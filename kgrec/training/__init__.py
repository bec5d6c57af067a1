"""Training: examples, objective, the loop and its checkpoints."""

from kgrec.training.checkpoint import Checkpoint
from kgrec.training.choosing import METRIC
from kgrec.training.item_weights import fit_item_weights, fit_own_weights
from kgrec.training.loop import Trainer
from kgrec.training.plan import Plan, examples_to_try, follows_in_time, make_plan
from kgrec.training.sampled import StepSampler
from kgrec.training.sampling import Sequences
from kgrec.training.scenarios import own_items

__all__ = [
    "METRIC",
    "Checkpoint",
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
