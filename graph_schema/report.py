"""Problems of a catalog, collected all at once so that one run shows everything to repair."""

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
    """One thing to repair.

    ``row`` is the record's number in ``source`` as a spreadsheet shows it (the header is row 1; a
    file without a header starts at 1), or the position counted from 0 where the source is a frame.
    ``found`` is how many rows have this kind of problem, of which at most MAX_LISTED are listed.
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
    """Every problem of a catalog; empty for a valid one."""

    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def total(self) -> int:
        """Rows with a problem, the ones that aren't listed included."""
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
        """Raise CatalogError with the whole report as its message, unless all is well."""
        if not self.ok:
            raise CatalogError(str(self), self)


def shown(value: object) -> str:
    """A value as a message shows it: quoted, escaped and cut."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")


class Collector:
    """Gathers problems and knows where each row of each frame came from."""

    def __init__(self, sources: Mapping[str, str], rows: Mapping[str, np.ndarray]) -> None:
        self.sources = sources
        self.rows = rows
        self.problems: list[Problem] = []

    def source(self, frame: str) -> str:
        return self.sources.get(frame, f"{frame} frame")

    def row(self, frame: str, position: int) -> int:
        numbers = self.rows.get(frame)
        return int(position if numbers is None else numbers[position])

    def add(self, frame: str, column: str | None, message: str, cure: str) -> None:
        """A problem of a whole frame or column."""
        self.problems.append(Problem(frame, self.source(frame), None, column, message, cure))

    def add_rows(
        self,
        frame: str,
        column: str | None,
        positions: Sequence[int] | np.ndarray,
        message: Callable[[int], str],
        cure: str,
    ) -> None:
        """The same problem in several rows, given by their positions in the frame."""
        for position in positions[:MAX_LISTED]:
            self.problems.append(
                Problem(
                    frame,
                    self.source(frame),
                    self.row(frame, int(position)),
                    column,
                    message(int(position)),
                    cure,
                    len(positions),
                )
            )

    def report(self) -> ValidationReport:
        return ValidationReport(tuple(self.problems))
