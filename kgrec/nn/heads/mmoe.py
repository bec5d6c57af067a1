"""MMoE: experts that all scenarios share, mixed by a gate of each scenario's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import Signal, product
from kgrec.nn.heads.tower import Tower, entry

EXPERTS = 4


class MMoEHead(ScenarioHead):
    """v + tower_k(Σ_i g_ki relu(v A_i)), g_k = softmax(v (G + G_k)): Ma et al., "Modeling Task
    Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts", KDD 2018.

    A gate and a tower are what all scenarios share (the paper has no such part: here it is what
    answers without a scenario, and where a new one starts) and what each adds to it.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        size = shape.embedding_size
        self.experts = entry(size, EXPERTS * shape.width)
        self.gate = nn.Parameter(torch.zeros(size, EXPERTS))
        self.tower = Tower(shape)
        self.add_rows("own_gate", torch.zeros(size, EXPERTS))
        self.add_rows("shift", torch.zeros(size))

    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        signal = Signal.of(vectors, at)
        gate = product(signal.at, self.gate)
        gate = gate + product(signal.at, self.rows_of("own_gate", scenario))
        hidden = signal.times(self.experts).relu().mixed(gate.softmax(dim=1))
        added: Tensor = self.tower(hidden, scenario)
        return vectors + added
