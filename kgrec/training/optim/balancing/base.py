"""The contract of balancers: from the losses of scenarios to their weights in one step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

RATE = 0.025  # of the balancers that learn, by Adam (Kingma & Ba, 2015)


class Balancer(ABC):
    """Weights the losses of the groups that a step holds, out of ``n_groups`` (the scenarios, then
    the rows without one). A step follows the gradient of Σ w_k L_k.

    ``compares_gradients`` says that ``weigh`` needs the Gramian of the losses' gradients, which
    costs a backward pass per group. ``state`` is kept in checkpoints.
    """

    compares_gradients: ClassVar[bool] = False

    def __init__(self, n_groups: int) -> None:
        self.n_groups = n_groups

    @abstractmethod
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        """w float64 ``[k]`` ≥ 0 for ``losses`` (float64 ``[k]``, > 0 except for rounding) of
        ``groups`` (int64 ``[k]``, distinct). ``gramian`` float64 ``[k, k]`` holds the inner
        products of their gradients where ``compares_gradients``, and is empty elsewhere. All on the
        CPU, all finite."""

    def state(self) -> dict[str, Tensor]:
        """The learned values by name."""
        return {}

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most have no state
        """Continue from a ``state``."""


class LearnedValues:
    """One number per group, float64 ``[n]``, updated by Adam for the groups of a step."""

    def __init__(self, values: Tensor) -> None:
        self.values = values.double()
        self._mean = torch.zeros_like(self.values)
        self._square = torch.zeros_like(self.values)
        self._steps = torch.zeros_like(self.values)

    def descend(self, groups: Tensor, gradient: Tensor) -> None:
        """One step down ``gradient`` float64 ``[k]`` at ``groups``; the others stay."""
        self._steps[groups] += 1
        self._mean[groups] = torch.lerp(self._mean[groups], gradient, 0.1)
        self._square[groups] = torch.lerp(self._square[groups], gradient**2, 0.001)
        steps = self._steps[groups]
        mean = self._mean[groups] / (1 - 0.9**steps)
        square = self._square[groups] / (1 - 0.999**steps)
        self.values[groups] -= RATE * mean / (square.sqrt() + 1e-8)

    def state(self) -> dict[str, Tensor]:
        return {
            "values": self.values,
            "mean": self._mean,
            "square": self._square,
            "steps": self._steps,
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        self.values = state["values"].clone()
        self._mean = state["mean"].clone()
        self._square, self._steps = state["square"].clone(), state["steps"].clone()
