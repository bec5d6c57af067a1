"""Initial rows of a new scenario and the strength of their prior, from the other scenarios."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from kgrec.nn.heads.base import own_parameters
from kgrec.training.optim.row_adam import Rows

_SPREAD = 0.01  # the variance of rows where there are too few scenarios to estimate it


def prior_rows(model: nn.Module, codes: np.ndarray, shares: np.ndarray) -> Rows:
    """The prototype of scenarios ``codes`` int64 ``[m]``: the mean of their rows, weighted by
    ``shares`` float64 ``[m]`` (summing to one). Prototypes: Snell et al., NIPS 2017."""
    share = torch.as_tensor(shares, dtype=torch.float32)
    found = {}
    for name in own_parameters(model):
        rows = model.get_parameter(name).detach()[torch.as_tensor(codes)]
        found[name] = torch.tensordot(share.to(rows), rows, dims=1)
    return found


def between(one: Rows, other: Rows, share: float) -> Rows:
    """The rows ``one``, moved by ``share`` of the way to ``other``."""
    return {name: torch.lerp(row, other[name], share) for name, row in one.items()}


def precisions(model: nn.Module, codes: np.ndarray) -> dict[str, float]:
    """Half the inverse variance of each parameter's rows among scenarios ``codes``: the weight of a
    Gaussian prior with that variance (empirical Bayes).
    """
    found = {}
    for name in own_parameters(model):
        rows = model.get_parameter(name).detach()[torch.as_tensor(codes)]
        spread = float(rows.var(dim=0).mean()) if len(codes) > 1 else 0.0
        found[name] = 0.5 / max(spread, _SPREAD * 0.01) if spread > 0 else 0.5 / _SPREAD
    return found
