"""Request: whom scores are asked for, as rows of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kgrec.nn import Histories


@dataclass(frozen=True, eq=False)
class Request:
    """B histories to score items for.

    ``names`` are the users' ids; None for histories that came without a user. ``context`` are
    attributes of users that are not stored. ``mixture`` float64 ``[B, K + 1]`` are weights of the
    vocabulary's scenarios and of no scenario (last), where scores are averaged over scenarios.
    """

    histories: Histories
    names: list[str] | None = None
    context: Mapping[str, Any] | None = None
    mixture: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def ids(self) -> list[str]:
        """User ids as they appear in answers: numbers for histories without a user."""
        return [str(row) for row in range(len(self))] if self.names is None else self.names

    def part(self, start: int, end: int) -> Request:
        """Users ``start`` to ``end`` alone."""
        if start == 0 and end >= len(self):
            return self
        names = None if self.names is None else self.names[start:end]
        mixture = None if self.mixture is None else self.mixture[start:end]
        return Request(self.histories.part(start, end), names, self.context, mixture)

    def edited(self, histories: Histories) -> Request:
        """Other histories of the one user of this request, asked in the same way."""
        mixture = None if self.mixture is None else np.repeat(self.mixture, len(histories), axis=0)
        return Request(histories, None, self.context, mixture)

    def in_scenario(self, code: int) -> Request:
        """The same histories, all in one scenario (-1: none)."""
        scenario = np.full(len(self), code, dtype=np.int64)
        return replace(self, histories=replace(self.histories, scenario=scenario), mixture=None)

    def weighted_scenarios(self) -> list[tuple[Request, np.ndarray]]:
        """Requests in single scenarios with their weights float64 ``[B]``, which sum to one."""
        if self.mixture is None:
            return [(self, np.ones(len(self)))]
        none = self.mixture.shape[1] - 1
        return [
            (self.in_scenario(-1 if column == none else column), self.mixture[:, column])
            for column in np.flatnonzero(self.mixture.any(axis=0)).tolist()
        ]
