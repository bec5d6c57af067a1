"""Texts in CSV files of answers, which people open in a spreadsheet.

A cell that begins with "=", "+", "-", "@", a tab or a line end is a formula there, which may send
what other cells hold elsewhere. Such a text gets an apostrophe in front, by which a spreadsheet
knows a text; so does one that begins with apostrophes and such a sign, so that reading gives back
what was there. Numbers stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

# Also the wide forms, which some spreadsheets read as the others.
_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def guarded(value: Any) -> Any:
    """A text with an apostrophe in front where it would be a formula; any other value as it is."""
    if isinstance(value, str) and _is_formula(value):
        return f"'{value}"
    return value


def unguarded(text: str) -> str:
    """The text that ``guarded`` was given."""
    return text[1:] if text.startswith("'") and _is_formula(text[1:]) else text


def guarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with all its texts and names of columns ``guarded``."""
    return _mapped(frame, guarded)


def unguarded_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The table that ``guarded_frame`` was given."""
    return _mapped(frame, lambda value: unguarded(value) if isinstance(value, str) else value)


def _mapped(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    columns = {
        name: column if column.dtype.kind in "biufcmM" else column.map(change)
        for name, column in frame.items()
    }
    return type(frame)(columns, index=frame.index).rename(columns=change)


def _is_formula(text: str) -> bool:
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None
