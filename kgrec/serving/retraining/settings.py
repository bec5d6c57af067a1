"""Settings of the training of the next model, and when it loses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kgrec.errors import RequestError
from kgrec.serving.registry import ModelEntry


@dataclass(frozen=True)
class GateRule:
    """When a new model loses.

    Attributes
    ----------
    users : int
        Fewest users in a comparison, overall and of a scenario; scenarios with fewer are left out.
    margin : float
        The share of the metric that the new model may be below the other, overall.
    """

    users: int = 100
    margin: float = 0.01

    def __post_init__(self) -> None:
        if self.users < 2:
            raise RequestError(f"users is {self.users}; a comparison needs at least 2.")
        if not 0.0 <= self.margin <= 1.0:
            raise RequestError(f"margin is {self.margin}; give a share from 0 to 1.")


@dataclass(frozen=True)
class TrainSettings:
    """How the next model is trained and compared.

    Attributes
    ----------
    effort : {"quick", "normal", "thorough"} or None
        None: as the model that answers was trained.
    seed : int
    share : float
        Of the events since the model that answers was trained, the newest that are held out.
    rule : GateRule
    """

    effort: Literal["quick", "normal", "thorough"] | None = None
    seed: int = 0
    share: float = 0.2
    rule: GateRule = field(default_factory=GateRule)

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 0.5:
            raise RequestError(f"share is {self.share}; give one above 0 and at most 0.5.")


def trained_name(live: ModelEntry, until: int) -> str:
    """The name of the model that is trained after another."""
    return f"{live.name.split('-fold')[0].split('-train')[0]}-train{until}"
