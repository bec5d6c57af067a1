"""Leading singular vectors of sparse matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from kgrec.nn import singular_vectors
from kgrec.nn.singular_vectors import right_singular_vectors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_span_what_numpy_finds(dtype: type) -> None:
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((60, 5)) @ np.diag([9, 7, 5, 4, 3]) @ rng.standard_normal((5, 40))
    matrix = sp.csr_matrix(factors * (rng.random(factors.shape) < 0.7), dtype=dtype)
    found = right_singular_vectors(matrix, 3)
    assert found.shape == (40, 3)
    assert found.dtype == dtype
    expected = np.linalg.svd(matrix.toarray())[2][:3]
    np.testing.assert_allclose(np.abs(expected @ found), np.eye(3), atol=2e-2)


def test_a_small_matrix_has_fewer() -> None:
    matrix = sp.csr_matrix(np.eye(4))
    assert right_singular_vectors(matrix, 10).shape == (4, 3)
    assert right_singular_vectors(sp.csr_matrix((1, 5)), 2).shape == (5, 0)


def test_rows_in_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = sp.random(50, 20, density=0.3, random_state=0, format="csr")
    whole = right_singular_vectors(matrix, 4)
    monkeypatch.setattr(singular_vectors, "_ROWS", 7)
    np.testing.assert_allclose(right_singular_vectors(matrix, 4), whole, atol=1e-9)
