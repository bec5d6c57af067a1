"""From a value (of an attribute, an event, a time) to the scenario that a rule gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kgrec.config.scenarios import TIMES, Range, ScenarioRule, Value, number, text
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Ints, NodeTable, Strings

_HOUR, _DAY = 3_600, 86_400


class Matcher:
    """Tells the scenario of one value after another; "" is none."""

    def __init__(self, rule: ScenarioRule) -> None:
        self.otherwise = rule.otherwise or ""
        self._groups: list[tuple[str, frozenset[str] | Range]] = [
            (name, group if isinstance(group, Range) else frozenset(map(text, group)))
            for name, group in rule.groups.items()
        ]

    def scenario(self, value: Any) -> str:
        """The first group that holds the value, or one of the values in "a|b"."""
        texts = _texts(value)
        if not self._groups and texts:
            return texts[0]
        for name, group in self._groups:
            if any(_holds(group, one) for one in texts):
                return name
        return self.otherwise

    def scenarios(self, values: pd.Series[Any]) -> Strings:
        """object ``[n]``: the scenario of each value, worked out once per distinct one."""
        codes, distinct = pd.factorize(values)
        names = [self.scenario(value) for value in distinct]
        # -1, an absent value, is the last one.
        return np.asarray(_named([*names, self.otherwise])[codes])


def _named(names: list[str]) -> Strings:
    array = np.empty(len(names), dtype=object)
    array[:] = names
    return array


def _texts(value: Any) -> list[str]:
    if pd.isna(value):
        return []
    if isinstance(value, str):
        return [part for part in map(str.strip, value.split("|")) if part]
    plain: Value = value.item() if isinstance(value, np.generic) else value
    return [text(plain)]


def _holds(group: frozenset[str] | Range, value: str) -> bool:
    if isinstance(group, Range):
        return group.low <= number(value) <= group.high
    return value in group


def attribute(nodes: NodeTable, rule: ScenarioRule) -> pd.Series[Any]:
    """The column that the rule goes by. Raises RequestError where the nodes lack it."""
    known = list(map(str, nodes.attributes.columns))
    if rule.attribute not in known:
        raise RequestError(
            f"the scenario rule goes by {rule.by!r}, which no {nodes.label} has; "
            f"they have: {', '.join(known) or 'no attributes'}."
        )
    return nodes.attributes[rule.attribute]


def times(by: str, timestamp: Ints) -> Ints:
    """int64 ``[n]``: places in ``TIMES[by]`` of unix seconds, in UTC; -1 where there is no time."""
    if by == "hour":
        place = timestamp // _HOUR % 24
    elif by == "weekday":
        place = (timestamp // _DAY + 3) % 7  # the first of January 1970 was a Thursday
    else:
        month = timestamp.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
        place = month if by == "month" else (month + 1) % 12 // 3
    return np.where(timestamp == NO_TIME, -1, place)


def at_times(matcher: Matcher, by: str, timestamp: Ints) -> Strings:
    """object ``[n]``: the scenario of each time."""
    names = [matcher.scenario(value) for value in TIMES[by]]
    return np.asarray(_named([*names, matcher.otherwise])[times(by, timestamp)])
