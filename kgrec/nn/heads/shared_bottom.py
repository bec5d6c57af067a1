"""Shared bottom: one bottom layer for all scenarios, a tower for each."""

from __future__ import annotations

import torch
from torch import Tensor

from kgrec.nn.heads.base import HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import Signal
from kgrec.nn.heads.tower import Tower, entry


class SharedBottomHead(ScenarioHead):
    """v + tower_k(relu(v A)): Caruana, "Multitask Learning", Machine Learning 28 (1997).

    A tower is a shared matrix and one of low rank for each scenario. Without a scenario the shared
    matrix answers.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        self.bottom = entry(shape.embedding_size, shape.width)
        self.tower = Tower(shape)
        self.add_rows("shift", torch.zeros(shape.embedding_size))

    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        hidden = Signal.of(vectors, at).times(self.bottom).relu()
        added: Tensor = self.tower(hidden, scenario)
        return vectors + added
