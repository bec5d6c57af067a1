"""PLE: shared experts and experts of each scenario's own, extracted level by level."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import ByScenario, HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import Signal, product
from kgrec.nn.heads.tower import Tower, entry

SHARED_EXPERTS = 3


class PLEHead(ScenarioHead):
    """v + tower_k(x_k) after two levels of customised gate control: Tang et al., "Progressive
    Layered Extraction (PLE)", RecSys 2020.

    At each level x_k is mixed from shared experts and the scenario's own one, and the stream that
    all share from shared experts alone. (In the paper that stream also reads every scenario's own
    experts; here none may change what the others see.)
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        self.first = Extraction(shape, shape.embedding_size)
        self.last = Extraction(shape, shape.width, last=True)
        self.tower = Tower(shape)
        self.add_rows("shift", torch.zeros(shape.embedding_size))

    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        signal = Signal.of(vectors, at)
        experts = self.first.read(signal)
        shared = self.first.shared(signal, experts)
        own = self.first(experts, signal, scenario)
        own = self.last(self.last.read(shared), own, scenario)
        added: Tensor = self.tower(own, scenario)
        return vectors + added


class Extraction(ByScenario):
    """One level: experts from ``inner`` numbers to e, and the gates of both streams; the ``last``
    has no shared stream.

    A scenario's own expert is relu(x (A + P_k Q_k)), of which A is shared.
    """

    def __init__(self, shape: HeadShape, inner: int, last: bool = False) -> None:
        super().__init__(shape.n_scenarios)
        self.experts = entry(inner, SHARED_EXPERTS * shape.width)
        if not last:
            self.shared_gate = nn.Parameter(torch.zeros(inner, SHARED_EXPERTS))
        self.own_expert = entry(inner, shape.width)
        self.gate = nn.Parameter(torch.zeros(inner, SHARED_EXPERTS + 1))
        self.add_rows("left", torch.randn(inner, shape.rank) * inner**-0.5, neutral="kept")
        self.add_rows("right", torch.zeros(shape.rank, shape.width))
        self.add_rows("own_gate", torch.zeros(inner, SHARED_EXPERTS + 1))

    def forward(self, experts: Signal, own: Signal, scenario: Tensor) -> Signal:
        """The scenario's stream ``[B, e]`` from that of the level below and the shared experts."""
        change = own.times(self.rows_of("left", scenario)).times(self.rows_of("right", scenario))
        expert = own.times(self.own_expert).plus(change).relu()
        gate = product(own.at, self.gate) + product(own.at, self.rows_of("own_gate", scenario))
        return experts.beside(expert).mixed(gate.softmax(dim=1))

    def read(self, shared: Signal) -> Signal:
        """What the shared experts say of the shared stream, side by side ``[B, 3 e]``."""
        return shared.times(self.experts).relu()

    def shared(self, shared: Signal, experts: Signal) -> Signal:
        """The shared stream ``[B, e]``, from that of the level below and the shared experts."""
        return experts.mixed(product(shared.at, self.shared_gate).softmax(dim=1))
