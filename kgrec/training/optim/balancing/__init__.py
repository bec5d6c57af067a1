"""Balancers: how the losses of several scenarios make one step, one file a method."""

from __future__ import annotations

from typing import Final

from kgrec.training.optim.balancing.base import Balancer
from kgrec.training.optim.balancing.cagrad import CAGrad
from kgrec.training.optim.balancing.fixed import Fixed
from kgrec.training.optim.balancing.gradnorm import GradNorm
from kgrec.training.optim.balancing.jacobian import Jacobian
from kgrec.training.optim.balancing.pcgrad import PCGrad
from kgrec.training.optim.balancing.step import balanced_backward
from kgrec.training.optim.balancing.uncertainty import Uncertainty

BALANCERS: Final[dict[str, type[Balancer]]] = {
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "gradnorm": GradNorm,
    "pcgrad": PCGrad,
    "cagrad": CAGrad,
    "jacobian": Jacobian,
}

__all__ = ["BALANCERS", "Balancer", "balanced_backward"]
