"""One step over scenarios' losses: compare gradients, weight the losses, one backward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kgrec.training.finite_checks import NotFinite
from kgrec.training.objective import GroupLoss
from kgrec.training.optim.balancing.base import Balancer


def balanced_backward(
    balancer: Balancer, lambdas: Tensor, losses: Sequence[GroupLoss], shared: Sequence[Tensor]
) -> Tensor:
    """Add the gradient of Σ w_k λ_k L_k to the parameters; returns the mean of the λ_k L_k.

    ``lambdas`` float64 ``[n_groups]`` are the configured weights. A group without a target in this
    step, or with λ = 0, is left out. ``shared`` are the tensors between parameters and losses at
    which gradients are compared: the item vectors, as in MGDA-UB (Sener & Koltun, NeurIPS 2018),
    and the shared parameters that read them. So the comparison costs, per group, a backward pass of
    its own rows' scores and pools, but not of graph and texts; one full pass follows. Raises
    NotFinite.
    """
    known = [loss for loss in losses if float(lambdas[loss.group]) > 0 and float(loss.weight) > 0]
    if not known:
        return losses[0].total.new_zeros(())
    groups = torch.tensor([loss.group for loss in known])
    each = [loss.mean() * float(lambdas[loss.group]) for loss in known]
    values = torch.stack(each)
    current = values.detach().double().cpu()
    _check("loss", current, groups)
    gramian = torch.empty(0, 0, dtype=torch.float64)
    if balancer.compares_gradients:
        gramian = _gramian(each, shared)
        _check("gradient", gramian.diagonal(), groups)
    weights = balancer.weigh(groups, current, gramian)
    (weights.to(values) * values).sum().backward()  # type: ignore[no-untyped-call]
    return values.detach().mean()


def _gramian(values: Sequence[Tensor], shared: Sequence[Tensor]) -> Tensor:
    """float64 ``[k, k]`` on the CPU: inner products of the values' gradients at ``shared``."""
    rows = [
        torch.autograd.grad(value, shared, retain_graph=True, allow_unused=True) for value in values
    ]
    total = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for column in zip(*rows, strict=True):
        present = [row for row, gradient in enumerate(column) if gradient is not None]
        if present:
            matrix = torch.stack([column[row].flatten() for row in present])
            place = torch.tensor(present)
            total[place[:, None], place] += (matrix @ matrix.T).double().cpu()
    return total


def _check(what: str, values: Tensor, groups: Tensor) -> None:
    bad = groups[~values.isfinite()]
    if len(bad):
        raise NotFinite(what, "not finite", tuple(bad.tolist()))
