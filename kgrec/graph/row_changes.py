"""Which rows of a table of nodes an update left as they were: what was made of them stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kgrec.graph.tables import Ints, NodeTable


def unchanged_rows(before: NodeTable, after: NodeTable) -> Ints:
    """The row in ``before`` of each node of ``after`` of which nothing has changed.

    Returns
    -------
    int64 ``[len(after)]``
        -1 for nodes that are new, or have another attribute or vector; for all nodes where the
        columns or their types differ.
    """
    if before is after:
        return np.arange(len(after), dtype=np.int64)
    if _columns(before) != _columns(after):
        return np.full(len(after), -1, dtype=np.int64)
    rows = before.rows(after.ids)
    here = np.flatnonzero(rows >= 0)
    there, same = rows[here], np.ones(len(here), dtype=bool)
    for name in after.attributes.columns:
        old, new = (_values(table.attributes[name]) for table in (before, after))
        same &= (old[there] == new[here]).astype(bool)
    for name, vectors in after.vectors.items():
        same &= (before.vectors[name][there] == vectors[here]).all(axis=1)
    rows[here[~same]] = -1
    return rows


def _columns(table: NodeTable) -> tuple[dict[str, Any], dict[str, int]]:
    kinds = {str(name): kind for name, kind in table.attributes.dtypes.items()}
    return kinds, {name: vectors.shape[1] for name, vectors in table.vectors.items()}


def _values(column: pd.Series[Any]) -> np.ndarray:
    """object ``[n]``, None for absent values, which are equal to each other."""
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy(dtype=bool)] = None
    return values
