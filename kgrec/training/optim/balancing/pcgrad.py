"""Gradient surgery (Yu et al., NeurIPS 2020, "PCGrad"), by torchjd."""

from __future__ import annotations

from torch import Tensor
from torchjd.aggregation import PCGradWeighting

from kgrec.training.optim.balancing.base import Balancer


class PCGrad(Balancer):
    """Each gradient loses what points against another one, the others taken in random order (of
    torch's generator on the CPU); the results are added up."""

    compares_gradients = True

    def weigh(self, groups: Tensor, losses: Tensor, gramian: Tensor) -> Tensor:
        weights: Tensor = PCGradWeighting()(gramian)
        return weights
