"""The best list of all that obey caps and floors: the whole-number programme of one list, solved.

It has the highest sum of score × discount, as ``scipy.optimize.milp`` finds it. Branch and bound
(Land and Doig 1960) over the items, best first: each is taken or left out. The bound is the best
list of the problem in which every item counts for one group alone, the one that most of the first
items have: there the best items that are allowed are optimal (Edmonds 1971: a partition matroid).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kgrec.rules.list_counts import ListCounts

_LOOKS: Final = 2_000  # partial lists that are looked at; beyond, the best list so far is taken
_FIRST: Final = 100  # items that tell which group most of them have
_EQUAL: Final = 1e-9  # of sums of score × discount


@dataclass(frozen=True, eq=False)
class Pool:
    """The items that a list may be made of.

    Attributes
    ----------
    scores : list of float
        Descending.
    adds : list of int
        What each adds to the counts (``ListCounts``).
    sure : int
        So many of them are the first of all items; items that are not in the pool are no better
        than the last of these.
    whole : bool
        Whether there are no other items.
    """

    scores: Sequence[float]
    adds: Sequence[int]
    sure: int
    whole: bool

    @property
    def others(self) -> float:
        """The highest score that an item outside of the pool may have."""
        return -float("inf") if self.whole or not self.sure else self.scores[self.sure - 1]


def best_list(
    pool: Pool,
    counts: ListCounts,
    total: int,
    weights: Sequence[float],
    known: tuple[float, int],
) -> tuple[list[int] | None, bool]:
    """The items of the best list, as places in the pool, and whether it is proven to be the best.

    ``total``: the counts before; ``weights``: of the places to fill, descending; ``known``: the sum
    of a list that obeys the caps, and its counts. The best list meets the floors that this one
    does. None where no list of the pool has a higher sum.
    """
    return _Search(pool, counts, weights, known).run(total)


class _Search:
    def __init__(
        self,
        pool: Pool,
        counts: ListCounts,
        weights: Sequence[float],
        known: tuple[float, int],
    ) -> None:
        self.pool, self.counts, self.weights = pool, counts, weights
        self.single = _single_groups(pool.adds, counts)
        self.highest = known[0]
        self.floors = [n for n in range(len(counts.floors)) if counts.need(known[1], n) <= 0]
        self.met = counts.met & known[1]
        self.missed = -float("inf")  # what a list with items outside of the pool may reach
        self.left = [sum(weights[place:]) for place in range(len(weights) + 1)]

    def run(self, total: int) -> tuple[list[int] | None, bool]:
        adds, scores, weights = self.pool.adds, self.pool.scores, self.weights
        over, size, k, looks = self.counts.over, len(self.pool.adds), len(weights), 0
        best: tuple[int, ...] | None = None
        waiting: list[tuple[int, int, float, tuple[int, ...]]] = [(0, total, 0.0, ())]
        while waiting and looks < _LOOKS:
            at, total, value, chosen = waiting.pop()
            while at < size and (total + adds[at]) & over:
                at += 1
            place = len(chosen)
            if place == k:
                if not ~total & self.met and value > self.highest + _EQUAL:
                    self.highest, best = value, chosen
                continue
            if at == size:
                if not self.pool.whole:
                    others = value + self.left[place] * self.pool.others
                    self.missed = max(self.missed, others)
                continue
            looks += 1
            if self._hopeless(at, place, total, value):
                continue
            waiting.append((at + 1, total, value, chosen))
            value += weights[place] * scores[at]
            waiting.append((at + 1, total + adds[at], value, (*chosen, at)))
        proven = not waiting and self.missed <= self.highest + _EQUAL
        return None if best is None else list(best), proven

    def _hopeless(self, at: int, place: int, total: int, value: float) -> bool:
        """Whether no list with this start is better than the best one found."""
        if ~total & self.met and self._needs_more(total, len(self.weights) - place):
            return True
        adds, single, scores, weights = self.pool.adds, self.single, self.pool.scores, self.weights
        over, k, relaxed, others = self.counts.over, len(weights), total, self.pool.others
        for item in range(at, len(adds)):
            if (total + adds[item]) & over:
                continue
            more = relaxed + single[item]
            if more & over:
                continue
            if scores[item] < others:
                break
            relaxed = more
            value += weights[place] * scores[item]
            place += 1
            if place == k:
                return value <= self.highest + _EQUAL
        if self.pool.whole:
            return True  # too few items are left
        return value + self.left[place] * others <= self.highest + _EQUAL

    def _needs_more(self, total: int, left: int) -> bool:
        return any(self.counts.need(total, n) > left for n in self.floors)


def _single_groups(adds: Sequence[int], counts: ListCounts) -> list[int]:
    """Of each item what it adds to one of its groups: the one that most of the items have."""
    first = adds[:_FIRST]
    load = {one: sum(bool(added & one) for added in first) for ones in counts.ones for one in ones}
    often = sorted(load, key=lambda one: -load[one])
    known: dict[int, int] = {}
    for added in adds:
        if added not in known:
            known[added] = next((one for one in often if added & one), 0)
    return [known[added] for added in adds]
