"""What must hold of a list under rules, by the rules' own words and not by the code that applies
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kgrec import Rule
from kgrec.graph import GraphSnapshot
from kgrec.rules.bound_rules import BoundRules

_TOLERANCE = 1e-4  # of scores: sums of floats in another order


@dataclass(frozen=True)
class Listed:
    """A list to check: ``rows`` of items, best first; ``scores`` float ``[n_items]`` of the model
    without rules; ``open`` bool ``[n_items]``: what the request allows; ``k``."""

    rows: Sequence[int]
    scores: np.ndarray
    open: np.ndarray
    k: int


@dataclass(frozen=True)
class Holding:
    """The rules that hold for one user in one scenario, with the items of each as bool
    ``[n_items]``, both found again from the attributes."""

    snapshot: GraphSnapshot
    rules: list[tuple[Rule, np.ndarray]]

    @staticmethod
    def of(bound: BoundRules, user: int, scenario: str, kind: str = "recommend") -> Holding:
        """``user``: a row of the users, or -1 for nobody."""
        snapshot = bound.snapshot
        found = [
            (rule, _about(rule, snapshot))
            for rule in bound.rules
            if rule.holds_in(kind)
            and (not rule.scenario or scenario in rule.scenario)
            and (rule.who is None or (user >= 0 and _user_meets(rule, snapshot, user)))
        ]
        return Holding(snapshot, found)

    def of_effect(self, effect: str) -> list[tuple[Rule, np.ndarray]]:
        """The rules of an effect."""
        return [pair for pair in self.rules if pair[0].effect == effect]

    @property
    def hidden(self) -> np.ndarray:
        """bool ``[n_items]``: what is in no list."""
        mask = np.zeros(len(self.snapshot.items), dtype=bool)
        for _, items in self.of_effect("never"):
            mask |= items
        for hold, items in self.of_effect("hold"):
            free = np.zeros(len(mask), dtype=bool)
            for release, released in self.of_effect("release"):
                if release.holds in (None, hold.name):
                    free |= released
            mask |= items & ~free
        return mask

    @property
    def boosts(self) -> np.ndarray:
        """float64 ``[n_items]``."""
        total = np.zeros(len(self.snapshot.items))
        for rule, items in self.of_effect("boost"):
            total[items] += rule.amount or 0.0
        return total

    def kinds(self, rule: Rule, items: np.ndarray, row: int) -> set[str]:
        """The values that a cap counts an item as."""
        if not items[row]:
            return set()
        if rule.by is None:
            return {""}
        value = self.snapshot.items.attributes[rule.by].iloc[row]
        if value is pd.NA or value is None or value != value or value == "":
            return set()
        return set(str(value).split("|"))


def problems(listed: Listed, holding: Holding, *, boosted: bool = True) -> list[str]:
    """What is wrong with a list, in words; nothing where it obeys the rules."""
    rows, hidden = list(listed.rows), holding.hidden
    scores = listed.scores + holding.boosts if boosted else listed.scores
    allowed = listed.open & ~hidden
    found = []
    if len(set(rows)) < len(rows):
        found.append("an item comes twice")
    found += [f"item row {row} is hidden" for row in rows if hidden[row]]
    found += [f"item row {row} is not open" for row in rows if not listed.open[row]]
    for rule, items in holding.of_effect("cap"):
        counts: dict[str, int] = {}
        for row in rows[: rule.of or len(rows)]:
            for kind in holding.kinds(rule, items, row):
                counts[kind] = counts.get(kind, 0) + 1
        found += [
            f"{rule} is broken: {n} of {kind!r}"
            for kind, n in counts.items()
            if n > (rule.most or 0)
        ]
    found += _pins(rows, allowed, scores, holding)
    found += _floors(rows, allowed, holding)
    found += _better(rows, listed.k, allowed, scores, holding)
    return found


def _pins(rows: list[int], allowed: np.ndarray, scores: np.ndarray, holding: Holding) -> list[str]:
    """Pins whose place has another item, where no cap and no pin before may be the reason."""
    pins, found = holding.of_effect("pin"), []
    if holding.of_effect("cap"):
        pins = [pair for pair in pins if pair[1].sum() == 1][:1]
    taken: set[int] = set()
    for rule, items in sorted(pins, key=lambda pair: pair[0].rank or 0):
        open_ = [row for row in np.flatnonzero(items & allowed).tolist() if row not in taken]
        if not open_ or (rule.rank or 0) > len(rows):
            continue
        best = max(open_, key=lambda row: (scores[row], -row))
        taken.add(best)
        placed = rows[(rule.rank or 0) - 1]
        if placed not in open_ and not _capped(best, rows, rule.rank or 0, holding):
            found.append(f"{rule}: item row {placed} is at its rank")
    return found


def _capped(row: int, rows: list[int], rank: int, holding: Holding) -> bool:
    """Whether a cap leaves the item no place at this rank beside the others in the list."""
    for rule, items in holding.of_effect("cap"):
        if rank > (rule.of or len(rows)):
            continue
        first = [one for one in rows[: rule.of or len(rows)] if one != row]
        for kind in holding.kinds(rule, items, row):
            same = sum(kind in holding.kinds(rule, items, one) for one in first)
            if same >= (rule.most or 0):
                return True
    return False


def _floors(rows: list[int], allowed: np.ndarray, holding: Holding) -> list[str]:
    """A floor that is not met, where it is the only rule that sets places."""
    floors = holding.of_effect("floor")
    if len(floors) != 1 or holding.of_effect("cap") or holding.of_effect("pin"):
        return []
    rule, items = floors[0]
    of = rule.of or 0
    inside = sum(bool(items[row]) for row in rows[:of])
    wanted = min(rule.least or 0, int((items & allowed).sum()))
    return [f"{rule}: {inside} of {wanted}"] if len(rows) >= of and inside < wanted else []


def _better(
    rows: list[int], k: int, allowed: np.ndarray, scores: np.ndarray, holding: Holding
) -> list[str]:
    """An item outside of the list that is better than one inside and breaks no rule there; only
    without floors. And a list that is too short."""
    if holding.of_effect("floor"):
        return []
    exact = any(rule.exact for rule, _ in holding.of_effect("cap"))
    pinned = np.zeros(len(scores), dtype=bool)
    for _, items in holding.of_effect("pin"):
        pinned |= items
    outside = [row for row in np.flatnonzero(allowed & ~pinned).tolist() if row not in set(rows)]
    outside.sort(key=lambda row: -scores[row])
    found = []
    for place, row in enumerate(rows, start=1):
        if pinned[row]:
            continue
        for other in outside:
            if scores[other] <= scores[row] + _TOLERANCE:
                break
            if exact:  # the whole list is the best one: so at least no exchange is better
                better = _may_replace(other, rows, place, holding)
            else:
                better = not _capped_before(other, rows, place, holding)
            if better:
                found.append(f"item row {other} is better at place {place} than {row}")
                break
    if len(rows) < k:
        later = len(rows) + 1
        missing = [row for row in outside if not _capped_before(row, rows, later, holding)]
        found += (
            [f"the list has {len(rows)} items, and row {missing[0]} is free"] if missing else []
        )
    return found


def _may_replace(row: int, rows: list[int], place: int, holding: Holding) -> bool:
    """Whether all caps hold with an item in this place. A list shorter than a cap's places is the
    start of one that was sought for all of them: of that nothing can be said."""
    changed = [*rows[: place - 1], row, *rows[place:]]
    for rule, items in holding.of_effect("cap"):
        of = rule.of or len(rows)
        if len(rows) < of:
            return False
        counts: dict[str, int] = {}
        for one in changed[:of]:
            for kind in holding.kinds(rule, items, one):
                counts[kind] = counts.get(kind, 0) + 1
        if max(counts.values(), default=0) > (rule.most or 0):
            return False
    return True


def _capped_before(row: int, rows: list[int], place: int, holding: Holding) -> bool:
    """Whether the places before, and pins after, use up what a cap allows at this place."""
    pinned = holding.of_effect("pin")
    for rule, items in holding.of_effect("cap"):
        of = rule.of or len(rows)
        if place > of:
            continue
        used = rows[: place - 1]
        used += [one for one in rows[place:of] if any(group[one] for _, group in pinned)]
        unshown = [
            np.flatnonzero(group).tolist()
            for pin, group in pinned
            if len(rows) < (pin.rank or 0) <= of
        ]
        for kind in holding.kinds(rule, items, row):
            same = sum(kind in holding.kinds(rule, items, one) for one in used)
            same += sum(
                any(kind in holding.kinds(rule, items, one) for one in group) for group in unshown
            )
            if same >= (rule.most or 0):
                return True
    return False


def _about(rule: Rule, snapshot: GraphSnapshot) -> np.ndarray:
    mask = np.ones(len(snapshot.items), dtype=bool)
    if rule.items is not None:
        mask &= np.isin(snapshot.items.ids.astype(str), list(rule.items))
    for name, wanted in (rule.what or {}).items():
        mask &= [_meets(value, wanted) for value in snapshot.items.attributes[name]]
    return mask


def _user_meets(rule: Rule, snapshot: GraphSnapshot, user: int) -> bool:
    row: pd.Series[Any] = snapshot.users.attributes.iloc[user]
    return all(_meets(row[name], wanted) for name, wanted in (rule.who or {}).items())


def _meets(value: Any, wanted: Any) -> bool:
    if value is pd.NA or value is None or value != value:
        return False
    if isinstance(wanted, dict):
        return bool(wanted["min"] <= value <= wanted["max"])
    return wanted == str(value) or wanted in str(value).split("|")
