"""What tables of text often have and nobody wants: a header again among the rows, byte order marks
inside of the file, blanks around ids, and columns whose name is nearly one of the layout.

Rows that say nothing are dropped and counted, marks are removed, and the rest is noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.frames import FrameSpec, Kind
from graph_schema.report import shown
from loaders.report import FileReport
from loaders.tables.infer import NULL, absent_values
from loaders.tables.tabular import FileTable

MARK: Final = "\ufeff"  # the byte order mark, where two files were joined
# Names that other programs give to columns of the layout.
_OTHER_NAMES: Final = {
    "timestamp": ("time", "datetime", "date", "ts", "unixtime", "event_time", "created_at"),
    "rating": ("score", "stars", "ratings", "overall"),
    "event": ("event_type", "behavior", "action"),
    "title": ("name",),
}
_WEIGHTS: Final = ("weight", "weights", "count", "quantity")


def clean_table(part: FileTable, spec: FrameSpec, file: FileReport) -> FileTable:
    """The rows of a file of text without marks and repeated headers; ``file`` says what was done,
    and what looks wrong and is kept."""
    part = without_joins(part, file)
    ids = {column.name for column in spec.columns if column.kind in (Kind.ID, Kind.OPTIONAL_ID)}
    part = _without_nulls(part, spec, file)
    _note_blanks(part, [name for name in part.table.column_names if name in ids], file)
    _note_names(part.table, spec, file)
    return part


def without_joins(part: FileTable, file: FileReport) -> FileTable:
    """The rows without what stands where files were joined: marks, and the header again."""
    table = _without_marks(part.table, part.rows, file)
    again = _is_header(table)
    if again.any():
        file.drop(f"the header again, first in row {int(part.rows[again][0])}", int(again.sum()))
        return replace(part, table=table.filter(pa.array(~again)), rows=part.rows[~again])
    return replace(part, table=table)


def _without_marks(table: pa.Table, rows: np.ndarray, file: FileReport) -> pa.Table:
    """The first column without marks at the start of a value, each of which began a file."""
    first = table.column(0)
    if not pa.types.is_string(first.type):
        return table
    marked = pc.starts_with(first, MARK).to_numpy()
    if not marked.any():
        return table
    count, row = int(marked.sum()), int(rows[marked][0])
    file.notes.append(
        f"byte order marks inside of the file were removed ({count:,} in all, the first in row "
        f"{row}): files were joined there."
    )
    return table.set_column(0, table.column_names[0], pc.utf8_ltrim(first, characters=MARK))


def _without_nulls(part: FileTable, spec: FrameSpec, file: FileReport) -> FileTable:
    r"""The columns of the layout with an empty value where another program wrote ``\N``; in those
    that can't be empty it stays, with a note."""
    table = part.table
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        if name not in spec.by_name or not pa.types.is_string(column.type):
            continue
        null = pc.fill_null(pc.equal(column, NULL), False).to_numpy()
        if not null.any():
            continue
        count, row = int(null.sum()), int(part.rows[null][0])
        if spec.by_name[name].required:
            file.notes.append(
                f"column {name}: {NULL!r} is read as an id ({count:,} in all, the first in row "
                f"{row}); leave these rows out if it stands for an absent value."
            )
        else:
            file.notes.append(absent_values(name, NULL, count, row))
            table = table.set_column(place, name, pc.if_else(pa.array(null), "", column))
    return replace(part, table=table)


def _is_header(table: pa.Table) -> np.ndarray:
    """bool ``[n]``: the rows whose every value is the name of its column."""
    found = np.ones(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_string(column.type):
            return np.zeros(table.num_rows, dtype=bool)
        found &= pc.fill_null(pc.equal(column, name), False).to_numpy()
        if not found.any():
            break
    return found


def _note_blanks(part: FileTable, columns: Iterable[str], file: FileReport) -> None:
    for name in columns:
        column: Any = part.table.column(name)
        if not pa.types.is_string(column.type):
            continue
        around = pc.not_equal(pc.utf8_trim_whitespace(column), column)
        blank = pc.fill_null(around, False).to_numpy()
        if blank.any():
            value = column[int(np.argmax(blank))].as_py()
            file.notes.append(
                f"column {name}: ids begin or end with a blank ({int(blank.sum()):,} in all, the "
                f"first is {shown(value)} in row {int(part.rows[blank][0])}); they are other ids "
                "than those without it."
            )


def _note_names(table: pa.Table, spec: FrameSpec, file: FileReport) -> None:
    """A note for each column that is an attribute and looks like one of the layout."""
    absent = [name for name in spec.by_name if name not in table.column_names]
    for name in table.column_names:
        if name in spec.by_name:
            continue
        meant = next((one for one in absent if _means(name, one)), None)
        if meant is not None:
            file.notes.append(
                f"column {name} is read as an attribute; call it {meant} if that is what it holds."
            )
        elif spec.name == "interactions" and name.lower() in _WEIGHTS:
            file.notes.append(
                f"column {name} is read as an attribute; every interaction counts once, whatever "
                "it says."
            )


def _means(name: str, column: str) -> bool:
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    same = plain.replace("_", "") == column.replace("_", "")
    return same or plain in _OTHER_NAMES.get(column, ())
