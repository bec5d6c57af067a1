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

from kgrec.rules.batch_filling import CapWords
from kgrec.rules.filling import Filling
from kgrec.rules.limits import Cap, Floor, Pin, ScoresOf
from kgrec.rules.list_counts import ListCounts

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

    def place(
        self, best: Sequence[int], k: int, scores: ScoresOf, *, whole: bool
    ) -> list[int] | None:
        """Item rows of the list of ``k``; fewer where too few items are allowed.

        ``best`` are item rows, best first; ``scores`` gives the scores of item rows, -inf where
        one may not be in the list. None where ``best`` is too short to decide, unless it is
        ``whole``: all items that may be in the list.
        """
        filling = Filling(self, best, scores)
        found = filling.run(k, whole=whole)
        if len(found) == k:
            return found
        return filling.with_moved_pins(k) if whole else None

    @cached_property
    def counts(self) -> ListCounts:
        """The counts of groups and of floors' items in a list."""
        return ListCounts.of(self.caps, self.floors)

    def words(self, n_items: int) -> CapWords:
        """The counts of groups in many lists at once."""
        if not self._words:
            self._words.append(CapWords.of(self.counts, n_items))
        return self._words[0]

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
