"""Products of a fixed sparse matrix and a dense one, with gradients for the dense one.

Own code instead of ``torch.sparse``: here a row's bits never depend on the other rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class SparsePattern:
    """The places of the entries of a sparse ``[n_rows, n_columns]`` matrix, row by row.

    ``indptr`` int64 ``[n_rows]`` (first entry of each row) and ``indices`` int64 ``[nnz]`` on the
    device; ``csr`` the same as arrays, with the end of the last row.
    """

    indptr: Tensor
    indices: Tensor
    csr: tuple[np.ndarray, np.ndarray]
    n_columns: int

    @staticmethod
    def build(
        indptr: np.ndarray, indices: np.ndarray, n_columns: int, device: torch.device | str = "cpu"
    ) -> SparsePattern:
        """From a CSR pattern: ``indptr`` int ``[n_rows + 1]``, ``indices`` int ``[nnz]``."""
        return SparsePattern(
            _rows(indptr[:-1], device), _rows(indices, device), (indptr, indices), n_columns
        )

    @cached_property
    def columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """The transpose, which gradients need: the first entry of each column, the rows int64
        ``[nnz]`` column by column, and the place of each in ``indices``."""
        indptr, indices = self.csr
        entries = np.arange(len(indices), dtype=np.int64)
        shape = (len(indptr) - 1, self.n_columns)
        # A counting sort: linear, and stable within a column.
        by_column = sp.csr_matrix((entries, indices, indptr), shape=shape).tocsc()
        parts = (by_column.indptr[:-1], by_column.indices, by_column.data)
        first, rows, order = (_rows(part, self.indices.device) for part in parts)
        return first, rows, order

    def matmul(self, values: Tensor, dense: Tensor) -> Tensor:
        """``A @ dense`` with entries ``values`` float32 ``[nnz]``; gradients reach ``dense`` only.

        ``dense`` float32 ``[n_columns, d]``; returns ``[n_rows, d]``.
        """
        if not torch.is_grad_enabled():
            return _bag(self.indices, self.indptr, values, dense)
        return _Product.apply(dense, values, self)  # type: ignore[no-any-return]

    def transposed_product(self, values: Tensor, dense: Tensor) -> Tensor:
        """``A.T @ dense``, float32 ``[n_columns, d]``, without gradients."""
        first, rows, order = self.columns
        return _bag(rows, first, values[order], dense.contiguous())

    def matmuls(self, values: Tensor, dense: Tensor) -> Tensor:
        """``matmul`` for each row of ``values`` float32 ``[S, nnz]``; returns ``[S, n_rows, d]``.
        Their gradients come from one product."""
        if not torch.is_grad_enabled():
            return torch.stack([self.matmul(each, dense) for each in values])
        return _Products.apply(dense, values, self)  # type: ignore[no-any-return]


def _rows(values: np.ndarray, device: torch.device | str) -> Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.int64), device=device)


class _Product(torch.autograd.Function):
    """embedding_bag sums rows in a fixed order, so a row's result never depends on the others."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, values: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(values)
        return _bag(pattern.indices, pattern.indptr, values, dense)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.pattern.transposed_product(ctx.saved_tensors[0], grad), None, None


class _Products(torch.autograd.Function):
    """Several products with one pattern; the transposes' rows follow each other in one matrix."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, values: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(values)
        bags = [_bag(pattern.indices, pattern.indptr, each, dense) for each in values]
        return torch.stack(bags)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        first, rows, order = ctx.pattern.columns
        (values,) = ctx.saved_tensors
        count, n_rows, size = grad.shape
        starts = n_rows * torch.arange(count, device=rows.device)
        indices = (rows.unsqueeze(1) + starts).flatten()
        weights = values[:, order].T.flatten()
        return _bag(indices, count * first, weights, grad.reshape(-1, size)), None, None


def _bag(indices: Tensor, offsets: Tensor, values: Tensor, dense: Tensor) -> Tensor:
    if not len(indices):
        return dense.new_zeros(len(offsets), dense.shape[1])
    return functional.embedding_bag(
        indices, dense, offsets, mode="sum", per_sample_weights=values.to(dense.dtype)
    )


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A fixed sparse matrix: its pattern and float32 values ``[nnz]``."""

    pattern: SparsePattern
    values: Tensor
    shape: tuple[int, int]

    @staticmethod
    def build(matrix: sp.csr_matrix, device: torch.device | str = "cpu") -> SparseMatrix:
        matrix = sp.csr_matrix(matrix)
        pattern = SparsePattern.build(matrix.indptr, matrix.indices, matrix.shape[1], device)
        values = torch.as_tensor(np.asarray(matrix.data, dtype=np.float32)).to(device)
        return SparseMatrix(pattern, values, (int(matrix.shape[0]), int(matrix.shape[1])))

    @property
    def csr(self) -> sp.csr_matrix:
        """The matrix as SciPy's, float32."""
        indptr, indices = self.pattern.csr
        return sp.csr_matrix((self.values.cpu().numpy(), indices, indptr), shape=self.shape)

    def __matmul__(self, dense: Tensor) -> Tensor:
        return self.pattern.matmul(self.values, dense)

    def transposed_product(self, dense: Tensor) -> Tensor:
        """``A.T @ dense``, without gradients."""
        return self.pattern.transposed_product(self.values, dense)
