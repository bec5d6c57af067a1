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
    gradients = total_of(p.grad for p in model.parameters() if p.grad is not None)
    loss = loss.detach()
    if bool(torch.isfinite(loss + gradients)):
        return
    if torch.isfinite(loss):
        raise NotFinite("gradient", "not finite")
    bad = tuple(one.group for one in groups if not torch.isfinite(one.total))
    raise NotFinite("loss", f"{float(loss):g}", bad)


def check_weights(model: nn.Module) -> None:
    """Raise NotFinite for weights that are not finite."""
    if not torch.isfinite(total_of(p.detach() for p in model.parameters())):
        raise NotFinite("weights", "not finite")


def total_of(tensors: Iterable[Tensor]) -> Tensor:
    """The sum of all numbers in ``tensors``: not finite where one of them is not, and read in one
    pass. Finite numbers that add up to more than a float holds count as not finite, too."""
    sums = [each.sum() for each in tensors if each.numel()]
    return torch.stack(sums).sum() if sums else torch.zeros(())
