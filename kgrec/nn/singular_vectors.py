"""Leading singular vectors of large sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from kgrec.threads import decomposing

_MORE = 10  # columns of the basis beyond those asked for
_ROUNDS = 4


def right_singular_vectors(matrix: sp.csr_matrix, count: int) -> np.ndarray:
    """The ``count`` leading right singular vectors of ``matrix`` ``[m, n]``, of its dtype
    ``[n, count]``; fewer where a side is shorter.

    By randomised subspace iteration (Halko, Martinsson & Tropp, SIAM Review 2011), from a fixed
    start: equal matrices have equal vectors.
    """
    size = max(min(count, min(matrix.shape) - 1), 0)
    across = matrix.T.tocsr()
    basis = np.random.default_rng(0).standard_normal((matrix.shape[1], size + _MORE))
    basis = basis.astype(matrix.dtype)
    with decomposing(basis.shape[1]):  # of so few columns, however many rows
        for _ in range(_ROUNDS):
            basis = np.linalg.qr(across @ (matrix @ basis))[0]
        left, _, _ = np.linalg.svd(basis.T @ (across @ (matrix @ basis)))
    return np.asarray(basis @ left[:, :size])
