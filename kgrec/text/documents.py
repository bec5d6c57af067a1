"""Item documents: one text per item for the encoder, made of the catalog's text columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from kgrec.text.cleaning import clean_text

TITLES = ("title", "name")
LONG_NAMES = ("description", "plot", "summary", "overview", "text", "abstract", "synopsis")
LONG_MEAN = 40  # characters: a column with longer texts on average is a description
_SAMPLE = 2000  # values that decide the kind of a column
_DISTINCT_SHARE = 0.5  # a short column with more distinct values holds names, not categories


@dataclass(frozen=True)
class TextColumns:
    """The attribute columns that make an item's document."""

    title: str | None
    short: tuple[str, ...]
    long: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.title or self.short or self.long)


def text_columns(items: pd.DataFrame) -> TextColumns:
    """Choose the text columns of ``items`` by their names and values.

    Parameters
    ----------
    items
        One row per item, any columns.

    Returns
    -------
    TextColumns
        ``title``: the column named "title" or "name". ``long``: text columns with a name such as
        "description", or with LONG_MEAN characters or more on average. ``short``: text columns with
        few distinct values (genres, brand, category). Columns of numbers, links and identifiers are
        left out.
    """
    samples = {
        str(column): _sample(items[column])
        for column in items.columns
        if not pd.api.types.is_numeric_dtype(items[column])
    }
    texts = [column for column, sample in samples.items() if sample]
    title = next((column for column in texts if column.lower() in TITLES), None)
    rest = [column for column in texts if column != title]
    long = tuple(column for column in rest if _is_long(samples[column], column))
    short = tuple(c for c in rest if c not in long and _is_category(samples[c]))
    return TextColumns(title, short, long)


def item_documents(items: pd.DataFrame, columns: TextColumns | None = None) -> list[str]:
    """Join each item's text columns to one document.

    Parameters
    ----------
    items
        One row per item.
    columns
        The columns to use; by default those that ``text_columns`` chooses.

    Returns
    -------
    list of str
        One cleaned text per row, such as "Title. genres: Comedy, Drama. description"; "" for an
        item without text.
    """
    chosen = text_columns(items) if columns is None else columns
    parts: list[list[str]] = []
    if chosen.title:
        parts.append([clean_text(value) for value in items[chosen.title]])
    for column in chosen.short:
        parts.append([_labelled(column, value) for value in items[column]])
    for column in chosen.long:
        parts.append([clean_text(value) for value in items[column]])
    if not parts:
        return [""] * len(items)
    return [_join(row) for row in zip(*parts, strict=True)]


def _join(parts: Sequence[str]) -> str:
    ended = [part if part[-1] in ".!?" else f"{part}." for part in parts if part]
    return " ".join(ended)


def _labelled(column: str, value: object) -> str:
    text = clean_text(value).replace("|", ", ")
    return f"{column.replace('_', ' ')}: {text}" if text else ""


def _sample(values: pd.Series[Any]) -> list[str]:
    return [value for value in values.iloc[:_SAMPLE] if isinstance(value, str) and value.strip()]


def _is_long(sample: Sequence[str], column: str) -> bool:
    if sum(text.startswith(("http://", "https://")) for text in sample) > len(sample) / 2:
        return False
    mean = sum(map(len, sample)) / len(sample)
    return column.lower() in LONG_NAMES or mean >= LONG_MEAN


def _is_category(sample: Sequence[str]) -> bool:
    parts = [part for text in sample for part in text.split("|")]
    if any(text.startswith(("http://", "https://")) for text in sample):
        return False
    worded = sum(any(map(str.isalpha, part)) for part in parts)
    return len(set(parts)) <= _DISTINCT_SHARE * len(parts) and worded > len(parts) / 2
