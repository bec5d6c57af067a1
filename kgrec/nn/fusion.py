"""Fusion of the shared user vector with the one that a scenario head makes of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import ByScenario
from kgrec.nn.heads.linear_steps import product, sigmoid

START = 2.0  # the initial logit of every gate: mostly the head's vector


class ScenarioFusion(ByScenario):
    """u = h + g_k ⊙ (H_k(h) − h), an element-wise gate between the shared vector and the head's.

    g_k = σ(a + a_k + state A) depends on the scenario and on the history's length and age, not on
    h: u stays linear in h wherever H_k is. So a head may change short histories more than long
    ones. A gated sum as in highway networks: Srivastava et al., 2015.
    """

    def __init__(self, n_scenarios: int, embedding_size: int, state_size: int) -> None:
        super().__init__(n_scenarios)
        self.gate = nn.Parameter(torch.full((embedding_size,), START))
        self.state_gate = nn.Parameter(torch.zeros(state_size, embedding_size))
        self.add_rows("own_gate", torch.zeros(embedding_size))

    def forward(self, shared: Tensor, adapted: Tensor, scenario: Tensor, state: Tensor) -> Tensor:
        """``shared`` and ``adapted`` ``[B, d]``, ``scenario`` int64 ``[B]``, ``state`` float32
        ``[B, s]`` (or one of each for all rows) → ``[B, d]``."""
        logit = self.gate + self.rows_of("own_gate", scenario) + product(state, self.state_gate)
        return shared + sigmoid(logit) * (adapted - shared)
