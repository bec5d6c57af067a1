"""The contract of scenario heads."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class ScenarioHead(nn.Module, ABC):
    """Adapts user vectors to scenarios, one row at a time and linearly in the vector.

    Linear, so that what a history event adds to a score stays additive under any head; row by
    row, so that a score never depends on the rest of the batch. Scenario -1 means none given.
    """

    def __init__(self, n_scenarios: int, embedding_size: int) -> None:
        super().__init__()
        self.n_scenarios = n_scenarios
        self.embedding_size = embedding_size

    @abstractmethod
    def forward(self, vectors: Tensor, scenario: Tensor) -> Tensor:
        """``vectors`` float32 ``[B, d]``, ``scenario`` int64 ``[B]`` → float32 ``[B, d]``."""

    @abstractmethod
    def bias(self, scenario: Tensor) -> Tensor | None:
        """float32 ``[B, d]``: a scenario's own taste, added for users with and without history."""
