"""Short attributes of a node as text, as pages show them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kgrec.paths.adjacency import NAME_COLUMNS

LONGEST = 80  # characters of a value; longer ones are texts
NAMES = frozenset(name for names in NAME_COLUMNS.values() for name in names)


def attribute_texts(attributes: pd.DataFrame, row: int) -> dict[str, str]:
    """The attributes of a row by column; without names, long texts, addresses and absent values."""
    found = {}
    for column in attributes.columns:
        text = _text(attributes[column].array[row])
        if text and column not in NAMES and len(text) <= LONGEST and "://" not in text:
            found[str(column)] = text
    return found


def _text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return ", ".join(part.strip() for part in str(value).split("|") if part.strip())
