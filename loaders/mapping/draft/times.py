"""In which form a column holds times, if it does."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from graph_schema.conversion.columns import times
from loaders.mapping.draft.look import Column
from loaders.mapping.times import seconds_written

# (least, most, unit): numbers of the years 1990 to 2100.
_UNITS: Final = (
    (631_152_000, 4_102_444_800, None),
    (631_152_000_000, 4_102_444_800_000, "ms"),
    (631_152_000_000_000, 4_102_444_800_000_000, "us"),
    (631_152_000_000_000_000, 4_102_444_800_000_000_000, "ns"),
)
_FORMATS: Final = (
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%m %d, %Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
_LEAST, _MOST = -2_208_988_800, 4_102_444_800  # the years 1900 to 2100
_TRIED: Final = 20  # values with which a form is tried first
_SHARE: Final = 0.99  # of numbers that are in the range of a unit


def time_fields(column: Column) -> dict[str, str] | None:
    """The fields ``unit`` or ``format`` of a column of times, or none; None for no times."""
    if column.listed or not len(column.values):
        return None
    numbers = column.numbers
    if numbers is not None:
        for least, most, unit in _UNITS:
            if np.mean((numbers >= least) & (numbers <= most)) >= _SHARE:
                return {"unit": unit} if unit else {}
        if (numbers % 1).any():
            return None
    elif not len(times(column.values[:_TRIED])[1]) and not len(times(column.values)[1]):
        return {}
    for form in _FORMATS:
        # Most forms fit no value at all: a few values are enough to see that.
        if _is_written(column.values[:_TRIED], form) and _is_written(column.values, form):
            return {"format": form}
    return None


def _is_written(texts: Any, form: str) -> bool:
    """Whether all texts are times of this form, of years that are likely."""
    found, bad = seconds_written(texts, form)
    if len(bad):
        return False
    seconds = found.to_numpy(zero_copy_only=False)
    return bool(seconds.min() >= _LEAST and seconds.max() <= _MOST)
