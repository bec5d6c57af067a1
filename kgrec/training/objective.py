"""The objective: softmax over all items that the user has not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from kgrec.training.sampling import Examples

_MASKED = -1e9


def softmax_loss(
    scores: Tensor, examples: Examples, user_weight: float, log_chance: Tensor | None = None
) -> Tensor:
    """Weighted cross-entropy of the targets; scores float32 ``[B, n]``, changed in place.

    A user weighs (Σ of its targets' weights) ** user_weight, shared among the targets by weight;
    the loss is the weighted mean. A target that the user has seen is none. Zero where no target is
    left.

    Where the n items are a sample, ``log_chance`` float32 ``[n]`` is the log of each one's chance
    to be in it. Dividing by the chance makes the sum over the sample an unbiased estimate of the
    sum over all items (Bengio & Senécal, 2008; Yi et al., RecSys 2019); a user's own targets,
    which are always there, count once.
    """
    device = scores.device
    seen = (
        torch.as_tensor(examples.seen_row).to(device),
        torch.as_tensor(examples.seen_item).to(device),
    )
    row = torch.as_tensor(examples.target_row).to(device)
    item = torch.as_tensor(examples.target_item).to(device)
    weight = torch.as_tensor(examples.target_weight).to(device)
    if log_chance is not None:
        scores = scores - _correction(log_chance, row, item, len(scores))
    scores = scores.index_put(seen, scores.new_tensor(_MASKED))
    logp = torch.log_softmax(scores, dim=1)[row, item]
    weight = weight * (logp.detach() > _MASKED / 2)
    total = weight.new_zeros(len(scores)).index_add_(0, row, weight)
    weight = weight * total.clamp_min(1e-9)[row] ** (user_weight - 1)
    return -(logp * weight).sum() / weight.sum().clamp_min(1e-9)


def _correction(log_chance: Tensor, row: Tensor, item: Tensor, n_rows: int) -> Tensor:
    """float32 ``[n_rows, n]``: zero at the targets (``row``, ``item``), elsewhere the chance's."""
    correction = log_chance.repeat(n_rows, 1)
    correction[row, item] = 0.0
    return correction
