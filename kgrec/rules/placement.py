"""Placement: the best list under pins, caps and floors, place by place.

Each place has the best item left that the rules allow there, so the list of 5 is the start of the
list of 10. For one cap by an attribute with one value an item, and for one floor, no other list
has a higher sum of score × discount (the lists form a matroid: Edmonds 1971, "Matroids and the
greedy algorithm"); for several at once this is a heuristic, which ``python -m benchmarks.rules``
compares with the optimum of a linear programme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np

from kgrec.arrays import Csr, row_numbers
from kgrec.graph.snapshot import Ints

ScoresOf: TypeAlias = Callable[[Ints], np.ndarray]

_DEEPER = 8  # times as many items where a list can't be filled
_SPARE = 16  # items beyond the list that are looked at first


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


@dataclass(frozen=True, eq=False)
class Placement:
    """The pins (by rank), caps and floors of lists."""

    pins: tuple[Pin, ...] = ()
    caps: tuple[Cap, ...] = ()
    floors: tuple[Floor, ...] = ()
    _kinds: dict[int, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @property
    def any(self) -> bool:
        """Whether there is something to place."""
        return bool(self.pins or self.caps or self.floors)

    def depth(self, k: int, n_items: int) -> int:
        """How many of the best items are looked at first for a list of ``k``."""
        return min(n_items, 8 * k + _SPARE + len(self.pins))

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
        filling = _Filling(self, best, scores)
        filling.fill(min(k, self.first_choice - 1))
        pins, found = filling.pins, filling.found
        for place in range(len(found) + 1, k + 1):
            row = pins.get(place, -1)
            if row < 0:
                row = filling.next(place, whole=whole)
                if row < 0:
                    break
            found.append(row)
        if len(found) == k:
            return found
        if whole:
            return filling.with_moved_pins(k)
        if full is not None and not filling.lacks_floor:
            full |= {kind for kind in filling.full if self.of[kind] >= k}
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

    def kinds(self, row: int) -> tuple[int, ...]:
        """The numbers of an item's groups among those of all caps."""
        known = self._kinds.get(row)
        if known is None:
            known = self._kinds[row] = tuple(self._groups(row))
        return known

    def _groups(self, row: int) -> Iterator[int]:
        for cap, start in zip(self.caps, self._starts, strict=True):
            indptr, groups = cap.groups
            for group in groups[indptr[row] : indptr[row + 1]].tolist():
                yield start + group

    @cached_property
    def _sizes(self) -> list[int]:
        return [int(cap.groups[1].max(initial=-1)) + 1 for cap in self.caps]

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each cap's first group."""
        return [sum(self._sizes[:n]) for n in range(len(self.caps))]

    @cached_property
    def most(self) -> list[int]:
        """What the cap of each group allows."""
        pairs = zip(self.caps, self._sizes, strict=True)
        return [cap.most for cap, size in pairs for _ in range(size)]

    @cached_property
    def forbidden(self) -> frozenset[int]:
        """The groups of which a list has none."""
        return frozenset(kind for kind, most in enumerate(self.most) if most <= 0)

    @cached_property
    def of(self) -> list[int]:
        """The last place that counts for the cap of each group."""
        pairs = zip(self.caps, self._sizes, strict=True)
        return [cap.of for cap, size in pairs for _ in range(size)]

    @cached_property
    def ends(self) -> frozenset[int]:
        """The places at which the limit of a cap is over."""
        return frozenset(cap.of + 1 for cap in self.caps)

    @cached_property
    def first_end(self) -> int:
        """The first place at which the limit of a cap is over."""
        return min(self.ends, default=2**31)

    @cached_property
    def inside(self) -> list[bytes]:
        """Of each floor whether an item row is inside, a byte each: quick to look up."""
        return [floor.inside.tobytes() for floor in self.floors]

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
    def first_choice(self) -> int:
        """The first place that has not simply the best item that caps allow."""
        return max(1, min(self.critical, self.first_end))


class _Filling:
    """One list, whose places without a pin are filled one after the other.

    Items are taken in the order of ``best``; those that caps leave out are ``skipped``, and looked
    at again where the limit of a cap is over. ``full`` are the groups that may have no more.
    """

    def __init__(self, placement: Placement, best: Sequence[int], scores: ScoresOf) -> None:
        self.placement = placement
        self.best = best
        self.at = 0
        self.found: list[int] = []
        self.skipped: list[int] = []
        self.again = False
        self.lacks_floor = False
        self.next_end = placement.first_end
        self.counts: dict[int, int] = {}
        self.full = set(placement.forbidden)
        self.needs = [floor.least for floor in placement.floors]
        self.unmet = len(self.needs)
        self.pins: dict[int, int] = {}
        for pin in placement.pins:
            row = pin.best(scores)
            if row >= 0 and not self._may_pin(row, pin.rank):
                row = self._other(pin, scores)
            if row >= 0:
                self._add_pin(row, pin.rank)
        self.taken = set(self.pins.values())

    def fill(self, last: int) -> None:
        """Fill the places up to ``last``, before any that a floor decides or where a cap ends, as
        far as ``best`` has items: ``next`` in one loop."""
        best, known, full = self.best, self.placement._kinds, self.full
        counts, most = self.counts, self.placement.most
        pins, found, end, at = self.pins, self.found, len(self.best), self.at
        while len(found) < last:
            row = pins.get(len(found) + 1, -1)
            if row < 0:
                if at == end:
                    break
                row, at = best[at], at + 1
                if row in self.taken:
                    continue
                kinds = known.get(row)
                if kinds is None:
                    kinds = self.placement.kinds(row)
                if not full.isdisjoint(kinds):
                    self.skipped.append(row)
                    continue
                for kind in kinds:  # as ``_count``, without a call
                    counts[kind] = count = counts.get(kind, 0) + 1
                    if count >= most[kind]:
                        full.add(kind)
                if self.unmet:
                    self._meet(row, len(found) + 1)
            found.append(row)
        self.at = at

    def next(self, place: int, *, whole: bool) -> int:
        """The item row for this place, -1 where there is none."""
        if self.next_end <= place:  # also where the place of the end itself has a pin
            self.next_end = min((end for end in self.placement.ends if end > place), default=2**31)
            self.again, of = True, self.placement.of
            self.full = {kind for kind in self.full if place <= of[kind]}
        row = -1
        if self.unmet and place >= self.placement.critical:
            due = self._due(place)
            row = self._of_floors(due) if due else -1
            if due and row < 0 and not whole:
                self.lacks_floor = True
                return -1
        if row < 0 and self.again:
            row = self._of_skipped()
        if row < 0:
            row = self._of_best()
        if row >= 0:
            self._add(row, self.placement.kinds(row), place)
        return row

    def with_moved_pins(self, k: int) -> list[int]:
        """The list with pins of later ranks: no item is left for a place before, so they move up,
        where caps allow it."""
        for rank in sorted(self.pins):
            row, place = self.pins[rank], len(self.found) + 1
            if place > k or row in self.found:
                continue
            kinds = [k for k in self.placement.kinds(row) if place <= self.placement.of[k] < rank]
            if self.full.isdisjoint(kinds):
                self._count(kinds)
                self.found.append(row)
        return self.found

    def _may_pin(self, row: int, rank: int) -> bool:
        if row in self.pins.values():
            return False
        return not self.full or self.full.isdisjoint(self._kinds_at(row, rank))

    def _kinds_at(self, row: int, place: int) -> list[int]:
        """The groups of an item whose caps count at a place."""
        of = self.placement.of
        return [kind for kind in self.placement.kinds(row) if place <= of[kind]]

    def _other(self, pin: Pin, scores: ScoresOf) -> int:
        """The best item of a pin but those that have another rank or that caps leave out; -1 for
        none."""
        values = scores(pin.items)
        for at in np.argsort(-values, kind="stable").tolist():
            row = int(pin.items[at])
            if values[at] > -np.inf and self._may_pin(row, pin.rank):
                return row
        return -1

    def _add_pin(self, row: int, rank: int) -> None:
        self.pins[rank] = row
        self._count(self._kinds_at(row, rank))
        if self.unmet:
            self._meet(row, rank)

    def _add(self, row: int, kinds: Sequence[int], place: int) -> None:
        if place >= self.placement.first_end:
            kinds = self._kinds_at(row, place)
        self._count(kinds)
        if self.unmet:
            self._meet(row, place)

    def _count(self, kinds: Sequence[int]) -> None:
        counts, most = self.counts, self.placement.most
        for kind in kinds:
            count = counts.get(kind, 0) + 1
            counts[kind] = count
            if count >= most[kind]:
                self.full.add(kind)

    def _meet(self, row: int, place: int) -> None:
        for number, inside in enumerate(self.placement.inside):
            if inside[row] and place <= self.placement.floors[number].of:
                self.needs[number] -= 1
                self.unmet -= self.needs[number] == 0

    def _of_best(self) -> int:
        best, kinds, full = self.best, self.placement.kinds, self.full
        for at in range(self.at, len(best)):
            row = best[at]
            if row in self.taken:
                continue
            if full.isdisjoint(kinds(row)):
                self.at = at + 1
                return row
            self.skipped.append(row)
        self.at = len(best)
        return -1

    def _of_skipped(self) -> int:
        for at, row in enumerate(self.skipped):
            if self.full.isdisjoint(self.placement.kinds(row)):
                return self.skipped.pop(at)
        self.again = False
        return -1

    def _of_floors(self, due: Sequence[int]) -> int:
        """The best item left of some floors, -1 for none."""
        inside = [self.placement.inside[number] for number in due]
        left = [*self.skipped, *(row for row in self.best[self.at :] if row not in self.taken)]
        for row in left:
            free = self.full.isdisjoint(self.placement.kinds(row))
            if free and any(one[row] for one in inside):
                if row in self.skipped:
                    self.skipped.remove(row)
                self.taken.add(row)
                return row
        return -1

    def _due(self, place: int) -> list[int]:
        """The floors of which this place must have an item, so that all can still be met."""
        floors = self.placement.floors
        unmet = [n for n, need in enumerate(self.needs) if need > 0 and place <= floors[n].of]
        for end in sorted({floors[n].of for n in unmet}):
            due = [n for n in unmet if floors[n].of <= end]
            free = end - place + 1 - sum(place <= rank <= end for rank in self.pins)
            if sum(self.needs[n] for n in due) >= free:
                return due
        return []
