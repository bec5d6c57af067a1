"""Settings of scenarios: a rule that assigns them to interactions and requests."""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from graph_schema.settings import Settings

TIMES = {
    "hour": tuple(str(hour) for hour in range(24)),
    "weekday": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "month": tuple(str(month) for month in range(1, 13)),
    "season": ("winter", "spring", "summer", "autumn"),
}
USER, ITEM, EVENT = "user.", "item.", "event"
_BY = re.compile(r"(?:user|item)\.(?=.*\S).+", re.DOTALL)

Value: TypeAlias = str | bool | int | float
Name = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]


class Range(Settings):
    """Numbers from ``min`` to ``max``, both included; None is no limit."""

    min: float | None = Field(None, allow_inf_nan=False, description="Lowest number.")
    max: float | None = Field(None, allow_inf_nan=False, description="Highest number.")

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min or max")
        if self.low > self.high:
            raise ValueError(f"the range is empty: min {self.min:g} is above max {self.max:g}")
        return self

    @property
    def low(self) -> float:
        return -math.inf if self.min is None else self.min

    @property
    def high(self) -> float:
        return math.inf if self.max is None else self.max


class ScenarioRule(Settings):
    """The scenario of an interaction, from its user, its item, its event or its time.

    Numbers and their texts are alike: 25, 25.0 and "25". An attribute such as "a|b" has two values;
    the first group, in the order given, that holds one of them counts.
    """

    by: str = Field(
        description="'user.ATTRIBUTE', 'item.ATTRIBUTE', 'event', or a part of the timestamp in "
        "UTC: 'hour' 0 to 23, 'weekday' monday to sunday, 'month' 1 to 12, 'season' (of the "
        "north, by whole months: winter is December to February)."
    )
    groups: dict[Name, Annotated[list[Value], Field(min_length=1)] | Range] = Field(
        {}, description="Scenario: its values, or {min, max}; none: each value is a scenario."
    )
    otherwise: Name | None = Field(
        None, description="Scenario of values that are unknown or in no group; None: no scenario."
    )
    descriptions: dict[Name, str] = Field(
        {}, description="Descriptions of scenarios that have none in the graph."
    )

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        if self.by not in (EVENT, *TIMES) and not _BY.fullmatch(self.by):
            known = ", ".join([EVENT, *TIMES])
            raise ValueError(
                f"by {self.by!r} is unknown; use user.ATTRIBUTE, item.ATTRIBUTE, {known}"
            )
        for (one, left), (other, right) in combinations(self.groups.items(), 2):
            shared = _shared(left, right)
            if shared is not None:
                raise ValueError(
                    f"the groups {one!r} and {other!r} overlap: {shared} is in both; "
                    "give each value to one group"
                )
        self._check_times()
        strange = sorted(set(self.descriptions) - {*self.groups, self.otherwise})
        if self.groups and strange:
            raise ValueError(
                f"{strange[0]!r} has a description and is no group; the groups are "
                f"{', '.join(map(repr, self.groups))}"
            )
        return self

    def _check_times(self) -> None:
        possible = TIMES.get(self.by)
        if possible is None:
            return
        for name, group in self.groups.items():
            if isinstance(group, Range):
                odd = [] if possible[0].isdecimal() else [f"{group.low:g} to {group.high:g}"]
            else:
                odd = [text(value) for value in group if text(value) not in possible]
            if odd:
                raise ValueError(
                    f"the group {name!r}: {odd[0]!r} is no {self.by}; use "
                    f"{possible[0]} to {possible[-1]}"
                )

    @property
    def of_user(self) -> bool:
        """Whether the user alone decides the scenario."""
        return self.by.startswith(USER)

    @property
    def attribute(self) -> str:
        """The attribute's name, "" for a rule by something else."""
        return self.by[len(USER) :] if self.by.startswith((USER, ITEM)) else ""

    @property
    def names(self) -> list[str]:
        """The scenarios that the rule names."""
        return [*self.groups, *([] if self.otherwise is None else [self.otherwise])]


class ScenarioConfig(Settings):
    """Sources of scenarios besides the interactions' own ``scenario``."""

    rule: ScenarioRule | None = Field(
        None, description="Assigns a scenario to requests and to interactions without one."
    )
    overwrite: bool = Field(
        False, description="The rule also replaces the scenario that an interaction carries."
    )


def text(value: Value) -> str:
    """A value as rules compare it: whole numbers without a point, true and false in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number(value: str) -> float:
    """The number that a value's text is, NaN where it is none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _shared(left: list[Value] | Range, right: list[Value] | Range) -> str | None:
    """A value that two groups both contain."""
    if isinstance(left, Range) and isinstance(right, Range):
        low, high = max(left.low, right.low), min(left.high, right.high)
        return None if low > high else f"{low if math.isfinite(low) else high:g}"
    if isinstance(left, Range):
        return _shared(right, left)
    if isinstance(right, Range):
        inside = [v for v in left if right.low <= number(text(v)) <= right.high]
        return None if not inside else repr(inside[0])
    both = {text(v) for v in left} & {text(v) for v in right}
    return None if not both else repr(min(both))
