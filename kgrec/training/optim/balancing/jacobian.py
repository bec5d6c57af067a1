"""Jacobian descent with UPGrad (Quinton & Rey, 2024), by torchjd."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor
from torchjd.aggregation import UPGradWeighting
from torchjd.linalg import DualConeProjector, PSDMatrix

from kgrec.training.optim.balancing.base import Balancer

_RIDGE = 1e-6  # beside the squared length of a gradient


class Jacobian(Balancer):
    """Each gradient is projected onto the cone of steps that raise no loss, and the projections
    are averaged: to first order no scenario pays for another."""

    compares_gradients = True

    def __init__(self, n_groups: int) -> None:
        super().__init__(n_groups)
        self._upgrad = UPGradWeighting(projector=_LeastSquares())

    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        weights: Tensor = self._upgrad(gramian)
        return weights


class _LeastSquares(DualConeProjector):
    """Projection by non-negative least squares, which needs no further solver.

    The least v G v with v ≥ u is, with G = Rᵀ R and v = u + z, that of |R z + R u|² with z ≥ 0.
    Gradients are brought to length one before, which leaves their cone as it is.
    """

    def __call__(self, U: Tensor, G: PSDMatrix) -> Tensor:
        length = G.diagonal().double().clamp_min(1e-30).sqrt().numpy()
        inner = G.double().numpy() / np.outer(length, length) + _RIDGE * np.eye(len(G))
        root = np.linalg.cholesky(inner).T
        wanted = U.double().numpy() * length
        found = [u + nnls(root, -root @ u)[0] for u in wanted]
        return torch.from_numpy(np.stack(found) / length).to(G.dtype)
