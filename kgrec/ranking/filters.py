"""Filters on items' attributes: which items a request allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError

Where: TypeAlias = Mapping[str, Any] | Callable[[pd.DataFrame], Any]


def attribute_mask(items: pd.DataFrame, where: Where) -> np.ndarray:
    """The items that a filter allows.

    Parameters
    ----------
    items
        One row per item.
    where
        Maps a column to a value, a list of values (any of them) or a tuple ``(low, high)``
        (inclusive; None leaves an end open); all columns must match. A text such as "Comedy|Drama"
        equals each of its ``|`` parts and the whole. A missing value never matches. Or a function
        of the frame that returns one bool per item.

    Returns
    -------
    numpy.ndarray
        Bool ``[len(items)]``.

    Raises
    ------
    RequestError
        A column does not exist, a range is over text, or the function returns something else.
    """
    if callable(where):
        return _from_function(items, where)
    mask = np.ones(len(items), dtype=bool)
    for column, wanted in where.items():
        if column not in items.columns:
            known = ", ".join(map(str, items.columns)) or "none"
            raise RequestError(f"items have no column {column!r}; they have: {known}.")
        mask &= _column_mask(items[column], column, wanted)
    return mask


def _from_function(items: pd.DataFrame, where: Callable[[pd.DataFrame], Any]) -> np.ndarray:
    answer = np.asarray(where(items))
    if answer.dtype != bool or answer.shape != (len(items),):
        raise RequestError(
            f"the filter function returned {answer.dtype} of shape {answer.shape}; "
            f"return one bool for each of the {len(items)} items."
        )
    return answer


def _column_mask(values: pd.Series[Any], column: str, wanted: object) -> np.ndarray:
    if isinstance(wanted, tuple):
        return _in_range(values, column, wanted)
    options = list(wanted) if isinstance(wanted, list | set | frozenset | np.ndarray) else [wanted]
    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values.isin(_numbers(options, column)).to_numpy(dtype=bool))
    texts = {str(option) for option in options}
    return np.asarray([_matches(value, texts) for value in values], dtype=bool)


def _matches(value: object, texts: set[str]) -> bool:
    if not isinstance(value, str):
        return value is not None and value == value and str(value) in texts
    return value in texts or ("|" in value and not texts.isdisjoint(value.split("|")))


def _numbers(options: list[Any], column: str) -> list[float]:
    try:
        return [float(option) for option in options]
    except (TypeError, ValueError) as error:
        raise RequestError(f"column {column!r} holds numbers; {options!r} are not.") from error


def _in_range(values: pd.Series[Any], column: str, bounds: tuple[Any, ...]) -> np.ndarray:
    if len(bounds) != 2:
        raise RequestError(f"a range for {column!r} is (low, high); got {bounds!r}.")
    if not pd.api.types.is_numeric_dtype(values):
        raise RequestError(f"column {column!r} holds text; a range needs numbers: pass a list.")
    low, high = bounds
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    mask = ~np.isnan(numbers)
    if low is not None:
        mask &= numbers >= _numbers([low], column)[0]
    if high is not None:
        mask &= numbers <= _numbers([high], column)[0]
    return np.asarray(mask)
