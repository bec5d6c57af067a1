"""Scenarios of interactions, assigned by a rule."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from kgrec.config.scenarios import EVENT, ITEM, USER, ScenarioConfig, ScenarioRule
from kgrec.errors import RequestError
from kgrec.graph.snapshot import (
    NO_TIME,
    GraphSnapshot,
    Interactions,
    NodeTable,
    Strings,
    with_named,
)
from kgrec.scenarios.matching import Matcher, at_times, attribute


def with_scenarios(snapshot: GraphSnapshot, config: ScenarioConfig) -> GraphSnapshot:
    """``assign_scenarios`` by the rule of the settings, if there is one.

    Warns of each scenario that the rule names and no interaction has. Raises RequestError.
    """
    if config.rule is None:
        return snapshot
    assigned = assign_scenarios(snapshot, config.rule, overwrite=config.overwrite)
    found = set(pd.unique(assigned.interactions.scenario))
    for name in config.rule.names:
        if name not in found:
            warnings.warn(
                f"no interaction is in the scenario {name!r} of the rule by {config.rule.by!r}: "
                "its requests use the shared parameters. Check the rule's values.",
                stacklevel=3,
            )
    return assigned


def assign_scenarios(
    snapshot: GraphSnapshot, rule: ScenarioRule, *, overwrite: bool = False
) -> GraphSnapshot:
    """The snapshot with the rule's scenario on every interaction that has none.

    ``overwrite`` also replaces existing scenarios, where the rule gives one. Every scenario of the
    rule gets a row in ``scenarios``, even without interactions, with the rule's description where
    the graph has none. Assigning twice changes nothing. Raises RequestError for an attribute that
    no node has, for a rule by event where no interaction has an event, and for a rule by time where
    none has a timestamp.
    """
    events = snapshot.interactions
    new, old = _assigned(snapshot, rule), events.scenario
    chosen = np.where((new != "") if overwrite else (old == ""), new, old)
    scenarios = with_named(snapshot.scenarios, np.array([*rule.names, ""], dtype=object))
    scenarios = _described(with_named(scenarios, chosen), rule)
    return replace(snapshot, interactions=replace(events, scenario=chosen), scenarios=scenarios)


def _assigned(snapshot: GraphSnapshot, rule: ScenarioRule) -> Strings:
    """The rule's scenario of each interaction, object ``[n]``; "" for none."""
    events, matcher = snapshot.interactions, Matcher(rule)
    if rule.by.startswith(USER):
        return np.asarray(matcher.scenarios(attribute(snapshot.users, rule))[events.user])
    if rule.by.startswith(ITEM):
        return np.asarray(matcher.scenarios(attribute(snapshot.items, rule))[events.item])
    _refuse_unknown(events, rule)
    if rule.by == EVENT:
        return matcher.scenarios(pd.Series(events.event))
    return at_times(matcher, rule.by, events.timestamp)


def _refuse_unknown(events: Interactions, rule: ScenarioRule) -> None:
    if not len(events):
        return
    if rule.by == EVENT and not (events.event != "").any():
        raise RequestError(
            "the scenario rule uses 'event', but no interaction has an event; fill the column "
            "event, or use another rule."
        )
    if rule.by != EVENT and not (events.timestamp != NO_TIME).any():
        raise RequestError(
            f"the scenario rule uses {rule.by!r}, but no interaction has a timestamp; fill the "
            "column timestamp, or use another rule."
        )


def _described(scenarios: NodeTable, rule: ScenarioRule) -> NodeTable:
    existing = scenarios.attributes["description"]
    descriptions = [
        own or rule.descriptions.get(name, "")
        for name, own in zip(scenarios.ids, existing, strict=True)
    ]
    return replace(scenarios, attributes=scenarios.attributes.assign(description=descriptions))
