"""Adam over the rows of one scenario."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Rows = dict[str, Tensor]  # one scenario's rows, by the names of the parameters


@dataclass(eq=False)
class RowAdam:
    """Adam (Kingma & Ba, ICLR 2015) for some rows. Own code: it takes gradients that ``torch.func``
    returns, where ``torch.optim`` needs leaf parameters.
    """

    values: Rows
    rate: float
    mean: Rows
    square: Rows
    steps: int = 0

    @staticmethod
    def of(rows: Rows, rate: float) -> RowAdam:
        mean, square = ({n: torch.zeros_like(row) for n, row in rows.items()} for _ in range(2))
        return RowAdam({name: row.clone() for name, row in rows.items()}, rate, mean, square)

    def step(self, gradients: Rows) -> None:
        self.steps += 1
        for name, gradient in gradients.items():
            self.mean[name].lerp_(gradient, 0.1)
            self.square[name].lerp_(gradient**2, 0.001)
            mean = self.mean[name] / (1 - 0.9**self.steps)
            square = self.square[name] / (1 - 0.999**self.steps)
            self.values[name] -= self.rate * mean / (square.sqrt() + 1e-8)
