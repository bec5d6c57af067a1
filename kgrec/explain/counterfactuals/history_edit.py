"""EditableHistory: one history, and versions of it without some events or with one more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.arrays import offsets
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories
from kgrec.nn.histories import both_ages
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import batch_size, score_request
from kgrec.scoring.request import Request


@dataclass(frozen=True, eq=False)
class EditableHistory:
    """The ``request`` of one user and its ``times`` int64 ``[n]``.

    Times are unix seconds where the history is stored, positions where it was given with the
    request; ages are computed from either. Edited histories keep the scenario and context of the
    request.
    """

    request: Request
    times: Ints

    @staticmethod
    def of(engine: Engine, request: Request, *, stored: bool) -> EditableHistory:
        """``stored``: whether the history is the one in the graph."""
        one = request.histories
        if request.times is not None:
            return EditableHistory(request, request.times)
        if stored:
            return EditableHistory(request, engine.sequences.times(int(one.user[0])))
        return EditableHistory(request, np.arange(len(one.item), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def histories(self) -> Histories:
        """The history, a batch of one."""
        return self.request.histories

    @property
    def items(self) -> Ints:
        """Item rows of the events, int64 ``[n]``, oldest first."""
        return self.histories.item

    def empty(self) -> EditableHistory:
        """The same user without events."""
        nothing = np.zeros((1, len(self)), dtype=bool)
        return EditableHistory(self.kept(nothing), self.times[:0])

    def kept(self, keep: np.ndarray) -> Request:
        """Histories with some of the events only; ``keep`` bool ``[B, n]``.

        Ages and visits are computed again, as if the other events were not in the graph.
        """
        indptr = offsets(keep.sum(axis=1))
        event = np.nonzero(keep)[1]
        text, row = self.histories.text[event], self._rows()[event]
        weight = None if self.histories.weight is None else self.histories.weight[event]
        return self._edited(indptr, self.items[event], self.times[event], text, row, weight)

    def without(self, events: list[Ints]) -> Request:
        """One history for each list of events (positions) to leave out."""
        keep = np.ones((len(events), len(self)), dtype=bool)
        for row, left_out in enumerate(events):
            keep[row, left_out] = False
        return self.kept(keep)

    def followed_by(self, items: Ints) -> Request:
        """One history for each of ``items`` (rows), with it as last event, in a new visit."""
        count, n = len(items), len(self)
        now = self.times[-1] + 1 if n else 0
        item = np.column_stack([np.tile(self.items, (count, 1)), items]).ravel()
        times = np.append(self.times, now)
        text, row = np.append(self.histories.text, -1), np.append(self._rows(), -1)
        indptr, weight = np.arange(count + 1, dtype=np.int64) * (n + 1), self.histories.weight
        if weight is not None:  # the new event is a like
            weight = np.tile(np.append(weight, np.float32(1)), count)
        times, text, row = (np.tile(values, count) for values in (times, text, row))
        return self._edited(indptr, item, times, text, row, weight)

    def _rows(self) -> Ints:
        own = self.histories.row
        return np.full(len(self), -1, dtype=np.int64) if own is None else own

    def _edited(
        self,
        indptr: Ints,
        item: Ints,
        times: Ints,
        text: Ints,
        row: Ints,
        weight: np.ndarray | None,
    ) -> Request:
        count, one = len(indptr) - 1, self.histories
        age, visit = both_ages(indptr, times)
        return self.request.edited(
            Histories(
                indptr=indptr,
                item=item,
                age=age,
                visit=visit,
                text=text,
                user=np.repeat(one.user, count),
                scenario=np.repeat(one.scenario, count),
                later=np.repeat(one.later, count),
                weight=weight,
                row=row,
                context=None if one.context is None else np.repeat(one.context, count, axis=0),
            )
        )


def scores_of(engine: Engine, request: Request, rows: Ints) -> np.ndarray:
    """Scores of item ``rows`` by whole forward passes, float64 ``[B, len(rows)]``."""
    size = batch_size(len(engine.snapshot.items), engine.device)
    parts = [
        score_request(engine, request.part(start, start + size))[:, rows].double().cpu().numpy()
        for start in range(0, max(len(request), 1), size)
    ]
    return np.concatenate(parts)
