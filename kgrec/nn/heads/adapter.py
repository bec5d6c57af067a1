"""The element-wise adapter: H_k = M ⊙ W_k."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.nn.heads.base import ScenarioHead


class AdapterHead(ScenarioHead):
    """H_k = M ⊙ W_k: a shared diagonal M, modulated element by element per scenario.

    Both start at one, so an untrained scenario behaves like the shared model. A scenario owns 2 d
    parameters: its W_k and a bias.
    """

    def __init__(self, n_scenarios: int, embedding_size: int) -> None:
        super().__init__(n_scenarios, embedding_size)
        self.shared = nn.Parameter(torch.ones(embedding_size))
        self.scale = nn.Parameter(torch.ones(n_scenarios, embedding_size))
        self.shift = nn.Parameter(torch.zeros(n_scenarios, embedding_size))

    def forward(self, vectors: Tensor, scenario: Tensor) -> Tensor:
        given = (scenario >= 0).unsqueeze(1)
        scale = functional.embedding(scenario.clamp_min(0), self.scale)
        return vectors * self.shared * torch.where(given, scale, torch.ones_like(scale))

    def bias(self, scenario: Tensor) -> Tensor | None:
        given = (scenario >= 0).unsqueeze(1)
        return functional.embedding(scenario.clamp_min(0), self.shift) * given
