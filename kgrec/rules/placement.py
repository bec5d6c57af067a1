"""Placement: the best list under pins, caps and floors, place by place.

Each place has the best item left that the rules allow there, so the list of 5 is the start of the
list of 10. For one cap by an attribute with one value an item, and for one floor, no other list
has a higher sum of score × discount (the lists form a matroid: Edmonds 1971, "Matroids and the
greedy algorithm"); for several at once this is a heuristic, which ``python -m benchmarks.rules``
compares with the optimum of a linear programme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from kgrec.arrays import row_numbers
from kgrec.graph.snapshot import Ints
from kgrec.rules.batch_filling import CapWords
from kgrec.rules.filling import Filling
from kgrec.rules.limits import Cap, Floor, Pin, ScoresOf
from kgrec.rules.list_counts import ListCounts

_DEEPER = 8  # times as many items where a list can't be filled
_SPARE = 16  # items beyond the list that are looked at first


@dataclass(frozen=True, eq=False)
class Placement:
    """The pins (by rank), caps and floors of lists."""

    pins: tuple[Pin, ...] = ()
    caps: tuple[Cap, ...] = ()
    floors: tuple[Floor, ...] = ()
    _words: list[CapWords] = field(default_factory=list, repr=False)

    @property
    def any(self) -> bool:
        """Whether there is something to place."""
        return bool(self.pins or self.caps or self.floors)

    def depth(self, k: int, n_items: int) -> int:
        """How many of the best items are looked at first for a list of ``k``."""
        return min(n_items, 5 * k + _SPARE + len(self.pins))

    def deeper(self, depth: int, n_items: int) -> int:
        """How many are looked at where ``depth`` were too few."""
        return min(n_items, _DEEPER * depth)

    def place(
        self,
        best: Sequence[int],
        k: int,
        scores: ScoresOf,
        *,
        whole: bool,
        full: set[int] | None = None,
    ) -> list[int] | None:
        """Item rows of the list of ``k``; fewer where too few items are allowed.

        ``best`` are item rows, best first; ``scores`` gives the scores of item rows, -inf where
        one may not be in the list. None where ``best`` is too short to decide, unless it is
        ``whole``: all items that may be in the list. Where it is None, ``full`` receives the groups
        that may have no more until the end of the list; empty where a floor lacks items.
        """
        filling = Filling(self, best, scores)
        found = filling.run(k, whole=whole)
        if len(found) == k:
            return found
        if whole:
            return filling.with_moved_pins(k)
        if full is not None and not filling.lacks_floor:
            full |= self.counts.full(filling.total, k)
        return None

    def rows_of(self, kinds: set[int]) -> Ints:
        """int64: the items of groups, in no order."""
        found = []
        for cap, start, size in zip(self.caps, self._starts, self._sizes, strict=True):
            wanted = np.array([kind - start for kind in kinds if start <= kind < start + size])
            if len(wanted):
                inside = np.isin(cap.groups[1], wanted)
                found.append(row_numbers(cap.groups[0])[inside])
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    @cached_property
    def counts(self) -> ListCounts:
        """The counts of groups and of floors' items in a list."""
        return ListCounts.of(self.caps, self.floors)

    def words(self, n_items: int) -> CapWords:
        """The counts of groups in many lists at once."""
        if not self._words:
            self._words.append(CapWords.of(self.caps, n_items))
        return self._words[0]

    @cached_property
    def _sizes(self) -> list[int]:
        return [int(cap.groups[1].max(initial=-1)) + 1 for cap in self.caps]

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each cap's first group."""
        return [sum(self._sizes[:n]) for n in range(len(self.caps))]

    @cached_property
    def critical(self) -> int:
        """The first place that a floor may decide."""
        least = sum(floor.least for floor in self.floors)
        return min(
            (
                floor.of - least - sum(pin.rank <= floor.of for pin in self.pins) + 1
                for floor in self.floors
            ),
            default=2**31,
        )

    @cached_property
    def first_end(self) -> int:
        """The first place at which the limit of a cap is over."""
        return min((cap.of + 1 for cap in self.caps), default=2**31)
