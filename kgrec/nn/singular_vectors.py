"""Leading singular vectors of large sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from kgrec.threads import decomposing

_MORE = 10  # columns of the basis beyond those asked for
_ROUNDS = 4
_ROWS = 500_000  # of the matrix that are multiplied at once


def right_singular_vectors(matrix: sp.csr_matrix, count: int) -> np.ndarray:
    """The ``count`` leading right singular vectors of ``matrix`` ``[m, n]``, of its dtype
    ``[n, count]``; fewer where a side is shorter.

    By randomised subspace iteration (Halko, Martinsson & Tropp, SIAM Review 2011), from a fixed
    start: equal matrices have equal vectors.
    """
    size = max(min(count, min(matrix.shape) - 1), 0)
    blocks = _blocks(matrix)
    basis = np.random.default_rng(0).standard_normal((matrix.shape[1], size + _MORE))
    basis = basis.astype(matrix.dtype)
    with decomposing(basis.shape[1]):  # of so few columns, however many rows
        for _ in range(_ROUNDS):
            basis = np.linalg.qr(_gram_product(blocks, basis))[0]
        left, _, _ = np.linalg.svd(basis.T @ _gram_product(blocks, basis))
    return np.asarray(basis @ left[:, :size])


def _blocks(matrix: sp.csr_matrix) -> list[tuple[sp.csr_matrix, sp.csr_matrix]]:
    """Some rows at a time, with their transpose: the product of all with a basis is dense."""
    parts = [matrix[at : at + _ROWS] for at in range(0, max(matrix.shape[0], 1), _ROWS)]
    return [(part, part.T.tocsr()) for part in parts]


def _gram_product(
    blocks: list[tuple[sp.csr_matrix, sp.csr_matrix]], basis: np.ndarray
) -> np.ndarray:
    """``matrix.T @ matrix @ basis``, from the blocks of the matrix's rows."""
    first, *others = blocks
    total = np.asarray(first[1] @ (first[0] @ basis))
    for rows, across in others:
        total += across @ (rows @ basis)
    return total
