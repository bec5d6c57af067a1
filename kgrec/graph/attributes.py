"""Attributes of nodes as pandas columns of one nullable type each.

Booleans are ``boolean``, whole numbers ``Int64``, other numbers ``float64`` and everything else
text. Reading, merging and saving keep the type of a column, also where values are absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from kgrec.graph.tables import Ints

_DTYPES: Final = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def attribute_frame(table: pa.Table) -> pd.DataFrame:
    """The columns of an Arrow table, each in the pandas type of its kind."""
    frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(types_mapper=_DTYPES.get)
    return frame


def attribute_column(values: Sequence[Any]) -> pd.Series[Any]:
    """Single values (absent ones None) as a column of their kind."""
    return attribute_frame(pa.table({"value": pa.array(values)}))["value"]


def stored_type(column: pd.Series[Any]) -> pa.DataType | None:
    """The Arrow type of a column; None where it holds no value, and so takes any type."""
    if not column.notna().any():
        return None
    if pd.api.types.is_bool_dtype(column):
        return pa.bool_()
    if pd.api.types.is_integer_dtype(column):
        return pa.int64()
    return pa.float64() if pd.api.types.is_float_dtype(column) else pa.string()


def text_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column as text: numbers and booleans as they are written; absent values stay absent."""
    kind = stored_type(column)
    if kind == pa.string():
        return column
    if kind is None:  # a column of numbers takes no ""
        return pd.Series([None] * len(column), index=column.index, dtype=object)
    return column.astype(object).map(str, na_action="ignore")


def merged_column(
    old: pd.Series[Any] | None, old_rows: Ints, new: pd.Series[Any] | None, new_rows: Ints
) -> pd.Series[Any]:
    """The values of ``new`` where it has any, else those of ``old``.

    ``old_rows`` and ``new_rows`` int64 ``[n]``: the row of each value of the result in either
    column, -1 for none. Whole numbers beside others become ``float64``, other kinds that differ
    text.
    """
    parts = [
        _typed(column).reset_index(drop=True).reindex(rows).reset_index(drop=True)
        for column, rows in ((old, old_rows), (new, new_rows))
        if column is not None
    ]
    if len(parts) == 1:
        return parts[0]
    left, right = _same_type(*parts)
    known = right.notna().to_numpy(dtype=bool)
    if stored_type(right) == pa.string():
        known = known & (
            right.to_numpy(dtype=object) != ""
        )  # a blank title says nothing of a known item
    return right.where(known, left)


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column that a caller made, in the nullable type of its kind."""
    kind = stored_type(column)
    dtype = None if kind is None else _DTYPES.get(kind)
    return column if dtype is None else column.astype(dtype)


def _same_type(
    left: pd.Series[Any], right: pd.Series[Any]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    kinds = [stored_type(left), stored_type(right)]
    if kinds[0] is None:
        return _nothing_like(right), right
    if kinds[1] is None:
        return left, _nothing_like(left)
    if kinds[0] == kinds[1]:
        return left, right
    if set(kinds) == {pa.int64(), pa.float64()}:
        return left.astype("Float64").astype("float64"), right.astype("Float64").astype("float64")
    return text_column(left), text_column(right)


def _nothing_like(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.where(np.zeros(len(column), dtype=bool))
