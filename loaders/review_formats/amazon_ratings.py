"""Amazon's ratings without texts: CSV files of 2014, 2018 and 2023, with or without header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from loaders.builder import CatalogBuilder
from loaders.recognition import plain_name
from loaders.report import FileReport, Progress
from loaders.tables.cells import without_joins
from loaders.tables.infer import infer_types
from loaders.tables.tabular import CsvForm, FileTable, read_csv

_COLUMNS: Final = ("user_id", "item_id", "rating", "timestamp")
# The ids of products (ASINs, and ISBNs of books) and of reviewers, as Amazon makes them.
_ITEM: Final = re.compile(r"B[0-9A-Z]{9}|[0-9]{9}[0-9X]")
_USER: Final = re.compile(r"A[0-9A-Z]{5,27}")
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_SHARE: Final = 0.8  # of the first rows whose ids have the forms
_HEADERS: Final = {
    "user_id": ("user_id", "userid", "reviewerid"),
    "item_id": ("parent_asin", "asin", "productid"),
    "rating": ("rating", "overall"),
    "timestamp": ("timestamp", "unixreviewtime", "time"),
}
_SPLIT: Final = re.compile(r"\.(train|valid|test)\.csv$")
_HISTORY: Final = "history"
_LEAST_MILLISECONDS: Final = 100_000_000_000  # in March 1973
_YEAR_ONE: Final = -62_135_596_800  # seconds; the release of 2023 has it where a time is unknown


def columns_of(rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """The columns of a file without header, by the forms of the ids in its first rows; None where
    it is no file of Amazon's ratings."""
    four = [row for row in rows if len(row) == 4]
    if not four or len(four) < len(rows):
        return None
    numbers = all(_NUMBER.fullmatch(value.strip()) for value in four[0][2:])
    for order in (_COLUMNS, ("item_id", "user_id", *_COLUMNS[2:])):
        user, item = order.index("user_id"), order.index("item_id")
        fit = [bool(_USER.fullmatch(row[user]) and _ITEM.fullmatch(row[item])) for row in four]
        if numbers and sum(fit) >= _SHARE * len(fit):
            return order
    return None


def renamed(header: Sequence[str]) -> dict[str, str] | None:
    """Column of the file → column of the layout for a header of Amazon's ratings; else None."""
    plain = {name.strip().lower().replace(" ", ""): name for name in header}
    found = {
        next((plain[one] for one in names if one in plain), ""): column
        for column, names in _HEADERS.items()
    }
    return None if len(found) < len(_COLUMNS) or "" in found else found


def is_ratings(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are the first rows of a file of Amazon's ratings."""
    return bool(rows) and (renamed(rows[0]) is not None or columns_of(rows) is not None)


def split_of(name: str) -> str | None:
    """The split of a file that has one in its name, as All_Beauty.train.csv has."""
    match = _SPLIT.search(plain_name(name))
    return None if match is None else match[1]


def read_ratings(
    path: Path, rows: Sequence[Sequence[str]], builder: CatalogBuilder, progress: Progress | None
) -> FileTable:
    """Read a file whose first rows are ``rows`` into the columns of interactions.

    Raises SourceError if the columns can't be known, or the file can't be read.
    """
    names = renamed(rows[0]) if rows else None
    order = None if names is not None else columns_of(rows)
    if names is None and order is None:
        raise SourceError(
            f"{path}: these are not Amazon's ratings: neither a header with user_id, parent_asin, "
            "rating and timestamp, nor four columns with ids of users (A…) and products (ten "
            "signs). Cure: give the file as published, or write it in the CSV layout."
        )
    part = read_csv(path, CsvForm(names=order), progress)
    file = builder.report_file(path, part)
    part = without_joins(part, file)
    table = part.table
    if order is not None:
        release = "2014 (user first)" if order == _COLUMNS else "2018 (product first)"
        file.notes.append(f"read as ratings without header of the release of {release}.")
    else:
        release = " of the release of 2023" if "parent_asin" in table.column_names else ""
        file.notes.append(f"read as ratings{release}, with a header.")
        table = _with_names(table, names or {}, file)
    table = table.set_column(
        table.column_names.index("timestamp"),
        "timestamp",
        seconds(table.column("timestamp"), part.rows, file)
        if "parent_asin" in part.table.column_names
        else table.column("timestamp"),
    )
    split = split_of(path.name)
    if split is not None:
        table = table.append_column("split", pa.repeat(pa.scalar(split), table.num_rows))
    return FileTable(infer_types(table, SPECS["interactions"].by_name, file, part.rows), part.rows)


def _with_names(table: pa.Table, names: dict[str, str], file: FileReport) -> pa.Table:
    if _HISTORY in table.column_names:
        table = table.drop_columns([_HISTORY])
        file.notes.append(
            "column history was not read: it lists earlier rows of the user, which the file "
            "of the split train has."
        )
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def seconds(times: Any, rows: np.ndarray, file: FileReport) -> Any:
    """Milliseconds in texts as seconds in texts; what is no whole number stays. The year 1 stands
    for an absent time. A column without any time after 1973 is in seconds already."""
    whole = pc.match_substring_regex(times, r"^-?[0-9]{1,18}$")
    given = pc.if_else(whole, times, pa.scalar(None, pa.string())).cast(pa.int64())
    if isinstance(given, pa.ChunkedArray):
        given = given.combine_chunks()
    if (pc.max(given).as_py() or 0) < _LEAST_MILLISECONDS:
        file.notes.append("times are read as seconds, as they are too small for milliseconds.")
        return times
    known = given.is_valid().to_numpy(zero_copy_only=False)
    floored = given.fill_null(0).to_numpy(zero_copy_only=False) // 1_000
    first = floored <= _YEAR_ONE
    if (first & known).any():
        count, row = int((first & known).sum()), int(rows[first & known][0])
        file.notes.append(
            f"times in the year 1 count as absent ({count:,} in all, the first in row {row})."
        )
    texts = pa.array(floored, mask=~known | first).cast(pa.string())
    return pc.if_else(pa.array(known), texts, times)
