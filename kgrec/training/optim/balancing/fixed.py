"""Fixed weights: every scenario's loss counts by its configured λ_k alone."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from kgrec.training.optim.balancing.base import Balancer


class Fixed(Balancer):
    """w_k = 1."""

    @override
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        return torch.ones_like(losses)
