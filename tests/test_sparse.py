"""Sparse products against dense ones, forward and backward."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.sparse import SparseMatrix, SparsePattern


@st.composite
def products(draw: st.DrawFn) -> tuple[sp.csr_matrix, np.ndarray]:
    """A sparse matrix (empty rows, empty columns, repeated entries) and a dense one."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    size = draw(st.integers(1, 4))
    counts = draw(st.lists(st.integers(0, 5), min_size=rows, max_size=rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = rng.integers(columns, size=indptr[-1])
    values = rng.normal(size=indptr[-1]).astype(np.float32)
    matrix = sp.csr_matrix((values, indices, indptr), shape=(rows, columns))
    return matrix, rng.normal(size=(columns, size)).astype(np.float32)


@given(products())
@settings(deadline=None, max_examples=60)
def test_product_and_its_gradient_equal_the_dense_ones(
    case: tuple[sp.csr_matrix, np.ndarray],
) -> None:
    matrix, dense = case
    pattern = SparsePattern.build(matrix.indptr, matrix.indices, matrix.shape[1])
    ours = torch.tensor(dense, requires_grad=True)
    theirs = torch.tensor(dense, requires_grad=True)
    product = pattern.matmul(torch.as_tensor(matrix.data), ours)
    expected = torch.as_tensor(matrix.toarray()) @ theirs  # toarray sums repeated entries
    torch.testing.assert_close(product, expected, atol=1e-5, rtol=1e-5)
    weight = torch.linspace(-1, 1, product.numel()).reshape(product.shape)
    (product * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-5)


@given(products())
@settings(deadline=None, max_examples=30)
def test_several_products_equal_one_after_the_other(case: tuple[sp.csr_matrix, np.ndarray]) -> None:
    matrix, dense = case
    pattern = SparsePattern.build(matrix.indptr, matrix.indices, matrix.shape[1])
    values = torch.as_tensor(np.stack([matrix.data, -2 * matrix.data, matrix.data**2]))
    ours = torch.tensor(dense, requires_grad=True)
    theirs = torch.tensor(dense, requires_grad=True)
    together = pattern.matmuls(values, ours)
    apart = torch.stack([pattern.matmul(each, theirs) for each in values])
    assert torch.equal(together, apart)
    with torch.no_grad():
        assert torch.equal(pattern.matmuls(values, ours), apart)
    weight = torch.linspace(-1, 1, apart.numel()).reshape(apart.shape)
    (together * weight).sum().backward()
    (apart * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)


def test_gradients_equal_finite_differences() -> None:
    matrix = sp.random(5, 4, density=0.5, random_state=0, format="csr", dtype=np.float64)
    pattern = SparsePattern.build(matrix.indptr, matrix.indices, 4)
    values = torch.as_tensor(matrix.data)
    dense = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pattern.matmul(values, x), (dense,))


def test_a_fixed_matrix_multiplies_as_scipy_does() -> None:
    matrix = sp.random(7, 5, density=0.4, random_state=1, format="csr")
    dense = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    product = SparseMatrix.build(matrix) @ torch.as_tensor(dense)
    np.testing.assert_allclose(product.numpy(), matrix @ dense, atol=1e-6)
    assert SparseMatrix.build(matrix).shape == (7, 5)


def test_no_rows_and_no_entries_give_empty_and_zero() -> None:
    dense = torch.ones(3, 2, requires_grad=True)
    nobody = SparseMatrix.build(sp.csr_matrix((0, 3))) @ dense
    nothing = SparseMatrix.build(sp.csr_matrix((2, 3))) @ dense
    assert nobody.shape == (0, 2)
    assert nothing.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    nothing.sum().backward()
    assert dense.grad is not None
    assert not dense.grad.any()


def test_a_row_is_bit_identical_whatever_the_other_rows() -> None:
    rng = np.random.default_rng(2)
    matrix = sp.random(64, 300, density=0.2, random_state=2, format="csr", dtype=np.float32)
    dense = torch.as_tensor(rng.normal(size=(300, 17)).astype(np.float32))
    whole = SparseMatrix.build(matrix) @ dense
    for row in range(0, 64, 9):
        alone = SparseMatrix.build(matrix[row]) @ dense
        assert torch.equal(alone[0], whole[row])
