"""Small operations on arrays that many rooms need: CSR rows, distinct numbers, unit vectors.

A CSR pair (``indptr``, ``indices``) holds lists of items: those of row r are
``indices[indptr[r]:indptr[r + 1]]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse as sp

Csr: TypeAlias = tuple[np.ndarray, np.ndarray]
_FAR = 32  # numbers up to so many times their count are counted in place of being sorted


def distinct(values: np.ndarray) -> np.ndarray:
    """The distinct ``values`` (integers ``[n]``) in ascending order, of the same type.

    By sorting: ``numpy.unique`` hashes, which takes up to fifty times as long.
    """
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return np.asarray(ordered[first])


def numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ``values`` (integers from 0 on, ``[n]``) in ascending order, and int64 ``[n]``
    the place of each value among them: ``numpy.unique`` with ``return_inverse``.

    By counting, which is linear, unless the values are far apart.
    """
    most = int(values.max(initial=-1)) + 1
    if most > _FAR * len(values):
        found, place = np.unique(values, return_inverse=True)
        return found, place
    there = np.zeros(most, dtype=bool)
    there[values] = True
    found = np.flatnonzero(there)
    place = np.empty(most, dtype=np.int64)
    place[found] = np.arange(len(found))
    return found, place[values]


def offsets(counts: np.ndarray | Sequence[int]) -> np.ndarray:
    """int64 ``[n + 1]``: where each of n consecutive parts of ``counts`` entries begins, and the
    end of the last: the ``indptr`` of rows with so many entries."""
    ends = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """int64: the numbers ``starts[i] .. starts[i] + counts[i] - 1`` of every i, concatenated."""
    if len(starts) == 1:
        return np.arange(starts[0], starts[0] + counts[0], dtype=np.int64)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.repeat(starts - ends + counts, counts) + np.arange(total, dtype=np.int64))


def row_numbers(indptr: np.ndarray) -> np.ndarray:
    """int64 ``[len(indices)]``: the row that each entry belongs to."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def take_rows(csr: Csr, rows: np.ndarray) -> Csr:
    """The CSR of ``rows`` (int64 ``[B]``) alone, in that order."""
    indptr, indices = csr
    starts, counts = indptr[rows], indptr[rows + 1] - indptr[rows]
    return offsets(counts), indices[ranges(starts, counts)]


def pairs_to_csr(user: np.ndarray, item: np.ndarray, n_users: int) -> Csr:
    """Each user's distinct items in ascending order.

    ``user``, ``item`` int64 ``[n]`` in any order, repeats allowed. Returns ``indptr`` int64
    ``[n_users + 1]`` and ``indices`` int64 ``[distinct pairs]``.
    """
    user = np.asarray(user, dtype=np.int64)
    item = np.asarray(item, dtype=np.int64)
    width = int(item.max()) + 1 if len(item) else 1
    keys = distinct(user * width + item)
    return offsets(np.bincount(keys // width, minlength=n_users)), keys % width


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


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """``vectors`` ``[n, d]`` scaled to length one, row by row; rows of zeros stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0))


def unit_sparse_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """The same of a sparse matrix, float64."""
    import scipy.sparse as sp

    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1.0 / np.where(length > 0, length, 1.0)) @ matrix)


def binary_matrix(
    row: np.ndarray, column: np.ndarray, shape: tuple[int, int], dtype: Any = np.float64
) -> sp.csr_matrix:
    """CSR of ``shape`` with a one at every (row, column), however often the pair occurs."""
    import scipy.sparse as sp

    matrix = sp.csr_matrix((np.ones(len(row), dtype=dtype), (row, column)), shape=shape)
    matrix.data[:] = 1.0
    return matrix
