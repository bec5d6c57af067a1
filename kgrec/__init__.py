"""kgrec: recommendations that a team can trace through its own graph."""

from kgrec.config import ModelConfig, RecommenderConfig, TextConfig, TrainingConfig
from kgrec.errors import KgrecError
from kgrec.recommender import Recommender
from kgrec.stores import GraphStore, connect

__version__ = "0.1.0"

__all__ = [
    "GraphStore",
    "KgrecError",
    "ModelConfig",
    "Recommender",
    "RecommenderConfig",
    "TextConfig",
    "TrainingConfig",
    "connect",
]
