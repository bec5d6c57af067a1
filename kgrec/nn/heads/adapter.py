"""The element-wise adapter: H_k = M ⊙ W_k."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override

from kgrec.nn.heads.base import HeadShape, ScenarioHead


class AdapterHead(ScenarioHead):
    """H_k = M ⊙ W_k: a shared diagonal M, modulated element by element per scenario.

    Both start at one, so an untrained scenario behaves like the shared model. A scenario owns 2 d
    numbers: its W_k and a bias. As learning hidden unit contributions: Swietojanski & Renals, SLT
    2014.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        self.shared = nn.Parameter(torch.ones(shape.embedding_size))
        self.add_rows("scale", torch.ones(shape.embedding_size), neutral="ones")
        self.add_rows("shift", torch.zeros(shape.embedding_size))

    @override
    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        none = (scenario < 0).unsqueeze(1).to(self.shared.dtype)
        return vectors * self.shared * (self.rows_of("scale", scenario) + none)
