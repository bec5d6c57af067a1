"""Checks that losses, gradients and weights are finite numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from kgrec.training.objective import GroupLoss


class NotFinite(ArithmeticError):
    """A ``what`` ("loss", "gradient", "weights") is ``value``, in the scenarios ``groups``."""

    def __init__(self, what: str, value: str, groups: tuple[int, ...] = ()) -> None:
        super().__init__(f"{what} is {value}")
        self.what, self.value, self.groups = what, value, groups


def check_step(model: nn.Module, loss: Tensor, groups: Sequence[GroupLoss]) -> None:
    """Raise NotFinite for a loss or gradient that is not finite, before the weights move."""
    gradients = _norm(p.grad for p in model.parameters() if p.grad is not None)
    loss = loss.detach()
    if bool(torch.isfinite(loss + gradients)):
        return
    if torch.isfinite(loss):
        raise NotFinite("gradient", "not finite")
    bad = tuple(one.group for one in groups if not torch.isfinite(one.total))
    raise NotFinite("loss", f"{float(loss):g}", bad)


def check_weights(model: nn.Module) -> None:
    """Raise NotFinite for weights that are not finite."""
    if not torch.isfinite(_norm(p.detach() for p in model.parameters())):
        raise NotFinite("weights", "not finite")


def _norm(tensors: Iterable[Tensor]) -> Tensor:
    """The largest absolute value in ``tensors``; NaN and infinity stay so."""
    largest = [torch.linalg.vector_norm(each, torch.inf) for each in tensors if each.numel()]
    return torch.stack(largest).max() if largest else torch.zeros(())
