"""Problems of a catalog. All are collected, so that one run shows everything to repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from graph_schema.errors import CatalogError

MAX_LISTED: Final = 5  # rows listed per kind of problem; the rest are counted
MAX_SHOWN: Final = 80  # characters of a value shown in a message


@dataclass(frozen=True)
class Problem:
    """One problem of a catalog, and how to repair it.

    Attributes
    ----------
    frame : str
        The frame that has the problem, such as "items".
    source : str
        The file the frame was read from, or "NAME frame".
    row : int or None
        The row number in the file as a spreadsheet shows it: the header is row 1, and a file
        without a header starts at 1. For a frame, the position counted from 0. None for a problem
        of the whole frame or column.
    column : str or None
        The column, if the problem is in one column.
    message : str
        What is wrong.
    cure : str
        How to repair it.
    found : int
        The number of rows with the same problem. At most MAX_LISTED of them are listed.
    """

    frame: str
    source: str
    row: int | None
    column: str | None
    message: str
    cure: str
    found: int = 1

    def __str__(self) -> str:
        place = self.source
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.message} Cure: {self.cure}"


@dataclass(frozen=True)
class ValidationReport:
    """Every problem of a catalog; ``problems`` is empty for a valid one."""

    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def total(self) -> int:
        """The number of problems, including the rows that aren't listed."""
        kinds = {(p.frame, p.column, p.cure): p.found for p in self.problems}
        return sum(kinds.values())

    def __str__(self) -> str:
        if self.ok:
            return "No problems."
        lines: list[str] = []
        for position, problem in enumerate(self.problems):
            lines.append(f"- {problem}")
            if self._last_of_kind(position) and problem.found > MAX_LISTED:
                lines.append(f"  … and {problem.found - MAX_LISTED:,} more rows like this")
        noun = "problem" if self.total == 1 else "problems"
        return f"{self.total:,} {noun} in the catalog:\n" + "\n".join(lines)

    def _last_of_kind(self, position: int) -> bool:
        if position + 1 == len(self.problems):
            return True
        this, following = self.problems[position], self.problems[position + 1]
        return (this.frame, this.column, this.cure) != (
            following.frame,
            following.column,
            following.cure,
        )

    def raise_if_any(self) -> None:
        """Raise CatalogError, with this report as its message, if there is a problem."""
        if not self.ok:
            raise CatalogError(str(self), self)


def shown(value: object) -> str:
    """Return a value as messages show it: quoted, escaped, and cut to MAX_SHOWN characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")


class ProblemCollector:
    """Collects problems, with the file and row number of each.

    ``sources`` maps a frame's name to its file, ``rows`` to the row number of each record in that
    file (int64 ``[n]``). ``notes`` are sentences about what was left out without being a problem.
    """

    def __init__(self, sources: Mapping[str, str], rows: Mapping[str, np.ndarray]) -> None:
        self.sources = sources
        self.rows = rows
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def source(self, frame: str) -> str:
        """Return the file of a frame, or "NAME frame"."""
        return self.sources.get(frame, f"{frame} frame")

    def row(self, frame: str, position: int) -> int:
        """Return the row number in the file of a position in the frame."""
        numbers = self.rows.get(frame)
        return int(position if numbers is None else numbers[position])

    def add(self, frame: str, column: str | None, message: str, cure: str) -> None:
        """Add a problem of a whole frame or column."""
        self.problems.append(Problem(frame, self.source(frame), None, column, message, cure))

    def add_rows(
        self,
        frame: str,
        column: str | None,
        positions: Sequence[int] | np.ndarray,
        message: str | Callable[[int], str],
        cure: str,
        found: int | None = None,
    ) -> None:
        """Add the same problem for several rows.

        ``positions`` (int64) are the rows in the frame, counted from 0; ``message`` is a text, or a
        function that makes the text of a position. ``found``: how many rows have the problem, where
        ``positions`` are only the first of them.
        """
        for position in map(int, positions[:MAX_LISTED]):
            row = self.row(frame, position)
            text = message if isinstance(message, str) else message(position)
            self.problems.append(
                Problem(frame, self.source(frame), row, column, text, cure, found or len(positions))
            )

    def report(self) -> ValidationReport:
        """Return the problems collected so far."""
        return ValidationReport(tuple(self.problems))
