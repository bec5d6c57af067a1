"""Conversion of DataFrames and Arrow tables to the column types of a frame.

A value that can't be converted is a problem of the report; it is never guessed. In a pandas column
NaN means "absent", because pandas has no other value for it. A NaN in a file or in an Arrow table
is a problem.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.attributes import attribute
from graph_schema.conversion.columns import (
    TIME_CURE,
    absent_if_empty,
    numbers,
    strings,
    times,
    to_arrow,
)
from graph_schema.frames import ARROW_TYPES, SPECS, Kind
from graph_schema.near_names import nearest
from graph_schema.report import ProblemCollector, shown

Frame: TypeAlias = "pd.DataFrame | pa.Table"
_ROW_NUMBERS: Final = re.compile(r"__index_level_[0-9]+__")

_EXPECTED = {
    Kind.NUMBER: "a number",
    Kind.TIME: "a time",
    Kind.WORD: "text",
    Kind.TEXT: "text",
    Kind.ID: "an id",
    Kind.OPTIONAL_ID: "an id",
}
_CURES = {
    Kind.NUMBER: "write a finite number, or leave the value empty.",
    Kind.TIME: f"give {TIME_CURE}, or leave the value empty.",
    Kind.WORD: "give text.",
    Kind.TEXT: "give text.",
    Kind.ID: "give ids as text or whole numbers.",
    Kind.OPTIONAL_ID: "give ids as text or whole numbers.",
}


def coerce(name: str, given: Frame, collector: ProblemCollector) -> pa.Table | None:
    """Return the frame ``name`` with its column types, or None if a required column is missing."""
    table = _as_frame(name, given, collector)
    if table is None:
        return None
    given = table
    columns = [str(column) for column in _names(given)]
    if not _check_columns(name, columns, collector):
        return None
    spec = SPECS[name]
    arrays: dict[str, Any] = {}
    for column in [*(c for c in spec.by_name if c in columns), *columns]:
        if column in arrays:
            continue
        raw = _column(given, columns.index(column))
        known = spec.by_name.get(column)
        arrays[column] = (
            attribute(name, column, raw, collector)
            if known is None
            else _known(name, column, known.kind, raw, collector)
        )
    n = given.num_rows if isinstance(given, pa.Table) else len(given)
    for absent in (c for c in spec.columns if c.always and c.name not in arrays):
        filler = "" if absent.kind is Kind.TEXT else None
        arrays[absent.name] = pa.array([filler] * n, type=ARROW_TYPES[absent.kind])
    order = [c for c in spec.by_name if c in arrays] + [c for c in arrays if c not in spec.by_name]
    return pa.table({column: arrays[column] for column in order}) if n else _empty(arrays, order)


def _as_frame(name: str, given: Any, collector: ProblemCollector) -> Frame | None:
    """Return a DataFrame or Arrow table, and any other Arrow frame (polars, duckdb, a reader of
    record batches) as an Arrow table; without the row numbers that pandas adds."""
    frame = _read_frame(given)
    if frame is None:
        collector.add(
            name,
            None,
            f"a {type(given).__name__} is not a frame.",
            "give a pandas DataFrame or an Arrow table.",
        )
        return None
    return _without_row_numbers(name, frame, collector)


def _read_frame(given: Any) -> Frame | None:
    if isinstance(given, pd.DataFrame | pa.Table):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    if isinstance(given, pa.RecordBatchReader):
        return given.read_all()
    if not hasattr(given, "__arrow_c_stream__"):
        return None
    try:
        return pa.table(given)
    except (pa.ArrowException, TypeError):  # a single column, such as a Series
        return None


def _without_row_numbers(name: str, frame: Frame, collector: ProblemCollector) -> Frame:
    """Drop the columns that pandas writes into a Parquet file for an index without a name."""
    found = [column for column in _names(frame) if _ROW_NUMBERS.fullmatch(str(column))]
    if not found:
        return frame
    collector.notes.append(
        f"{collector.source(name)}: the column {found[0]} holds the index of a DataFrame and was "
        "left out."
    )
    return frame.drop_columns(found) if isinstance(frame, pa.Table) else frame.drop(columns=found)


def _empty(arrays: dict[str, Any], order: list[str]) -> pa.Table:
    return pa.schema([(column, arrays[column].type) for column in order]).empty_table()


def _names(given: Frame) -> list[Any]:
    return list(given.column_names) if isinstance(given, pa.Table) else list(given.columns)


def _column(given: Frame, position: int) -> Any:
    return given.column(position) if isinstance(given, pa.Table) else given.iloc[:, position]


def _check_columns(name: str, columns: list[str], collector: ProblemCollector) -> bool:
    missing = [c for c in SPECS[name].required if c not in columns]
    for column in missing:
        collector.add(
            name,
            column,
            f"the column is missing (columns here: {', '.join(map(shown, columns)) or 'none'}).",
            _cure_of_missing(name, column, columns),
        )
    twice = sorted({c for c in columns if columns.count(c) > 1})
    for column in twice:
        collector.add(name, column, "the column occurs twice.", "keep one of them.")
    return not missing and not twice


def _cure_of_missing(name: str, column: str, columns: list[str]) -> str:
    near = nearest(name, [one for one in columns if one not in SPECS[name].by_name], column)
    if near is None:
        return f"add a column called {column}."
    return f"rename {shown(near)} to {column} if that is what it holds, or add a column {column}."


def _known(name: str, column: str, kind: Kind, raw: Any, collector: ProblemCollector) -> Any:
    array = to_arrow(raw, name, column, collector)
    if kind is Kind.NUMBER:
        array, bad = numbers(array)
    elif kind is Kind.TIME:
        array, bad = times(array)
    else:
        array, bad = strings(array, is_id=kind in (Kind.ID, Kind.OPTIONAL_ID))
        if kind is Kind.TEXT:
            array = pc.fill_null(array, "")
        elif kind is not Kind.ID:
            array = absent_if_empty(array)
    if len(bad):
        collector.add_rows(
            name,
            column,
            bad,
            lambda row: f"{shown(_value(raw, row))} is not {_EXPECTED[kind]}.",
            _CURES[kind],
        )
    return array


def _value(raw: Any, row: int) -> Any:
    return raw.iloc[row] if isinstance(raw, pd.Series) else raw[row].as_py()
