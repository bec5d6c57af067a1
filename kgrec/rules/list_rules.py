"""ListRules: what the rules say of one list; RequestRules: of each list of a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from kgrec.arrays import distinct
from kgrec.graph.snapshot import Ints
from kgrec.rules.placement import Placement
from kgrec.rules.rule import HIDING, Rule

_DENSE: Final = 64  # times as many items make an addition to all of them slower

_SENTENCES: Final = {
    "never": "The rule {rule} keeps it out of lists.",
    "hold": "The rule {rule} keeps it out of lists until somebody decides.",
    "pin": "The rule {rule} pins it at rank {rank}, or the best of several items.",
    "cap": "The rule {rule} limits how many of its kind a list has.",
    "floor": "The rule {rule} reserves places for items of its kind.",
    "boost": "The rule {rule} adds to its score.",
}


@dataclass(frozen=True)
class AppliedRule:
    """A rule and what it does to one item in a list.

    ``amount`` is what a boost adds to the score, 0 for other effects; ``rank`` that of a pin, else
    0.
    """

    name: str
    effect: str
    amount: float = 0.0
    author: str = ""
    reason: str = ""
    rank: int = 0

    @staticmethod
    def of(rule: Rule) -> AppliedRule:
        """A rule without what selects its users and items."""
        return AppliedRule(
            name=rule.name,
            effect=rule.effect,
            amount=float(rule.amount or 0.0),
            author=rule.author,
            reason=rule.reason,
            rank=rule.rank or 0,
        )

    @property
    def sentence(self) -> str:
        """What the rule does, in words."""
        return _SENTENCES[self.effect].format(rule=self, rank=self.rank)

    def __str__(self) -> str:
        said = [text for text in (self.author, self.reason) if text]
        return f"{self.name} ({': '.join(said)})" if said else self.name


@dataclass(frozen=True, eq=False)
class ListRules:
    """What several rules together say of a list.

    Attributes
    ----------
    rules, inside : tuple of Rule, tuple of bool ``[n_items]``
        The rules that hold, and the items that each acts on: those of a hold without the released
        ones.
    hidden : int64
        Items that are in no list, ascending.
    boosted, amounts : int64, float32
        Items with a boost, ascending, and what is added to their scores.
    placement : Placement or None
        Pins, caps and floors; None without.
    """

    rules: tuple[Rule, ...]
    inside: tuple[np.ndarray, ...]
    hidden: Ints
    boosted: Ints
    amounts: np.ndarray
    placement: Placement | None
    n_items: int

    @property
    def empty(self) -> bool:
        """Whether nothing holds."""
        return not len(self.hidden) and not len(self.boosted) and self.placement is None

    @cached_property
    def allowed(self) -> np.ndarray:
        """bool ``[n_items]``: the items that are not hidden."""
        mask = np.ones(self.n_items, dtype=bool)
        mask[self.hidden] = False
        return mask

    @cached_property
    def touched(self) -> Ints:
        """The items that are hidden or have a boost, int64, ascending."""
        return distinct(np.concatenate([self.hidden, self.boosted]))

    @cached_property
    def changes(self) -> np.ndarray:
        """float32: what is added to the scores of ``touched``, -inf for hidden items."""
        changes = self.boost_of(self.touched)
        changes[~self.allowed[self.touched]] = -np.inf
        return changes

    @cached_property
    def dense(self) -> np.ndarray | None:
        """``changes`` of all items, float32 ``[n_items]``, where that is quicker to add: where many
        are touched."""
        if len(self.touched) * _DENSE < self.n_items:
            return None
        whole = np.zeros(self.n_items, dtype=np.float32)
        whole[self.touched] = self.changes
        return whole

    def change(self, scores: np.ndarray) -> None:
        """Add boosts to one user's scores float32 ``[n_items]``, and hide items, in place."""
        dense = self.dense
        if dense is not None:
            scores += dense
        elif len(self.touched):
            scores[self.touched] += self.changes

    @cached_property
    def alone(self) -> RequestRules:
        """These rules for a request of one row."""
        return RequestRules((self,), np.zeros(1, dtype=np.int64))

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What others compute from these rules and keep with them, by a key of their own."""
        return {}

    @cached_property
    def lifted(self) -> Ints:
        """The items that may rise in the list by a rule, int64, ascending: pinned, of a floor, or
        with a boost above 0."""
        placed = self.placement
        rows = [self.boosted[self.amounts > 0]]
        rows += [] if placed is None else [pin.items for pin in placed.pins]
        rows += [] if placed is None else [np.flatnonzero(one.inside) for one in placed.floors]
        return distinct(np.concatenate(rows))

    def boost_of(self, items: Ints) -> np.ndarray:
        """float32: what boosts add to the scores of item rows."""
        found = np.zeros(len(items), dtype=np.float32)
        if len(self.boosted):
            place = np.minimum(np.searchsorted(self.boosted, items), len(self.boosted) - 1)
            same = self.boosted[place] == items
            found[same] = self.amounts[place[same]]
        return found

    def of_item(self, item: int) -> tuple[AppliedRule, ...]:
        """The rules that are about an item row and change its place."""
        pairs = zip(self.rules, self.inside, strict=True)
        return tuple(AppliedRule.of(rule) for rule, inside in pairs if inside[item])

    def hiding(self, item: int) -> tuple[AppliedRule, ...]:
        """The rules that keep an item row out of the list."""
        return tuple(one for one in self.of_item(item) if one.effect in HIDING)

    def pinning(self, item: int) -> tuple[AppliedRule, ...]:
        """The rules that pin an item row and no other."""
        pairs = zip(self.rules, self.inside, strict=True)
        return tuple(
            AppliedRule.of(rule)
            for rule, inside in pairs
            if rule.effect == "pin" and inside[item] and inside.sum() == 1
        )


@dataclass(frozen=True, eq=False)
class RequestRules:
    """The rules of each row of a request: ``profiles[place[row]]``; ``place`` int64 ``[B]``."""

    profiles: tuple[ListRules, ...]
    place: Ints

    def of(self, row: int) -> ListRules:
        """The rules of a row."""
        return self.profiles[int(self.place[row])]

    def of_rows(self, rows: Ints | slice) -> RequestRules:
        """The rules of some rows."""
        return RequestRules(self.profiles, self.place[rows])

    def repeated(self, count: int) -> RequestRules:
        """The rules of the only row, for ``count`` rows."""
        return RequestRules(self.profiles, np.repeat(self.place, count))

    def parts(self) -> Iterator[tuple[Ints, ListRules]]:
        """The rows that share rules, int64, with these."""
        if len(self.profiles) == 1:
            yield np.arange(len(self.place)), self.profiles[0]
            return
        for number, one in enumerate(self.profiles):
            rows = np.flatnonzero(self.place == number)
            if len(rows):
                yield rows, one

    def hidden_of(self, items: Ints) -> np.ndarray:
        """bool ``[B, len(items)]``: whether rules hide the item from the row."""
        each = np.stack([~one.allowed[items] for one in self.profiles])
        return np.asarray(each[self.place])
