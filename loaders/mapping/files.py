"""The files that a mapping names: found in the folder, and read once each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from graph_schema.errors import SourceError
from graph_schema.frames import FrameSpec
from loaders.mapping.model import FileMapping, Form, Join, TableMapping
from loaders.mapping.problems import Problems, nearest
from loaders.report import FileReport, Progress
from loaders.tables.cells import clean_table
from loaders.tables.packing import PACKINGS
from loaders.tables.tabular import (
    JSON,
    CsvForm,
    FileTable,
    kind_of,
    read_csv,
    read_header,
    read_table,
)

_ANY: Final = FrameSpec("", ())  # a table whose columns are not kgrec's
_TABS: Final = (".tsv", ".tab")
_PARQUET: Final = ".parquet"


@dataclass(frozen=True)
class Source:
    """A file of the folder, by its ``name`` there, and the form in which it is written."""

    path: Path
    name: str
    form: CsvForm


@dataclass(frozen=True)
class Block:
    """One table of the mapping, with its files: ``frame`` is kgrec's table, ``field`` the place in
    the mapping, ``joins`` the other files in the order of ``table.join``."""

    frame: str
    field: str
    table: TableMapping
    sources: tuple[Source, ...]
    joins: tuple[Source, ...]


def find_blocks(folder: Path, mapping: FileMapping, problems: Problems) -> list[Block]:
    """Every table of the mapping with its files. A file that is not there is a problem."""
    found = []
    for frame, tables in mapping.tables().items():
        for number, table in enumerate(tables, start=1):
            field = f"{frame} {number}" if len(tables) > 1 else frame
            sources = _sources(folder, table, mapping.files, f"{field}.file", problems)
            joins = [
                _sources(folder, join, mapping.files, f"{field}.join.file", problems)
                for join in table.join
            ]
            if sources and all(joins):
                firsts = tuple(one[0] for one in joins)
                found.append(Block(frame, field, table, tuple(sources), firsts))
    return found


def _sources(
    folder: Path, table: TableMapping | Join, default: Form, field: str, problems: Problems
) -> list[Source]:
    names = table.file if isinstance(table, TableMapping) else (table.file,)
    found: dict[Path, Source] = {}
    for pattern in names:
        paths = _matches(folder, pattern)
        if not paths:
            others = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
            problems.add(
                field, f"no file is called {pattern!r} in {folder}; {nearest(pattern, others)}."
            )
        for path in paths:
            name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
            form = table.csv_form(default, tabs=kind_of(path) in _TABS, names=table.names)
            found[path] = Source(path, name, form)
    return list(found.values())


def _matches(folder: Path, pattern: str) -> list[Path]:
    """The file of this name, else those that match the pattern; else the same packed, or unpacked
    where the name is that of a packed file."""
    packing = next((end for end in PACKINGS if pattern.endswith(end)), "")
    others = [pattern.removesuffix(packing)] if packing else [pattern + end for end in PACKINGS]
    for name in (pattern, *others):
        found = _files_called(folder, name)
        if found:
            return found
    return []


def _files_called(folder: Path, pattern: str) -> list[Path]:
    try:
        if (folder / pattern).exists():
            return [folder / pattern]
        return sorted(path for path in folder.glob(pattern) if path.name[0] != ".")
    except (ValueError, NotImplementedError, OSError, IndexError):
        return []


class Tables:
    """The tables of files. Each file is read once, and let go after its last use."""

    def __init__(self, blocks: list[Block], progress: Progress | None) -> None:
        self._progress = progress
        self._uses = Counter(one for block in blocks for one in (*block.sources, *block.joins))
        self._read: dict[Source, FileTable] = {}

    def columns(self, source: Source) -> list[str]:
        """The names of a file's columns. Raises SourceError."""
        kind = kind_of(source.path)
        if kind == _PARQUET and source.path.suffix == _PARQUET and source.path.is_file():
            return _parquet_columns(source.path)
        if kind in JSON or kind == _PARQUET:
            return list(self._table(source).table.column_names)
        if source.form.names is not None:
            return list(source.form.names)
        return read_header(source.path, source.form)

    def use(self, source: Source, file: FileReport) -> FileTable:
        """The rows of a file, without repeated headers; ``file`` takes what was left out."""
        part = self._table(source)
        self._uses[source] -= 1
        if not self._uses[source]:
            del self._read[source]
        file.read = part.table.num_rows + part.blank
        file.drop("blank row", part.blank)
        file.notes += part.notes
        return clean_table(part, _ANY, file) if part.table.num_columns else part

    def _table(self, source: Source) -> FileTable:
        if source not in self._read:
            whole = kind_of(source.path) in (*JSON, _PARQUET)
            read = read_table if whole else read_csv  # tabs in a .tsv file are no rule here
            self._read[source] = read(source.path, source.form, self._progress)
        return self._read[source]


def _parquet_columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}: the Parquet file is damaged ({error}). Cure: write it again."
        ) from error
