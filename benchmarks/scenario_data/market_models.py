"""What the benchmark of markets fits: a model of all markets in many ways, by the row's name."""

from __future__ import annotations

from typing import Any, Final

from kgrec import RecommenderConfig

CONTROL: Final = "none"
HEAD: Final = "adapter"  # under which ways of training are compared
Settings = dict[str, dict[str, Any]]

HEADS: Final = ("adapter", "shared_bottom", "mmoe", "ple", "star", "pepnet", "hyper")
BALANCERS: Final = ("fixed", "uncertainty", "gradnorm", "pcgrad", "cagrad", "jacobian")
TRAINING: Final[dict[str, dict[str, Any]]] = {
    **{name: {"balancing": name} for name in BALANCERS},
    "own_epochs": {"own_epochs": 5},
    "stop_by_scenario": {"stop_by_scenario": True},
    "scenario_balance": {"scenario_balance": 0.5},
    "logit_adjustment": {"logit_adjustment": 0.3},
    "popularity_weight": {"popularity_weight": 0.3},
}
# Every row is fitted with its part of these, and all else alike.
MODELS: Final[dict[str, Settings]] = {
    CONTROL: {"model": {"head": CONTROL}},
    **{name: {"model": {"head": name}} for name in HEADS},
    **{name: {"model": {"head": HEAD}, "training": way} for name, way in TRAINING.items()},
}
# Fewer epochs, and narrow models too: every row in minutes, so that all can be compared.
SHORT: Final[Settings] = {"training": {"epochs": 15, "examples": "masks"}}
NARROW: Final[Settings] = {**SHORT, "model": {"embedding_size": 64, "use_text": False}}
SETTINGS: Final[dict[str, Settings]] = {"defaults": {}, "short": SHORT, "narrow": NARROW}


def config_of(name: str, settings: Settings) -> RecommenderConfig:
    """The settings of row ``name`` on top of those that all rows have."""
    own = MODELS[name]
    parts = {*own, *settings}
    whole = {part: {**settings.get(part, {}), **own.get(part, {})} for part in sorted(parts)}
    return RecommenderConfig.model_validate(whole)
