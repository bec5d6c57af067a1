"""Settings of feedback: what each kind of event, and each rating, says about a user's taste."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, StringConstraints, model_validator

from graph_schema.conversion.number_ranges import bounds
from graph_schema.settings import Settings

OTHERS = "*"  # the key of all kinds of events that have none of their own
AUTO: Literal["auto"] = "auto"

Kind = Annotated[str, StringConstraints(strip_whitespace=True)]
Weight = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Hiding: TypeAlias = bool | str  # whether, or for how long: "30d"

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class FeedbackConfig(Settings):
    """What events say: a weight above 0 is a like, one below 0 a negative event, 0 says nothing.

    An event's weight is the product of those of its kind and of its rating, and it is negative if
    one of them is. Without any setting all events weigh 1, as long as no kind of event is one of
    the well-known negative ones (``NEGATIVE_KINDS``) and no rating is below zero: such events weigh
    -1.
    """

    events: dict[Kind, Weight] = Field(
        {},
        description="Weight by kind of event, such as {view = 0.1, buy = 1, return = -1}; '*': of "
        "all other kinds, '': of events without a kind. Where it is given, every kind needs one.",
    )
    ratings: Literal["auto"] | dict[Kind, Weight] = Field(
        AUTO,
        description="Weight by rating, such as {'<=2' = -1, '3' = 0.5, '>=4' = 1}; the first that "
        "holds counts, 1 where none does. auto: chosen on validation rows where like is set, else "
        "each rating has the weight 1.",
    )
    like: Literal["auto"] | Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None,
        description="Ratings of at least this are what lists are to find: other rated events are "
        "in histories, and no targets. auto: the upper part of the scale, 4 of 1 to 5. None: every "
        "rated event of a weight above 0 is a target.",
    )
    targets: tuple[Kind, ...] | None = Field(
        None,
        min_length=1,
        description="The kinds of events that lists are to find; None: all of a weight above 0.",
    )
    repeats: int = Field(
        5,
        ge=1,
        description="Events of one user with one item that count, the newest; it has an effect "
        "only where some weight is not 1.",
    )
    exclude_seen: dict[Kind, Hiding] = Field(
        {},
        description="Which items of a history are left out of lists, by kind of event: true, "
        "false, or for how long after the event, such as '30d' (s, m, h, d, w); '*': other kinds, "
        "which are left out where nothing is said.",
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if isinstance(self.ratings, dict):
            for text in self.ratings:
                bounds(text)
        for hiding in self.exclude_seen.values():
            seconds(hiding)
        weights = [*self.events.values()]
        if weights and max(weights) <= 0:
            raise ValueError(
                "no kind of event in events has a weight above 0, so there is nothing that lists "
                "could learn to find; give one"
            )
        unknown = [kind for kind in self.targets or () if self.weight_of(kind) <= 0]
        if unknown:
            raise ValueError(
                f"the target {unknown[0]!r} has the weight {self.weight_of(unknown[0]):g}; a "
                "target needs one above 0"
            )
        return self

    def weight_of(self, kind: str) -> float:
        """The weight of a kind of event; 1 where no kind has one."""
        if not self.events:
            return 1.0
        return self.events.get(kind, self.events.get(OTHERS, 1.0))


def seconds(hiding: Hiding) -> float:
    """How long an item is left out after an event, in seconds; inf: always. Raises ValueError."""
    if isinstance(hiding, bool):
        return np.inf if hiding else 0.0
    found = _AGE.fullmatch(hiding.strip())
    if found is None:
        raise ValueError(
            f"{hiding!r} is no duration; write true, false, or one such as '30d', '12h'"
        )
    return float(found[1]) * _SECONDS[found[2]]
