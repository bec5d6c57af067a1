"""Rows of a file before their values are mapped: columns of other files, and rows left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import parsed_numbers, true_positions
from loaders.mapping import arrays
from loaders.mapping.model import Condition, Join, Scalar
from loaders.report import FileReport
from loaders.tables.tabular import FileTable

_BETWEEN = "\x1f"  # between the parts of a key


def with_joined(
    part: FileTable, join: Join, other: FileTable, name: str, file: FileReport, joined: FileReport
) -> FileTable:
    """Add the columns of the file ``name`` by the key. A row without a match has absent values."""
    here = _key(part.table, list(join.keys))
    there = _key(other.table, list(join.keys.values()))
    known = there.to_numpy(zero_copy_only=False)
    repeated = pd.Series(known).duplicated().to_numpy() & (known != "")
    joined.drop(f"a key again, first in row {_first(other.rows, repeated)}", int(repeated.sum()))
    first = pa.array(~repeated & (known != ""))
    places = pc.index_in(here, value_set=there.filter(first))
    unmatched = true_positions(pc.is_null(places))
    if len(unmatched):
        file.notes.append(
            f"{len(unmatched):,} rows have no match in {name}, the first is row "
            f"{int(part.rows[unmatched[0]])}; what is joined is empty there."
        )
    found = other.table.filter(first).take(places)
    table = part.table
    for column in other.table.column_names:
        if column not in join.keys.values():
            table = table.append_column(join.prefix + column, found.column(column))
    return FileTable(table, part.rows, part.blank)


def _key(table: pa.Table, names: list[str]) -> Any:
    parts = [arrays.texts(arrays.one_array(table.column(name))) for name in names]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, _BETWEEN)


def _first(rows: np.ndarray, chosen: np.ndarray) -> int:
    return int(rows[chosen][0]) if chosen.any() else 0


def where(part: FileTable, conditions: dict[str, Condition], file: FileReport) -> FileTable:
    """The rows that meet every condition; the others are counted."""
    for name, condition in conditions.items():
        kept = _met(arrays.one_array(part.table.column(name)), condition)
        file.drop(f"left out by where.{name}", int((~kept).sum()))
        part = taken(part, kept)
    return part


def taken(part: FileTable, kept: np.ndarray) -> FileTable:
    """The rows of a part for which ``kept`` (bool ``[n]``) is true."""
    if kept.all():
        return part
    return FileTable(part.table.filter(pa.array(kept)), part.rows[kept], part.blank)


def _met(array: Any, condition: Condition) -> np.ndarray:
    """bool ``[n]``. A list meets a condition if one of its values does, and ``not`` if none is
    among those named."""
    if not arrays.is_list(array):
        texts = arrays.texts(array)
        found = _positive(texts, condition) & ~_among(texts, condition.none_of)
        return np.asarray(found, dtype=bool)
    rows = pc.list_parent_indices(array).to_numpy(zero_copy_only=False)
    flat = arrays.texts(array.flatten())
    asked = condition.one_of is not None or condition.min is not None or condition.max is not None
    met = np.isin(np.arange(len(array)), rows[_positive(flat, condition)]) if asked else True
    without = ~np.isin(np.arange(len(array)), rows[_among(flat, condition.none_of)])
    return np.asarray(met & without, dtype=bool)


def _positive(texts: Any, condition: Condition) -> np.ndarray:
    met = np.ones(len(texts), dtype=bool)
    if condition.one_of is not None:
        met &= _among(texts, condition.one_of)
    if condition.min is not None or condition.max is not None:
        numbers = _numbers(texts)
        low = -np.inf if condition.min is None else condition.min
        high = np.inf if condition.max is None else condition.max
        met &= (numbers >= low) & (numbers <= high)  # false for what is no number
    return met


def _among(texts: Any, values: tuple[Scalar, ...] | None) -> np.ndarray:
    """bool ``[n]``: the texts that are one of ``values``; a number is met however it is written."""
    if not values:
        return np.zeros(len(texts), dtype=bool)
    words = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    found = pc.is_in(texts, value_set=pa.array(words))
    met = np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
    amounts = [float(one) for one in values if not isinstance(one, bool | str)]
    return met | np.isin(_numbers(texts), amounts) if amounts else met


def _numbers(texts: Any) -> np.ndarray:
    """float64 ``[n]``, NaN for what is no number."""
    found = pc.fill_null(parsed_numbers(texts)[0], np.nan)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)
