"""Conversion of pandas and Arrow columns to plain Arrow arrays of text, numbers or times.

``strings``, ``numbers`` and ``times`` return the array and the positions (int64) of the values that
can't be converted. These values are absent in the array.

Times are converted here alone: those of files and frames, and (``unix_seconds``,
``unix_seconds_of``) those of requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import RequestError
from graph_schema.report import ProblemCollector, shown

_NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?(Z|[-+][0-9]{2}(:?[0-9]{2})?))?)?$"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PART: Final = 1 << 20  # values converted at once
MAX_SECONDS: Final = 253_402_300_799  # the end of the year 9999: anything later isn't in seconds
_UNITS: Final = ((1e17, "nanoseconds", 10**9), (1e14, "microseconds", 10**6))
# What a column of mixed types may hold: scalars by kind, and lists of scalars of one kind.
_SCALARS: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "boolean": (bool, np.bool_),
    "number": (int, float, Decimal, np.integer, np.floating),
    "time": (date, time, timedelta, np.datetime64, np.timedelta64),
}
_LISTS: Final = (list, tuple, set, frozenset, np.ndarray)
TIME_CURE: Final = "unix seconds, a datetime or ISO 8601 text such as 2024-01-03T14:49:27Z"


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
        raw = raw.dictionary.take(raw.indices)
    if pa.types.is_large_string(raw.type) or raw.type == pa.string_view():
        raw = raw.cast(pa.string())
    return raw


def _series_to_arrow(
    series: pd.Series[Any], name: str, column: str, collector: ProblemCollector
) -> Any:
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(series.array.to_dense(), index=series.index)
    array = _as_inferred(series)
    if array is not None:
        return array
    if pd.api.types.infer_dtype(series, skipna=True) in ("timedelta", "timedelta64"):
        return pa.array(pd.to_timedelta(series), from_pandas=True)
    return _mixed(series, name, column, collector)


def _as_inferred(series: pd.Series[Any]) -> Any:
    """The array of the type that Arrow finds; None where it finds none that holds every value."""
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, UnicodeError, TypeError, ValueError, OverflowError):
        return None
    if pa.types.is_list(array.type) and _any_is(series, (set, frozenset)):
        return None  # in an order that changes from run to run
    if pa.types.is_date(array.type) and _any_is(series, datetime):
        return None  # without its time of day
    return array


def _any_is(series: pd.Series[Any], kinds: type | tuple[type, ...]) -> bool:
    return any(isinstance(value, kinds) and value is not pd.NaT for value in series)


def _mixed(series: pd.Series[Any], name: str, column: str, collector: ProblemCollector) -> Any:
    """A column of several types: texts, or lists of texts where every value is a list or a set."""
    values = [None if _is_absent(value) else value for value in series]
    given = [value for value in values if value is not None]
    listed = bool(given) and all(_is_list(value) for value in given)
    convert: Callable[[Any], Any] = _as_texts if listed else _as_text
    texts: list[Any] = [None if value is None else convert(value) for value in values]
    odd = [row for row, text in enumerate(texts) if text is None and values[row] is not None]
    collector.add_rows(
        name,
        column,
        odd,
        lambda row: f"{_described(values[row])} is not supported here.",
        "make it text, a number, a boolean or a date, or every value a list of one of these.",
    )
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
    return pa.array(texts, type=pa.list_(pa.string()) if listed else pa.string())


def _is_absent(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and math.isnan(value)


def _as_text(value: Any) -> str | None:
    """A single value as text: 7.0 as "7", other scalars by str; None for what is no scalar."""
    if _kind(value) is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _as_texts(values: Any) -> list[str] | None:
    """A flat list of scalars of one kind as texts, a set in sorted order; None for any other."""
    given = [value for value in values if not _is_absent(value)]
    kinds = {_kind(value) for value in given}
    if None in kinds or len(kinds) > 1:
        return None
    texts = [str(_as_text(value)) for value in given]
    return sorted(texts) if isinstance(values, set | frozenset) else texts


def _kind(value: Any) -> str | None:
    """What kind of scalar a value is; None where it is none."""
    return next((kind for kind, types in _SCALARS.items() if isinstance(value, types)), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, _LISTS) and getattr(value, "ndim", 1) == 1


def _described(value: Any) -> str:
    """A value by its type: its content may be long, or differ from run to run."""
    if isinstance(value, np.ndarray) and not _is_list(value):
        return f"an array of {value.ndim} dimensions"
    if not _is_list(value):
        return f"a value of type {type(value).__name__}"
    kinds = sorted({type(one).__name__ for one in value if not _is_absent(one)})
    return f"a {type(value).__name__} of {' and '.join(kinds) or 'nothing'}"


def _is_unicode(text: str | list[str]) -> bool:
    try:
        "".join(text).encode()
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
    if not _is_scalar(array.type):
        return pa.nulls(len(array), pa.string()), true_positions(pc.is_valid(array))
    if pa.types.is_duration(array.type) or is_id:
        return pa.nulls(len(array), pa.string()), true_positions(pc.is_valid(array))
    return array.cast(pa.string()), none


def _is_scalar(kind: pa.DataType) -> bool:
    """Whether a type is none of lists, bytes, intervals and what pandas adds to Arrow."""
    odd = pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_interval(kind)
    odd = odd or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return not (odd or isinstance(kind, pa.BaseExtensionType))


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
        array, bad = parsed_numbers(array)
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
    """Convert an array to int64 unix seconds; fractions of a second are cut off.

    Text is a number or ISO 8601: a date, perhaps with a time of day and an offset from UTC.
    """
    if pa.types.is_temporal(array.type) and not _is_span(array.type):
        return _instants(array)
    if pa.types.is_string(array.type):
        return _times_in_text(array)
    if pa.types.is_integer(array.type) and array.type != pa.uint64():
        return array.cast(pa.int64()), np.empty(0, dtype=np.int64)
    return _floored(*numbers(array))


def _is_span(kind: pa.DataType) -> bool:
    """Whether a type is an amount of time and no point in time."""
    return bool(pa.types.is_duration(kind) or pa.types.is_interval(kind))


def _floored(seconds: Any, bad: np.ndarray) -> tuple[Any, np.ndarray]:
    huge = true_positions(pc.greater_equal(pc.abs(seconds), 2.0**63))
    if len(huge):
        seconds = pc.if_else(pc.less(pc.abs(seconds), 2.0**63), seconds, None)
    return pc.floor(seconds).cast(pa.int64(), safe=False), np.union1d(bad, huge)


def _times_in_text(array: Any) -> tuple[Any, np.ndarray]:
    whole = _cast_text(array, pa.int64())
    if whole is not None:
        return whole, np.empty(0, dtype=np.int64)
    array = absent_if_empty(array)
    seconds, bad = _floored(*numbers(array))
    trimmed = pc.utf8_trim_whitespace(array)
    trimmed = pc.replace_substring_regex(trimmed, r"([0-9]) ?(UTC|GMT)$", r"\1Z")
    dated = true_positions(pc.match_substring_regex(trimmed, _ISO))
    if not len(dated):
        return seconds, bad
    found = _iso_seconds(trimmed.take(pa.array(dated)).to_numpy(zero_copy_only=False))
    real = np.array([one is not None for one in found], dtype=bool)
    mask = np.zeros(len(array), dtype=bool)
    mask[dated[real]] = True
    known = pa.array([one for one in found if one is not None], pa.int64())
    return pc.replace_with_mask(seconds, pa.array(mask), known), np.setdiff1d(bad, dated[real])


def _iso_seconds(texts: np.ndarray) -> list[int | None]:
    """The unix seconds of ISO texts, UTC without an offset; None for "2024-02-31"."""
    stamps = pd.to_datetime(pd.Series(texts), format="ISO8601", utc=True, errors="coerce")
    micros = stamps.dt.as_unit("us").astype("int64").to_numpy() // 1_000_000
    # What pandas can't hold is read one by one.
    return [
        _one_iso(text) if absent else int(second)
        for text, second, absent in zip(texts, micros, stamps.isna(), strict=True)
    ]


def _one_iso(text: str) -> int | None:
    try:
        time = datetime.fromisoformat(text.replace(" Z", "Z"))
    except ValueError:
        return None
    # Exact: timestamp() rounds the last microseconds of a second up in far years.
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(seconds=1)


def unit_of(seconds: int) -> tuple[str, int] | None:
    """The unit in which a number that is too large for seconds seems to be, and how many of it are
    a second; None for a number that can be unix seconds."""
    size = abs(seconds)
    if size <= MAX_SECONDS:
        return None
    found = ((unit, factor) for least, unit, factor in _UNITS if size > least)
    return next(found, ("milliseconds", 1_000))


def unix_seconds(value: object, what: str = "the time") -> int:
    """Return one time of a request as unix seconds.

    Parameters
    ----------
    value : int, float, str, date, datetime, pandas.Timestamp or numpy.datetime64
        Unix seconds, ISO 8601 text, or a time; without a zone it is UTC.
    what : str
        What the message of an error calls it.

    Returns
    -------
    int
        Fractions of a second are cut off.

    Raises
    ------
    RequestError
        For anything else: None, NaT, True, text that is no time, milliseconds.
    """
    if isinstance(value, np.datetime64):  # Arrow would read a year alone as a number
        value = value.astype("datetime64[us]")
    seconds, known = _read_times(pd.Series([value], dtype=object), lambda row: what)
    if not known[0]:
        raise RequestError(f"{what} is {shown(value)}, which is no time; pass {TIME_CURE}.")
    return int(seconds[0])


def unix_seconds_of(column: pd.Series[Any], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column of times of a request.

    Parameters
    ----------
    column : pandas.Series
        Times as ``unix_seconds`` takes them; None, NaN, NaT and "" are absent.
    what : str
        What the message of an error calls the column.

    Returns
    -------
    seconds : int64 ``[n]``
        Unix seconds, 0 where absent.
    known : bool ``[n]``
        Where there is a time.

    Raises
    ------
    RequestError
        For a value that is no time; it names the row.
    """
    return _read_times(column, lambda row: f"{what}, row {row}: the time")


def _read_times(column: pd.Series[Any], place: Any) -> tuple[np.ndarray, np.ndarray]:
    problems = ProblemCollector({}, {})
    array, bad = times(to_arrow(column.reset_index(drop=True), "times", "time", problems))
    rows = [*(problem.row for problem in problems.problems), *bad.tolist()]
    if None in rows:
        raise RequestError(str(problems.report()))
    for row in sorted(rows)[:1]:
        raise RequestError(
            f"{place(row)} is {shown(column.iloc[row])}, which is no time; pass {TIME_CURE}."
        )
    known = array.is_valid().to_numpy(zero_copy_only=False)
    seconds = pc.fill_null(array, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    for row in np.flatnonzero((seconds > MAX_SECONDS) | (seconds < -MAX_SECONDS))[:1].tolist():
        unit, factor = unit_of(int(seconds[row])) or ("", 1)
        raise RequestError(
            f"{place(row)} is {shown(column.iloc[row])}, which looks like {unit}; divide it by "
            f"{factor:,} to get unix seconds."
        )
    return seconds, known


def _instants(array: Any) -> tuple[Any, np.ndarray]:
    if pa.types.is_time(array.type):
        return pa.nulls(len(array), pa.int64()), true_positions(pc.is_valid(array))
    zone = getattr(array.type, "tz", None)
    seconds = pc.floor_temporal(array.cast(pa.timestamp("us", zone)), unit="second")
    return seconds.cast(pa.timestamp("s", zone)).cast(pa.int64()), np.empty(0, dtype=np.int64)


def parsed_numbers(array: Any) -> tuple[Any, np.ndarray]:
    """Convert text to float64: first the whole column; if that fails, the values that match."""
    whole = _cast_text(array, pa.float64())
    if whole is not None:
        return whole, np.empty(0, dtype=np.int64)
    array = absent_if_empty(array)
    trimmed = pc.utf8_trim_whitespace(array)
    likely = pc.match_substring_regex(trimmed, _NUMBER)
    parsed = _cast(pc.if_else(likely, trimmed, pa.scalar(None, pa.string())), pa.float64())
    return parsed, true_positions(pc.invert(likely))


def _cast_text(array: Any, kind: pa.DataType) -> Any:
    """Text as ``kind``, absent where empty, in parts that need little memory; None where a value is
    no such text."""
    parts = []
    for start in range(0, max(len(array), 1), _PART):
        part = _cast(absent_if_empty(array.slice(start, _PART)), kind)
        if part is None:
            return None
        parts.append(part)
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _cast(array: Any, kind: pa.DataType) -> Any:
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        return None
