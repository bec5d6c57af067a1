"""CatalogBuilder: the steps that every loader of files ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.report import Problem, ValidationReport, shown
from graph_schema.vectors import GivenVectors
from loaders.catalog_notes import catalog_notes
from loaders.report import FileReport, LoadReport, LoadResult
from loaders.tables.tabular import FileTable
from loaders.vectors import FileVectors


@dataclass(frozen=True)
class FramePart:
    """The rows of a frame that are from one file: the file, its name in the report, and the row
    number of each record there (int64 ``[n]``)."""

    path: str
    name: str
    rows: np.ndarray


class CatalogBuilder:
    """Collects frames and where they come from, then builds a valid catalog and its report.

    ``tables`` maps a frame's name to its Arrow table or DataFrame, ``sources`` to the file it was
    read from and ``rows`` to the row number of each record there (int64 ``[n]``). Error messages
    name the source and the row.
    """

    def __init__(self) -> None:
        self.report = LoadReport()
        self.tables: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.rows: dict[str, np.ndarray] = {}
        self.vectors: Mapping[str, GivenVectors] = {}
        self._parts: dict[str, list[FramePart]] = {}

    def add(
        self, frame: str, table: Any, source: str | Path, rows: np.ndarray | None = None
    ) -> None:
        """Add the frame ``frame``, which was read from ``source``."""
        self.tables[frame] = table
        self.sources[frame] = str(source)
        if rows is not None:
            self.rows[frame] = rows

    def add_parts(self, frame: str, table: Any, parts: Sequence[FramePart]) -> None:
        """Add the frame ``frame``, whose rows are those of ``parts``, one after another."""
        self._parts[frame] = list(parts)
        paths = list(dict.fromkeys(part.path for part in parts))
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        self.add(frame, table, paths[0] + more)

    def add_interacted(self, frame: str, column: str) -> None:
        """Add the users or items that have interactions and no row of their own, where a table of
        them is there; its file has a note."""
        table, events = self.tables.get(frame), self.tables["interactions"]
        if table is None or not {column} <= {*table.column_names} & {*events.column_names}:
            return
        known = set(table.column(column).to_pylist())
        bare = sorted(set(events.column(column).to_pylist()) - known - {""})
        if not bare:
            return
        columns = {
            name: pa.array(bare) if name == column else pa.nulls(len(bare), field.type)
            for name, field in zip(table.column_names, table.schema, strict=True)
        }
        source = self.sources[frame]
        rows = np.concatenate([self.rows[frame], np.zeros(len(bare), dtype=np.int64)])
        self.add(frame, pa.concat_tables([table, pa.table(columns, table.schema)]), source, rows)
        self.report.file(Path(source).name).notes.append(
            f"{len(bare):,} {frame} of the interactions have no row here, such as "
            f"{shown(bare[0])}; they were added without attributes."
        )

    def add_vectors(self, vectors: FileVectors) -> None:
        """Add vectors of items that were read from files."""
        self.vectors = vectors.given
        self.sources.update(vectors.sources)
        self.rows.update(vectors.rows)

    def report_file(self, path: Path, part: FileTable) -> FileReport:
        """Report the rows of a file that was read; blank rows count as dropped."""
        file = self.report.file(path.name)
        file.read = part.table.num_rows + part.blank
        file.drop("blank row", part.blank)
        file.notes += part.notes
        return file

    def build(self) -> LoadResult:
        """Build and validate the catalog. Raises CatalogError with every problem."""
        try:
            catalog = Catalog.from_frames(
                **self.tables, vectors=self.vectors, sources=self.sources, rows=self.rows
            )
            catalog.validate().raise_if_any()
        except CatalogError as error:
            if isinstance(error.report, ValidationReport) and self._parts:
                ValidationReport(tuple(map(self._placed, error.report.problems))).raise_if_any()
            raise
        for frame, count in catalog.dropped.items():
            self._report_repeats(frame, count, catalog)
        catalog = self._with_rows(catalog)
        self.report.notes.extend(catalog.notes)
        self.report.notes.extend(catalog_notes(catalog))
        return LoadResult(catalog, self.report)

    def _with_rows(self, catalog: Catalog) -> Catalog:
        """The catalog with the rows of the files where frames have parts, not of the frames."""
        rows = dict(catalog.rows)
        for frame, parts in self._parts.items():
            numbers = np.concatenate([part.rows for part in parts])
            rows[frame] = numbers[rows[frame]] if frame in rows else numbers
        return replace(catalog, rows=rows)

    def _placed(self, problem: Problem) -> Problem:
        """A problem of a frame of several parts, with the file of its row and the row there."""
        if problem.frame not in self._parts or problem.row is None:
            return problem
        part, place = self._part_of(problem.frame, problem.row)
        return replace(problem, source=part.path, row=int(part.rows[place]))

    def _part_of(self, frame: str, position: int) -> tuple[FramePart, int]:
        """The part that a row of a frame is from, and its position there."""
        parts = self._parts[frame]
        ends = np.cumsum([len(part.rows) for part in parts])
        number = int(np.searchsorted(ends, position, side="right"))
        start = int(ends[number]) - len(parts[number].rows)
        return parts[number], position - start

    def _report_repeats(self, frame: str, count: int, catalog: Catalog) -> None:
        """Count the rows of a frame that repeat earlier ones as dropped rows of their files."""
        reason = "exact repeat of an earlier row"
        if frame not in self._parts:
            name = Path(self.sources[frame]).name
            if name in {file.file for file in self.report.files}:
                self.report.file(name).drop(reason, count)
            else:  # the frame was read from several files
                self.report.notes.append(f"{count:,} exact repeats of {frame} were dropped.")
            return
        end = 0
        for part in self._parts[frame]:
            start, end = end, end + len(part.rows)
            kept = catalog.rows[frame]
            rows = part.rows[kept[(kept >= start) & (kept < end)] - start]
            # A row of the file may have given several rows of the frame.
            gone = len(np.setdiff1d(part.rows, rows))
            if gone:
                self.report.file(part.name).drop(reason, gone)
