"""Examples: some of a user's events as history, what follows (or is hidden) as targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn.histories import Histories, event_ages


@dataclass(frozen=True, eq=False)
class Sequences:
    """All users' events, user by user, oldest first: ``indptr`` int64 ``[m + 1]``, others ``[n]``.

    ``text`` int64 row of the event's own text or -1; ``scenario`` int64 codes, -1 for none.
    """

    indptr: Ints
    item: Ints
    timestamp: Ints
    text: Ints
    scenario: Ints

    @staticmethod
    def build(snapshot: GraphSnapshot, text: Ints, scenario: Ints) -> Sequences:
        """``text`` and ``scenario`` hold one value per interaction of the snapshot."""
        seen = snapshot.interactions
        indptr = seen.indptr(len(snapshot.users))
        return Sequences(indptr, seen.item, seen.timestamp, text, scenario)

    def lengths(self) -> Ints:
        return np.diff(self.indptr)

    def times(self, user: int) -> Ints:
        """int64: the timestamps of one user's events, oldest first."""
        return self.timestamp[self.indptr[user] : self.indptr[user + 1]]

    def histories(self, users: Ints, scenario: Ints | None = None) -> Histories:
        """The whole histories of ``users`` (int64 rows ``[B]``)."""
        lengths = self.lengths()[users]
        indptr = _offsets(lengths)
        events = _ranges(self.indptr[users], lengths)
        return self._histories(users, indptr, events, np.ones(len(events), bool), scenario)

    def _histories(
        self, users: Ints, indptr: Ints, events: Ints, keep: np.ndarray, scenario: Ints | None
    ) -> Histories:
        """Ages are those in the whole history, also where ``keep`` hides some of its events."""
        age = event_ages(indptr, self.timestamp[events])
        kept = np.concatenate([[0], np.cumsum(keep)])[indptr].astype(np.int64)
        none = np.full(len(users), -1, dtype=np.int64)
        chosen = events[keep]
        return Histories(
            indptr=kept,
            item=self.item[chosen],
            age=age[keep],
            text=self.text[chosen],
            user=users,
            scenario=none if scenario is None else scenario,
        )


@dataclass(frozen=True, eq=False)
class Examples:
    """B examples. ``seen_*`` and ``target_*`` int64 pairs (row of the batch, item row); a seen item
    is no candidate. ``target_weight`` float32."""

    histories: Histories
    seen_row: Ints
    seen_item: Ints
    target_row: Ints
    target_item: Ints
    target_weight: np.ndarray


def time_cuts(
    data: Sequences,
    users: Ints,
    rng: np.random.Generator,
    *,
    history_dropout: float,
    target_decay: float,
    max_targets: int,
) -> Examples:
    """Cut each user's events at a random place: history before it, targets after it.

    A target's weight decays with its distance from the cut; an item seen before the cut is none.
    """
    lengths = data.lengths()[users]
    cut = (rng.random(len(users)) * lengths).astype(np.int64)
    indptr = _offsets(cut)
    past = _ranges(data.indptr[users], cut)
    counts = np.minimum(lengths - cut, max_targets)
    future = _ranges(data.indptr[users] + cut, counts)
    row = np.repeat(np.arange(len(users)), counts)
    distance = np.arange(len(future)) - _offsets(counts)[row]
    weight = np.exp(-distance / target_decay).astype(np.float32)
    scenario = data.scenario[data.indptr[users] + cut]
    return _examples(
        data, users, indptr, past, rng.random(len(past)) >= history_dropout,
        scenario, row, future, weight,
    )  # fmt: skip


def random_masks(
    data: Sequences, users: Ints, rng: np.random.Generator, *, history_dropout: float
) -> Examples:
    """Hide some of each user's events: the rest is the history, the hidden are targets."""
    lengths = data.lengths()[users]
    indptr = _offsets(lengths)
    events = _ranges(data.indptr[users], lengths)
    keep = rng.random(len(events)) >= history_dropout
    row = np.repeat(np.arange(len(users)), lengths)
    pick = indptr[:-1] + (rng.random(len(users)) * lengths).astype(np.int64)
    weight = np.ones(int((~keep).sum()), dtype=np.float32)
    return _examples(
        data, users, indptr, events, keep,
        data.scenario[events[pick]], row[~keep], events[~keep], weight, seen=keep,
    )  # fmt: skip


def _examples(
    data: Sequences,
    users: Ints,
    indptr: Ints,
    past: Ints,
    keep: np.ndarray,
    scenario: Ints,
    target_row: Ints,
    target: Ints,
    weight: np.ndarray,
    seen: np.ndarray | None = None,
) -> Examples:
    """``seen`` says which past events are no candidates (all of them unless given)."""
    past_row = np.repeat(np.arange(len(users)), np.diff(indptr))
    if seen is not None:
        past_row, seen_events = past_row[seen], past[seen]
    else:
        seen_events = past
    same = (scenario[target_row] < 0) | (data.scenario[target] == scenario[target_row])
    return Examples(
        histories=data._histories(users, indptr, past, keep, scenario),
        seen_row=past_row,
        seen_item=data.item[seen_events],
        target_row=target_row[same],
        target_item=data.item[target[same]],
        target_weight=weight[same],
    )


def _offsets(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """The integers ``starts[i] .. starts[i] + counts[i] - 1`` for every i, concatenated."""
    offsets = _offsets(counts)
    return np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1], dtype=np.int64)
