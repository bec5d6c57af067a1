"""Request: the histories to score items for, as rows of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kgrec.arrays import ranges
from kgrec.graph.snapshot import NO_TIME, Floats, Ints, Strings
from kgrec.nn import Histories
from kgrec.rules.list_rules import RequestRules
from kgrec.training.data.examples import histories_of


@dataclass(frozen=True, eq=False)
class GivenEvents:
    """Events of histories that came with a request, history by history, oldest first.

    ``kind`` object ``[nnz]``, "" for none; ``rating`` float32, NaN for none; ``time`` int64 unix
    seconds, NO_TIME for none.
    """

    kind: Strings
    rating: Floats
    time: Ints

    @staticmethod
    def plain(count: int) -> GivenEvents:
        """``count`` events of which nothing is known."""
        nothing = np.full(count, "", dtype=object)
        return GivenEvents(
            nothing, np.full(count, np.nan, dtype=np.float32), np.full(count, NO_TIME)
        )

    @staticmethod
    def joined(parts: Sequence[GivenEvents]) -> GivenEvents:
        """The events of several, one after the other."""
        parts = [GivenEvents.plain(0), *parts]
        return GivenEvents(
            np.concatenate([part.kind for part in parts]),
            np.concatenate([part.rating for part in parts]),
            np.concatenate([part.time for part in parts]),
        )

    def select(self, events: np.ndarray | slice) -> GivenEvents:
        """Some of the events alone."""
        return GivenEvents(self.kind[events], self.rating[events], self.time[events])


@dataclass(frozen=True, eq=False)
class Request:
    """B histories to score items for.

    Attributes
    ----------
    histories : Histories
        Events, user rows and scenario codes.
    names : list of str or None
        Ids of the users; None for histories without a user.
    context : mapping or None
        User attributes for users that are not stored.
    mixture : float64 ``[B, K + 1]`` or None
        Weights of the vocabulary's scenarios and of no scenario (last), where scores are averaged
        over scenarios.
    integers : bool or None
        Whether the ids were given as integers, which the answer then has too; None without ids.
    times : int64 ``[n]`` or None
        Unix seconds of the events of a single history that is not the stored one as a whole; None
        where the stored one has them, or nothing has.
    stored : bool
        Whether the histories are those of the graph.
    given : GivenEvents or None
        What is known of the events of histories that came with the request.
    rules : RequestRules or None
        The rules of each row; None where none holds.
    """

    histories: Histories
    names: list[str] | None = None
    context: Mapping[str, Any] | None = None
    mixture: np.ndarray | None = None
    integers: bool | None = None
    times: Ints | None = None
    stored: bool = False
    given: GivenEvents | None = None
    rules: RequestRules | None = None

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def ids(self) -> list[str]:
        """Ids for the results: those of the users, else numbers from 0."""
        return [str(row) for row in range(len(self))] if self.names is None else self.names

    def under(self, rules: RequestRules | None) -> Request:
        """The same request under other rules, sooner than by ``replace``."""
        return Request(
            self.histories,
            self.names,
            self.context,
            self.mixture,
            self.integers,
            self.times,
            self.stored,
            self.given,
            rules,
        )

    def part(self, start: int, end: int) -> Request:
        """The histories ``start`` to ``end`` alone."""
        if start == 0 and end >= len(self):
            return self
        some = slice(start, end)
        names = None if self.names is None else self.names[some]
        mixture = None if self.mixture is None else self.mixture[some]
        rules = None if self.rules is None else self.rules.of_rows(some)
        histories, given = self.histories.part(start, end), self.given
        if given is not None:
            indptr = self.histories.indptr
            given = given.select(slice(indptr[start], indptr[min(end, len(self))]))
        return replace(
            self, histories=histories, names=names, mixture=mixture, given=given, rules=rules
        )

    def of_rows(self, rows: Ints) -> Request:
        """The histories ``rows`` (int64) alone, in that order."""
        names = None if self.names is None else [self.names[row] for row in rows.tolist()]
        mixture = None if self.mixture is None else self.mixture[rows]
        rules = None if self.rules is None else self.rules.of_rows(rows)
        histories, given = histories_of(self.histories, rows), self.given
        if given is not None:
            starts = self.histories.indptr[rows]
            given = given.select(ranges(starts, np.diff(histories.indptr)))
        return replace(
            self, histories=histories, names=names, mixture=mixture, given=given, rules=rules
        )

    def edited(self, histories: Histories) -> Request:
        """A request for changed histories of the only user, in the same circumstances."""
        mixture = None if self.mixture is None else np.repeat(self.mixture, len(histories), axis=0)
        rules = None if self.rules is None else self.rules.repeated(len(histories))
        return Request(histories, None, self.context, mixture, rules=rules)

    def in_scenario(self, code: int) -> Request:
        """The same histories, all in one scenario (-1 for none)."""
        scenario = np.full(len(self), code, dtype=np.int64)
        return replace(self, histories=replace(self.histories, scenario=scenario), mixture=None)

    def weighted_scenarios(self) -> list[tuple[Request, np.ndarray]]:
        """Requests in single scenarios with weights float64 ``[B]``, which sum to one."""
        if self.mixture is None:
            return [(self, np.ones(len(self)))]
        none = self.mixture.shape[1] - 1
        return [
            (self.in_scenario(-1 if column == none else column), self.mixture[:, column])
            for column in np.flatnonzero(self.mixture.any(axis=0)).tolist()
        ]
