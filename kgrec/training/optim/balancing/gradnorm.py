"""Weights that bring gradients to equal length (Chen et al., ICML 2018, "GradNorm")."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from kgrec.training.optim.balancing.base import Balancer, LearnedValues

_ALPHA = 1.5  # the strength with which slow scenarios gain weight
_LEAST = 1e-3  # the smallest weight


class GradNorm(Balancer):
    """w_k is learned so that w_k |∇L_k| comes near the mean of all, more for a scenario whose loss
    has fallen less since it was first seen. The weights of all groups sum to their number."""

    compares_gradients = True

    def __init__(self, n_groups: int) -> None:
        super().__init__(n_groups)
        self.weights = LearnedValues(torch.ones(n_groups))
        self.first = torch.zeros(n_groups, dtype=torch.float64)  # losses; 0: not seen yet

    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        self.first[groups] = torch.where(self.first[groups] > 0, self.first[groups], losses)
        lengths = gramian.diagonal().clamp_min(0).sqrt()
        weighted = self.weights.values[groups] * lengths
        left = losses.clamp_min(0) / self.first[groups].clamp_min(1e-12)
        target = weighted.mean() * (left / left.mean().clamp_min(1e-12)) ** _ALPHA
        self.weights.descend(groups, torch.sign(weighted - target) * lengths)
        values = self.weights.values.clamp_min(_LEAST)
        self.weights.values = values * (self.n_groups / values.sum())
        return self.weights.values[groups]

    def state(self) -> dict[str, Tensor]:
        return {**self.weights.state(), "first": self.first}

    def load(self, state: Mapping[str, Tensor]) -> None:
        self.weights.load(state)
        self.first = state["first"].clone()
