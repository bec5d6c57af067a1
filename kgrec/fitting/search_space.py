"""What a search may change, and between which bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)

from kgrec.config import RecommenderConfig

Value = float | int


@dataclass(frozen=True)
class Setting:
    """One field of ``RecommenderConfig``: which part it is in, and the values it may take."""

    part: Literal["model", "training"]
    name: str
    values: BaseDistribution


SPACE: Final = (
    Setting("model", "embedding_size", CategoricalDistribution((64, 128, 256, 384))),
    Setting("model", "temperature", FloatDistribution(0.05, 0.3, log=True)),
    Setting("model", "dropout", FloatDistribution(0.0, 0.5)),
    Setting("model", "id_dropout", FloatDistribution(0.0, 0.3)),
    Setting("training", "learning_rate", FloatDistribution(1e-3, 2e-2, log=True)),
    Setting("training", "history_dropout", FloatDistribution(0.0, 0.6)),
    Setting("training", "user_weight", FloatDistribution(0.25, 1.0)),
)


def with_values(config: RecommenderConfig, values: dict[str, Value]) -> RecommenderConfig:
    """``config`` with ``values`` by the settings' names; what they don't name stays."""
    known = {setting.name: setting.part for setting in SPACE}
    parts: dict[str, dict[str, Value]] = {"model": {}, "training": {}}
    for name, value in values.items():
        parts[known[name]][name] = value
    return config.model_copy(
        update={
            part: getattr(config, part).model_copy(update=changed)
            for part, changed in parts.items()
        }
    )
