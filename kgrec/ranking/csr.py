"""Rows of item lists as two arrays: row r's items are ``indices[indptr[r]:indptr[r + 1]]``."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from kgrec.graph.distinct import distinct

Csr: TypeAlias = tuple[np.ndarray, np.ndarray]


def pairs_to_csr(user: np.ndarray, item: np.ndarray, n_users: int) -> Csr:
    """Each user's distinct items in ascending order.

    ``user``, ``item`` int64 ``[n]`` in any order, repeats allowed. Returns ``indptr`` int64
    ``[n_users + 1]`` and ``indices`` int64 ``[distinct pairs]``.
    """
    user = np.asarray(user, dtype=np.int64)
    item = np.asarray(item, dtype=np.int64)
    width = int(item.max()) + 1 if len(item) else 1
    keys = distinct(user * width + item)
    counts = np.bincount(keys // width, minlength=n_users)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), keys % width


def take_rows(csr: Csr, rows: np.ndarray) -> Csr:
    """The CSR of ``rows`` (int64 ``[B]``) alone, in that order."""
    indptr, indices = csr
    starts, counts = indptr[rows], indptr[rows + 1] - indptr[rows]
    taken = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    positions = np.repeat(starts - taken[:-1], counts) + np.arange(taken[-1])
    return taken, indices[positions]


def row_numbers(indptr: np.ndarray) -> np.ndarray:
    """int64 ``[len(indices)]``: the row that each entry belongs to."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def contains(csr: Csr, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """bool, shape of ``items``: whether row ``rows`` of ``csr`` holds the item (-1: never).

    ``rows`` is broadcast against ``items``.
    """
    indptr, indices = csr
    if not len(indices):
        return np.zeros(np.shape(items), dtype=bool)
    width = max(int(indices.max()), int(np.max(items, initial=0))) + 1
    keys = np.sort(row_numbers(indptr) * width + indices)
    wanted = np.asarray(rows) * width + items
    found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.asarray((keys[found] == wanted) & (np.asarray(items) >= 0))
