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

from kgrec.ranking.exposure import position_discount
from kgrec.rules.batch_filling import CapWords
from kgrec.rules.best_list import Pool, best_list
from kgrec.rules.filling import Filling
from kgrec.rules.limits import WHOLE_LIST, Cap, Floor, Pin, ScoresOf
from kgrec.rules.list_counts import ListCounts

_SPARE = 16  # items beyond the list that are looked at first


@dataclass(frozen=True, eq=False)
class Placement:
    """The pins (by rank), caps and floors of lists; ``exact``: whether the best list of all that
    obey them is sought, and not filled place by place. All caps and floors then have one ``of``."""

    pins: tuple[Pin, ...] = ()
    caps: tuple[Cap, ...] = ()
    floors: tuple[Floor, ...] = ()
    exact: bool = False
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
        if not self.exact:
            return self._filled(best, k, scores, whole=whole)
        size = self.window(k)
        start = self._filled(best, size, scores, whole=whole)
        if start is not None and len(start) == size:
            values = scores(np.array(best, dtype=np.int64)).tolist()
            start, proven = self.improved(start, (best, values, len(best)), scores, whole=whole)
            if not proven and not whole:
                return None
        if start is None or k <= len(start) or len(start) < size:
            return start if start is None else start[:k]
        return self._filled(best, k, scores, whole=whole, start=start)

    def _filled(
        self,
        best: Sequence[int],
        k: int,
        scores: ScoresOf,
        *,
        whole: bool,
        start: Sequence[int] = (),
    ) -> list[int] | None:
        filling = Filling(self, best, scores)
        filling.start_with(start)
        found = filling.run(k, whole=whole)
        if len(found) == k:
            return found
        return filling.with_moved_pins(k) if whole else None

    def window(self, k: int) -> int:
        """The places that the best list of all is sought for, where a list of ``k`` is asked."""
        last = max(self.counts.last_places, default=k)
        return k if last >= WHOLE_LIST else last

    def improved(
        self,
        filled: Sequence[int],
        known: tuple[Sequence[int], Sequence[float], int],
        scores: ScoresOf,
        *,
        whole: bool,
    ) -> tuple[list[int], bool]:
        """The best list in place of one that was ``filled`` place by place, and whether it is
        proven to be the best.

        ``known``: item rows, best first, with their scores, and how many of them are the first of
        all; ``whole``: whether there are no others.
        """
        start, weights = Filling(self, (), scores), position_discount(len(filled)).tolist()
        rows, values, sure = known
        free = [n for n in range(len(filled)) if n + 1 not in start.pins]
        kept = [n for n, row in enumerate(rows) if row not in start.taken]
        pool = Pool(
            scores=[values[n] for n in kept],
            adds=[self.counts.adds[rows[n]] for n in kept],
            sure=sum(n < sure for n in kept),
            whole=whole,
        )
        weights = [weights[n] for n in free]
        total = start.total + sum(self.counts.adds[filled[n]] for n in free)
        own = scores(np.array([filled[n] for n in free], dtype=np.int64)).tolist()
        reached = sum(weight * score for weight, score in zip(weights, own, strict=True))
        found, proven = best_list(pool, self.counts, start.total, weights, (reached, total))
        listed = list(filled)
        for n, place in zip(free, found or (), strict=False):
            listed[n] = rows[kept[place]]
        return listed, proven

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
