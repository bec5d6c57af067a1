"""The objective: softmax over all items that the user has not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from kgrec.training.sampling import Examples

_MASKED = -1e9


def weighted_mean(total: Tensor, weight: Tensor) -> Tensor:
    """The loss as one number, zero where no target is left."""
    return total / weight.clamp_min(1e-9)


def softmax_terms(
    scores: Tensor, examples: Examples, user_weight: float, log_chance: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of the targets, summed, and the sum of the weights; scores float32
    ``[B, n]``.

    A user weighs (Σ of its targets' weights) ** user_weight, shared among the targets by weight;
    the loss is the weighted mean. A target that the user has seen is none.

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
    if log_chance is None:
        scores = scores.index_put(seen, scores.new_tensor(_MASKED))
    else:
        scores = scores + _correction(log_chance, (row, item), seen, len(scores))
    logp = torch.log_softmax(scores, dim=1)[row, item]
    weight = weight * (logp.detach() > _MASKED / 2)
    total = weight.new_zeros(len(scores)).index_add_(0, row, weight)
    weight = weight * total.clamp_min(1e-9)[row] ** (user_weight - 1)
    return -(logp * weight).sum(), weight.sum()


def _correction(
    log_chance: Tensor, targets: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor], n_rows: int
) -> Tensor:
    """float32 ``[n_rows, n]``, to add to scores: zero at the targets, and seen items fall out."""
    correction = log_chance.neg().repeat(n_rows, 1)
    correction[targets] = 0.0
    correction[seen] = _MASKED
    return correction
