"""Item vectors of implicit feedback by alternating least squares, and the history's side of them.

Hu, Koren & Volinsky (ICDM 2008): x_u·y_i is near 1 for what user u chose, with a confidence of
1 + c, and near 0 for all else, with a confidence of 1. Users' vectors are not kept. For a history
they would be (YᵀY + c Σ yyᵀ + λ)⁻¹ (1 + c) Σ y; with the mean of c Σ yyᵀ over all users in place of
this user's own, they are a sum of one vector for each event (here without the factor 1 + c).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from kgrec.nn.singular_vectors import right_singular_vectors
from kgrec.threads import decomposing, follow

CONFIDENCE: Final = 3.0  # of an event beyond that of an absent one
PENALTY: Final = 30.0
_ROUNDS: Final = 2  # from singular vectors; more change little
_MOST_EVENTS: Final = 200_000  # of users drawn by seed: the vectors of items need no more
_BLOCK: Final = 1_024  # rows solved at once


class ItemFactors(NamedTuple):
    """float32 ``[n, d]`` each: what an event of an item adds to a user's vector, and the vector of
    an item as a candidate."""

    query: np.ndarray
    candidate: np.ndarray

    def leading(self, size: int) -> ItemFactors:
        """The first ``size`` columns."""
        return ItemFactors(self.query[:, :size], self.candidate[:, :size])


def least_squares_factors(
    matrix: sp.csr_matrix,
    size: int,
    *,
    confidence: float = CONFIDENCE,
    penalty: float = PENALTY,
) -> ItemFactors:
    """The factors of items, from what users chose.

    Parameters
    ----------
    matrix : CSR float32 ``[users, n]``
        What each user's events say for an item, from 0 to 1. Of more than 200,000 events those of
        some users are read, from a fixed seed.
    size : int
        Number of columns; those beyond what ``right_singular_vectors`` finds are zero.
    confidence, penalty : float
        c and λ above.

    Returns
    -------
    ItemFactors
        Equal matrices have equal factors.
    """
    rows = _some_users(matrix)
    vectors = right_singular_vectors(rows, size).astype(np.float32)
    lengths = np.linalg.norm(rows @ vectors, axis=0)
    items, across = vectors * np.sqrt(lengths), rows.T.tocsr()
    rank = items.shape[1]
    with decomposing(rank):
        for _ in range(_ROUNDS if rank else 0):
            follow()
            items = _solved(across, _solved(rows, items, confidence, penalty), confidence, penalty)
        query = _query_side(rows, items, confidence, penalty) if rank else items
    missing = ((0, 0), (0, size - rank))
    return ItemFactors(*(np.pad(side, missing).astype(np.float32) for side in (query, items)))


def _some_users(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The rows of so many users that they have about as many events as are read."""
    if matrix.nnz <= _MOST_EVENTS:
        return matrix.tocsr()
    order = np.random.default_rng(0).permutation(matrix.shape[0])
    events = np.cumsum(np.diff(matrix.indptr)[order])
    return matrix[np.sort(order[: int(np.searchsorted(events, _MOST_EVENTS)) + 1])].tocsr()


def _solved(
    rows: sp.csr_matrix, others: np.ndarray, confidence: float, penalty: float
) -> np.ndarray:
    """float32 ``[m, d]``: the vector of each of m rows, given those of the columns ``[n, d]``."""
    rank = others.shape[1]
    upper = np.triu_indices(rank)
    products = others[:, upper[0]] * others[:, upper[1]]
    shared = others.T @ others + np.float32(penalty) * np.eye(rank, dtype=np.float32)
    found = np.empty((rows.shape[0], rank), dtype=np.float32)
    for start in range(0, rows.shape[0], _BLOCK):
        part = rows[start : start + _BLOCK]
        left = np.empty((part.shape[0], rank, rank), dtype=np.float32)
        left[:, upper[0], upper[1]] = (part * np.float32(confidence)) @ products
        left[:, upper[1], upper[0]] = left[:, upper[0], upper[1]]
        right = (part * np.float32(1 + confidence)) @ others
        found[start : start + _BLOCK] = np.linalg.solve(left + shared, right[:, :, None])[:, :, 0]
    return found


def _query_side(
    rows: sp.csr_matrix, items: np.ndarray, confidence: float, penalty: float
) -> np.ndarray:
    """float32 ``[n, d]``: the vectors of items as events of a history."""
    counts = np.asarray(rows.sum(axis=0), dtype=np.float32).ravel() / max(rows.shape[0], 1)
    mean = np.float32(confidence) * (items * counts[:, None]).T @ items
    shared = items.T @ items + mean + np.float32(penalty) * np.eye(items.shape[1])
    return np.asarray(np.linalg.solve(shared, items.T).T)
