"""PEPNet: gates made of the scenario and the user scale a vector and the layers that read it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgrec.nn.heads.base import HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import Signal, product, sigmoid
from kgrec.nn.heads.tower import entry

EMBEDDING = 16  # numbers that a scenario is known by
DOUBLE = 2.0  # the paper's γ: a gate lies between 0 and 2, and starts at 1


class PEPNetHead(ScenarioHead):
    """v' + ((relu(v' A) ⊙ δ_1) B) ⊙ δ_2 with v' = v ⊙ δ_0: Chang et al., "PEPNet: Parameter and
    Embedding Personalized Network", KDD 2023.

    δ_0 is EPNet's gate, made of the scenario's embedding and of v; the other two are PPNet's, made
    of both and v'. As in the paper no gradient flows from a gate to the vector that it reads.
    Without a scenario the embedding is zero.
    """

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        size, width = shape.embedding_size, shape.width
        self.embedding_gate = Gate(EMBEDDING + size, width, size)
        self.hidden_gate = Gate(EMBEDDING + size, width, width)
        self.out_gate = Gate(EMBEDDING + size, width, size)
        self.first = entry(size, width)
        self.second = nn.Parameter(torch.zeros(width, size))
        self.scale = width**-0.5
        self.add_rows("embedding", torch.zeros(EMBEDDING))
        self.add_rows("shift", torch.zeros(size))

    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        signal = Signal.of(vectors, at)
        embedding = self.rows_of("embedding", scenario)
        signal = signal.scaled(
            self.embedding_gate(torch.cat([embedding, signal.at.detach()], dim=1))
        )
        prior = torch.cat([embedding, signal.at.detach()], dim=1)
        hidden = signal.times(self.first).relu().scaled(self.hidden_gate(prior))
        added = hidden.times(self.second).scaled(self.out_gate(prior) * self.scale)
        return signal.plus(added).value


class Gate(nn.Module):
    """The paper's gate unit 2 σ(relu(x U + a) V + b), ``[B, inner]`` → ``[B, outer]``, with the
    algebraic sigmoid."""

    def __init__(self, inner: int, width: int, outer: int) -> None:
        super().__init__()
        self.first = entry(inner, width)
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.second = nn.Parameter(torch.zeros(width, outer))
        self.second_bias = nn.Parameter(torch.zeros(outer))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = (product(inputs, self.first) + self.first_bias).relu()
        return DOUBLE * sigmoid(product(hidden, self.second) + self.second_bias)
