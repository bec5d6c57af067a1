"""ScenarioExamples: a few interactions in one scenario, to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec.arguments import as_id, pair_list
from kgrec.arrays import offsets
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.graph.tables import request_times
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import item_rows
from kgrec.training.data.examples import Examples

GivenExamples: TypeAlias = pd.DataFrame | Sequence[tuple[str, str]]
_COLUMNS = ("user_id", "item_id")


@dataclass(frozen=True, eq=False)
class ScenarioExamples:
    """n examples, oldest first: ``user`` object ids, ``item`` int64 rows, ``timestamp`` int64."""

    user: np.ndarray
    item: Ints
    timestamp: Ints

    def __len__(self) -> int:
        return len(self.item)

    @staticmethod
    def read(engine: Engine, given: GivenExamples) -> ScenarioExamples:
        """Read the examples of a caller.

        Raises RequestError for a missing column or id, a value that is no time, and an
        item that is not in the graph.
        """
        frame = _frame(given)
        for name in _COLUMNS:
            blank = [isinstance(one, str) and not one.strip() for one in frame[name]]
            absent = frame[name].isna().to_numpy(dtype=bool) | np.array(blank, dtype=bool)
            if absent.any():
                row = int(np.argmax(absent))
                raise RequestError(
                    f"example {row} has no {name}; add one, or leave the example out."
                )
        frame = frame.assign(time=request_times(frame, "examples"))
        frame = frame.sort_values("time", kind="stable")
        ids = [as_id(one, "examples") for one in frame["item_id"]]
        users = np.array([as_id(one, "examples") for one in frame["user_id"]], dtype=object)
        rows = item_rows(engine.snapshot.items, ids)
        return ScenarioExamples(users, rows, frame["time"].to_numpy(dtype=np.int64))

    def training_examples(self, engine: Engine) -> Examples:
        """Training examples with each example's item as target.

        The history is the user's stored events and then the user's other examples; for a model that
        was trained to predict the next event, only those before the example.
        """
        rows = engine.snapshot.users.rows(self.user)
        events = {user: self._events(engine, user, int(row)) for user, row in self._users(rows)}
        histories = [self._history(engine, events[self.user[n]], n) for n in range(len(self))]
        lengths = [len(history) for history in histories]
        indptr = offsets(lengths)
        seen = np.concatenate([*histories, np.empty(0, dtype=np.int64)]).astype(np.int64)
        everyone = np.arange(len(self))
        return Examples(
            histories=engine.typed(indptr, seen, rows, np.full(len(self), -1)),
            seen_row=np.repeat(everyone, lengths),
            seen_item=seen,
            target_row=everyone,
            target_item=self.item,
            target_weight=np.ones(len(self), dtype=np.float32),
        )

    def new_user_events(self, engine: Engine, scenario: str) -> Catalog | None:
        """The examples of users that are not in the graph, as their first events there.

        None where there are no new users.
        """
        new = engine.snapshot.users.rows(self.user) < 0
        if not new.any():
            return None
        timed = self.timestamp[new] != NO_TIME
        events = pd.DataFrame(
            {
                "user_id": self.user[new],
                "item_id": engine.snapshot.items.ids[self.item[new]],
                "timestamp": pd.array(np.where(timed, self.timestamp[new], 0), dtype="Int64"),
                "scenario": scenario,
            }
        )
        events.loc[~timed, "timestamp"] = pd.NA
        return Catalog.from_frames(interactions=events.drop_duplicates())

    def _users(self, rows: Ints) -> list[tuple[str, int]]:
        return list(dict(zip(self.user.tolist(), rows.tolist(), strict=True)).items())

    def _events(self, engine: Engine, user: str, row: int) -> Ints:
        """Item rows of all events of a user, oldest first: stored events, then examples that are
        not stored.
        """
        stored = np.empty(0, dtype=np.int64)
        if row >= 0:
            data = engine.sequences
            stored = data.item[data.indptr[row] : data.indptr[row + 1]]
        own = self.item[self.user == user]
        return np.concatenate([stored, own[~np.isin(own, stored)]])

    def _history(self, engine: Engine, events: Ints, example: int) -> Ints:
        target = events == self.item[example]
        if engine.model.shape.horizons:
            return np.asarray(events[: int(np.argmax(target))])
        return np.asarray(events[~target])


def _frame(given: GivenExamples) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        if not given.columns.is_unique:
            raise RequestError("examples have a column twice; keep one of them.")
        missing = [name for name in _COLUMNS if name not in given.columns]
        if missing:
            raise RequestError(f"examples have no column {missing[0]!r}; pass user_id and item_id.")
        return given.reset_index(drop=True)
    return pd.DataFrame(pair_list(given, "example"), columns=list(_COLUMNS), dtype=object)
