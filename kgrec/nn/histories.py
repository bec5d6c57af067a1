"""Histories as tensors: the events of each user, and their weights at every time scale.

Time is counted in events and in visits. Events of one timestamp are one visit: a page of films
rated together, a basket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kgrec.arrays import offsets
from kgrec.graph.snapshot import Ints
from kgrec.sparse import SparsePattern

STATE_SIZE = 6  # numbers that describe a history as a whole; see history_state


class TimeScales(NamedTuple):
    """Decays of the pools: some in events, then some in visits."""

    events: tuple[float, ...]
    visits: tuple[float, ...] = ()

    @property
    def pools(self) -> int:
        """S, the number of pools."""
        return len(self.events) + len(self.visits)


@dataclass(frozen=True, eq=False)
class Histories:
    """B users' events, row by row: ``indptr`` int64 ``[B + 1]``, the others ``[nnz]``.

    ``item`` int64 rows; ``age`` float32, the number of later events (ties share their mean);
    ``visit`` float32, the number of later visits; ``text`` int64 row of the event's own text (a
    review, a query), -1 where there is none; ``user`` int64 ``[B]`` rows, -1 for a history without
    a stored user; ``scenario`` int64 ``[B]`` codes, -1 for none; ``later`` bool ``[B]``: whether to
    predict items of the further future instead of the next ones; ``weight`` float32 ``[nnz]``, what
    each event says, below 0 for a negative one, or None where each says 1.

    ``row`` int64: the event's row among the snapshot's interactions, -1 for events of a request;
    None for the latter throughout. ``context`` int64 ``[B, C]``: codes of the circumstances of the
    request, -1 for none; None for requests without any.
    """

    indptr: Ints
    item: Ints
    age: np.ndarray
    visit: np.ndarray
    text: Ints
    user: Ints
    scenario: Ints
    later: np.ndarray
    weight: np.ndarray | None = None
    row: Ints | None = None
    context: Ints | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def has_negative(self) -> bool:
        """Whether any event is negative."""
        return self.weight is not None and bool((self.weight < 0).any())

    def event_rows(self, n_items: int) -> Ints:
        """int64 ``[nnz]``: the events' rows in a table of ``n_items`` items as likes, then of the
        same items as negative events."""
        if self.weight is None:
            return self.item
        return np.asarray(self.item + n_items * (self.weight < 0))

    def select(self, events: np.ndarray, indptr: Ints) -> Histories:
        """The same rows with some ``events`` alone (bool ``[nnz]`` or int64), ``indptr`` int64 ``[B
        + 1]`` in these."""
        return replace(
            self,
            indptr=indptr,
            item=self.item[events],
            age=self.age[events],
            visit=self.visit[events],
            text=self.text[events],
            weight=None if self.weight is None else self.weight[events],
            row=None if self.row is None else self.row[events],
        )

    def part(self, start: int, end: int) -> Histories:
        """Rows ``start`` to ``end``."""
        indptr = self.indptr[start : min(end, len(self)) + 1]
        events = slice(int(indptr[0]), int(indptr[-1]))
        return Histories(
            indptr=indptr - indptr[0],
            item=self.item[events],
            age=self.age[events],
            visit=self.visit[events],
            text=self.text[events],
            user=self.user[start:end],
            scenario=self.scenario[start:end],
            later=self.later[start:end],
            weight=None if self.weight is None else self.weight[events],
            row=None if self.row is None else self.row[events],
            context=None if self.context is None else self.context[start:end],
        )

    def padded(self, multiple: int) -> Histories:
        """These rows, and empty ones after them up to a multiple of ``multiple`` rows."""
        missing = -len(self) % multiple
        if not missing:
            return self
        none = np.full(missing, -1, dtype=np.int64)
        return replace(
            self,
            indptr=np.append(self.indptr, np.full(missing, self.indptr[-1])),
            user=np.append(self.user, none),
            scenario=np.append(self.scenario, none),
            later=np.append(self.later, np.zeros(missing, dtype=bool)),
            context=None
            if self.context is None
            else np.pad(self.context, ((0, missing), (0, 0)), constant_values=-1),
        )


def both_ages(indptr: Ints, timestamp: Ints) -> tuple[np.ndarray, np.ndarray]:
    """float32 ``[nnz]`` each: later events of the same row, where events of one timestamp share the
    mean, and later visits of it.

    ``indptr`` int64 ``[B + 1]``, ``timestamp`` int64 ``[nnz]``, oldest first within a row. Events
    of equal times have no order: otherwise scores would depend on ids.
    """
    total = len(timestamp)
    if not total:
        return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.float32)
    first = np.ones(total + 1, dtype=bool)  # of a visit; the last place is the end of all
    np.not_equal(timestamp[1:], timestamp[:-1], out=first[1:-1])
    first[indptr] = True
    bounds = first.nonzero()[0]
    starts, ends = bounds[:-1], bounds[1:]
    counts = ends - starts
    row_end = indptr[indptr.searchsorted(starts, "right")]
    event = (row_end - 0.5 * (starts + ends + 1)).astype(np.float32)
    visit = (bounds.searchsorted(row_end) - 1 - np.arange(len(starts))).astype(np.float32)
    return event.repeat(counts), visit.repeat(counts)


def history_state(indptr: Ints, visit: np.ndarray) -> np.ndarray:
    """float32 ``[B, STATE_SIZE]``: the logs of the number of events, of events in the last visit,
    and of visits, each scaled to about -1 to 1, and their squares."""
    counts = indptr[1:] - indptr[:-1]
    sizes = np.zeros((len(counts), 3))
    sizes[:, 0] = counts
    filled = counts.nonzero()[0]
    if len(filled):
        starts = indptr[filled]
        newest = np.minimum.reduceat(visit, starts)
        latest = visit == newest.repeat(counts[filled])
        sizes[filled, 1] = np.add.reduceat(latest, starts, dtype=np.int64)
        sizes[filled, 2] = np.maximum.reduceat(visit, starts)
    state = np.empty((len(counts), STATE_SIZE), dtype=np.float32)
    state[:, :3] = np.log1p(sizes) / (5, 3, 4) - (0.7, 0.5, 0.7)
    state[:, 3:] = 2 * state[:, :3] ** 2 - 0.2
    return state


def history_counts(indptr: Ints, weight: np.ndarray | None) -> np.ndarray:
    """float64 or int64 ``[B]``: the number of events of each row; with weights (float32 ``[nnz]``)
    their sum, without signs."""
    if weight is None:
        return np.asarray(indptr[1:] - indptr[:-1])
    total = np.zeros(len(indptr) - 1)
    filled = (indptr[1:] > indptr[:-1]).nonzero()[0]
    if len(filled):
        total[filled] = np.add.reduceat(np.abs(weight), indptr[filled], dtype=np.float64)
    return total


def pool_weights(
    indptr: Ints,
    age: np.ndarray,
    visit: np.ndarray,
    scales: TimeScales,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """float32 ``[S, nnz]``: the weight of each event in every pool; see ``scale_weights``."""
    weights = scale_weights(indptr, age, scales.events, weight)
    if not scales.visits:
        return weights
    return np.concatenate([weights, scale_weights(indptr, visit, scales.visits, weight)])


def scale_weights(
    indptr: Ints, age: np.ndarray, scales: Sequence[float], weight: np.ndarray | None = None
) -> np.ndarray:
    """float32 ``[S, nnz]``: exp(-age / scale), times the absolute ``weight`` (float32 ``[nnz]``)
    where given, each row and scale summing to one (to zero where all weights are zero)."""
    if not len(age):
        return np.ones((len(scales), 0), dtype=np.float32)
    counts = indptr[1:] - indptr[:-1]
    filled = counts.nonzero()[0]
    starts, counts = indptr[filled], counts[filled]
    since = age - np.minimum.reduceat(age, starts).repeat(counts)
    weights = np.exp(np.multiply.outer(-1.0 / np.asarray(scales, dtype=np.float64), since))
    if weight is not None:
        weights *= np.abs(weight)
    total = np.add.reduceat(weights, starts, axis=1)
    if weight is not None:
        total[total == 0] = 1.0
    weights /= total if len(counts) == 1 else total.repeat(counts, axis=1)
    return np.asarray(weights, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class HistoryBatch:
    """``Histories`` on a device, ready to pool: weights float32 ``[S, nnz]`` over a pattern ``[B,
    n_items]``; the same for events with a text, whose rows are ``text_rows`` int64. ``state``
    float32 ``[B, STATE_SIZE]``; ``count`` float32 ``[B]``, the number of events; ``later`` int64
    ``[B]``, one where items of the further future are predicted. ``stored`` and ``in_scenario`` say
    whether any row has a user or a scenario."""

    pattern: SparsePattern
    weights: Tensor
    text_pattern: SparsePattern | None
    text_weights: Tensor
    text_rows: Tensor
    user: Tensor
    scenario: Tensor
    state: Tensor
    count: Tensor
    later: Tensor
    stored: bool
    in_scenario: bool

    @staticmethod
    def build(
        histories: Histories,
        n_items: int,
        scales: TimeScales,
        device: torch.device | str = "cpu",
    ) -> HistoryBatch:
        indptr, weight = histories.indptr, histories.weight
        weights = pool_weights(indptr, histories.age, histories.visit, scales, weight)
        rows = histories.event_rows(n_items)
        columns = 2 * n_items if histories.has_negative else n_items
        state = history_state(histories.indptr, histories.visit)
        with_text = histories.text >= 0
        any_text = bool(with_text.any())
        with_text = (
            with_text if any_text else np.empty(0, dtype=np.int64)
        )  # an empty mask costs time
        return HistoryBatch(
            pattern=SparsePattern.build(indptr, rows, columns, device),
            weights=torch.as_tensor(weights, device=device),
            text_pattern=_text_pattern(histories.indptr, with_text, device) if any_text else None,
            text_weights=torch.as_tensor(weights[:, with_text], device=device),
            text_rows=torch.as_tensor(histories.text[with_text], device=device),
            user=torch.as_tensor(histories.user, device=device),
            scenario=torch.as_tensor(histories.scenario, device=device),
            state=torch.as_tensor(state, device=device),
            count=torch.as_tensor(
                history_counts(indptr, weight), dtype=torch.float32, device=device
            ),
            later=torch.as_tensor(histories.later.astype(np.int64), device=device),
            stored=bool((histories.user >= 0).any()),
            in_scenario=bool((histories.scenario >= 0).any()),
        )


def _text_pattern(indptr: Ints, with_text: np.ndarray, device: torch.device | str) -> SparsePattern:
    kept = offsets(with_text)[indptr]
    count = int(with_text.sum())
    return SparsePattern.build(kept, np.arange(count, dtype=np.int64), count, device)


@lru_cache(maxsize=256)
def plain_events(length: int) -> tuple[Ints, np.ndarray, Ints, np.ndarray]:
    """``indptr``, ``age``, ``text`` and ``later`` of one history of ``length`` items without times
    or texts: each is a visit of its own."""
    age = np.arange(length - 1, -1, -1, dtype=np.float32)
    return np.array([0, length]), age, np.full(length, -1), np.zeros(1, dtype=bool)
