"""A folder of Parquet tables, read part by part: for graphs that don't fit into memory.

The rules are those of a whole load (``loaders.csv_folder``): every part of the interactions and
facts is cleaned, converted and checked as a whole table is. What needs all rows at once is left to
the caller: whether the ends of edges exist, and facts that repeat a fact of another part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.build import edge_rows, integer_labels
from graph_schema.catalog import Catalog
from graph_schema.disk.parquet_limits import check_parquet, read_parquet_table
from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.files import MANIFEST
from graph_schema.names import FRAMES
from loaders.builder import CatalogBuilder
from loaders.catalog_folder import catalog_files
from loaders.csv_folder import FolderReader, finish_export
from loaders.graph_formats.beside import find_facts
from loaders.report import FileReport, LoadReport, Progress
from loaders.tables.file_table import FileTable
from loaders.tables.parquet_tables import as_text, parts_of
from loaders.tables.tabular import CsvForm
from loaders.vectors import read_vectors

EDGES: Final = ("interactions", "facts")
BATCH: Final = 1_000_000  # rows of a part


@dataclass(frozen=True, eq=False)
class FolderParts:
    """A folder whose interactions (and facts, if any) are Parquet files.

    Attributes
    ----------
    folder : Path
        The folder, of the CSV layout or of ``Catalog.to_parquet``.
    files : dict of str to Path
        The file of each frame, or its folder of parts.
    cleaned : bool
        Whether rows are cleaned as those of other programs are; a catalog's own are not.
    report : LoadReport
        Filled while the parts are read.
    progress : callable or None
        Called with (file name, rows read, rows in all).
    """

    folder: Path
    files: dict[str, Path]
    cleaned: bool = True
    report: LoadReport = field(default_factory=LoadReport)
    progress: Progress | None = None

    @staticmethod
    def find(folder: str | Path, progress: Progress | None = None) -> FolderParts | None:
        """The parts of a folder; None for one that is read as a whole: without Parquet
        interactions, or with facts in any other form."""
        place = given_path(folder, "folder")
        if not place.is_dir():
            return None
        if (place / MANIFEST).exists():
            return FolderParts(place, catalog_files(place), cleaned=False, progress=progress)
        finish_export(place)
        if find_facts(place) is not None:
            return None
        parts = FolderParts(place, {}, progress=progress)
        parts.files.update(parts._reader.files(parts.report, None))
        edges = [parts.files[name] for name in EDGES if name in parts.files]
        return parts if all(_is_parquet(path) for path in edges) else None

    @cached_property
    def _reader(self) -> FolderReader:
        return FolderReader(self.folder, CsvForm(",", "utf-8"), True, None, "en", None)

    @property
    def given(self) -> frozenset[str]:
        """The names of the frames that have a file with rows."""
        return frozenset(self.files)

    def source(self, frame: str) -> str:
        """The file of a frame, for messages."""
        return str(self.files.get(frame, f"{frame} frame"))

    def edges(self, frame: str) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """The valid rows of "interactions" or "facts", about a million at a time, and their rows in
        the file, int64 ``[n]``.

        Raises
        ------
        CatalogError
            For the first part with a row that breaks the schema.
        SourceError
            For a file that can't be read.
        """
        if frame not in self.files:
            return
        path, start = self.files[frame], 0
        file = self.report.file(path.name)
        for table in _batches(path):
            rows = np.arange(start, start + table.num_rows, dtype=np.int64) + 1
            start += table.num_rows
            file.read += table.num_rows
            part = FileTable(table, rows, typed=True)
            if self.cleaned:
                part = self._cleaned(frame, path, part, file)
            kept, rows, dropped = edge_rows(frame, part.table, str(path), part.rows)
            self.repeated(frame, dropped)
            if self.progress is not None:
                self.progress(path.name, start, start)
            yield kept, rows

    def repeated(self, frame: str, count: int) -> None:
        """Count rows that were dropped, since they repeat earlier ones."""
        self.report.file(self.files[frame].name).drop("exact repeat of an earlier row", count)

    def _cleaned(self, frame: str, path: Path, part: FileTable, file: FileReport) -> FileTable:
        """A part, cleaned; a note that an earlier part gave is not given again."""
        fresh = FileReport(file.file)
        part = self._reader.cleaned(frame, path, part, fresh)
        for reason, count in fresh.dropped.items():
            file.drop(reason, count)
        known = {note.partition("(")[0] for note in file.notes}
        file.notes += [note for note in fresh.notes if note.partition("(")[0] not in known]
        return part

    def nodes(self) -> Catalog:
        """All frames but interactions and facts, not yet checked as a whole. Raises CatalogError,
        SourceError."""
        builder = CatalogBuilder()
        builder.report = self.report
        for name, path in self.files.items():
            if name in EDGES:
                continue
            if self.cleaned:
                self._reader.add(builder, name, path)
            else:
                builder.add(name, read_parquet_table(path), path)
                self.report.file(path.name).read = builder.tables[name].num_rows
        builder.add_vectors(read_vectors(self.folder, self.report))
        catalog = Catalog.from_frames(
            **builder.tables, vectors=builder.vectors, sources=builder.sources, rows=builder.rows
        )
        for frame, count in catalog.dropped.items():
            self.repeated(frame, count)
        return replace(catalog, integer_ids=self._integer_labels(builder.tables))

    def _integer_labels(self, tables: dict[str, Any]) -> frozenset[str]:
        given: dict[str, Any] = dict.fromkeys(FRAMES) | tables
        if "interactions" in self.files:
            first = parts_of(self.files["interactions"])[0]
            given["interactions"] = pq.read_schema(first).empty_table()
        return integer_labels(given)


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(".parquet")


def _batches(path: Path) -> Iterator[pa.Table]:
    """The rows of a Parquet file, or of a folder of them, all with the columns of the first."""
    columns: list[str] | None = None
    for one in parts_of(path):
        try:
            with pq.ParquetFile(one) as file:
                check_parquet(file.metadata, one, one.stat().st_size)
                names = file.schema_arrow.names
                _check_names(one, names, columns)
                columns = columns or names
                for batch in file.iter_batches(BATCH, columns=columns):
                    table = pa.Table.from_batches([batch]).select(columns)
                    yield as_text(table.replace_schema_metadata(None), one)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"{one}: the Parquet file is damaged ({error}). Cure: write it again."
            ) from error


def _check_names(path: Path, names: list[str], expected: list[str] | None) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{path}: the column {twice!r} is there twice. Cure: rename one.")
    if expected is not None and set(names) != set(expected):
        raise SourceError(
            f"{path.parent}: its files have different columns ({', '.join(names)} in {path.name}). "
            "Cure: write them again as one."
        )
