"""Conflict-averse gradients (Liu et al., NeurIPS 2021, "CAGrad")."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from typing_extensions import override

from kgrec.training.optim.balancing.base import Balancer

_RADIUS = 0.5  # c: how far from the mean gradient, relative to its length
_LEAST = 1e-12


class CAGrad(Balancer):
    """Within a ball around the mean gradient g, of radius c |g|, the step with the largest decrease
    of the worst scenario's loss: g + c |g| / |g_v| g_v, where v on the simplex minimises g_v · g +
    c |g| |g_v|.

    Own code: torchjd's needs cvxpy; for a handful of scenarios scipy does.
    """

    compares_gradients = True

    @override
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        size = len(losses)
        scale = float(gramian.diagonal().mean().clamp_min(_LEAST))
        inner = gramian.numpy() / scale
        mean = np.full(size, 1 / size)
        with_mean = inner @ mean
        radius = _RADIUS * float(np.sqrt(max(mean @ with_mean, 0.0)))

        def objective(v: np.ndarray) -> float:
            return float(v @ with_mean + radius * np.sqrt(max(v @ inner @ v, 0.0) + _LEAST))

        found = minimize(
            objective,
            mean,
            method="SLSQP",
            bounds=[(0, 1)] * size,
            constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
        )
        v = np.clip(found.x, 0, None)
        length = np.sqrt(max(v @ inner @ v, 0.0))
        return torch.from_numpy(mean + radius / max(length, _LEAST**0.5) * v)
