"""Loading made-up files by a mapping in the TOML of a test."""

from __future__ import annotations

from pathlib import Path

import loaders
from loaders import LoadResult
from tests.loaders.writing import put

EVENTS = """
[interactions]
file = "events.csv"
columns = { user_id = "user", item_id = "item" }
"""


def load(folder: Path, mapping: str, **files: str) -> LoadResult:
    """Write the files (``events_csv`` is events.csv) and load them by the mapping."""
    for name, text in files.items():
        put(folder / name.replace("_", ".").replace("..", "_"), text)
    put(folder / "kgrec.toml", mapping)
    return loaders.load(folder)


def rows(result: LoadResult, frame: str, *columns: str) -> list[tuple[object, ...]]:
    """The rows of a frame, of these columns or all, None where absent."""
    table = result.catalog.tables[frame]
    chosen = table.select(list(columns)) if columns else table
    return [tuple(row.values()) for row in chosen.to_pylist()]


def report_of(result: LoadResult, name: str) -> str:
    """The report of one file as text."""
    return str(next(file for file in result.report.files if file.file == name))
