"""What users rated, gathered for rows that are asked about: all of it, and what lies near in time.

Nothing here is learned, and whatever a row is told leaves out the row's own user–item pair, so the
rows that a model trains on may be part of the history that it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgrec.arrays import Csr, offsets, ranges, row_numbers
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints
from kgrec.sparse import SparsePattern

LEAST = 1e-3  # a neighbour in time that weighs less is left out


@dataclass(frozen=True, eq=False)
class RatedEvents:
    """Ratings by user slot, within a slot by (time, item); slot u's are ``indptr[u]:indptr[u+1]``.

    ``item`` int64 rows of items, ``rating`` float32, ``time`` int64 unix seconds, NO_TIME if none.
    """

    indptr: Ints
    item: Ints
    rating: np.ndarray
    time: Ints

    @staticmethod
    def of_users(interactions: Interactions, n_users: int) -> RatedEvents:
        """The interactions that have a rating; slots are user rows."""
        rated = interactions.select(np.isfinite(interactions.rating))
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
        """int64 ``[n]``: whose each rating is."""
        return row_numbers(self.indptr)

    def of(self, slots: Ints) -> RatedEvents:
        """The ratings of ``slots`` (int64, distinct) alone, numbered in that order."""
        indptr, rows = range_csr(self.indptr[slots], self.indptr[slots + 1])
        return RatedEvents(indptr, self.item[rows], self.rating[rows], self.time[rows])

    def asked(self, pairs: AskedPairs) -> tuple[RatedEvents, AskedPairs]:
        """The ratings of the slots of ``pairs`` alone, and the pairs by their numbers: what others
        rated takes no time then."""
        slots, slot = np.unique(pairs.slot, return_inverse=True)
        return self.of(slots), AskedPairs(slot, pairs.item, pairs.time)

    def followed_by(self, other: RatedEvents) -> RatedEvents:
        """These slots, then those of ``other``."""
        return RatedEvents(
            np.concatenate([self.indptr, other.indptr[1:] + self.indptr[-1]]),
            np.concatenate([self.item, other.item]),
            np.concatenate([self.rating, other.rating]),
            np.concatenate([self.time, other.time]),
        )


@dataclass(frozen=True, eq=False)
class AskedPairs:
    """Pairs to answer for, int64 ``[R]`` each: slot in the events, item row, time (unix seconds;
    NO_TIME: none, and then nothing is near)."""

    slot: Ints
    item: Ints
    time: Ints

    def __len__(self) -> int:
        return len(self.slot)

    def select(self, rows: Ints) -> AskedPairs:
        return AskedPairs(self.slot[rows], self.item[rows], self.time[rows])


@dataclass(frozen=True, eq=False)
class Bag:
    """A weighted sum of events for each asked row; ``row`` int64 ``[R]`` says which of the distinct
    sums it gets (None: one each)."""

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
    """For R asked rows: ``whole`` history, the pair's ``own`` part of it that is to be taken out,
    what is ``near`` in time, per scale; ``count`` float32 ``[R]`` events that are left, and
    ``weight`` float32 ``[S, R]`` of what is near."""

    whole: Bag
    own: Bag
    near: tuple[Bag, ...]
    count: Tensor
    weight: Tensor

    @staticmethod
    def build(
        events: RatedEvents,
        asked: AskedPairs,
        *,
        scales: Sequence[float],
        reach: int,
        past_only: bool = False,
        place: Ints | None = None,
        device: torch.device | str = "cpu",
    ) -> RatingPools:
        """``scales`` are decays in seconds, over at most ``reach`` events on each side.

        With ``past_only`` a row is told only of events before its time (of all, without a time).
        ``place`` int64 ``[R]`` is where rows lie among the events, if that is at hand.
        """
        if place is None:
            place = _places(events, asked, past_only)
        end = events.indptr[asked.slot + 1]
        if past_only:
            end = np.where(asked.time == NO_TIME, end, place)
        whole, whole_row = _whole(events, asked, end)
        own, own_row = _own(events, asked, end)
        count = np.diff(whole[0])[whole_row] - np.diff(own[0])[own_row]
        near = _near(events, asked, place, end, scales, reach)
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
            else torch.zeros(0, len(asked), device=device),
        )


def user_means(
    events: RatedEvents, rest: np.ndarray, asked: AskedPairs, worth: float, past_only: bool
) -> np.ndarray:
    """float64 ``[R]``: the mean of ``rest`` (float64 ``[n]``, by event) over the slot's events,
    shrunk as if ``worth`` zeros came on top, without those of the asked pair; with ``past_only``
    over those before the asked time."""
    end = events.indptr[asked.slot + 1]
    if past_only:
        end = np.where(asked.time == NO_TIME, end, _places(events, asked, past_only))
    values, n = torch.as_tensor(rest).unsqueeze(1), len(events)
    (csr, row), (own_csr, own_row) = _whole(events, asked, end), _own(events, asked, end)
    of_all, of_own = (
        Bag.build(rows, np.ones(len(rows[1])), at, n, "cpu")
        for rows, at in ((csr, row), (own_csr, own_row))
    )
    count = np.diff(csr[0])[row] - np.diff(own_csr[0])[own_row]
    with torch.no_grad():
        total = (of_all.sums(values) - of_own.sums(values)).squeeze(1).numpy()
    return np.where(count > 0, total / (count + worth), 0.0)


def range_csr(start: Ints, end: Ints) -> Csr:
    """CSR of the ranges ``start[r]:end[r]``: indptr int64 ``[R + 1]`` and indices."""
    return offsets(end - start), ranges(start, end - start)


def _places(events: RatedEvents, asked: AskedPairs, past_only: bool) -> Ints:
    """int64 ``[R]``: the first event of the slot that doesn't come before the asked (time, item),
    or the asked time."""
    of_events = np.zeros_like(events.item) if past_only else events.item
    of_asked = np.zeros_like(asked.item) if past_only else asked.item
    kind = np.repeat([0, 1], [len(asked), len(events)])
    keys = ((of_asked, of_events), (asked.time, events.time), (asked.slot, events.slot))
    order = np.lexsort((kind, *(np.concatenate(key) for key in keys)))
    is_event = kind[order]
    before = np.cumsum(is_event) - is_event
    places = np.empty(len(asked), dtype=np.int64)
    rows = order[is_event == 0]
    places[rows] = before[is_event == 0]
    return places


def _whole(events: RatedEvents, asked: AskedPairs, end: Ints) -> tuple[tuple[Ints, Ints], Ints]:
    """Distinct histories, and which is each row's."""
    width = len(events) + 1
    keys, row = np.unique(asked.slot * width + end, return_inverse=True)
    return range_csr(events.indptr[keys // width], keys % width), row


def _own(events: RatedEvents, asked: AskedPairs, end: Ints) -> tuple[tuple[Ints, Ints], Ints]:
    """Distinct sets of events of an asked pair, and which is each row's; the last set is empty."""
    n, width = len(events), len(events) + 1
    n_items = int(max(events.item.max(initial=0), asked.item.max(initial=0))) + 1
    order = np.argsort(events.slot * n_items + events.item, kind="stable")
    known = (events.slot * n_items + events.item)[order] * width + order
    first = (asked.slot * n_items + asked.item) * width
    low, high = np.searchsorted(known, first), np.searchsorted(known, first + end)
    keys, row = np.unique(np.where(high > low, low * width + high, n * width + n),
                          return_inverse=True)  # fmt: skip
    if not len(keys) or keys[-1] != n * width + n:
        keys = np.append(keys, n * width + n)
    indptr, places = range_csr(keys // width, keys % width)
    return (indptr, order[places]), row


def _near(
    events: RatedEvents,
    asked: AskedPairs,
    place: Ints,
    end: Ints,
    scales: Sequence[float],
    reach: int,
) -> list[tuple[tuple[Ints, Ints], np.ndarray]]:
    """Per scale the CSR of neighbours in time and their weights exp(−gap / scale)."""
    if not len(events) or not scales:
        empty = np.zeros(len(asked) + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
        return [(empty, np.empty(0, dtype=np.float32)) for _ in scales]
    index = place[:, None] + np.arange(-reach, reach + 1)
    known = (index >= events.indptr[asked.slot][:, None]) & (index < end[:, None])
    index = index.clip(0, len(events) - 1)
    time = events.time[index]
    known &= events.item[index] != asked.item[:, None]
    known &= (time != NO_TIME) & (asked.time != NO_TIME)[:, None]
    gap = np.abs(np.where(known, time, 0) - np.where(known, asked.time[:, None], 0))
    found = []
    for scale in scales:
        weight = np.exp(-gap / scale, dtype=np.float32)
        kept = known & (weight >= LEAST)
        indptr = offsets(kept.sum(axis=1))
        found.append(((indptr, index[kept]), weight[kept]))
    return found
