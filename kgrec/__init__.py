"""kgrec: recommendations that a team can trace through its own graph."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kgrec.threads import choose_threads

if TYPE_CHECKING:
    from kgrec.config import (
        ContextConfig,
        ExplainConfig,
        FeedbackConfig,
        ModelConfig,
        PrivacyConfig,
        RatingConfig,
        RecommenderConfig,
        ScenarioConfig,
        ScenarioRule,
        TextConfig,
        TextTuning,
        TrainingConfig,
    )
    from kgrec.erasure.erasing import erase
    from kgrec.errors import DeviceError, KgrecError, NotFittedError
    from kgrec.model_card.why_model import why_model
    from kgrec.paths.index import Constraints
    from kgrec.presentation import show_people
    from kgrec.query import Query
    from kgrec.questions.questions import Questions
    from kgrec.recommender import Recommender
    from kgrec.rules.rule import Rule
    from kgrec.rules.ruleset import Rules
    from kgrec.stores import GraphStore, connect
    from kgrec.text_finetuning.finetuning import tune_text

__version__ = "0.1.0"

choose_threads()  # before anything imports torch

__all__ = [
    "Constraints",
    "ContextConfig",
    "DeviceError",
    "ExplainConfig",
    "FeedbackConfig",
    "GraphStore",
    "KgrecError",
    "ModelConfig",
    "NotFittedError",
    "PrivacyConfig",
    "Query",
    "Questions",
    "RatingConfig",
    "Recommender",
    "RecommenderConfig",
    "Rule",
    "Rules",
    "ScenarioConfig",
    "ScenarioRule",
    "TextConfig",
    "TextTuning",
    "TrainingConfig",
    "connect",
    "erase",
    "show_people",
    "tune_text",
    "why_model",
]

_HOMES = {
    "config": (
        "ContextConfig",
        "ExplainConfig",
        "FeedbackConfig",
        "ModelConfig",
        "PrivacyConfig",
        "RatingConfig",
        "RecommenderConfig",
        "ScenarioConfig",
        "ScenarioRule",
        "TextConfig",
        "TextTuning",
        "TrainingConfig",
    ),
    "erasure.erasing": ("erase",),
    "errors": ("DeviceError", "KgrecError", "NotFittedError"),
    "model_card.why_model": ("why_model",),
    "questions.questions": ("Questions",),
    "paths.index": ("Constraints",),
    "presentation": ("show_people",),
    "query": ("Query",),
    "recommender": ("Recommender",),
    "rules.rule": ("Rule",),
    "rules.ruleset": ("Rules",),
    "stores": ("GraphStore", "connect"),
    "text_finetuning.finetuning": ("tune_text",),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch takes seconds, and `kgrec --help` and
    a store need none of it."""
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"kgrec.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'kgrec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
