"""Arrow columns of property values, and tables put together from several reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.vectors import is_vector


def column_of(values: list[Any]) -> pa.Array:
    """The values in the one type they share, or as strings where they share none.

    A column without any value has the null type.
    """
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """One table of several (at least one) with the same columns, whose types may differ."""
    whole = parts[0]
    for part in parts[1:]:
        whole = pa.concat_tables(same_types(whole, part), promote_options="permissive")
    return whole


def same_types(first: pa.Table, second: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both tables, with the columns they share in one type: strings if they don't agree."""
    shared = [name for name in first.column_names if name in second.column_names]
    for name in shared:
        kinds = {first[name].type, second[name].type}
        if len(kinds) == 1 or pa.null() in kinds:
            continue
        numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
        common = pa.float64() if numbers else pa.string()
        first, second = _cast(first, name, common), _cast(second, name, common)
    return first, second


def _cast(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, name, table[name].cast(kind))


def with_columns(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table with a column of nulls for every name that it lacks."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    return table


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as a single array."""
    array = column.combine_chunks()
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.chunk(0) if array.num_chunks else pa.array([], column.type)


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one of the few types that a property may have; NaN becomes null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_column(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        values = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if is_vector(kind):
        return column.cast(pa.list_(pa.float64()))
    if pa.types.is_boolean(kind):
        return column
    return column.cast(pa.string())
