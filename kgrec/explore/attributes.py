"""Short attributes of a node as text, as pages show them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kgrec.paths.adjacency import NAME_COLUMNS

YEAR = "year"
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


def short_texts(texts: dict[str, str], most: int) -> list[str]:
    """The ``most`` shortest of these values, the year first; other numbers with their names."""
    ordered = sorted(texts, key=lambda name: (name.lower() != YEAR, len(texts[name])))
    return [_named(name, texts[name]) for name in ordered[:most]]


def _named(name: str, text: str) -> str:
    return f"{name} {text}" if _is_number(text) and name.lower() != YEAR else text


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def _text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return ", ".join(part.strip() for part in str(value).split("|") if part.strip())
