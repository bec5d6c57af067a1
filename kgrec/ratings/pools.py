"""Pools of a user's ratings for user–item pairs: the whole history, and what is near in time.

Nothing here is learned. A pair's own ratings are left out of its pools, so the rows that a model
trains on may be part of the history that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgrec.arrays import Csr, offsets, ranges, row_numbers
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints
from kgrec.sparse import SparsePattern

LEAST = 1e-3  # neighbours in time with a smaller weight are left out


def rated_rows(interactions: Interactions) -> Interactions:
    """The interactions that have a rating, by user, time and item.

    They are sorted again because an update puts events without a time after others.
    """
    rated = interactions.select(np.isfinite(interactions.rating))
    return rated.select(np.lexsort((rated.item, rated.timestamp, rated.user)))


@dataclass(frozen=True, eq=False)
class RatedEvents:
    """Ratings by slot (one per user), within a slot by (time, item).

    Slot u's are ``indptr[u]:indptr[u+1]``. ``item`` int64 rows of items, ``rating`` float32,
    ``time`` int64 unix seconds, NO_TIME if none.
    """

    indptr: Ints
    item: Ints
    rating: np.ndarray
    time: Ints

    @staticmethod
    def of_users(interactions: Interactions, n_users: int) -> RatedEvents:
        """The interactions that have a rating; slots are user rows."""
        rated = rated_rows(interactions)
        return RatedEvents(rated.indptr(n_users), rated.item, rated.rating, rated.timestamp)

    @staticmethod
    def sort(slot: Ints, item: Ints, rating: np.ndarray, time: Ints, n_slots: int) -> RatedEvents:
        """From rows in any order; ``slot`` int64 ``[n]``."""
        order = np.lexsort((item, time, slot))
        counts = np.bincount(slot, minlength=n_slots)
        indptr = offsets(counts)
        return RatedEvents(indptr, item[order], rating[order], time[order])

    def __len__(self) -> int:
        return len(self.item)

    @property
    def slot(self) -> Ints:
        """The slot of each rating, int64 ``[n]``."""
        return row_numbers(self.indptr)

    def of(self, slots: Ints) -> RatedEvents:
        """Only the ratings of ``slots`` (int64, distinct), which are numbered in that order."""
        indptr, rows = range_csr(self.indptr[slots], self.indptr[slots + 1])
        return RatedEvents(indptr, self.item[rows], self.rating[rows], self.time[rows])

    def of_pairs(self, pairs: RatingPairs) -> tuple[RatedEvents, RatingPairs]:
        """Only the ratings of the slots of ``pairs``, and the pairs with the new slot numbers.

        Ratings of other users then cost no time.
        """
        slots, slot = np.unique(pairs.slot, return_inverse=True)
        return self.of(slots), RatingPairs(slot, pairs.item, pairs.time)

    def followed_by(self, other: RatedEvents) -> RatedEvents:
        """These slots, then those of ``other``."""
        return RatedEvents(
            np.concatenate([self.indptr, other.indptr[1:] + self.indptr[-1]]),
            np.concatenate([self.item, other.item]),
            np.concatenate([self.rating, other.rating]),
            np.concatenate([self.time, other.time]),
        )


@dataclass(frozen=True, eq=False)
class RatingPairs:
    """Pairs to predict a rating for, int64 ``[R]`` each.

    ``slot`` in the events, ``item`` row, ``time`` in unix seconds; NO_TIME: none, and then no event
    is near in time.
    """

    slot: Ints
    item: Ints
    time: Ints

    def __len__(self) -> int:
        return len(self.slot)

    def select(self, rows: Ints) -> RatingPairs:
        return RatingPairs(self.slot[rows], self.item[rows], self.time[rows])


@dataclass(frozen=True)
class TimeWindows:
    """Which events are near in time: ``scales`` of the decay in seconds, one pool each, over at
    most ``reach`` events on each side.
    """

    scales: tuple[float, ...]
    reach: int


@dataclass(frozen=True, eq=False)
class Bag:
    """A weighted sum of events for each pair.

    ``row`` int64 ``[R]``: which of the distinct sums each pair gets; None: one sum per pair.
    """

    pattern: SparsePattern
    weights: Tensor
    row: Tensor | None

    @staticmethod
    def build(
        csr: tuple[Ints, Ints],
        weights: np.ndarray | None,
        row: Ints | None,
        n_events: int,
        device: torch.device | str,
    ) -> Bag:
        values = np.ones(len(csr[1]), dtype=np.float32) if weights is None else weights
        return Bag(
            SparsePattern.build(*csr, n_events, device),
            torch.as_tensor(values).to(device),
            None if row is None else torch.as_tensor(row).to(device),
        )

    def sums(self, events: Tensor) -> Tensor:
        """float32 ``[R, d]`` from ``events`` ``[n, d]``."""
        sums = self.pattern.matmul(self.weights, events)
        return sums if self.row is None else torch.nn.functional.embedding(self.row, sums)


@dataclass(frozen=True, eq=False)
class RatingPools:
    """The pools of R pairs.

    ``whole``: the history; ``own``: the pair's own events, to subtract from it; ``near``: events
    near in time, one bag per scale; ``count`` float32 ``[R]``: number of events without the own
    ones; ``weight`` float32 ``[S, R]``: sum of the weights of near events.
    """

    whole: Bag
    own: Bag
    near: tuple[Bag, ...]
    count: Tensor
    weight: Tensor

    @staticmethod
    def build(
        events: RatedEvents,
        pairs: RatingPairs,
        windows: TimeWindows,
        *,
        past_only: bool = False,
        place: Ints | None = None,
        device: torch.device | str = "cpu",
    ) -> RatingPools:
        """Build the pools of ``pairs`` from ``events``.

        With ``past_only`` a pair's pools have only events before its time (all, without a time).
        ``place`` int64 ``[R]``: positions of the pairs among the events, where they are known.
        """
        if place is None:
            place = _places(events, pairs, past_only)
        end = events.indptr[pairs.slot + 1]
        if past_only:
            end = np.where(pairs.time == NO_TIME, end, place)
        whole, whole_row = _whole(events, pairs, end)
        own, own_row = _own(events, pairs, end)
        count = np.diff(whole[0])[whole_row] - np.diff(own[0])[own_row]
        near = _near(events, pairs, place, end, windows)
        n = len(events)
        bags = tuple(Bag.build(csr, weights, None, n, device) for csr, weights in near)
        ones = torch.ones(n, 1, device=device)
        return RatingPools(
            whole=Bag.build(whole, None, whole_row, n, device),
            own=Bag.build(own, None, own_row, n, device),
            near=bags,
            count=torch.as_tensor(count.astype(np.float32)).to(device),
            weight=torch.stack([bag.sums(ones).squeeze(1) for bag in bags])
            if bags
            else torch.zeros(0, len(pairs), device=device),
        )


def user_means(
    events: RatedEvents, rest: np.ndarray, pairs: RatingPairs, shrinkage: float, past_only: bool
) -> np.ndarray:
    """The mean of ``rest`` (float64 ``[n]``, by event) over each slot's events, float64 ``[R]``.

    Shrunk by ``shrinkage`` added zeros; the pair's own events are left out. With ``past_only`` over
    events before the pair's time only.
    """
    end = events.indptr[pairs.slot + 1]
    if past_only:
        end = np.where(pairs.time == NO_TIME, end, _places(events, pairs, past_only))
    values, n = torch.as_tensor(rest).unsqueeze(1), len(events)
    (csr, row), (own_csr, own_row) = _whole(events, pairs, end), _own(events, pairs, end)
    of_all, of_own = (
        Bag.build(rows, np.ones(len(rows[1])), at, n, "cpu")
        for rows, at in ((csr, row), (own_csr, own_row))
    )
    count = np.diff(csr[0])[row] - np.diff(own_csr[0])[own_row]
    with torch.no_grad():
        total = (of_all.sums(values) - of_own.sums(values)).squeeze(1).numpy()
    return np.where(count > 0, total / (count + shrinkage), 0.0)


def range_csr(start: Ints, end: Ints) -> Csr:
    """CSR of the ranges ``start[r]:end[r]``: indptr int64 ``[R + 1]`` and indices."""
    return offsets(end - start), ranges(start, end - start)


def _places(events: RatedEvents, pairs: RatingPairs, past_only: bool) -> Ints:
    """The first event of the slot that is not before the pair's (time, item), int64 ``[R]``.

    With ``past_only`` not before the pair's time.
    """
    of_events = np.zeros_like(events.item) if past_only else events.item
    of_pairs = np.zeros_like(pairs.item) if past_only else pairs.item
    kind = np.repeat([0, 1], [len(pairs), len(events)])
    keys = ((of_pairs, of_events), (pairs.time, events.time), (pairs.slot, events.slot))
    order = np.lexsort((kind, *(np.concatenate(key) for key in keys)))
    is_event = kind[order]
    before = np.cumsum(is_event) - is_event
    places = np.empty(len(pairs), dtype=np.int64)
    rows = order[is_event == 0]
    places[rows] = before[is_event == 0]
    return places


def _whole(events: RatedEvents, pairs: RatingPairs, end: Ints) -> tuple[tuple[Ints, Ints], Ints]:
    """Distinct histories as CSR, and the number of each pair's."""
    width = len(events) + 1
    keys, row = np.unique(pairs.slot * width + end, return_inverse=True)
    return range_csr(events.indptr[keys // width], keys % width), row


def _own(events: RatedEvents, pairs: RatingPairs, end: Ints) -> tuple[tuple[Ints, Ints], Ints]:
    """Distinct sets of a pair's own events as CSR, and the number of each pair's; the last is
    empty.
    """
    n, width = len(events), len(events) + 1
    n_items = int(max(events.item.max(initial=0), pairs.item.max(initial=0))) + 1
    order = np.argsort(events.slot * n_items + events.item, kind="stable")
    known = (events.slot * n_items + events.item)[order] * width + order
    first = (pairs.slot * n_items + pairs.item) * width
    low, high = np.searchsorted(known, first), np.searchsorted(known, first + end)
    keys, row = np.unique(np.where(high > low, low * width + high, n * width + n),
                          return_inverse=True)  # fmt: skip
    if not len(keys) or keys[-1] != n * width + n:
        keys = np.append(keys, n * width + n)
    indptr, places = range_csr(keys // width, keys % width)
    return (indptr, order[places]), row


def _near(
    events: RatedEvents,
    pairs: RatingPairs,
    place: Ints,
    end: Ints,
    windows: TimeWindows,
) -> list[tuple[tuple[Ints, Ints], np.ndarray]]:
    """Per scale, the CSR of neighbours in time and their weights exp(−gap / scale)."""
    if not len(events) or not windows.scales:
        empty = np.zeros(len(pairs) + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
        return [(empty, np.empty(0, dtype=np.float32)) for _ in windows.scales]
    index = place[:, None] + np.arange(-windows.reach, windows.reach + 1)
    known = (index >= events.indptr[pairs.slot][:, None]) & (index < end[:, None])
    index = index.clip(0, len(events) - 1)
    time = events.time[index]
    known &= events.item[index] != pairs.item[:, None]
    known &= (time != NO_TIME) & (pairs.time != NO_TIME)[:, None]
    gap = np.abs(np.where(known, time, 0) - np.where(known, pairs.time[:, None], 0))
    found = []
    for scale in windows.scales:
        weight = np.exp(-gap / scale, dtype=np.float32)
        kept = known & (weight >= LEAST)
        indptr = offsets(kept.sum(axis=1))
        found.append(((indptr, index[kept]), weight[kept]))
    return found
