"""The scenario of a request that names none, where a rule can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kgrec.config.scenarios import EVENT, TIMES, ScenarioRule
from kgrec.graph.snapshot import NodeTable, Strings
from kgrec.scenarios.matching import Matcher, at_times, attribute


def scenario_of_request(
    rule: ScenarioRule,
    *,
    attributes: Mapping[str, Any] | None = None,
    event: str | None = None,
    timestamp: int | None = None,
) -> str | None:
    """The rule's scenario of a request, None where what it goes by isn't given.

    ``attributes`` are the user's, ``timestamp`` is in unix seconds. Who asks for recommendations
    has no item yet: a rule by an item's attribute says nothing.
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
    """object ``[m]``: the rule's scenario of every stored user, "" where the rule goes by something
    else or says none. Raises RequestError where no user has the rule's attribute."""
    if not rule.of_user:
        return np.full(len(users), "", dtype=object)
    return Matcher(rule).scenarios(attribute(users, rule))
