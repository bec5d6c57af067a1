"""The model: hybrid item features, history pools, scenario heads."""

from kgrec.features.inputs import ItemInputs
from kgrec.features.kg_encoder import KGEncoder
from kgrec.nn.fusion import ScenarioFusion
from kgrec.nn.heads import HEADS, ByScenario, HeadShape, NoHead, ScenarioHead
from kgrec.nn.histories import (
    STATE_SIZE,
    Histories,
    HistoryBatch,
    TimeScales,
    both_ages,
    history_state,
    pool_weights,
)
from kgrec.nn.item_weights import ItemWeights
from kgrec.nn.model import USER_ATTRIBUTES, HybridModel, ItemVectors, ModelInputs, ModelShape

__all__ = [
    "HEADS",
    "STATE_SIZE",
    "USER_ATTRIBUTES",
    "ByScenario",
    "HeadShape",
    "Histories",
    "HistoryBatch",
    "HybridModel",
    "ItemInputs",
    "ItemVectors",
    "ItemWeights",
    "KGEncoder",
    "ModelInputs",
    "ModelShape",
    "NoHead",
    "ScenarioFusion",
    "ScenarioHead",
    "TimeScales",
    "both_ages",
    "history_state",
    "pool_weights",
]
