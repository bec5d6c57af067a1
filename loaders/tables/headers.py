"""The names of the columns of interactions: given by the caller, or known by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from graph_schema.errors import RequestError, SourceError
from graph_schema.frames import SPECS
from graph_schema.report import shown
from loaders.tables.tabular import (
    TEXTS,
    CsvForm,
    FileTable,
    kind_of,
    looks_like_data,
    read_first_row,
)

_ORDER: Final = ("user_id", "item_id", "rating", "timestamp")
_LIKE_TIME: Final = r"^[0-9]{9,19}(\.[0-9]+)?$|^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_REQUIRED: Final = SPECS["interactions"].required


def named_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The names that a caller gives. Raises RequestError for those that name no interactions."""
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise RequestError(
            f"columns is {columns!r}; give a list of names, such as ['user_id', 'item_id']."
        )
    names = tuple(name.strip() for name in columns)
    wrong = next((name for name in names if not name or names.count(name) > 1), None)
    if wrong is not None:
        raise RequestError(
            f"columns names {shown(wrong)} twice; give each column a name of its own."
            if wrong
            else "columns has an empty name; give each column of the file a name."
        )
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise RequestError(f"columns lacks {missing[0]}; name user_id and item_id among them.")
    return names


def form_of_interactions(
    path: Path, form: CsvForm, columns: tuple[str, ...] | None
) -> tuple[CsvForm, str]:
    """The form of interactions without a header, and a note that says how they are read.

    Raises SourceError where there is no such file, or its columns have other numbers.
    """
    if kind_of(path) not in TEXTS:
        raise SourceError(
            f"{path}: the columns of such a file have names. Cure: leave out header=False "
            "(--no-header)."
        )
    count = len(read_first_row(path, form))
    if columns is None:
        if count not in (2, 3, 4):
            raise SourceError(
                f"{path}, row 1: there are {count} columns (delimiter {form.delimiter!r}). Cure: "
                "name them as columns= (--columns user_id,item_id,timestamp,…), or pass their "
                "delimiter."
            )
        columns = _ORDER[:count]
        how = "by their number"
    else:
        _check_count(path, columns, count)
        how = "as given"
    note = f"there is no header: the columns are read as {', '.join(columns)} ({how})."
    return replace(form, names=columns), note


def note_on_ratings(part: FileTable) -> str | None:
    """A note where the third column, which is read as the rating, holds times."""
    names = part.table.column_names
    if names[:3] != list(_ORDER[:3]) or not part.table.num_rows:
        return None
    if not pc.all(pc.match_substring_regex(part.table.column(2), _LIKE_TIME)).as_py():
        return None
    order = [*_ORDER[:2], "timestamp", *_ORDER[2 : len(names) - 1]]
    return (
        f"the values of rating look like times: pass columns={order} (--columns "
        f"{','.join(order)}) if they are."
    )


def with_columns(part: FileTable, path: Path, columns: tuple[str, ...]) -> FileTable:
    """The rows of a file with other names of their columns. Raises SourceError."""
    header = part.table.column_names
    _check_count(path, columns, len(header))
    if looks_like_data(header):
        raise SourceError(
            f"{path}, row 1: this looks like data and not like a header, whose names the given "
            "columns would replace. Cure: pass header=False (--no-header) as well."
        )
    read = ", ".join(f"{old} as {new}" for old, new in zip(header, columns, strict=True))
    note = f"the columns of the header are read by the names given: {read}."
    table = part.table.rename_columns(list(columns))
    return replace(part, table=table, notes=(note, *part.notes))


def _check_count(path: Path, columns: tuple[str, ...], count: int) -> None:
    if len(columns) != count:
        raise SourceError(
            f"{path}, row 1: there are {count} columns, and {len(columns)} names are given. Cure: "
            "give a name for each column, in their order."
        )
