"""Conflicts: rules that can't hold together, and rules that leave nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Final

import numpy as np

from graph_schema.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.rules.bound_rules import BoundRules
from kgrec.rules.limits import Cap
from kgrec.rules.rule import HIDING, LISTS, Rule
from kgrec.rules.ruleset import Rules

_MOST_CHECKED: Final = 1_000  # sets of rules that hold at once


def checked(
    rules: Rules, snapshot: GraphSnapshot, scenarios: Sequence[str], *, strict: bool = True
) -> BoundRules | None:
    """Rules over a graph; None without any.

    Raises RequestError as ``BoundRules.bind`` does, for two rules that can't both hold, with the
    names of both, and for rules that leave some user no item.
    """
    if not len(rules):
        return None
    bound = BoundRules.bind(rules, snapshot, scenarios, strict=strict)
    for active in _together(bound):
        _check(bound, active)
    return bound


def check_graph(rules: Rules, snapshot: GraphSnapshot) -> None:
    """``checked`` before a fit on a graph, whose scenarios are those of the model to come. Raises
    RequestError."""
    checked(rules, snapshot, snapshot.scenarios.ids.tolist(), strict=False)


def _together(bound: BoundRules) -> Iterator[tuple[int, ...]]:
    """The sets of rules that hold at once (for whom, where, in what list, and when), the largest
    first; at most ``_MOST_CHECKED``."""
    members = np.vstack([bound.everyone, bound.members])
    codes = {-1, *(code for one in bound.scenarios if one is not None for code in one)}
    times = {end for rule in bound.rules for end in (rule.starts, rule.ends)}
    times = {0.0 if abs(one) == float("inf") else one for one in times}
    everybody = np.ones(len(bound.rules), dtype=bool)
    found = []
    for kind in LISTS if any(rule.lists for rule in bound.rules) else LISTS[:1]:
        for code, at in product(sorted(codes), sorted(times)):
            here = np.zeros(len(bound.rules), dtype=bool)
            here[bound.active(everybody, code, kind, at)] = True
            found.append(np.unique(members & here, axis=0))
    sets = np.unique(np.vstack(found), axis=0)
    order = np.argsort(-sets.sum(axis=1), kind="stable")[:_MOST_CHECKED]
    for row in sets[order]:
        yield tuple(np.flatnonzero(row).tolist())


def _check(bound: BoundRules, active: Sequence[int]) -> None:
    """Raise RequestError for a conflict among rules that hold at once."""
    hidden = np.zeros(len(bound.snapshot.items), dtype=bool)
    for number in active:
        if bound.rules.rules[number].effect in HIDING:
            hidden |= bound.acted_on(number, active)
    if len(hidden) and hidden.all():
        names = ", ".join(
            repr(bound.rules.rules[n].name) for n in active if bound.rules.rules[n].effect in HIDING
        )
        place = bound.rules.rules[active[0]].place
        raise RequestError(
            f"{place + ': ' if place else ''}the rules {names} together leave no item to "
            "recommend; limit who or what they are about."
        )
    out = bound.out_of_lists(active)
    if len(out) and out.all():
        names = ", ".join(
            repr(bound.rules.rules[n].name) for n in active if bound.people[n] is not None
        )
        raise RequestError(
            f"the rules {names} together leave nobody in lists of users; limit whom they are about."
        )
    by_effect: dict[str, list[int]] = {}
    for number in active:
        by_effect.setdefault(bound.rules.rules[number].effect, []).append(number)
    pins, caps, floors = (by_effect.get(name, []) for name in ("pin", "cap", "floor"))
    hiding = [number for name in HIDING for number in by_effect.get(name, [])]
    _pins_against_hiding(bound, pins, hiding, active)
    _pins_against_pins(bound, pins)
    _caps_against_pins(bound, caps, pins)
    _floors_against_others(bound, floors, caps, pins)
    _exact_of_one_length(bound, [*caps, *floors])


def _exact_of_one_length(bound: BoundRules, limits: Sequence[int]) -> None:
    """Exact caps and floors about another number of places than one that holds with them."""
    rules = bound.rules.rules
    for one, other in product(limits, limits):
        if rules[one].exact and rules[one].of != rules[other].of:
            why = "where one is exact, all caps and floors that hold with it have the same of"
            _refuse(bound, one, other, why)


def _pins_against_hiding(
    bound: BoundRules, pins: Sequence[int], hiding: Sequence[int], active: Sequence[int]
) -> None:
    for pin in pins:
        for other in hiding:
            if _within(bound.items[pin], bound.acted_on(other, active)):
                _refuse(bound, pin, other, "the one pins what the other keeps out of lists")


def _pins_against_pins(bound: BoundRules, pins: Sequence[int]) -> None:
    for one, other in combinations(pins, 2):
        a, b = bound.rules.rules[one], bound.rules.rules[other]
        if a.rank == b.rank:
            _refuse(bound, one, other, f"both pin at rank {a.rank}")
        items = bound.items[one]
        if items.sum() == 1 and np.array_equal(items, bound.items[other]):
            _refuse(bound, one, other, f"they pin one item at the ranks {a.rank} and {b.rank}")


def _caps_against_pins(bound: BoundRules, caps: Sequence[int], pins: Sequence[int]) -> None:
    """A cap that the pins of single items break."""
    for cap in caps:
        rule = bound.rules.rules[cap]
        limit = Cap(rule.most or 0, rule.of or 2**31 - 1, bound.groups(cap))
        counts: dict[int, int] = {}
        for pin in sorted(pins, key=lambda number: bound.rules.rules[number].rank or 0):
            rows = np.flatnonzero(bound.items[pin])
            if len(rows) != 1 or (bound.rules.rules[pin].rank or 0) > limit.of:
                continue
            start, end = limit.groups[0][rows[0]], limit.groups[0][rows[0] + 1]
            for group in limit.groups[1][start:end].tolist():
                counts[group] = counts.get(group, 0) + 1
                if counts[group] > limit.most:
                    _refuse(
                        bound, cap, pin, f"with that pin there are more than {limit.most} of a kind"
                    )


def _floors_against_others(
    bound: BoundRules, floors: Sequence[int], caps: Sequence[int], pins: Sequence[int]
) -> None:
    """Floors that caps, pins or other floors leave too few places."""
    rules = bound.rules.rules
    for floor in floors:
        least, of = rules[floor].least or 0, rules[floor].of or 0
        for cap in caps:
            most, window = rules[cap].most or 0, rules[cap].of or of
            whole = rules[cap].by is None and _within(bound.items[floor], bound.items[cap])
            if whole and window >= of and most < least:
                _refuse(
                    bound, floor, cap, f"the one asks for {least} items, the other allows {most}"
                )
        others = [p for p in pins if (rules[p].rank or 0) <= of and _apart(bound, floor, p)]
        if others and of - len(others) < least:
            _refuse(bound, floor, others[-1], f"pins leave fewer than {least} of {of} places")
    for one, other in combinations(floors, 2):
        a, b = rules[one], rules[other]
        most = max(a.of or 0, b.of or 0)
        if _apart(bound, one, other) and (a.least or 0) + (b.least or 0) > most:
            _refuse(bound, one, other, f"they ask for more than the {most} places there are")


def _within(part: np.ndarray, whole: np.ndarray) -> bool:
    """Whether ``part`` has items, and all of them are in ``whole``."""
    return bool(part.any()) and not bool((part & ~whole).any())


def _apart(bound: BoundRules, one: int, other: int) -> bool:
    return not bool((bound.items[one] & bound.items[other]).any())


def _refuse(bound: BoundRules, one: int, other: int, why: str) -> None:
    a, b = _ordered(bound.rules.rules[one], bound.rules.rules[other], one < other)
    raise RequestError(f"{a} and {b} are in conflict: {why}; change or remove one of them.")


def _ordered(one: Rule, other: Rule, first: bool) -> tuple[Rule, Rule]:
    return (one, other) if first else (other, one)
