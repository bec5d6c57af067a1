"""STAR: the weights of every layer are shared ones times the scenario's own, element by element."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import ByScenario, HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import Signal, product
from kgrec.nn.heads.tower import entry

RANK = 4


class StarHead(ScenarioHead):
    """v + relu(n_k(v) W*_k1) W*_k2 with W*_k = W ⊙ W_k: Sheng et al., "One Model to Serve All: Star
    Topology Adaptive Recommender", CIKM 2021.

    W_k is one plus a matrix of low rank, as few numbers as a scenario can teach. n_k, the
    partitioned normalisation, keeps its scales γ ⊙ γ_k and not the statistics of a batch, on which
    no answer may depend; the auxiliary network is the scenario's bias.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        size, width = shape.embedding_size, shape.width
        self.scale = nn.Parameter(torch.ones(size))
        self.first = StarLayer(shape.n_scenarios, entry(size, width))
        self.second = StarLayer(shape.n_scenarios, nn.Parameter(torch.zeros(width, size)))
        self.add_rows("own_scale", torch.zeros(size))
        self.add_rows("shift", torch.zeros(size))
        self.out = width**-0.5

    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        scale = self.scale * (1 + self.rows_of("own_scale", scenario))
        hidden: Signal = self.first(Signal.of(vectors, at).scaled(scale), scenario).relu()
        added: Tensor = self.second(hidden, scenario).value * self.out
        return vectors + added


class StarLayer(ByScenario):
    """x (W ⊙ (1 + P_k Q_kᵀ)), ``weight`` W ``[m, n]`` being shared."""

    def __init__(self, n_scenarios: int, weight: nn.Parameter) -> None:
        super().__init__(n_scenarios)
        inner, outer = weight.shape
        self.weight = weight
        self.add_rows("left", torch.randn(RANK, inner), neutral="kept")
        self.add_rows("right", torch.zeros(RANK, outer))

    def forward(self, signal: Signal, scenario: Tensor) -> Signal:
        left, right = self.rows_of("left", scenario), self.rows_of("right", scenario)
        return signal.times(self.weight).plus(signal.changed(lambda x: self._own(x, left, right)))

    def _own(self, rows: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """Σ_r ((x ⊙ P_r) W) ⊙ Q_r, which is x (W ⊙ P Qᵀ) without a matrix for every row."""
        parts = (rows.unsqueeze(1) * left).flatten(0, 1)
        read = product(parts, self.weight).view(len(rows), RANK, self.weight.shape[1])
        return (read * right).sum(dim=1)
