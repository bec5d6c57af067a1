"""Section: a heading, sentences and tables, of which every form of a card is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of a card; ``tables`` have their head as the first row."""

    heading: str
    sentences: tuple[str, ...] = ()
    tables: tuple[tuple[Row, ...], ...] = ()


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[tuple[Row, ...], ...]:
    """A table as a section takes it; nothing without rows."""
    if not rows:
        return ()
    return ((tuple(head), *(tuple(map(str, row)) for row in rows)),)


def share(part: float, whole: float) -> float:
    """A share of 0 to 1; 0 of nothing."""
    return part / whole if whole else 0.0
