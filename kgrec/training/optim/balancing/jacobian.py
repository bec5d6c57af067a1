"""Jacobian descent with UPGrad (Quinton & Rey, 2024)."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor
from typing_extensions import override

from kgrec.training.optim.balancing.base import Balancer

_RIDGE = 1e-6  # beside the squared length of a gradient


class Jacobian(Balancer):
    """Each gradient is projected onto the cone of steps that raise no loss, and the projections
    are averaged: to first order no scenario pays for another.

    Own code: torchjd's UPGrad needs a quadratic solver, non-negative least squares does not.
    """

    compares_gradients = True

    @override
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        size = len(gramian)
        equal = torch.diag(torch.full((size,), 1 / size, dtype=gramian.dtype))
        return project(equal, gramian).sum(dim=0)


def project(weights: Tensor, gramian: Tensor) -> Tensor:
    """The rows of ``weights`` ``[n, k]``, each projected onto the dual cone of the k gradients with
    this ``gramian`` float64 ``[k, k]``.

    The least v G v with v ≥ u is, with G = Rᵀ R and v = u + z, that of |R z + R u|² with z ≥ 0.
    Gradients are scaled to length one before, which leaves their cone as it is.
    """
    length = gramian.diagonal().double().clamp_min(1e-30).sqrt().numpy()
    inner = gramian.double().numpy() / np.outer(length, length) + _RIDGE * np.eye(len(gramian))
    root = np.linalg.cholesky(inner).T
    wanted = weights.double().numpy() * length
    found = [u + nnls(root, -root @ u)[0] for u in wanted]
    return torch.from_numpy(np.stack(found) / length).to(gramian.dtype)
