"""Pairs of user and item that a model learns from, with the time of the first event of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import distinct
from kgrec.feedback import EventWeights
from kgrec.feedback.weights import without_negative
from kgrec.graph.snapshot import NO_TIME, Floats, GraphSnapshot, Ints


@dataclass(frozen=True, eq=False)
class Pairs:
    """Distinct pairs of ``n_users`` users and ``n_items`` items, int64 rows ``[p]`` in the order of
    (user, item), and the unix seconds of the first event of each, int64 ``[p]``."""

    user: Ints
    item: Ints
    time: Ints
    n_users: int
    n_items: int

    @staticmethod
    def of(snapshot: GraphSnapshot, feedback: EventWeights | None = None) -> Pairs:
        """The pairs of a snapshot, without negative events. Events without a time count as the
        oldest."""
        events = without_negative(feedback, snapshot).interactions
        width = max(len(snapshot.items), 1)
        key = events.user * width + events.item
        order = np.lexsort((events.timestamp, key))
        pairs = distinct(key)
        first = np.searchsorted(key[order], pairs)
        return Pairs(
            pairs // width,
            pairs % width,
            events.timestamp[order][first],
            len(snapshot.users),
            len(snapshot.items),
        )

    @property
    def timed(self) -> bool:
        """Whether events have times, and not all the same one."""
        return bool(len(self.time) and self.time.max() > max(self.time.min(), NO_TIME))

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """CSR float32 ``[users, items]``, 1 for a pair."""
        cells = (np.ones(len(self.user), dtype=np.float32), (self.user, self.item))
        return sp.csr_matrix(cells, shape=(self.n_users, self.n_items))

    @cached_property
    def lengths(self) -> Ints:
        """int64 ``[users]``: items of each user."""
        return np.bincount(self.user, minlength=self.n_users)

    def first(self, ends: Ints, size: int) -> Ints:
        """int64 ``[size]``: the first time of each user or item; the greatest int64 without."""
        found = np.full(size, np.iinfo(np.int64).max)
        np.minimum.at(found, ends, self.time)
        return found

    def newest(self, share: float) -> np.ndarray:
        """bool ``[users]``: the ``share`` of the users with events that joined last; all of them
        with a share of 1 or without times."""
        active = np.flatnonzero(self.lengths)
        found = np.zeros(self.n_users, dtype=bool)
        if share < 1 and self.timed:
            order = np.argsort(self.first(self.user, self.n_users)[active], kind="stable")
            active = active[order[len(active) - round(share * len(active)) :]]
        found[active] = True
        return found

    def sums(self, values: Floats) -> Floats:
        """float64 ``[items]``: sums of values of users (``[users]``) over each item's users."""
        return np.bincount(self.item, values[self.user], minlength=self.n_items)
