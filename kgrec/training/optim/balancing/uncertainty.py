"""Weights by learned uncertainty (Kendall, Gal & Cipolla, CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from typing_extensions import override

from kgrec.training.optim.balancing.base import Balancer, LearnedValues


class Uncertainty(Balancer):
    """w_k = exp(-s_k), where s_k is the log variance of scenario k's predictions and is learned
    too.

    The joint objective is Σ exp(-s_k) L_k + s_k / 2, the paper's for a softmax: a scenario with
    uncertain predictions gets a lower weight, and s_k keeps the weights from going to zero.
    """

    def __init__(self, n_groups: int) -> None:
        super().__init__(n_groups)
        self.log_variance = LearnedValues(torch.zeros(n_groups))

    @override
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        weights = torch.exp(-self.log_variance.values[groups])
        self.log_variance.descend(groups, 0.5 - weights * losses)
        return weights

    def state(self) -> dict[str, Tensor]:
        return self.log_variance.state()

    def load(self, state: Mapping[str, Tensor]) -> None:
        self.log_variance.load(state)
