"""Turning what a caller gives (DataFrames, Arrow tables) into a frame's own column types.

A value that can't be turned is a problem of the report, never guessed. In a pandas column NaN means
"absent", because pandas has no other word for it; a NaN written in a file or held by an Arrow table
is refused.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.frames import ARROW_TYPES, SPECS, Kind
from graph_schema.report import Collector, shown

Frame: TypeAlias = "pd.DataFrame | pa.Table"

_CURES = {
    Kind.NUMBER: "write a finite number, or leave the value empty.",
    Kind.TIME: "write whole unix seconds, or leave the value empty.",
    Kind.WORD: "give text.",
    Kind.TEXT: "give text.",
    Kind.ID: "give ids as text or whole numbers.",
    Kind.OPTIONAL_ID: "give ids as text or whole numbers.",
}


def coerce(name: str, given: Frame, found: Collector) -> pa.Table | None:
    """The frame ``name`` with its own types; None where a required column is absent."""
    columns = [str(column) for column in _names(given)]
    if not _columns_fit(name, columns, found):
        return None
    spec = SPECS[name]
    arrays: dict[str, Any] = {}
    for column in [*(c for c in spec.by_name if c in columns), *columns]:
        if column in arrays:
            continue
        raw = _column(given, columns.index(column))
        known = spec.by_name.get(column)
        arrays[column] = (
            _attribute(name, column, raw, found)
            if known is None
            else _known(name, column, known.kind, raw, found)
        )
    n = given.num_rows if isinstance(given, pa.Table) else len(given)
    for absent in (c for c in spec.columns if c.always and c.name not in arrays):
        filler = "" if absent.kind is Kind.TEXT else None
        arrays[absent.name] = pa.array([filler] * n, type=ARROW_TYPES[absent.kind])
    order = [c for c in spec.by_name if c in arrays] + [c for c in arrays if c not in spec.by_name]
    return pa.table({column: arrays[column] for column in order}) if n else _empty(arrays, order)


def _empty(arrays: dict[str, Any], order: list[str]) -> pa.Table:
    return pa.schema([(column, arrays[column].type) for column in order]).empty_table()


def _names(given: Frame) -> list[Any]:
    return list(given.column_names) if isinstance(given, pa.Table) else list(given.columns)


def _column(given: Frame, position: int) -> Any:
    return given.column(position) if isinstance(given, pa.Table) else given.iloc[:, position]


def _columns_fit(name: str, columns: list[str], found: Collector) -> bool:
    missing = [c for c in SPECS[name].required if c not in columns]
    for column in missing:
        found.add(
            name,
            column,
            f"the column is missing (columns here: {', '.join(map(shown, columns)) or 'none'}).",
            f"add a column called {column}.",
        )
    twice = sorted({c for c in columns if columns.count(c) > 1})
    for column in twice:
        found.add(name, column, "the column is there twice.", "keep one of them.")
    return not missing and not twice


def _known(name: str, column: str, kind: Kind, raw: Any, found: Collector) -> Any:
    array = _to_arrow(raw, name, column, found)
    if kind is Kind.NUMBER:
        array, bad = _numbers(array)
    elif kind is Kind.TIME:
        array, bad = _times(array)
    else:
        array, bad = _strings(array, is_id=kind in (Kind.ID, Kind.OPTIONAL_ID))
        if kind is Kind.TEXT:
            array = pc.fill_null(array, "")
        elif kind is not Kind.ID:
            array = _absent_if_empty(array)
    if len(bad):
        kind_name = {Kind.NUMBER: "number", Kind.TIME: "time in unix seconds"}.get(kind, str(kind))
        found.add_rows(
            name,
            column,
            bad,
            lambda row: f"{shown(_value(raw, row))} is not a {kind_name}.",
            _CURES[kind],
        )
    return array


def _value(raw: Any, row: int) -> Any:
    return raw.iloc[row] if isinstance(raw, pd.Series) else raw[row].as_py()


def _to_arrow(raw: Any, name: str, column: str, found: Collector) -> Any:
    """One Arrow array of one plain type."""
    if isinstance(raw, pd.Series):
        raw = _series_to_arrow(raw, name, column, found)
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks() if raw.num_chunks != 1 else raw.chunk(0)
    if isinstance(raw, pa.ChunkedArray):  # combine_chunks leaves a huge column in chunks
        raw = pa.concat_arrays(raw.chunks)
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type) or raw.type == pa.string_view():
        raw = raw.cast(pa.string())
    return raw


def _series_to_arrow(series: pd.Series[Any], name: str, column: str, found: Collector) -> Any:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
        pass
    texts = [_as_text(value) for value in series]
    broken = [row for row, text in enumerate(texts) if text is not None and _broken(text)]
    for row in broken:
        texts[row] = None
    found.add_rows(
        name,
        column,
        broken,
        lambda row: f"{shown(series.iloc[row])} is not valid Unicode text.",
        "decode the source with its real encoding.",
    )
    return pa.array(texts, type=pa.string())


def _as_text(value: Any) -> str | None:
    """A value of a column of mixed types: whole numbers as an id writes them, the rest as str."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _bad_rows(mask: Any) -> np.ndarray:
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def _strings(array: Any, *, is_id: bool) -> tuple[Any, np.ndarray]:
    none = np.empty(0, dtype=np.int64)
    if pa.types.is_string(array.type):
        return array, none
    if pa.types.is_null(array.type) or pa.types.is_integer(array.type):
        return array.cast(pa.string()), none
    if pa.types.is_floating(array.type):
        return _whole_floats(array) if is_id else (array.cast(pa.string()), none)
    if pa.types.is_binary(array.type) or pa.types.is_nested(array.type):
        return pa.nulls(len(array), pa.string()), np.arange(len(array))
    text = array.cast(pa.string())
    return (text, _bad_rows(pc.is_valid(array))) if is_id else (text, none)


def _whole_floats(array: Any) -> tuple[Any, np.ndarray]:
    """Integers that pandas turned to floats because some were absent: 7.0 is the id "7"."""
    whole = pc.equal(array, pc.floor(array))
    small = pc.less(pc.abs(array), 2.0**53)
    good = pc.and_(whole, small)
    numbers = pc.if_else(good, array, None).cast(pa.int64())
    return numbers.cast(pa.string()), _bad_rows(pc.invert(good))


def _absent_if_empty(array: Any) -> Any:
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def _numbers(array: Any) -> tuple[Any, np.ndarray]:
    if pa.types.is_string(array.type):
        array, bad = _parse(array, pa.float64())
    elif _is_numeric(array.type) or pa.types.is_null(array.type):
        array, bad = array.cast(pa.float64(), safe=False), np.empty(0, dtype=np.int64)
    else:
        return pa.nulls(len(array), pa.float64()), _bad_rows(pc.is_valid(array))
    infinite = _bad_rows(pc.invert(pc.is_finite(array)))
    if len(infinite):
        array = pc.if_else(pc.is_finite(array), array, None)
    return array, np.union1d(bad, infinite)


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _times(array: Any) -> tuple[Any, np.ndarray]:
    if pa.types.is_temporal(array.type) and not pa.types.is_duration(array.type):
        return _instants(array)
    if pa.types.is_string(array.type):
        whole, bad = _parse(array, pa.int64())
        if not len(bad):
            return whole, bad
    elif pa.types.is_integer(array.type) and array.type != pa.uint64():
        return array.cast(pa.int64()), np.empty(0, dtype=np.int64)
    numbers, bad = _numbers(array)
    huge = _bad_rows(pc.greater_equal(pc.abs(numbers), 2.0**63))
    if len(huge):
        numbers = pc.if_else(pc.less(pc.abs(numbers), 2.0**63), numbers, None)
    return pc.floor(numbers).cast(pa.int64(), safe=False), np.union1d(bad, huge)


def _instants(array: Any) -> tuple[Any, np.ndarray]:
    if pa.types.is_time(array.type):
        return pa.nulls(len(array), pa.int64()), _bad_rows(pc.is_valid(array))
    zone = getattr(array.type, "tz", None)
    seconds = pc.floor_temporal(array.cast(pa.timestamp("us", zone)), unit="second")
    return seconds.cast(pa.timestamp("s", zone)).cast(pa.int64()), np.empty(0, dtype=np.int64)


def _parse(array: Any, kind: pa.DataType) -> tuple[Any, np.ndarray]:
    """Text to numbers: the whole column at once, and value by value only where that fails."""
    if array.null_count or pc.any(pc.equal(array, "")).as_py():
        array = _absent_if_empty(array)
    try:
        return array.cast(kind), np.empty(0, dtype=np.int64)
    except pa.ArrowInvalid:
        pass
    coded = pc.utf8_trim_whitespace(array).dictionary_encode()
    values = [_one(text, kind) for text in coded.dictionary]
    parsed = pa.array(values, type=kind).take(coded.indices)
    return parsed, _bad_rows(pc.and_(pc.is_null(parsed), pc.is_valid(array)))


def _one(text: Any, kind: pa.DataType) -> Any:
    try:
        return text.cast(kind).as_py()
    except pa.ArrowInvalid:
        return None


def _attribute(name: str, column: str, raw: Any, found: Collector) -> Any:
    """Booleans, integers and floats stay; dates become ISO text; lists become a|b; text stays."""
    array = _to_arrow(raw, name, column, found)
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return array if pa.types.is_boolean(kind) else array.cast(pa.string())
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return array.cast(pa.int64())
    if _is_numeric(kind):
        return _finite(name, column, array.cast(pa.float64(), safe=False), found)
    if pa.types.is_string(kind):
        return _absent_if_empty(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _joined(name, column, array, found)
    if pa.types.is_temporal(kind):
        return array.cast(pa.string())
    found.add(name, column, f"values of type {kind} can't be kept.", "make them text or numbers.")
    return pa.nulls(len(array), pa.string())


def _finite(name: str, column: str, array: Any, found: Collector) -> Any:
    finite = pc.is_finite(array)
    bad = _bad_rows(pc.invert(finite))
    if not len(bad):
        return array
    found.add_rows(
        name, column, bad, lambda row: f"{array[row]} is not a number.", _CURES[Kind.NUMBER]
    )
    return pc.if_else(finite, array, None)


def _joined(name: str, column: str, array: Any, found: Collector) -> Any:
    """Lists as one text joined by "|", which is how every many-valued attribute is held."""
    texts: list[str | None] = []
    bad: list[int] = []
    for row, values in enumerate(array.to_pylist()):
        parts = None if values is None else [str(value) for value in values if value is not None]
        if parts and any("|" in part for part in parts):
            bad.append(row)
        texts.append("|".join(parts) if parts else None)
    found.add_rows(
        name,
        column,
        bad,
        lambda row: f"a value of the list holds '|': {shown(texts[row])}.",
        "replace the '|', which joins the values of a list.",
    )
    return pa.array(texts, type=pa.string())
