"""Item–item weights at any number of items: the ridge regression of each item on its nearest items.

EASE (Steck, WWW 2019) restricted to a neighbourhood, as SLIM was (fsSLIM; Ning & Karypis, ICDM
2011), in closed form: for item i with nearest items S, w = (G_SS + λI)⁻¹ G_Si, where G is the
items' Gram matrix. No table of all pairs is made: the Gram matrix is computed for a block of items
at a time, and within a neighbourhood from its own columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.arrays import offsets, ranges
from kgrec.graph.snapshot import Floats, Ints
from kgrec.threads import decomposing, follow

SHRINK = 50.0  # added to the denominator of the cosine: rare pairs count less
_BLOCK = 128  # items at a time


def local_ridge(
    rows: sp.csr_matrix,
    penalties: Sequence[float],
    *,
    neighbours: int,
    shrink: float = SHRINK,
    targets: sp.csr_matrix | None = None,
    only: Ints | None = None,
) -> list[sp.csr_matrix]:
    """The weights of every item's nearest items, for each of the penalties λ.

    Parameters
    ----------
    rows : CSR float32 ``[r, n]``
        The rows of the regression: users, nodes of the graph, words.
    penalties : sequence of float
        λ > 0.
    neighbours : int
        Number m of nearest items, by cosine.
    shrink : float
        Added to the denominator of the cosine.
    targets : CSR float32 ``[r, n]``, optional
        What is regressed on ``rows``; None: these themselves.
    only : int64 ``[b]``, optional
        The items whose weights are computed, ascending; other columns are empty. By default all.

    Returns
    -------
    list of CSR float32 ``[n, n]``
        Column i holds at most m weights of other items on item i. Takes O(n m³) time, and memory
        for n m weights.
    """
    columns, found = rows.tocsc(), []
    within = _Columns(columns)
    solved: list[list[np.ndarray]] = [[] for _ in penalties]
    wanted = columns if targets is None else targets.tocsc()
    items = np.arange(rows.shape[1]) if only is None else only
    for nearest, products in _neighbourhoods(rows, columns, wanted, neighbours, shrink, items):
        follow()
        inner = np.stack([within.gram(items) for items in nearest])
        found.append(nearest)
        for values, penalty in zip(solved, penalties, strict=True):
            values.append(_solve(inner, products, penalty))
    if not found:
        return [sp.csr_matrix((rows.shape[1],) * 2, dtype=np.float32) for _ in penalties]
    nearest = np.concatenate(found)
    return [_assemble(nearest, np.concatenate(one), items, rows.shape[1]) for one in solved]


def _neighbourhoods(
    rows: sp.csr_matrix,
    columns: sp.csc_matrix,
    wanted: sp.csc_matrix,
    neighbours: int,
    shrink: float,
    items: Ints,
) -> Iterator[tuple[Ints, np.ndarray]]:
    """For each block of ``items``: their nearest items int64 ``[b, m]`` (-1 where there are
    fewer) and the products with these, float32 ``[b, m]``."""
    across = wanted.T.tocsr()
    squared = np.asarray(columns.multiply(columns).sum(axis=0), dtype=np.float64).ravel()
    length = np.sqrt(squared)
    size = min(neighbours, max(rows.shape[1] - 1, 1))
    for first in range(0, len(items), _BLOCK):
        block = items[first : first + _BLOCK]
        gram = (across[block] @ rows).tocsr()
        gram.sort_indices()
        yield _nearest(gram, block, length, size, shrink)


def _nearest(
    gram: sp.csr_matrix, items: Ints, length: Floats, size: int, shrink: float
) -> tuple[Ints, np.ndarray]:
    """The ``size`` items with the greatest shrunk cosine to each row's item, the earlier one of
    equals first, and their values in ``gram``, the rows of ``items``."""
    row = np.repeat(np.arange(gram.shape[0]), np.diff(gram.indptr))
    own = items[row]
    cosine = gram.data / (length[own] * length[gram.indices] + shrink)
    cosine[gram.indices == own] = 0.0
    others = np.flatnonzero(cosine > 0)
    row, cosine = row[others], cosine[others]
    order = np.lexsort((-cosine, row))
    counts = np.bincount(row, minlength=gram.shape[0])
    starts = np.cumsum(counts) - counts
    kept = np.minimum(counts, size)
    taken = others[order[ranges(starts, kept)]]
    nearest = np.full((gram.shape[0], size), -1, dtype=np.int64)
    products = np.zeros((gram.shape[0], size), dtype=np.float32)
    cells = (np.repeat(np.arange(gram.shape[0]), kept), ranges(np.zeros_like(kept), kept))
    nearest[cells], products[cells] = gram.indices[taken], gram.data[taken]
    return nearest, products


class _Columns:
    """Gram matrices of a few columns of ``[r, n]``, at a cost that depends on their entries alone.

    The rows of a neighbourhood are numbered by the last entry in each, found through an array of
    one number per row, so that no step takes time in r.
    """

    def __init__(self, columns: sp.csc_matrix) -> None:
        self._columns = columns
        self._last = np.zeros(columns.shape[0], dtype=np.int32)

    def gram(self, items: Ints) -> np.ndarray:
        """float32 ``[m, m]``: products of the columns of ``items`` (int64 ``[m]``); zero for -1."""
        known = items[items >= 0]
        starts = self._columns.indptr[known].astype(np.int64)
        counts = self._columns.indptr[known + 1] - starts
        cells = ranges(starts, counts)
        row = self._columns.indices[cells]
        self._last[row] = np.arange(len(row), dtype=np.int32)
        parts = (self._columns.data[cells], self._last[row], offsets(counts))
        own = sp.csr_matrix(parts, shape=(len(known), max(len(row), 1)))
        gram = np.zeros((len(items), len(items)), dtype=np.float32)
        gram[: len(known), : len(known)] = (own @ own.T).toarray()
        return gram


def _solve(gram: np.ndarray, products: np.ndarray, penalty: float) -> np.ndarray:
    """w = (G + λI)⁻¹ y for each item, float32 ``[b, m]``."""
    system = torch.from_numpy(gram.copy())
    system.diagonal(dim1=1, dim2=2).add_(penalty)
    with decomposing(gram.shape[1]):
        factor = torch.linalg.cholesky(system)
        solved = torch.cholesky_solve(torch.from_numpy(products).unsqueeze(2), factor)
    return solved.squeeze(2).numpy()


def _assemble(nearest: Ints, values: np.ndarray, items: Ints, size: int) -> sp.csr_matrix:
    """CSR ``[n, n]`` from the nearest items of ``items`` and their weights, both ``[b, m]``."""
    known = nearest >= 0
    column = items[np.nonzero(known)[0]]
    return sp.csr_matrix((values[known], (nearest[known], column)), shape=(size, size))
