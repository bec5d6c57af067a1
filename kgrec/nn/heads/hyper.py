"""The hyper-adapter: a network makes a scenario's weights from its features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from kgrec.nn.heads.base import HeadShape, ScenarioHead
from kgrec.nn.heads.linear_steps import product
from kgrec.nn.heads.tower import entry

HIDDEN = 32
RANK = 4


class HyperHead(ScenarioHead):
    """M ⊙ (1 + w_k) ⊙ v + (v P_k) Q_k, where one network makes w_k, P_k, Q_k and the bias from the
    scenario's features: Ha et al., "HyperNetworks", ICLR 2017; adapters so made: Mahabadi et al.,
    "Parameter-efficient Multi-task Fine-tuning via Shared Hypernetworks", ACL 2021.

    A scenario without any interaction is served from its features; what those leave open it learns
    as its ``code``, ``scale`` and ``shift``. ``features`` is a buffer float32 ``[K, f]``.
    """

    reads_scenario_features = True
    features: Tensor

    def __init__(self, shape: HeadShape, features: Tensor | None = None) -> None:
        super().__init__(shape, features)
        size = shape.embedding_size
        if features is None:
            features = torch.zeros(shape.n_scenarios, shape.n_features)
        self.add_row_buffer("features", features)
        self.reader = nn.Parameter(torch.randn(shape.n_features, HIDDEN))
        self.reader_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.make_diagonal = nn.Parameter(torch.zeros(HIDDEN, 2 * size))
        self.make_left = entry(HIDDEN, size * RANK)
        self.make_right = nn.Parameter(torch.zeros(HIDDEN, RANK * size))
        self.shared = nn.Parameter(torch.ones(size))
        self.add_rows("code", torch.zeros(HIDDEN))
        self.add_rows("scale", torch.zeros(size))
        self.add_rows("shift", torch.zeros(size))

    @override
    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        code = self._codes(scenario)
        diagonal = product(code, self.make_diagonal).chunk(2, dim=1)[0]
        scale = self.shared * (1 + diagonal + self.rows_of("scale", scenario))
        left = product(code, self.make_left).view(len(code), vectors.shape[1], RANK)
        right = product(code, self.make_right).view(len(code), RANK, vectors.shape[1])
        return vectors * scale + product(product(vectors, left), right)

    def bias(self, scenario: Tensor) -> Tensor | None:
        made = product(self._codes(scenario), self.make_diagonal).chunk(2, dim=1)[1]
        return made + self.rows_of("shift", scenario)

    def neutral_rows(self, scenario: int) -> dict[str, Tensor]:
        """A code that cancels the one made from the features, and zeros."""
        made = self.features[scenario] @ self.reader + self.reader_bias
        return super().neutral_rows(scenario) | {"code": -functional.softsign(made).detach()}

    def describe(self, scenario: int, features: Tensor) -> None:
        self.features[scenario] = features.to(self.features)

    def _codes(self, scenario: Tensor) -> Tensor:
        """float32 ``[B, 32]``: the features' code, zero without a scenario; divided by its length,
        so that 32 numbers together move an answer no faster than one would."""
        read = functional.softsign(product(self.features, self.reader) + self.reader_bias)
        read = functional.embedding(scenario.clamp_min(0), read)
        code = (read + self.rows_of("code", scenario)) / HIDDEN
        return code * (scenario >= 0).unsqueeze(1)
