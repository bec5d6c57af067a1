"""Filling: one list, whose places without a pin are filled one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kgrec.rules.limits import Pin, ScoresOf
from kgrec.rules.list_counts import Places


class Filling:
    """A list that is being filled.

    Items are taken in the order of ``best``; those that caps leave out are ``skipped``, and looked
    at again where the limit of a cap is over. ``total`` are the counts of the list (see
    ``ListCounts``), ``live`` its bits that still count, ``over`` those that tell that a cap is
    broken. ``beyond`` finds the best item of some floors that caps allow at a place and that is
    not in ``best``, -1 for none; without it a floor that finds none ends the list.
    """

    def __init__(
        self,
        placement: Places,
        best: Sequence[int],
        scores: ScoresOf,
        beyond: Callable[[Sequence[int], int], int] | None = None,
    ) -> None:
        self.beyond = beyond
        self.placement, self.counts, self.best = placement, placement.counts, list(best)
        self.adds = self.counts.adds
        self.total, self.over, self.live = self.counts.start, self.counts.over, -1
        self.at = 0
        self.found: list[int] = []
        self.skipped: list[int] = []
        self.again = False
        self.lacks_floor = False
        self.next_end = placement.first_end
        self.pins: dict[int, int] = {}
        for pin in placement.pins:
            row = pin.best(scores)
            if row >= 0 and not self._may_pin(row, pin.rank):
                row = self._other(pin, scores)
            if row >= 0:
                self.pins[pin.rank] = row
                self.total += self.adds[row] & self.counts.live(pin.rank)
        self.taken = set(self.pins.values())

    def run(self, k: int, *, whole: bool) -> list[int]:
        """The list of ``k``; shorter where ``best`` has too few items."""
        placement, last = self.placement, min(k, self.placement.first_end - 1)
        self._fill(min(last, placement.critical - 1))
        if self._unmet == 0:
            self._fill(last)
        for place in range(len(self.found) + 1, k + 1):
            row = self.pins.get(place, -1)
            if row < 0:
                row = self._next(place, whole=whole)
                if row < 0:
                    break
            self.found.append(row)
        return self.found

    def start_with(self, rows: Sequence[int]) -> None:
        """Begin with these item rows, among them those of the pins at their ranks."""
        for row in rows:
            self.found.append(row)
            if row not in self.taken:
                self.taken.add(row)
                self.total += self.adds[row]

    def with_moved_pins(self, k: int) -> list[int]:
        """The list with pins of later ranks: no item is left for a place before, so they move up,
        where caps allow it."""
        for rank in sorted(self.pins):
            row, place = self.pins[rank], len(self.found) + 1
            if place > k or row in self.found:
                continue
            added = self.adds[row] & self.counts.live(place) & ~self.counts.live(rank)
            if not (self.total + added) & self.over:
                self.total += added
                self.found.append(row)
        return self.found

    @property
    def _unmet(self) -> int:
        return ~self.total & self.counts.met

    def _fill(self, last: int) -> None:
        """Fill the places up to ``last``, as far as ``best`` has items, where every place has
        simply the best item that caps allow."""
        best, adds, over, total = self.best, self.adds, self.over, self.total
        pins, taken, at, end = self.pins, self.taken, self.at, len(self.best)
        take, skip, place = self.found.append, self.skipped.append, len(self.found)
        while place < last:
            if place + 1 in pins:
                place += 1
                take(pins[place])
                continue
            if at == end:
                break
            row = best[at]
            at += 1
            if row in taken:
                continue
            more = total + adds[row]
            if more & over:
                skip(row)
                continue
            total = more
            place += 1
            take(row)
        self.at, self.total = at, total

    def _next(self, place: int, *, whole: bool) -> int:
        """The item row for this place, -1 where there is none."""
        if self.next_end <= place:  # also where the place of the end itself has a pin
            self.next_end = self._end_after(place)
            self.again = True
        self.live = self.counts.live(place)
        self.over = self.counts.over & self.live
        row = -1
        if self._unmet and place >= self.placement.critical:
            due = self._due(place)
            row = self._of_floors(due) if due else -1
            if due and row < 0 and not whole:
                if self.beyond is None:
                    self.lacks_floor = True
                    return -1
                row = self.beyond(due, place)
                self.taken.add(row)
        if row < 0 and self.again:
            row = self._of_skipped()
        if row < 0:
            row = self._of_best()
        if row >= 0:
            self.total += self.adds[row] & self.live
        return row

    def _end_after(self, place: int) -> int:
        ends = (cap.of + 1 for cap in self.placement.caps)
        return min((end for end in ends if end > place), default=2**31)

    def _may_pin(self, row: int, rank: int) -> bool:
        if row in self.pins.values():
            return False
        return not (self.total + (self.adds[row] & self.counts.live(rank))) & self.over

    def _other(self, pin: Pin, scores: ScoresOf) -> int:
        """The best item of a pin but those that have another rank or that caps leave out; -1 for
        none."""
        values = scores(pin.items)
        for at in np.argsort(-values, kind="stable").tolist():
            row = int(pin.items[at])
            if values[at] > -np.inf and self._may_pin(row, pin.rank):
                return row
        return -1

    def _allows(self, row: int) -> bool:
        """Whether caps allow an item at the present place."""
        return not (self.total + (self.adds[row] & self.live)) & self.over

    def _of_best(self) -> int:
        for at in range(self.at, len(self.best)):
            row = self.best[at]
            if row in self.taken:
                continue
            if self._allows(row):
                self.at = at + 1
                return row
            self.skipped.append(row)
        self.at = len(self.best)
        return -1

    def _of_skipped(self) -> int:
        for at, row in enumerate(self.skipped):
            if self._allows(row):
                return self.skipped.pop(at)
        self.again = False
        return -1

    def _of_floors(self, due: Sequence[int]) -> int:
        """The best item left of some floors, -1 for none."""
        wanted = sum(1 << self.counts.shifts[number] for number in due)
        for row in self.skipped:
            if self.adds[row] & wanted and self._allows(row):
                self.skipped.remove(row)
                self.taken.add(row)
                return row
        for at in range(self.at, len(self.best)):
            row = self.best[at]
            if row not in self.taken and self.adds[row] & wanted and self._allows(row):
                self.taken.add(row)
                return row
        return -1

    def _due(self, place: int) -> list[int]:
        """The floors of which this place must have an item, so that all can still be met."""
        floors = self.placement.floors
        needs = [self.counts.need(self.total, number) for number in range(len(floors))]
        unmet = [n for n, need in enumerate(needs) if need > 0 and place <= floors[n].of]
        for end in sorted({floors[n].of for n in unmet}):
            due = [n for n in unmet if floors[n].of <= end]
            free = end - place + 1 - sum(place <= rank <= end for rank in self.pins)
            if sum(needs[n] for n in due) >= free:
                return due
        return []
