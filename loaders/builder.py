"""CatalogBuilder: the steps that every loader of files ends with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graph_schema.catalog import Catalog
from graph_schema.vectors import GivenVectors
from loaders.catalog_notes import catalog_notes
from loaders.report import FileReport, LoadReport, LoadResult
from loaders.tabular import FileTable
from loaders.vectors import FileVectors


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

    def add(
        self, frame: str, table: Any, source: str | Path, rows: np.ndarray | None = None
    ) -> None:
        """Add the frame ``frame``, which was read from ``source``."""
        self.tables[frame] = table
        self.sources[frame] = str(source)
        if rows is not None:
            self.rows[frame] = rows

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
        catalog = Catalog.from_frames(
            **self.tables, vectors=self.vectors, sources=self.sources, rows=self.rows
        )
        catalog.validate().raise_if_any()
        self.report.notes.extend(catalog.notes)
        self.report.notes.extend(catalog_notes(catalog))
        read = {file.file for file in self.report.files}
        for frame, count in catalog.dropped.items():
            name = Path(self.sources[frame]).name
            if name in read:
                self.report.file(name).drop("exact repeat of an earlier row", count)
            else:  # the frame was read from several files
                self.report.notes.append(f"{count:,} exact repeats of {frame} were dropped.")
        return LoadResult(catalog, self.report)
