"""What tables of text often have and nobody wants: a header again among the rows, byte order marks
inside of the file, blanks around ids, and columns whose name is nearly one of the layout.

Rows that say nothing are dropped and counted, marks are removed, and the rest is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.frames import FrameSpec, Kind
from graph_schema.near_names import means
from graph_schema.report import shown
from loaders.report import FileReport
from loaders.tables.infer import ABSENT, NULL, absent_values
from loaders.tables.tabular import FileTable

MARK: Final = "\ufeff"  # the byte order mark, where two files were joined
_ODD_IDS: Final = (
    (
        r"^-?[0-9]+\.0$",
        "look like whole numbers that became decimals, and stay as they are (7.0 and 7 differ)",
    ),
    (
        r"^[0-9]+(\.[0-9]+)?[eE]\+?[0-9]+$",
        "look like long numbers that a spreadsheet shortened, and stay as they are",
    ),
    (r"^=\"|^'[^']*'$", "have signs of another program around them, and stay as they are"),
    (
        r"[^|]\|[^|]|^\[.*\]$|^\{.*\}$",
        "look like several ids, and are read as one; write a row for each",
    ),
)
_NO_ID: Final = "are read as ids; leave these rows out if they stand for an absent value"
_QUOTED: Final = "keep their quotes, as a blank stands before them; remove the blank"
# UTF-8 that was read as latin-1 or cp1252, Windows' signs read as latin-1, and lost signs.
_DAMAGED: Final = (
    r"[\x{C3}\x{C2}][\x{80}-\x{BF}]|\x{C3}[\x{192}\x{201A}\x{20AC}\x{2122}]"
    r"|\x{E2}\x{20AC}|[\x{80}-\x{84}\x{86}-\x{9F}]|\x{FFFD}"
)
_WORDS: Final = frozenset({"event", "scenario", "relation"})
_TEXTS: Final = (Kind.OPTIONAL_ID, Kind.TEXT, Kind.WORD)
_SUM: Final = re.compile(
    r"^\W*((grand |sub)?totals?|sums?|averages?|mean|end of (file|data|report)|eof)\b|^\(?\d+ rows",
    re.IGNORECASE,
)
_WEIGHTS: Final = ("weight", "weights", "count", "quantity")


def clean_table(part: FileTable, spec: FrameSpec, file: FileReport) -> FileTable:
    """The rows of a file of text without marks and repeated headers; ``file`` says what was done,
    and what looks wrong and is kept."""
    part = without_joins(part, file)
    ids = {column.name for column in spec.columns if column.kind in (Kind.ID, Kind.OPTIONAL_ID)}
    part = _without_nulls(part, spec, file)
    present = [name for name in part.table.column_names if name in ids]
    _note_blanks(part, present, file)
    for name in present:
        _note_odd_ids(part, name, file)
    _note_words(part, spec, file)
    _note_spellings(part, file)
    _note_last_row(part, spec, file)
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


def _note_odd_ids(part: FileTable, name: str, file: FileReport) -> None:
    """Notes on ids that another program seems to have changed, such as 7.0 or 1.5E+10, and on
    those that hold several ids or none."""
    column = part.table.column(name)
    if not pa.types.is_string(column.type):
        return
    distinct = column.unique()  # few where there are many rows
    tests = [(pc.match_substring_regex(distinct, pattern), what) for pattern, what in _ODD_IDS]
    tests.append((pc.is_in(distinct, value_set=pa.array(ABSENT)), _NO_ID))
    for test, what in tests:
        odd = distinct.filter(pc.fill_null(test, False))
        if len(odd):
            _note_values(part, name, pc.is_in(column, value_set=odd), what, file)


def _note_words(part: FileTable, spec: FrameSpec, file: FileReport) -> None:
    """Notes on words for an absent value, and on quotes, that are read as text."""
    for name in part.table.column_names if spec.columns else ():
        column, known = part.table.column(name), spec.by_name.get(name)
        if not pa.types.is_string(column.type) or (known is not None and known.kind is Kind.ID):
            continue
        if known is not None and known.kind in _TEXTS:
            absent = pc.is_in(column, value_set=pa.array(ABSENT))
            _note_values(part, name, absent, "are read as text; leave them empty if absent", file)
        _note_values(part, name, pc.starts_with(column, ' "'), _QUOTED, file)
        odd = pc.match_substring_regex(column, _DAMAGED)
        what = "hold signs of a wrong encoding; pass the right one, or write the file again"
        _note_values(part, name, odd, what, file)


def _note_spellings(part: FileTable, file: FileReport) -> None:
    """A note on words that differ in case or in blanks around them alone."""
    for name in _WORDS.intersection(part.table.column_names):
        column = part.table.column(name)
        if not pa.types.is_string(column.type):
            continue
        seen: dict[str, str] = {}
        for word in column.unique().drop_null().to_pylist():
            other = seen.setdefault(word.strip().casefold(), word)
            if other != word:
                file.notes.append(
                    f"column {name}: {shown(other)} and {shown(word)} are two values; write them "
                    "in one way if they are meant to be one."
                )
                break


def _note_values(part: FileTable, name: str, chosen: Any, what: str, file: FileReport) -> None:
    mask = pc.fill_null(chosen, False).to_numpy()
    if mask.any():
        place = int(np.argmax(mask))
        file.notes.append(
            f"column {name}: values such as {shown(part.table.column(name)[place].as_py())} {what} "
            f"({int(mask.sum()):,} in all, the first in row {int(part.rows[place])})."
        )


def _note_last_row(part: FileTable, spec: FrameSpec, file: FileReport) -> None:
    """A note where the last row looks like the sum that reports end with."""
    first = next((one.name for one in spec.columns if one.required), "")
    if first not in part.table.column_names or not part.table.num_rows:
        return
    last = part.table.column(first)[-1].as_py()
    if isinstance(last, str) and _SUM.match(last):
        file.notes.append(
            f"column {first}: {shown(last)} in the last row ({int(part.rows[-1])}) looks like a "
            "sum or a remark, and is read as any other value; remove the row if it is one."
        )


def _note_names(table: pa.Table, spec: FrameSpec, file: FileReport) -> None:
    """A note for each column that is an attribute and looks like one of the layout."""
    absent = [
        name
        for name, column in spec.by_name.items()
        if name not in table.column_names and not column.required  # whose absence is an error
    ]
    for name in table.column_names:
        if name in spec.by_name:
            continue
        meant = next((one for one in absent if means(spec.name, name, one)), None)
        if meant is not None:
            file.notes.append(
                f"column {name} is read as an attribute; call it {meant} if that is what it holds."
            )
        elif spec.name == "interactions" and name.lower() in _WEIGHTS:
            file.notes.append(
                f"column {name} is read as an attribute; every interaction counts once, whatever "
                "it says."
            )
