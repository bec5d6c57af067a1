"""Settings: one pydantic model a component; what is left unset is read off the data by ``fit``."""

from kgrec.config.heads import FEATURE_READERS, Head, HeadName
from kgrec.config.model import (
    ModelConfig,
    RecommenderConfig,
    TextConfig,
    TrainingConfig,
)
from kgrec.config.ratings import RatingConfig
from kgrec.config.scenarios import ScenarioConfig, ScenarioRule
from kgrec.config.text_finetuning import TextTuning

__all__ = [
    "FEATURE_READERS",
    "Head",
    "HeadName",
    "ModelConfig",
    "RatingConfig",
    "RecommenderConfig",
    "ScenarioConfig",
    "ScenarioRule",
    "TextConfig",
    "TextTuning",
    "TrainingConfig",
]
