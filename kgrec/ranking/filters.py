"""Filters on items' attributes: which items a request allows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from graph_schema.names import KEY_COLUMNS
from kgrec.arguments import as_id

Where: TypeAlias = Mapping[str, Any] | Callable[[pd.DataFrame], Any]

_TRUE: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS: Final = ("not", "min", "max")


class Condition(NamedTuple):
    """One condition of a filter: how an error calls it, and the items that meet it, bool
    ``[n_items]``."""

    name: str
    mask: np.ndarray


def attribute_mask(items: pd.DataFrame, where: Where, what: str = "items") -> np.ndarray:
    """The items that meet all conditions of a filter, bool ``[len(items)]``.

    Parameters and errors are those of ``conditions``.
    """
    mask = np.ones(len(items), dtype=bool)
    for condition in conditions(items, where, what):
        mask &= condition.mask
    return mask


def conditions(items: pd.DataFrame, where: Where, what: str = "items") -> list[Condition]:
    """The conditions of a filter, each with the items that meet it.

    Parameters
    ----------
    items
        One row per item.
    where
        Maps a column to what its value must be:

        - a value. A text such as "Comedy|Drama" equals each of its ``|`` parts and the whole. True,
          1 and "true" are the same to a column of booleans. A day, such as "2020-01-31" or a
          ``datetime.date``, equals all times of that day (UTC);
        - a list (or set, array, Series, range) of values: any of them;
        - a tuple ``(low, high)`` of numbers or of dates: a range with its ends, where None leaves
          an end open. ``{"min": low, "max": high}`` is the same;
        - None (or NaN): the item has no value. Nothing else matches a missing value;
        - ``{"not": ...}`` with any of these: all other items.

        Or a function of the frame that returns one bool per item.
    what
        What errors call the rows.

    Raises
    ------
    RequestError
        A column does not exist, a value doesn't fit its column, a range is over text or empty, or
        the function fails or returns something else.
    """
    if callable(where):
        return [Condition("the filter function", _from_function(items, where))]
    if not isinstance(where, Mapping):
        raise RequestError(
            f"where is a {type(where).__name__}; pass a mapping such as {{'year': 1999}}, or a "
            "function of the items' frame."
        )
    found = []
    for column, wanted in where.items():
        if not isinstance(column, str) or column not in items.columns:
            known = ", ".join(map(str, items.columns)) or "none"
            raise RequestError(f"{what} have no column {column!r}; they have: {known}.")
        name = f"{column} = {' '.join(repr(wanted).split())[:60]}"
        found.append(Condition(name, _column_mask(items[column], column, wanted)))
    return found


def _from_function(items: pd.DataFrame, where: Callable[[pd.DataFrame], Any]) -> np.ndarray:
    try:
        answer = where(items)
    except Exception as error:
        raise RequestError(
            f"the filter function failed with {type(error).__name__}: {error}; the frame has the "
            f"columns {', '.join(map(str, items.columns))}."
        ) from error
    if isinstance(answer, pd.Series) and answer.dtype == "boolean":
        answer = answer.to_numpy(dtype=bool, na_value=False)
    answer = np.asarray(answer)
    if answer.dtype != bool or answer.shape != (len(items),):
        raise RequestError(
            f"the filter function returned {answer.dtype} of shape {answer.shape}; "
            f"return one bool for each of the {len(items)} items."
        )
    return answer


def _column_mask(values: pd.Series[Any], column: str, wanted: object) -> np.ndarray:
    if isinstance(wanted, tuple):
        if len(wanted) != 2:
            raise RequestError(f"a range for {column!r} is (low, high); got {wanted!r}.")
        return _in_range(values, column, *wanted)
    if isinstance(wanted, Mapping):
        return _by_words(values, column, wanted)
    options = _options(wanted)
    known = [option for option in options if not _is_missing(option)]
    mask = np.zeros(len(values), dtype=bool)
    if len(known) < len(options):
        mask |= _missing(values)
    if known:
        mask |= _equal(values, column, known)
    return mask


def _by_words(values: pd.Series[Any], column: str, wanted: Mapping[Any, Any]) -> np.ndarray:
    unknown = [word for word in wanted if word not in _WORDS]
    if unknown or not wanted:
        found = f"has {unknown[0]!r}" if unknown else "is empty"
        raise RequestError(f"the condition on {column!r} {found}; it takes {', '.join(_WORDS)}.")
    mask = np.ones(len(values), dtype=bool)
    if "not" in wanted:
        mask &= ~_column_mask(values, column, wanted["not"])
    if "min" in wanted or "max" in wanted:
        mask &= _in_range(values, column, wanted.get("min"), wanted.get("max"))
    return mask


def _options(wanted: object) -> list[Any]:
    """The values of a list of whatever kind; a single value in a list."""
    if hasattr(wanted, "to_pylist"):
        return list(wanted.to_pylist())
    if isinstance(wanted, str | bytes) or not isinstance(wanted, Iterable):
        return [wanted]
    return list(np.ravel(wanted)) if isinstance(wanted, np.ndarray) else list(wanted)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _missing(values: pd.Series[Any]) -> np.ndarray:
    """Items without a value, bool ``[n]``; an empty text is none."""
    return np.asarray(values.isna() | (values == "").fillna(False).astype(bool), dtype=bool)


def _equal(values: pd.Series[Any], column: str, options: list[Any]) -> np.ndarray:
    if _is_boolean(values):
        wanted = {_boolean(option, column) for option in options}
        return np.asarray([_known(value) and bool(value) in wanted for value in values])
    if pd.api.types.is_numeric_dtype(values):
        numbers = [_number(option, column) for option in options]
        return np.asarray(values.isin(numbers).fillna(False).to_numpy(dtype=bool))
    texts = {_text(option, column) for option in options}
    mask = np.asarray([_matches(value, texts) for value in values], dtype=bool)
    days = [option for option in options if _is_date(option)]
    if days:
        times = _times(values)
        for day in days:
            low, high = _instants(day, day)
            mask |= np.asarray((times >= low) & (times <= high))
    return mask


def _is_boolean(values: pd.Series[Any]) -> bool:
    if values.dtype != object:
        return bool(pd.api.types.is_bool_dtype(values))
    known = values.dropna()
    return len(known) > 0 and all(isinstance(value, bool | np.bool_) for value in known)


def _known(value: Any) -> bool:
    return value is not None and value is not pd.NA and value == value


def _boolean(option: Any, column: str) -> bool:
    found = _TRUE.get(str(option).strip().lower())
    if found is None:
        raise RequestError(f"column {column!r} holds True and False; {option!r} is neither.")
    return found


def _number(option: Any, column: str) -> float:
    """Raises RequestError for what is no number, the text "nan" among it."""
    try:
        if isinstance(option, pd.Timestamp | dt.date):
            raise TypeError
        number = float(option)
        if number != number:
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError(f"column {column!r} holds numbers; {option!r} is not one.") from error
    return number


def _text(option: Any, column: str) -> str:
    if isinstance(option, bytes | Mapping | list | tuple | set | np.ndarray):
        raise RequestError(f"column {column!r} holds text; {option!r} is not one value.")
    if column == KEY_COLUMNS["items"]:
        return as_id(option, "where item_id")
    whole = isinstance(option, float | np.floating) and float(option).is_integer()
    return str(int(option)) if whole else str(option)


def _matches(value: object, texts: set[str]) -> bool:
    if not isinstance(value, str):
        return _known(value) and str(value) in texts
    return value in texts or ("|" in value and not texts.isdisjoint(value.split("|")))


def _in_range(values: pd.Series[Any], column: str, low: Any, high: Any) -> np.ndarray:
    low, high = (None if _is_missing(end) else end for end in (low, high))
    known = ~_missing(values)
    if low is None and high is None:
        return known
    if pd.api.types.is_numeric_dtype(values) and not _is_boolean(values):
        ends = [None if end is None else _number(end, column) for end in (low, high)]
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    elif all(end is None or _is_date(end) for end in (low, high)):
        numbers, dated = _microseconds(values)
        known &= dated
        if not known.any():
            raise RequestError(f"column {column!r} holds no dates; a range of dates needs some.")
        ends = [None if end is None else _micro(end) for end in _instants(low, high)]
    else:
        raise RequestError(
            f"column {column!r} holds {'True and False' if _is_boolean(values) else 'text'}; a "
            "range needs numbers or dates (2020-01-31): pass a list."
        )
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        raise RequestError(f"the range of {column!r} from {low!r} to {high!r} is empty; swap them.")
    if ends[0] is not None:
        known &= numbers >= ends[0]
    if ends[1] is not None:
        known &= numbers <= ends[1]
    return np.asarray(known)


def _is_date(value: Any) -> bool:
    if isinstance(value, dt.date | np.datetime64):
        return True
    if not isinstance(value, str) or not _DAY.match(value.strip()):
        return False
    return not _is_missing(pd.to_datetime(value, errors="coerce", utc=True))


def _times(values: pd.Series[Any]) -> pd.Series[Any]:
    """The dates of a column of texts as times in UTC, NaT where a text is no date."""
    texts = values.astype(object)
    times = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    return times.astype("datetime64[us, UTC]")


def _microseconds(values: pd.Series[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The dates of a column as microseconds since 1970, float64 ``[n]``, and where there is one."""
    times = _times(values)
    return times.astype("int64").to_numpy(dtype=np.float64), times.notna().to_numpy()


def _micro(time: pd.Timestamp) -> float:
    return float(time.asm8.astype("datetime64[us]").astype("int64"))


def _instants(low: Any, high: Any) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """The first time of ``low`` and the last of ``high``, a whole day where no time is named.

    Raises RequestError for a time beyond the years that pandas knows."""
    first, last = (None if end is None else _instant(end) for end in (low, high))
    if last is not None and _is_day(high):
        last += pd.Timedelta(days=1) - pd.Timedelta(1, "us")
    return first, last


def _instant(value: Any) -> pd.Timestamp:
    try:
        time: pd.Timestamp = pd.to_datetime(value, utc=True).as_unit("us")
    except (ValueError, OverflowError) as error:
        raise RequestError(f"{value!r} is too far from today to compare with.") from error
    return time


def _is_day(value: Any) -> bool:
    if isinstance(value, str):
        return _DAY.fullmatch(value.strip()) is not None
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
