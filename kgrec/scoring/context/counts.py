"""ColumnCounts: how often items and users had events in each of a column's circumstances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.graph.columns import codes_and_names
from kgrec.graph.snapshot import Floats, Ints, Strings

# Events that are assumed beside those that were counted; chosen on Frappe's validation rows.
_OF_ITEMS: Final = 30.0  # of an item, with the shares of all events
_OF_USERS: Final = 10.0  # of a user, with the shares of all events
_OF_PAIRS: Final = 1.0  # of an item in a user's history, with what is known of both
_LEAST: Final = 1e-9  # share of a value of which all events are hidden
_CACHED: Final = 16  # values whose log-odds are kept


@dataclass(frozen=True, eq=False)
class ColumnCounts:
    """Counts of a column over V values and n items; all estimates are shrunk (naive Bayes).

    Attributes
    ----------
    values : pandas.Index
        The values, object ``[V]``.
    code : int64 ``[interactions]``
        The value of each event; -1 for none.
    share : float64 ``[V]``
        Share of each value among all events.
    total : float64 ``[n]``
        Events of each item that have a value.
    counts : CSR float64 ``[V, n]``
        Events of each item with each value.
    """

    values: pd.Index[Any]
    code: Ints
    share: Floats
    total: Floats
    counts: sp.csr_matrix

    @staticmethod
    def of(
        column: Strings, item: Ints, n_items: int, hidden: np.ndarray | None = None
    ) -> ColumnCounts:
        """From a column of words, "" for none, and the item of each event.

        Events where ``hidden`` (bool ``[interactions]``) holds are not counted.
        """
        own, names = codes_and_names(column)
        present = (np.bincount(own, minlength=len(names)) > 0) & (names != "")
        values = names[present]
        place = np.full(len(names), -1, dtype=np.int64)
        place[present] = np.arange(len(values))
        code = place[own] if len(names) else np.empty(0, dtype=np.int64)
        known = code >= 0 if hidden is None else (code >= 0) & ~hidden
        pairs = (np.ones(int(known.sum())), (code[known], np.asarray(item)[known]))
        counts = sp.csr_matrix(pairs, shape=(len(values), n_items))
        every = np.asarray(counts.sum(axis=1)).ravel()
        total = np.asarray(counts.sum(axis=0)).ravel()
        share = every / max(every.sum(), 1.0)
        return ColumnCounts(pd.Index(values, dtype=object), code, share, total, counts)

    def code_of(self, value: str) -> int:
        """The code of a value; -1 for one that no event has."""
        return int(self.values.get_indexer(pd.Index([value], dtype=object))[0])

    def codes_of(self, column: Strings) -> Ints:
        """int64 ``[n]``: the codes of a column of words; -1 for none and for unknown values."""
        own, names = codes_and_names(column)
        place = self.values.get_indexer(pd.Index(names, dtype=object)).astype(np.int64)
        return place[own] if len(names) else np.empty(0, dtype=np.int64)

    def log_odds(self, value: int) -> Floats:
        """float64 ``[n]``: log P(value | item) / P(value) of all items."""
        return self._cached(value)

    @cached_property
    def _cached(self) -> Callable[[int], Floats]:
        @lru_cache(maxsize=_CACHED)
        def computed(value: int) -> Floats:
            share = max(float(self.share[value]), _LEAST)
            counted = self.counts[value].toarray()[0]
            ratio = (counted + _OF_ITEMS * share) / ((self.total + _OF_ITEMS) * share)
            return np.asarray(np.log(ratio))

        return computed

    def own_log_odds(self, value: int, events: Ints, place: Ints, items: Ints) -> Floats:
        """float64 ``[m]``: log P(value | user, item) / P(value | user) of the items of one history.

        ``events`` int64 ``[e]``: rows of its events, -1 for events of a request, of which no
        circumstances are known; ``place`` int64 ``[e]``: the place of each event's item among
        ``items`` (int64 rows ``[m]``).
        """
        code = np.full(len(events), -1, dtype=np.int64)
        code[events >= 0] = self.code[events[events >= 0]]
        known, same = code >= 0, code == value
        total = np.bincount(place[known], minlength=len(items))
        counted = np.bincount(place[same], minlength=len(items))
        share = max(float(self.share[value]), _LEAST)
        usual = (same.sum() + _OF_USERS * share) / (known.sum() + _OF_USERS)
        prior = np.exp(self.log_odds(value)[items])
        odds = (counted / usual + _OF_PAIRS * prior) / (total + _OF_PAIRS)
        return np.asarray(np.log(odds))
