"""Balancers: how the losses of several scenarios make one step, one file a method."""

from __future__ import annotations

from typing import Final

from kgrec.training.balancing.base import Balancer
from kgrec.training.balancing.cagrad import CAGrad
from kgrec.training.balancing.fixed import Fixed
from kgrec.training.balancing.gradnorm import GradNorm
from kgrec.training.balancing.jacobian import Jacobian
from kgrec.training.balancing.pcgrad import PCGrad
from kgrec.training.balancing.step import balanced_backward
from kgrec.training.balancing.uncertainty import Uncertainty

BALANCERS: Final[dict[str, type[Balancer]]] = {
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "gradnorm": GradNorm,
    "pcgrad": PCGrad,
    "cagrad": CAGrad,
    "jacobian": Jacobian,
}

__all__ = ["BALANCERS", "Balancer", "balanced_backward"]
