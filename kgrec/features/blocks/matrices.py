"""Small helpers for the sparse matrices that blocks read and compare items by."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import distinct
from kgrec.graph.snapshot import Ints


def ones(indptr: Ints, columns: Ints, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a float64 CSR matrix of ones at the given places."""
    return sp.csr_matrix((np.ones(len(columns)), columns, indptr), shape=shape)


def unit(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return the matrix with rows of unit length; empty rows stay empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1.0 / np.where(length > 0, length, 1.0)) @ matrix)


def used_columns(matrix: sp.csr_matrix) -> tuple[Ints, sp.csr_matrix]:
    """Return the columns that hold anything (int64, ascending), and the matrix of those alone."""
    used = distinct(matrix.indices).astype(np.int64)
    return used, in_columns(matrix, used)


def in_columns(matrix: sp.csr_matrix, columns: Ints) -> sp.csr_matrix:
    """Return the matrix with only ``columns`` (ascending, all that hold anything)."""
    places = np.searchsorted(columns, matrix.indices)
    return sp.csr_matrix(
        (matrix.data, places, matrix.indptr), shape=(matrix.shape[0], len(columns))
    )
