"""The control: no head at all."""

from __future__ import annotations

from torch import Tensor
from typing_extensions import override

from kgrec.nn.heads.base import ScenarioHead


class NoHead(ScenarioHead):
    """Every scenario gets the shared vector."""

    adapts = False

    @override
    def forward(self, vectors: Tensor, scenario: Tensor, at: Tensor | None = None) -> Tensor:
        return vectors
