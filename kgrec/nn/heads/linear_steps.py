"""What heads are built of: steps that are linear in a vector once gates and masks are decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

ALIGNED = 16  # float32 numbers that fill the widest register
LEAK = 0.01  # the slope of a ReLU below zero


def product(vectors: Tensor, weight: Tensor) -> Tensor:
    """``vectors`` ``[B, m]`` times ``weight`` ``[m, n]``, or ``[B, m, n]`` row by row.

    Where answers are given (float32, no gradients, on the processor) each row is a product of its
    own, so that its bits don't depend on how many rows come with it.
    """
    weight = weight.to(vectors.dtype)
    if weight.dim() == 3 and len(weight) == 1:
        weight = weight[0]
    alone = not torch.is_grad_enabled() and vectors.dtype == torch.float32
    if weight.dim() == 2 and not (alone and vectors.device.type == "cpu"):
        return vectors @ weight
    size = weight.shape[-1]
    if size % ALIGNED:  # rows that begin anywhere in memory round otherwise on some processors
        weight = functional.pad(weight, (0, -size % ALIGNED))
    weight = weight.expand(len(vectors), *weight.shape[-2:])
    if len(vectors) == 1:  # a lone product may be split among threads, and then rounds otherwise
        return torch.bmm(vectors.expand(2, 1, -1), weight.expand(2, -1, -1))[0, :, :size]
    return torch.bmm(vectors.unsqueeze(1), weight)[:, 0, :size]


def sigmoid(logits: Tensor) -> Tensor:
    """The algebraic sigmoid (1 + x / (1 + |x|)) / 2, element by element: unlike the logistic one
    its bits depend on nothing but x, wherever in an array it stands."""
    return 0.5 + 0.5 * functional.softsign(logits)


@dataclass(frozen=True, eq=False)
class Signal:
    """Vectors ``value`` on their way through a head, and the vectors ``at`` which gates and masks
    are decided, on the same way; both ``[B, ...]``, often one and the same. ``at`` may be a single
    row, and ``value`` then of float64: every step below gives both that shape again."""

    value: Tensor
    at: Tensor

    @staticmethod
    def of(vectors: Tensor, at: Tensor | None) -> Signal:
        return Signal(vectors, vectors if at is None else at)

    def changed(self, step: Callable[[Tensor], Tensor]) -> Signal:
        """Both after the linear ``step``."""
        at = step(self.at)
        return Signal(at if self.value is self.at else step(self.value), at)

    def times(self, weight: Tensor) -> Signal:
        """Each row times ``weight`` ``[m, n]``, or ``[B, m, n]`` row by row."""
        return self.changed(lambda rows: product(rows, weight))

    def scaled(self, factor: Tensor) -> Signal:
        """Each row, element by element."""
        return self.changed(lambda rows: rows * factor)

    def relu(self) -> Signal:
        """What is positive in ``at``, and a hundredth of the rest, so that all weights learn."""
        return self.scaled(torch.where(self.at > 0, 1.0, LEAK))

    def mixed(self, shares: Tensor) -> Signal:
        """The sum over i of ``shares`` ``[B, n]`` times the i-th of n equal parts of a row."""

        def step(rows: Tensor) -> Tensor:
            size = len(rows), shares.shape[1], rows.shape[1] // shares.shape[1]
            return (rows.view(size) * shares.unsqueeze(2)).sum(dim=1)

        return self.changed(step)

    def beside(self, other: Signal) -> Signal:
        """This one's rows and the other's, side by side."""
        at = torch.cat([self.at, other.at], dim=1)
        if self.value is self.at and other.value is other.at:
            return Signal(at, at)
        return Signal(torch.cat([self.value, other.value], dim=1), at)

    def plus(self, other: Signal) -> Signal:
        at = self.at + other.at
        together = self.value is self.at and other.value is other.at
        return Signal(at if together else self.value + other.value, at)
