"""The layer that heads with hidden layers end in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import ByScenario, HeadShape
from kgrec.nn.heads.linear_steps import Signal


def entry(inner: int, outer: int) -> nn.Parameter:
    """Weights ``[inner, outer]`` that keep a row's size per number."""
    return nn.Parameter(torch.randn(inner, outer) * inner**-0.5)


class Tower(ByScenario):
    """x (B + P_k Q_k) / √e: what all scenarios share, and a matrix of low rank for each, from e
    hidden numbers to d. B and Q_k start at zero, so that a head begins as the shared model."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__(shape.n_scenarios)
        width, size, rank = shape.width, shape.embedding_size, shape.rank
        self.scale = width**-0.5
        self.shared = nn.Parameter(torch.zeros(width, size))
        self.add_rows("left", torch.randn(width, rank) * width**-0.5, neutral="kept")
        self.add_rows("right", torch.zeros(rank, size))

    def forward(self, hidden: Signal, scenario: Tensor) -> Tensor:
        """``hidden`` ``[B, e]`` → what is added to the vectors, ``[B, d]``."""
        own = hidden.times(self.rows_of("left", scenario)).times(self.rows_of("right", scenario))
        added: Tensor = hidden.times(self.shared).plus(own).value * self.scale
        return added
