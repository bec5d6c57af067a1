"""ContextTerms: what the circumstances of a request and repeats add to scores, in closed form.

    added(u, i, c) = Σ_k w_k log P(c_k | i) / P(c_k)
        + [i in history] (a log(1 + 10 n_ui) + g log m_ui + Σ_k o_k log P(c_k | u, i) / P(c_k | u))

c_k is the value of column k in the request, n_ui the user's events with the item, and m_ui the mean
count of these events. The probabilities are shrunk shares of events (``ColumnCounts``), so that an
update counts at once; the weights are chosen on validation rows and zero where a term doesn't help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.feedback import EventWeights
from kgrec.graph.columns import codes_and_names
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.nn import Histories
from kgrec.scoring.context.counts import ColumnCounts
from kgrec.scoring.context.settings import ContextSettings

REPEATS: Final = "repeats"  # part of a score: the user's own events with the item
_FIRST: Final = 10.0  # how much steeper the first event counts than a doubling of many


class OwnTerms(NamedTuple):
    """Terms of the items of one history: rows int64 ``[m]``, and values float64 ``[m, 1 + C]``: of
    repeats, then of each column."""

    items: Ints
    values: Floats


class AddedScores(NamedTuple):
    """What terms add to scores ``[B, n]``: float32 ``every`` ``[B, n]`` (None for nothing), then
    ``value`` (float32 ``[m]``) in the distinct cells ``row``, ``item`` (int64 ``[m]``)."""

    every: np.ndarray | None
    row: Ints
    item: Ints
    value: np.ndarray


@dataclass(frozen=True, eq=False)
class ContextTerms:
    """The terms for context and repeats over one snapshot.

    Attributes
    ----------
    settings : ContextSettings
        The weights.
    columns : tuple of ColumnCounts
        Counts of the settings' C columns.
    amount : float64 ``[interactions]`` or None
        How often each event was repeated; NaN where that is unknown.
    n_items : int
        Number of items.
    liked : bool ``[interactions]`` or None
        The events whose weight is above 0; None where all events say the same.
    """

    settings: ContextSettings
    columns: tuple[ColumnCounts, ...]
    amount: Floats | None
    n_items: int
    liked: np.ndarray | None = None

    @staticmethod
    def of(
        settings: ContextSettings,
        snapshot: GraphSnapshot,
        feedback: EventWeights | None = None,
        hidden: np.ndarray | None = None,
    ) -> ContextTerms:
        """Count the events of a snapshot that has the settings' columns, but for those where
        ``hidden`` (bool ``[interactions]``) holds."""
        events, n_items = snapshot.interactions, len(snapshot.items)
        columns = tuple(
            ColumnCounts.of(events.context[one.name], events.item, n_items, hidden)
            for one in settings.columns
        )
        amount = None
        if settings.count is not None:
            amount = numbers_of(events.context[settings.count])
        liked = None if feedback is None else feedback.of_interactions(events) > 0
        return ContextTerms(settings, columns, amount, n_items, liked)

    def codes(self, context: Mapping[str, Any]) -> Ints:
        """int64 ``[C]``: the codes of a request's values; -1 for none and for unknown ones.

        Raises RequestError for a value that is neither a text, a number, a truth value nor None.
        """
        names = [one.name for one in self.settings.columns]
        given = [(name, context.get(name)) for name in names]
        pairs = zip(self.columns, given, strict=True)
        found = [
            -1 if value is None else column.code_of(_word(name, value))
            for column, (name, value) in pairs
        ]
        return np.array(found, dtype=np.int64)

    def adds_to(self, histories: Histories) -> bool:
        """Whether scores of these histories have any of the terms."""
        return histories.context is not None or self.settings.repeating

    def added(self, histories: Histories) -> AddedScores:
        """What is added to the scores; each row depends on its history alone."""
        rows: list[Ints] = []
        found: list[OwnTerms] = []
        for row in range(len(histories)):
            own = self.own(histories, row, self._row_codes(histories, row))
            if own is not None:
                rows.append(np.full(len(own.items), row))
                found.append(own)
        none = np.empty(0, dtype=np.int64)
        value = [own.values.sum(axis=1) for own in found]
        return AddedScores(
            every=self._of_rows(histories),
            row=np.concatenate([none, *rows]),
            item=np.concatenate([none, *(own.items for own in found)]),
            value=np.concatenate([np.empty(0), *value]).astype(np.float32),
        )

    def _of_rows(self, histories: Histories) -> np.ndarray | None:
        """float32 ``[B, n]``: ``of_items`` of each row; None for requests without circumstances."""
        if histories.context is None:
            return None
        distinct, place = np.unique(histories.context, axis=0, return_inverse=True)
        every = [self.of_items(codes).astype(np.float32) for codes in distinct]
        return np.stack(every)[np.ravel(place)]

    def of_items(self, codes: Ints) -> Floats:
        """float64 ``[n]``: what the circumstances add to every item, whoever asks."""
        total = np.zeros(self.n_items)
        for column, weights, code in zip(self.columns, self.settings.columns, codes, strict=True):
            if code >= 0 and weights.weight:
                total += weights.weight * column.log_odds(int(code))
        return total

    def own(self, histories: Histories, row: int, codes: Ints) -> OwnTerms | None:
        """What the user's own events add to the items of history ``row``; None for no terms."""
        if not self.settings.repeating:
            return None
        mine = self.own_events(histories, row)
        if not len(mine):
            return None
        items, place = np.unique(histories.item[mine], return_inverse=True)
        none = np.full(len(mine), -1, dtype=np.int64)
        events = none if histories.row is None else histories.row[mine]
        values = np.zeros((len(items), 1 + len(codes)))
        values[:, 0] = self._repeats(events, place, len(items))
        for at, (column, weights) in enumerate(
            zip(self.columns, self.settings.columns, strict=True), start=1
        ):
            code = int(codes[at - 1])
            if code >= 0 and weights.own:
                odds = column.own_log_odds(code, events, place, items)
                values[:, at] = weights.own * odds
        return OwnTerms(items, values)

    def own_events(self, histories: Histories, row: int) -> Ints:
        """int64: the places of a history's events that repeats count: those whose weight is above
        0, whatever their number."""
        places = np.arange(histories.indptr[row], histories.indptr[row + 1])
        if histories.weight is None:
            return places
        liked = histories.weight[places] > 0
        if self.liked is not None and histories.row is not None:  # capped events have no weight
            stored = histories.row[places]
            liked = np.where(stored >= 0, self.liked[stored], liked)
        return places[liked]

    def _repeats(self, events: Ints, place: Ints, size: int) -> Floats:
        count = np.bincount(place, minlength=size)
        total: Floats = self.settings.repeats * np.log1p(_FIRST * count)
        if self.amount is None or not self.settings.amount:
            return total
        amount = np.full(len(events), np.nan)
        amount[events >= 0] = self.amount[events[events >= 0]]
        return np.asarray(total + self.settings.amount * mean_logs(amount, place, size))

    def _row_codes(self, histories: Histories, row: int) -> Ints:
        if histories.context is None:
            return self.no_codes
        return np.asarray(histories.context[row])

    @cached_property
    def no_codes(self) -> Ints:
        """int64 ``[C]``: the codes of a request without circumstances."""
        return np.full(len(self.columns), -1, dtype=np.int64)

    def label(self, column: int, code: int) -> str:
        """How an explanation names the circumstances: "daytime = evening"."""
        return f"{self.settings.columns[column].name} = {self.columns[column].values[code]}"


def mean_logs(amount: Floats, place: Ints, size: int) -> Floats:
    """float64 ``[size]``: the logarithm of the mean amount at each place, of those that are known;
    0 without any."""
    known = ~np.isnan(amount)
    total = np.bincount(place[known], weights=amount[known], minlength=size)
    count = np.bincount(place[known], minlength=size)
    mean = np.maximum(total / np.maximum(count, 1), 1.0)
    return np.asarray(np.log(np.where(count > 0, mean, 1.0)))


def numbers_of(column: np.ndarray) -> Floats:
    """float64 ``[n]``: a column of words as numbers, NaN for "" and other words."""
    codes, names = codes_and_names(column)
    values = pd.to_numeric(pd.Series(names, dtype=object), errors="coerce").to_numpy(np.float64)
    return values[codes] if len(names) else np.empty(0)


def words_of_frame(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns of a request's rows as words, object ``[n]`` each; "" for none, and throughout
    for columns that the frame lacks. Raises RequestError for values of another type."""
    found = {}
    for name in names:
        if name not in frame.columns:
            found[name] = np.full(len(frame), "", dtype=object)
            continue
        missing = frame[name].isna().to_numpy(dtype=bool)
        values = frame[name].tolist()
        words = ["" if gap else _word(name, one) for gap, one in zip(missing, values, strict=True)]
        found[name] = np.array(words, dtype=object)
    return found


def _word(name: str, value: Any) -> str:
    """A value of a request as the word that stands in the column. Raises RequestError."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value):
        return str(int(value)) if float(value).is_integer() else str(float(value))
    raise RequestError(
        f"context {name!r} is {str(value)[:100]!r}, a {type(value).__name__}; give one of the "
        "column's values as a text, a number or true or false, or None where it is unknown."
    )
