"""Products of a sparse matrix that is not learned with a dense one that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class SparsePattern:
    """Where a sparse ``[n_rows, n_columns]`` matrix has entries, by rows and by columns.

    ``indptr`` int64 ``[n_rows]`` (first entry of each row), ``indices`` int64 ``[nnz]``;
    ``column_indptr``, ``column_indices`` the same of the transpose, and ``order`` int64 ``[nnz]``,
    the entry of the row-wise layout at each place of the column-wise one.
    """

    indptr: Tensor
    indices: Tensor
    column_indptr: Tensor
    column_indices: Tensor
    order: Tensor

    @staticmethod
    def build(
        indptr: np.ndarray, indices: np.ndarray, n_columns: int, device: torch.device | str = "cpu"
    ) -> SparsePattern:
        """From a CSR pattern: ``indptr`` int ``[n_rows + 1]``, ``indices`` int ``[nnz]``."""
        entries = np.arange(len(indices), dtype=np.int64)
        rows = sp.csr_matrix((entries, indices, indptr), shape=(len(indptr) - 1, n_columns))
        columns = rows.tocsc()  # a counting sort: linear, and stable within a column
        parts = (indptr[:-1], indices, columns.indptr[:-1], columns.indices, columns.data)
        return SparsePattern(
            *(torch.as_tensor(np.asarray(part, dtype=np.int64)).to(device) for part in parts)
        )

    def matmul(self, values: Tensor, dense: Tensor) -> Tensor:
        """``A @ dense`` with entries ``values`` float32 ``[nnz]``; gradients reach ``dense`` only.

        ``dense`` float32 ``[n_columns, d]``; returns ``[n_rows, d]``.
        """
        return _Product.apply(dense, values, self)  # type: ignore[no-any-return]


class _Product(torch.autograd.Function):
    """embedding_bag sums rows in a fixed order, so a row's result never depends on the others."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, values: Tensor, pattern: SparsePattern) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(values)
        return _bag(pattern.indices, pattern.indptr, values, dense)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        pattern: SparsePattern = ctx.pattern
        values = ctx.saved_tensors[0][pattern.order]
        back = _bag(pattern.column_indices, pattern.column_indptr, values, grad.contiguous())
        return back, None, None


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

    def __matmul__(self, dense: Tensor) -> Tensor:
        return self.pattern.matmul(self.values, dense)
