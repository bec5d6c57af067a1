"""One history with its times, and what it would be without some events or with one more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.arrays import offsets
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories
from kgrec.nn.histories import event_ages, visit_ages
from kgrec.query import Asked
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import batch_size


@dataclass(frozen=True, eq=False)
class Past:
    """A batch of one history and its ``times`` int64 ``[n]``: unix seconds where it is stored,
    positions where it was given with the request (those age alike)."""

    histories: Histories
    times: Ints

    @staticmethod
    def of(engine: Engine, asked: Asked, *, stored: bool) -> Past:
        """The history of a request about one user; ``stored`` if it is the one in the graph."""
        one = asked.histories
        if stored:
            return Past(one, engine.sequences.times(int(one.user[0])))
        return Past(one, np.arange(len(one.item), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def items(self) -> Ints:
        """int64 ``[n]``: the events' item rows, oldest first."""
        return self.histories.item

    def kept(self, keep: np.ndarray) -> Histories:
        """Histories as if only some events had happened; ``keep`` bool ``[B, n]``.

        Ages and visits are counted anew, as they would be in the graph without the others.
        """
        indptr = offsets(keep.sum(axis=1))
        event = np.nonzero(keep)[1]
        return self._made(indptr, self.items[event], self.times[event], self.histories.text[event])

    def without(self, events: list[Ints]) -> Histories:
        """One history for each list of events (positions) that is left out."""
        keep = np.ones((len(events), len(self)), dtype=bool)
        for row, left_out in enumerate(events):
            keep[row, left_out] = False
        return self.kept(keep)

    def followed_by(self, items: Ints) -> Histories:
        """One history for each of ``items`` (rows), which comes after all events, as a visit of
        its own."""
        count, n = len(items), len(self)
        now = self.times[-1] + 1 if n else 0
        item = np.column_stack([np.tile(self.items, (count, 1)), items]).ravel()
        times = np.append(self.times, now)
        text = np.append(self.histories.text, -1)
        indptr = np.arange(count + 1, dtype=np.int64) * (n + 1)
        return self._made(indptr, item, np.tile(times, count), np.tile(text, count))

    def _made(self, indptr: Ints, item: Ints, times: Ints, text: Ints) -> Histories:
        count, one = len(indptr) - 1, self.histories
        return Histories(
            indptr=indptr,
            item=item,
            age=event_ages(indptr, times),
            visit=visit_ages(indptr, times),
            text=text,
            user=np.repeat(one.user, count),
            scenario=np.repeat(one.scenario, count),
            later=np.repeat(one.later, count),
        )


def scores_of(engine: Engine, histories: Histories, rows: Ints) -> np.ndarray:
    """float64 ``[B, len(rows)]``: the scores of item ``rows``, by whole forward passes."""
    size = batch_size(len(engine.snapshot.items), engine.device)
    parts = [
        engine.score(histories.part(start, start + size))[:, rows].double().cpu().numpy()
        for start in range(0, max(len(histories), 1), size)
    ]
    return np.concatenate(parts)
