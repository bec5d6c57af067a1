"""Pins, caps and floors of lists, over rows of items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kgrec.arrays import Csr
from kgrec.graph.snapshot import Ints

WHOLE_LIST: Final = 2**31 - 1  # the last place of a cap that has none
ScoresOf: TypeAlias = Callable[[Ints], np.ndarray]


@dataclass(frozen=True, eq=False)
class Pin:
    """The best of ``items`` (int64, ascending) stands at ``rank``."""

    rank: int
    items: Ints

    def best(self, scores: ScoresOf) -> int:
        """The best item, -1 where none may be in the list."""
        values = scores(self.items)
        if not len(values):
            return -1
        at = 0 if len(values) == 1 else int(values.argmax())
        return -1 if values[at] == -np.inf else int(self.items[at])


@dataclass(frozen=True, eq=False)
class Cap:
    """At most ``most`` of the first ``of`` places for each group.

    ``groups``: the groups of every item as CSR, int64 ``[n_items + 1]`` and group numbers.
    """

    most: int
    of: int
    groups: Csr


@dataclass(frozen=True, eq=False)
class Floor:
    """At least ``least`` of the first ``of`` places for the items of ``inside``, bool
    ``[n_items]``."""

    least: int
    of: int
    inside: np.ndarray
