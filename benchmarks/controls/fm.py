"""A factorisation machine with ids, attributes and the graph's entities as features."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.controls.base import Control, ControlData, ControlRows, Settings
from kgrec.sparse import SparseMatrix, SparsePattern


class FactorisationMachine(Control):
    """w_0 + Σ w_f x_f + Σ_{f<g} ⟨v_f, v_g⟩ x_f x_g, all pairs in O(k) per feature by
    ½ (|Σ v_f x_f|² − Σ |v_f x_f|²): Rendle, "Factorization Machines", ICDM 2010."""

    options: ClassVar[tuple[Settings, ...]] = tuple(
        {"size": size, "lr": 1e-2, "reg": reg} for size in (16, 64) for reg in (0.1, 0.3, 1.0, 2.0)
    )

    def __init__(self, data: ControlData, settings: Settings) -> None:
        super().__init__(data, settings)
        size = int(settings["size"])
        self.of_user = _Side((data.user_tokens,), data.user_tokens.shape[0], size)
        self.of_item = _Side((data.item_tokens, data.knowledge), data.item_tokens.shape[0], size)
        self.base = nn.Parameter(torch.zeros(()))

    def forward(self, rows: ControlRows) -> Tensor:
        users, items = self.of_user(rows.user), self.of_item(rows.item)
        both = users[0] + items[0]
        pairs = 0.5 * (both.square() - users[1] - items[1]).sum(dim=1)
        logits: Tensor = self.base + users[2] + items[2] + pairs
        return logits


class _Side(nn.Module):
    """Users or items: an id each, and features."""

    def __init__(self, features: tuple[SparseMatrix, ...], count: int, size: int) -> None:
        super().__init__()
        self.features = features
        self.squared = tuple(_squared(matrix) for matrix in features)
        self.ids = nn.Parameter(torch.randn(count, size) * 0.01)
        self.id_weight = nn.Parameter(torch.zeros(count, 1))
        widths = [matrix.shape[1] for matrix in features]
        self.vectors = nn.ParameterList([torch.randn(width, size) * 0.01 for width in widths])
        self.weights = nn.ParameterList([torch.zeros(width, 1) for width in widths])

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Σ v x ``[B, k]``, Σ (v x)² ``[B, k]`` and Σ w x ``[B]``."""
        total, squares, weight = self.ids, self.ids.square(), self.id_weight
        for matrix, squared, vectors, weights in zip(
            self.features, self.squared, self.vectors, self.weights, strict=True
        ):
            total = total + matrix @ vectors
            squares = squares + squared @ vectors.square()
            weight = weight + matrix @ weights
        at = (functional.embedding(rows, table) for table in (total, squares, weight))
        sums, of_squares, linear = at
        return sums, of_squares, linear.squeeze(1)


def _squared(matrix: SparseMatrix) -> SparseMatrix:
    pattern: SparsePattern = matrix.pattern
    return SparseMatrix(pattern, matrix.values.square(), matrix.shape)
