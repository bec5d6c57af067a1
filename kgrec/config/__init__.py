"""Settings: one pydantic model per component; ``fit`` chooses unset fields from the data."""

from kgrec.config.context import ContextConfig
from kgrec.config.explain import ExplainConfig
from kgrec.config.feedback import FeedbackConfig
from kgrec.config.heads import FEATURE_READERS, Head, HeadName
from kgrec.config.model import (
    Effort,
    ModelConfig,
    RecommenderConfig,
    TextConfig,
    TrainingConfig,
)
from kgrec.config.privacy import PrivacyConfig
from kgrec.config.ratings import RatingConfig
from kgrec.config.scenarios import ScenarioConfig, ScenarioRule
from kgrec.config.text_finetuning import TextTuning

__all__ = [
    "FEATURE_READERS",
    "ContextConfig",
    "Effort",
    "ExplainConfig",
    "FeedbackConfig",
    "Head",
    "HeadName",
    "ModelConfig",
    "PrivacyConfig",
    "RatingConfig",
    "RecommenderConfig",
    "ScenarioConfig",
    "ScenarioRule",
    "TextConfig",
    "TextTuning",
    "TrainingConfig",
]
