"""Conversion of pandas and Arrow columns to plain Arrow arrays of text, numbers or times.

``strings``, ``numbers`` and ``times`` return the array and the positions (int64) of the values that
can't be converted. These values are absent in the array.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.report import ProblemCollector, shown

_NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"


def to_arrow(raw: Any, name: str, column: str, collector: ProblemCollector) -> Any:
    """Return a column as one Arrow array of a plain type. A column that can't be is a problem."""
    if isinstance(raw, pd.Series):
        raw = _series_to_arrow(raw, name, column, collector)
    try:
        return _one_plain_array(raw)
    except (pa.ArrowInvalid, pa.ArrowCapacityError) as error:
        collector.add(
            name,
            column,
            f"the column can't be converted to one Arrow array ({error}).",
            "a column takes up to 2 GB of text: split the frame.",
        )
        return pa.nulls(len(raw), pa.string())


def _one_plain_array(raw: Any) -> Any:
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.chunk(0) if raw.num_chunks == 1 else raw.combine_chunks()
    if isinstance(raw, pa.ChunkedArray):
        raw = pa.concat_arrays(raw.chunks)
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type) or raw.type == pa.string_view():
        raw = raw.cast(pa.string())
    return raw


def _series_to_arrow(
    series: pd.Series[Any], name: str, column: str, collector: ProblemCollector
) -> Any:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
        pass
    texts = [_as_text(value) for value in series]
    invalid = [row for row, text in enumerate(texts) if text is not None and not _is_unicode(text)]
    for row in invalid:
        texts[row] = None
    collector.add_rows(
        name,
        column,
        invalid,
        lambda row: f"{shown(series.iloc[row])} is not valid Unicode text.",
        "decode the source with its real encoding.",
    )
    return pa.array(texts, type=pa.string())


def _as_text(value: Any) -> str | None:
    """Return a value of a column of mixed types as text: 7.0 as "7", everything else by str."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def true_positions(mask: Any) -> np.ndarray:
    """Return the positions (int64) where a boolean Arrow array is true; absent counts as false."""
    if isinstance(mask, pa.ChunkedArray):
        mask = mask.combine_chunks()
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def strings(array: Any, *, is_id: bool) -> tuple[Any, np.ndarray]:
    """Convert an array to text. An id can be made of text and whole numbers only."""
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
    return (text, true_positions(pc.is_valid(array))) if is_id else (text, none)


def _whole_floats(array: Any) -> tuple[Any, np.ndarray]:
    """Convert integers that pandas holds as floats, because some are absent: 7.0 is the id "7"."""
    whole = pc.equal(array, pc.floor(array))
    small = pc.less(pc.abs(array), 2.0**53)
    good = pc.and_(whole, small)
    whole_numbers = pc.if_else(good, array, None).cast(pa.int64())
    return whole_numbers.cast(pa.string()), true_positions(pc.invert(good))


def absent_if_empty(array: Any) -> Any:
    """Replace "" by an absent value."""
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def numbers(array: Any) -> tuple[Any, np.ndarray]:
    """Convert an array to finite float64."""
    if pa.types.is_string(array.type):
        array, bad = _parse(array)
    elif is_numeric(array.type) or pa.types.is_null(array.type):
        array, bad = array.cast(pa.float64(), safe=False), np.empty(0, dtype=np.int64)
    else:
        return pa.nulls(len(array), pa.float64()), true_positions(pc.is_valid(array))
    infinite = true_positions(pc.invert(pc.is_finite(array)))
    if len(infinite):
        array = pc.if_else(pc.is_finite(array), array, None)
    return array, np.union1d(bad, infinite)


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a type is an integer, float or decimal."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def times(array: Any) -> tuple[Any, np.ndarray]:
    """Convert an array to int64 unix seconds; fractions of a second are cut off."""
    if pa.types.is_temporal(array.type) and not pa.types.is_duration(array.type):
        return _instants(array)
    if pa.types.is_string(array.type):
        array = absent_if_empty(array)
        whole = _cast(array, pa.int64())
        if whole is not None:
            return whole, np.empty(0, dtype=np.int64)
    elif pa.types.is_integer(array.type) and array.type != pa.uint64():
        return array.cast(pa.int64()), np.empty(0, dtype=np.int64)
    seconds, bad = numbers(array)
    huge = true_positions(pc.greater_equal(pc.abs(seconds), 2.0**63))
    if len(huge):
        seconds = pc.if_else(pc.less(pc.abs(seconds), 2.0**63), seconds, None)
    return pc.floor(seconds).cast(pa.int64(), safe=False), np.union1d(bad, huge)


def _instants(array: Any) -> tuple[Any, np.ndarray]:
    if pa.types.is_time(array.type):
        return pa.nulls(len(array), pa.int64()), true_positions(pc.is_valid(array))
    zone = getattr(array.type, "tz", None)
    seconds = pc.floor_temporal(array.cast(pa.timestamp("us", zone)), unit="second")
    return seconds.cast(pa.timestamp("s", zone)).cast(pa.int64()), np.empty(0, dtype=np.int64)


def _parse(array: Any) -> tuple[Any, np.ndarray]:
    """Convert text to float64: first the whole column; if that fails, the values that match."""
    array = absent_if_empty(array)
    whole = _cast(array, pa.float64())
    if whole is not None:
        return whole, np.empty(0, dtype=np.int64)
    trimmed = pc.utf8_trim_whitespace(array)
    likely = pc.match_substring_regex(trimmed, _NUMBER)
    parsed = _cast(pc.if_else(likely, trimmed, pa.scalar(None, pa.string())), pa.float64())
    return parsed, true_positions(pc.invert(likely))


def _cast(array: Any, kind: pa.DataType) -> Any:
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        return None
