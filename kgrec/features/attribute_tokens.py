"""Attribute tokens: any catalog's columns as a bag of categorical values and number ranges."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.errors import RequestError
from kgrec.graph.tables import Ints

MIN_COUNT = 3  # rows that must have a value, or it can't be learned
MAX_DISTINCT_SHARE = 0.5  # a column with more distinct values names rows, it doesn't describe them
MAX_CATEGORIES = 20  # numeric columns with more distinct values are cut into ranges
N_RANGES = 10
_FEW = 8  # rows whose texts are looked up one by one


@dataclass(frozen=True, eq=False)
class AttributeTokens:
    """The attribute values that have learned vectors.

    Attributes
    ----------
    tokens : tuple of str
        Sorted "column=value" strings; the value of a numeric column is the number of a range.
    edges : dict
        The limits of the ranges, by numeric column.
    """

    tokens: tuple[str, ...]
    edges: dict[str, tuple[float, ...]]

    @staticmethod
    def build(attributes: pd.DataFrame) -> AttributeTokens:
        """Return the tokens of a table of attributes; strings with several values are "a|b"."""
        tokens: list[str] = []
        edges: dict[str, tuple[float, ...]] = {}
        for column in map(str, attributes.columns):
            values = attributes[column]
            if _is_number(values) and values.nunique() > MAX_CATEGORIES:
                edges[column] = _range_limits(values)
            names = _names(column, values, edges.get(column))["token"]
            counts = names.value_counts()
            if len(counts) <= max(MAX_DISTINCT_SHARE * len(values), 2):
                tokens.extend(counts.index[counts >= MIN_COUNT])
        return AttributeTokens(tuple(sorted(tokens)), edges)

    def matrix(self, attributes: pd.DataFrame) -> sp.csr_matrix:
        """Return the tokens of each row, float32 CSR ``[rows, tokens]``.

        Rows sum to one, or are empty where no token is known.
        """
        rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        index = self._index
        for column in map(str, attributes.columns):
            values, edges = attributes[column], self.edges.get(column)
            if edges is None and len(attributes) <= _FEW and _is_plain_text(values):
                places = self._few(column, values.tolist())
                rows.append(places[:, 0])
                columns.append(places[:, 1])
                continue
            names = _names(column, values, edges)
            found = index.get_indexer(pd.Index(names["token"]))
            rows.append(names["row"].to_numpy(dtype=np.int64)[found >= 0])
            columns.append(found[found >= 0].astype(np.int64))
        row, column_ = np.concatenate(rows), np.concatenate(columns)
        counts = np.maximum(np.bincount(row, minlength=len(attributes)), 1)
        shape = (len(attributes), len(self.tokens))
        return sp.csr_matrix(((1.0 / counts[row]).astype(np.float32), (row, column_)), shape=shape)

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(self.tokens, dtype=object)

    def _few(self, column: str, values: Sequence[Any]) -> Ints:
        """int64 ``[n, 2]``: row and place of the tokens of a column of texts of a few rows, as
        ``_names`` finds them; for one row it takes a twentieth of the time."""
        found = [
            (row, place)
            for row, value in enumerate(values)
            if isinstance(value, str)
            for part in dict.fromkeys(part.strip() for part in value.split("|"))
            if part and (place := self._place(f"{column}={part}")) >= 0
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def _place(self, token: str) -> int:
        place = bisect_left(self.tokens, token)
        return place if self.tokens[place : place + 1] == (token,) else -1

    def grown(self, known: sp.csr_matrix, rows: Ints, attributes: pd.DataFrame) -> sp.csr_matrix:
        """Return ``matrix`` of a later table.

        Parameters
        ----------
        known : float32 CSR ``[m, tokens]``
            The matrix of an earlier table with the same columns.
        rows : int64 ``[n]``
            The row there of each row that is as it was, -1 for others.
        attributes : DataFrame
            The n rows.
        """
        changed = np.flatnonzero(rows < 0)
        if not len(changed) and len(rows) == known.shape[0]:
            return known
        fresh = self.matrix(attributes.iloc[changed].reset_index(drop=True))
        places = rows.copy()
        places[changed] = known.shape[0] + np.arange(len(changed))
        return sp.csr_matrix(sp.vstack([known, fresh], format="csr")[places])


def visible_attributes(attributes: pd.DataFrame, blind_to: Sequence[str]) -> pd.DataFrame:
    """The columns that scores may read."""
    return attributes.drop(columns=list(blind_to), errors="ignore")


def check_blind(users: pd.DataFrame, blind_to: Sequence[str]) -> None:
    """Raise RequestError where users lack an attribute of ``blind_to``: a typing error would let
    scores read what they must not."""
    known = list(map(str, users.columns))
    for name in blind_to:
        if name not in known:
            raise RequestError(
                f"model.blind_to names {name!r}, which no user has; they have: "
                f"{', '.join(known) or 'no attributes'}. Correct the name, or leave it out."
            )


def without_unused(tokens: AttributeTokens, attributes: pd.DataFrame) -> AttributeTokens:
    """The tokens with a name that no value has in place of those that no row has; the learned
    vectors keep their places. ``tokens`` itself where all are used."""
    used = np.asarray(tokens.matrix(attributes).sum(axis=0)).ravel() > 0
    if used.all():
        return tokens
    names = [
        name if one else f"erased {place}"
        for place, (name, one) in enumerate(zip(tokens.tokens, used, strict=True))
    ]
    return replace(tokens, tokens=tuple(names))


def _is_number(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _is_plain_text(values: pd.Series[Any]) -> bool:
    """Whether all values are absent or of letters and signs that every library trims alike."""
    return all(
        (value.isprintable() and value.isascii())
        if isinstance(value, str)
        else pd.isna(value) is True
        for value in values.tolist()
    )


def _range_limits(values: pd.Series[Any]) -> tuple[float, ...]:
    known = values.dropna().to_numpy(dtype=np.float64)
    quantiles = np.quantile(known, np.linspace(0, 1, N_RANGES + 1)[1:-1])
    return tuple(float(limit) for limit in np.unique(quantiles))


def _names(column: str, values: pd.Series[Any], edges: tuple[float, ...] | None) -> pd.DataFrame:
    """Columns ``row`` and ``token``: every value of every row, distinct within the row."""
    known = values.reset_index(drop=True).dropna()
    if edges is not None:
        text = pd.Series(np.searchsorted(edges, known.to_numpy(dtype=np.float64), side="right"))
        text = text.set_axis(known.index).astype(str)
    elif _is_number(values):
        text = known.map(lambda number: f"{number:g}")
    else:
        text = known.astype(str).str.split("|").explode().str.strip()
        text = text[text != ""]
    frame = pd.DataFrame({"row": text.index, "token": column + "=" + text.to_numpy(dtype=object)})
    return frame.drop_duplicates()
