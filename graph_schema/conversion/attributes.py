"""Conversion of columns that kgrec doesn't know: attributes, each of one plain type.

An attribute is text, whole numbers, numbers or booleans. Dates and times become ISO text, durations
seconds, lists "a|b"; an item's list of floats is a vector.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import (
    absent_if_empty,
    is_numeric,
    numbers,
    to_arrow,
    true_positions,
)
from graph_schema.report import ProblemCollector, shown
from graph_schema.vectors import check_lists, is_vector

_LARGEST_WHOLE: Final = 2.0**53  # the whole numbers up to it are exact as floats
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


def attribute(name: str, column: str, raw: Any, collector: ProblemCollector) -> Any:
    """Return the column ``column`` of the frame ``name`` as an attribute.

    A value that can't be one is a problem, and absent in the array.
    """
    array = to_arrow(raw, name, column, collector)
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return array if pa.types.is_boolean(kind) else array.cast(pa.string())
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return array.cast(pa.int64())
    if is_numeric(kind):
        return _finite(name, column, array.cast(pa.float64(), safe=False), collector)
    if pa.types.is_string(kind):
        return absent_if_empty(array)
    if name == "items" and is_vector(kind):
        return check_lists(name, column, array, collector)
    if _is_plain_list(kind):
        return _joined(name, column, array, collector)
    if pa.types.is_duration(kind):
        return seconds(array)
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return array.cast(pa.string())
    collector.add(
        name, column, f"values of type {kind} are not supported.", "make them text or numbers."
    )
    return pa.nulls(len(array), pa.string())


def _is_plain_list(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    values = kind.value_type
    scalar = pa.types.is_string(values) or pa.types.is_large_string(values) or is_numeric(values)
    scalar = scalar or pa.types.is_boolean(values) or pa.types.is_null(values)
    return scalar or (pa.types.is_temporal(values) and not pa.types.is_interval(values))


def seconds(durations: Any) -> Any:
    """Return durations as seconds, float64."""
    units = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    count = durations.cast(pa.int64()).cast(pa.float64(), safe=False)
    return pc.divide(count, units[durations.type.unit])


def as_stored(array: Any, kind: pa.DataType) -> tuple[Any, np.ndarray]:
    """Return an attribute in the type that a graph has for it.

    Parameters
    ----------
    array : Arrow array
        What ``attribute`` returned.
    kind : pyarrow.DataType
        bool, int64, float64 or string.

    Returns
    -------
    array : Arrow array
        Of type ``kind``; float64 where numbers with a fraction meet whole ones.
    bad : int64 ``[m]``
        The positions of values that are no such value: "n/a" or True for a number, 2 for a boolean.
        They are absent in the array.
    """
    none = np.empty(0, dtype=np.int64)
    if array.type == kind or array.null_count == len(array):
        return array.cast(kind), none
    if pa.types.is_string(kind):
        return _as_text(array), none
    if pa.types.is_boolean(kind):
        return _as_truth(array)
    return _as_numbers(array, kind)


def _as_text(array: Any) -> Any:
    """Whole floats are written without ".0", as in a column of mixed types."""
    if not pa.types.is_floating(array.type):
        return array.cast(pa.string())
    whole = pc.if_else(_is_whole(array), array, None).cast(pa.int64())
    return pc.coalesce(whole.cast(pa.string()), array.cast(pa.string()))


def _as_truth(array: Any) -> tuple[Any, np.ndarray]:
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(_as_text(array)))
    known = pa.array([_TRUTH.get(text) for text in texts.to_pylist()], pa.bool_())
    return known, true_positions(pc.and_(pc.is_valid(array), pc.is_null(known)))


def _as_numbers(array: Any, kind: pa.DataType) -> tuple[Any, np.ndarray]:
    bad = np.empty(0, dtype=np.int64)
    if pa.types.is_boolean(array.type):
        return pa.nulls(len(array), kind), true_positions(pc.is_valid(array))
    if pa.types.is_string(array.type):
        array, bad = _numbers_in_text(array)
    if array.type == kind:
        return array, bad
    if pa.types.is_integer(kind) and pc.all(_is_whole(array)).as_py() is not False:
        return array.cast(pa.int64()), bad
    return array.cast(pa.float64(), safe=False), bad


def _numbers_in_text(array: Any) -> tuple[Any, np.ndarray]:
    """Text such as "1990" or "9.5"; "007" is no number, since writing 7 back changes it, nor
    are "inf" and "1e400"."""
    padded = true_positions(pc.match_substring_regex(array, r"^\s*-?0[0-9]"))
    found, bad = numbers(array)
    bad = np.union1d(bad, padded)
    kept = np.ones(len(array), dtype=bool)
    kept[bad] = False
    return pc.if_else(pa.array(kept), found, None), bad


def _is_whole(floats: Any) -> Any:
    whole = pc.equal(floats, pc.floor(floats))
    return pc.and_(whole, pc.less(pc.abs(floats), _LARGEST_WHOLE))


def _finite(name: str, column: str, array: Any, collector: ProblemCollector) -> Any:
    finite = pc.is_finite(array)
    bad = true_positions(pc.invert(finite))
    if not len(bad):
        return array
    collector.add_rows(
        name,
        column,
        bad,
        lambda row: f"{array[row]} is not a number.",
        "write a finite number, or leave the value empty.",
    )
    return pc.if_else(finite, array, None)


def _joined(name: str, column: str, array: Any, collector: ProblemCollector) -> Any:
    """Join each list with "|", the form of every attribute with several values."""
    texts: list[str | None] = []
    bad: list[int] = []
    for row, values in enumerate(array.to_pylist()):
        parts = None if values is None else [str(value) for value in values if value is not None]
        if parts and any("|" in part for part in parts):
            bad.append(row)
        texts.append("|".join(parts) if parts else None)
    collector.add_rows(
        name,
        column,
        bad,
        lambda row: f"a value of the list contains '|': {shown(texts[row])}.",
        "replace the '|', which joins the values of a list.",
    )
    return pa.array(texts, type=pa.string())
