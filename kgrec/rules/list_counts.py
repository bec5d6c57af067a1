"""ListCounts: how many items of each group a list has, as one whole number.

Every group of a cap, and every floor, has some bits of the number. A cap's begin so that one item
too many sets the highest of them, a floor's so that the last item needed does: one addition counts
an item in all of its groups, and one comparison tells whether all caps allow it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

from kgrec.rules.limits import Cap, Floor, Pin

WORD: Final = 64  # no group has bits in two words of this size
_FLOOR_BITS: Final = 32
_HALF: Final[int] = 1 << (_FLOOR_BITS - 1)
_FLOOR: Final[int] = (1 << _FLOOR_BITS) - 1


@dataclass(frozen=True, eq=False)
class ListCounts:
    """The counts under caps and floors.

    Attributes
    ----------
    start : int
        The counts of an empty list.
    over : int
        The bits that are set where a cap is broken.
    met : int
        The bits that are set where a floor is met.
    ones : tuple of tuple of int
        Of each cap what an item of each group adds.
    shifts : tuple of int
        The lowest bit of each floor.
    """

    caps: tuple[Cap, ...]
    floors: tuple[Floor, ...]
    start: int
    over: int
    met: int
    ones: tuple[tuple[int, ...], ...]
    shifts: tuple[int, ...]
    _lives: dict[int, int] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(caps: Sequence[Cap], floors: Sequence[Floor]) -> ListCounts:
        """The layout of the bits."""
        at = start = over = met = 0
        ones = []
        for cap in caps:
            width, of_cap = cap.most.bit_length() + 1, []
            for _ in range(int(cap.groups[1].max(initial=-1)) + 1):
                at += -at % WORD if at % WORD + width > WORD else 0
                of_cap.append(1 << at)
                start += (2 ** (width - 1) - 1 - cap.most) << at
                over |= 1 << (at + width - 1)
                at += width
            ones.append(tuple(of_cap))
        at += -at % WORD
        shifts = tuple(at + n * _FLOOR_BITS for n in range(len(floors)))
        for shift, floor in zip(shifts, floors, strict=True):
            start += (_HALF - floor.least) << shift
            met |= _HALF << shift
        return ListCounts(tuple(caps), tuple(floors), start, over, met, tuple(ones), shifts)

    @cached_property
    def adds(self) -> dict[int, int]:
        """What an item row adds to the counts, computed at the first look."""
        return _Adds(self)

    def of_item(self, row: int) -> int:
        """What an item row adds."""
        total = 0
        for cap, ones in zip(self.caps, self.ones, strict=True):
            indptr, groups = cap.groups
            total += sum(ones[group] for group in groups[indptr[row] : indptr[row + 1]].tolist())
        for shift, floor in zip(self.shifts, self.floors, strict=True):
            total += int(floor.inside[row]) << shift
        return total

    @cached_property
    def bits(self) -> list[int]:
        """All bits of each cap."""
        widths = [2 ** (cap.most.bit_length() + 1) - 1 for cap in self.caps]
        return [sum(ones) * width for ones, width in zip(self.ones, widths, strict=True)]

    @cached_property
    def last_places(self) -> list[int]:
        """The places after which a cap or a floor counts no more, ascending."""
        return sorted({cap.of for cap in self.caps} | {floor.of for floor in self.floors})

    def live(self, place: int) -> int:
        """The bits that count at a place; -1 for all."""
        over = bisect_left(self.last_places, place)
        if over and over not in self._lives:
            self._lives[over] = self._live(place)
        return self._lives[over] if over else -1

    def _live(self, place: int) -> int:
        ended = 0
        for cap, bits in zip(self.caps, self.bits, strict=True):
            ended |= bits if cap.of < place else 0
        for shift, floor in zip(self.shifts, self.floors, strict=True):
            if floor.of < place:
                ended |= _FLOOR << shift
        return ~ended

    def need(self, total: int, floor: int) -> int:
        """How many items a floor still needs; 0 or less where it is met."""
        return _HALF - ((total >> self.shifts[floor]) & _FLOOR)


class Places(Protocol):
    """What sets the places of a list: see ``kgrec.rules.placement.Placement``."""

    @property
    def pins(self) -> tuple[Pin, ...]: ...

    @property
    def caps(self) -> tuple[Cap, ...]: ...

    @property
    def floors(self) -> tuple[Floor, ...]: ...

    @property
    def counts(self) -> ListCounts: ...

    @property
    def critical(self) -> int: ...

    @property
    def first_end(self) -> int: ...


class _Adds(dict[int, int]):
    def __init__(self, counts: ListCounts) -> None:
        super().__init__()
        self._of_item = counts.of_item

    def __missing__(self, row: int) -> int:
        found: int = self._of_item(row)
        self[row] = found
        return found
