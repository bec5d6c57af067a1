"""Matching: the scenario that a rule gives to a value of an attribute, an event or a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from kgrec.config.scenarios import EVENT, TIMES, Range, ScenarioRule, Value, number, text
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Ints, NodeTable, Strings

_HOUR, _DAY = 3_600, 86_400


class Matcher:
    """Returns the scenario of single values and of columns; "" for none."""

    def __init__(self, rule: ScenarioRule) -> None:
        self.otherwise = rule.otherwise or ""
        self._groups: list[tuple[str, frozenset[str] | Range]] = [
            (name, group if isinstance(group, Range) else frozenset(map(text, group)))
            for name, group in rule.groups.items()
        ]

    def scenario(self, value: Any) -> str:
        """The first group that contains the value, or one of the values in "a|b"."""
        texts = _texts(value)
        if not self._groups and texts:
            return texts[0]
        for name, group in self._groups:
            if any(_holds(group, one) for one in texts):
                return name
        return self.otherwise

    def scenarios(self, values: pd.Series[Any]) -> Strings:
        """The scenario of each value, object ``[n]``; each distinct value is matched once."""
        codes, distinct = pd.factorize(values)
        names = [self.scenario(value) for value in distinct]
        # Code -1, an absent value, picks the last name.
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
    """The column that the rule uses. Raises RequestError where the nodes lack it."""
    known = list(map(str, nodes.attributes.columns))
    if rule.attribute not in known:
        raise RequestError(
            f"the scenario rule uses {rule.by!r}, which no {nodes.label} has; "
            f"they have: {', '.join(known) or 'no attributes'}."
        )
    return nodes.attributes[rule.attribute]


def times(by: str, timestamp: Ints) -> Ints:
    """Positions in ``TIMES[by]`` of unix seconds (UTC), int64 ``[n]``; -1 for no time."""
    if by == "hour":
        place = timestamp // _HOUR % 24
    elif by == "weekday":
        place = (timestamp // _DAY + 3) % 7  # 1 January 1970 was a Thursday
    else:
        month = timestamp.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
        place = month if by == "month" else (month + 1) % 12 // 3
    return np.where(timestamp == NO_TIME, -1, place)


def at_times(matcher: Matcher, by: str, timestamp: Ints) -> Strings:
    """The scenario of each time, object ``[n]``."""
    names = [matcher.scenario(value) for value in TIMES[by]]
    return np.asarray(_named([*names, matcher.otherwise])[times(by, timestamp)])


def scenario_of_request(
    rule: ScenarioRule,
    *,
    attributes: Mapping[str, Any] | None = None,
    event: str | None = None,
    timestamp: int | None = None,
) -> str | None:
    """The rule's scenario of one request, or None.

    Parameters
    ----------
    rule : ScenarioRule
        The rule.
    attributes : mapping, optional
        The user's attributes.
    event : str, optional
        The kind of event.
    timestamp : int, optional
        Unix seconds.

    Returns
    -------
    str or None
        None where the rule gives none, or uses a value that is not passed. A rule by an item
        attribute always gives None, since a request has no item yet.
    """
    matcher = Matcher(rule)
    name = ""
    if rule.of_user and attributes is not None and rule.attribute in attributes:
        name = matcher.scenario(attributes[rule.attribute])
    elif rule.by == EVENT and event is not None:
        name = matcher.scenario(event)
    elif rule.by in TIMES and timestamp is not None:
        name = at_times(matcher, rule.by, np.array([timestamp]))[0]
    return name or None


def user_scenarios(users: NodeTable, rule: ScenarioRule) -> Strings:
    """The rule's scenario of every stored user, object ``[m]``.

    "" where the rule does not use user attributes, or gives none. Raises RequestError where no user
    has the rule's attribute.
    """
    if not rule.of_user:
        return np.full(len(users), "", dtype=object)
    return Matcher(rule).scenarios(attribute(users, rule))
