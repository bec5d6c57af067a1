"""Many lists under the same pins, caps and floors at once: the same lists as one by one.

The counts of ``ListCounts`` are split into words, so that one addition counts an item in
every list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgrec.arrays import row_numbers
from kgrec.graph.snapshot import Ints
from kgrec.rules.limits import Pin
from kgrec.rules.list_counts import WORD, ListCounts, Places


@dataclass(frozen=True, eq=False)
class CapWords:
    """The counts under caps as words.

    Attributes
    ----------
    counts : ListCounts
        The layout of the bits.
    adds : uint64 ``[W, n_items]``
        What each item adds.
    """

    counts: ListCounts
    adds: np.ndarray

    @staticmethod
    def of(counts: ListCounts, n_items: int) -> CapWords:
        """The words of all items."""
        width = max(1, -(-max(counts.over.bit_length(), 1) // WORD))
        adds = np.zeros((width, n_items), np.uint64)
        for cap, ones in zip(counts.caps, counts.ones, strict=True):
            at = np.array([one.bit_length() - 1 for one in ones], dtype=np.int64)[cap.groups[1]]
            bit = np.uint64(1) << (at % WORD).astype(np.uint64)
            np.add.at(adds, (at // WORD, row_numbers(cap.groups[0])), bit)
        return CapWords(counts, adds)

    def split(self, number: int) -> np.ndarray:
        """uint64 ``[W]``: the words of a number, without the bits of floors."""
        size = WORD // 8 * len(self.adds)
        whole = (number & (2 ** (8 * size) - 1)).to_bytes(size, "little")
        return np.frombuffer(whole, dtype="<u8")

    @cached_property
    def start(self) -> np.ndarray:
        """uint64 ``[W]``: the counts of an empty list."""
        return self.split(self.counts.start)

    @cached_property
    def over(self) -> np.ndarray:
        """uint64 ``[W]``: the bits that are set where a cap is broken."""
        return self.split(self.counts.over)

    def live(self, place: int) -> np.ndarray:
        """uint64 ``[W]``: the bits that count at a place."""
        return self.split(self.counts.live(place))

    def blocked(self, total: int, k: int) -> np.ndarray:
        """bool ``[n_items]``: the items that caps leave out for good of a list of ``k`` with these
        counts."""
        over = self.split(self.counts.over & self.counts.live(k))
        broken = np.zeros(self.adds.shape[1], dtype=bool)
        for added, count, bits in zip(self.adds, self.split(total), over, strict=True):
            broken |= ((added + count) & bits) != 0
        return broken


def fill_lists(
    scores: np.ndarray, rows: Ints, best: Ints, placement: Places, words: CapWords, k: int
) -> tuple[Ints, np.ndarray]:
    """The lists int64 ``[B, k]`` of some ``rows`` (int64 ``[B]``) of ``scores`` float32, whose
    first items are ``best`` int64 ``[B, D]`` (-1 beyond the last), and which of them are filled,
    bool ``[B]``: one is not where it takes more than to choose the best items that caps allow.
    """
    lists, done = np.full((len(best), k), -1, dtype=np.int64), np.zeros(len(best), dtype=bool)
    if k >= placement.first_end:
        return lists, done
    pinned, fits = _pins(scores, rows, placement.pins)
    counts, allowed = _counted(words, placement, pinned)
    ranks = np.array([pin.rank for pin in placement.pins], dtype=np.int64)
    shown = pinned[:, ranks <= k] >= 0
    wanted = k - shown.sum(axis=1)
    taken = _taken(best, pinned, words, counts, wanted)
    done = fits & allowed & (taken.sum(axis=0) == wanted)
    open_ = np.ones((len(best), k), dtype=bool)
    for column, rank in enumerate(ranks[ranks <= k].tolist()):
        open_[shown[:, column], rank - 1] = False
        lists[:, rank - 1] = pinned[:, column]
    lists[open_ & done[:, None]] = best[taken.T & done[:, None]]
    done &= _floors_met(lists, pinned, placement, ranks, k)
    return lists, done


def _pins(scores: np.ndarray, rows: Ints, pins: Sequence[Pin]) -> tuple[Ints, np.ndarray]:
    """The item of each pin int64 ``[B, pins]``, -1 for none, and where no two are the same."""
    pinned = np.full((len(rows), len(pins)), -1, dtype=np.int64)
    fits = np.ones(len(rows), dtype=bool)
    for number, pin in enumerate(pins):
        if not len(pin.items):
            continue
        values = scores[rows[:, None], pin.items]
        at = values.argmax(axis=1)
        there = values[np.arange(len(values)), at] > -np.inf
        pinned[there, number] = pin.items[at[there]]
        for other in range(number):
            fits &= (pinned[:, number] < 0) | (pinned[:, number] != pinned[:, other])
    return pinned, fits


def _counted(words: CapWords, placement: Places, pinned: Ints) -> tuple[np.ndarray, np.ndarray]:
    """The counts with the pins alone, uint64 ``[W, B]``, and where caps allow all of these."""
    counts = np.repeat(words.start[:, None], len(pinned), axis=1)
    for number, pin in enumerate(placement.pins):
        there = np.flatnonzero(pinned[:, number] >= 0)
        added = words.adds[:, pinned[there, number]]
        counts[:, there] += added & words.live(pin.rank)[:, None]
    return counts, ~(counts & words.over[:, None]).any(axis=0)


def _taken(
    best: Ints, pinned: Ints, words: CapWords, counts: np.ndarray, wanted: Ints
) -> np.ndarray:
    """bool ``[D, B]``: the items of ``best`` that the list takes, in turn, until it has enough."""
    free = best >= 0
    for column in pinned.T:
        free &= best != column[:, None]
    free, left = np.ascontiguousarray(free.T), wanted.copy()
    taken = np.zeros(free.shape, dtype=bool)
    added = words.adds[:, np.maximum(best.T, 0)]
    over = words.over[:, None]
    for place in range(len(free)):
        more = counts + added[:, place]
        fits = free[place] & (left > 0) & ~(more & over).any(axis=0)
        np.copyto(counts, more, where=fits)
        left -= fits
        taken[place] = fits
        if not left.any():
            break
    return taken


def _floors_met(lists: Ints, pinned: Ints, placement: Places, ranks: Ints, k: int) -> np.ndarray:
    """bool ``[B]``: where all floors are met before the first place that one may decide."""
    before = min(k, placement.critical - 1)
    met = np.ones(len(lists), dtype=bool)
    if before == k:
        return met
    first, later = lists[:, : max(before, 0)], ranks > before
    for floor in placement.floors:
        inside = np.append(floor.inside, False)  # row -1 is no item
        counted = inside[first].sum(axis=1)
        counted += inside[pinned[:, later & (ranks <= floor.of)]].sum(axis=1)
        met &= counted >= floor.least
    return met
