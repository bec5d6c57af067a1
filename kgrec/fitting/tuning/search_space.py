"""The settings that a search may change, and the values that each may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from kgrec.config import RecommenderConfig

Value = float | int


@dataclass(frozen=True)
class OneOf:
    """A choice among values."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Between:
    """A number from ``low`` to ``high``, both included; log-uniform with ``log``."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Setting:
    """A field of ``RecommenderConfig``: the part it is in, its name, and its possible values."""

    part: Literal["model", "training"]
    name: str
    values: OneOf | Between


SPACE: Final = (
    Setting("model", "embedding_size", OneOf((64, 128, 256, 384))),
    Setting("model", "temperature", Between(0.05, 0.3, log=True)),
    Setting("model", "dropout", Between(0.0, 0.5)),
    Setting("model", "id_dropout", Between(0.0, 0.3)),
    Setting("training", "learning_rate", Between(1e-3, 2e-2, log=True)),
    Setting("training", "history_dropout", Between(0.0, 0.6)),
    Setting("training", "user_weight", Between(0.25, 1.0)),
)


def with_values(config: RecommenderConfig, values: dict[str, Value]) -> RecommenderConfig:
    """``config`` with new ``values`` of some settings, by their names."""
    part_of = {setting.name: setting.part for setting in SPACE}
    parts: dict[str, dict[str, Value]] = {"model": {}, "training": {}}
    for name, value in values.items():
        parts[part_of[name]][name] = value
    return config.model_copy(
        update={
            part: getattr(config, part).model_copy(update=changed)
            for part, changed in parts.items()
        }
    )
