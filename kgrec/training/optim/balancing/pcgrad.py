"""Gradient surgery (Yu et al., NeurIPS 2020, "PCGrad"), by torchjd."""

from __future__ import annotations

from torch import Tensor
from typing_extensions import override

from kgrec.extras import require
from kgrec.training.optim.balancing.base import Balancer


class PCGrad(Balancer):
    """Each gradient loses its components against the other gradients, which are taken in random
    order (of torch's generator on the CPU); the results are added up.

    Raises MissingExtraError without torchjd.
    """

    compares_gradients = True

    def __init__(self, n_groups: int) -> None:
        super().__init__(n_groups)
        self._weighting = require("torchjd.aggregation", extra="balancing").PCGradWeighting()

    @override
    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        weights: Tensor = self._weighting(gramian)
        return weights
