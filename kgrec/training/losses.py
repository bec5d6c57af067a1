"""Losses of examples over the items that their users have not seen: softmax, BCE, KL.

Each takes scores float32 ``[B, n]`` and returns the weighted sum over targets and the sum of the
weights. A user's weight is (Σ of its targets' weights) ** ``user_weight``, divided among the
targets in proportion to theirs. Targets that the user has already seen are ignored.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kgrec.training.data.examples import Examples

_MASKED = -1e9
_DRAWN = 16  # negatives per target of a binary loss
_SOFT = 2.0  # the temperature of distillation


def softmax_terms(
    scores: Tensor, examples: Examples, user_weight: float, log_chance: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the targets.

    Where the n items are a sample, ``log_chance`` float32 ``[n]`` is the log of each one's chance
    to be in it. Dividing by the chance makes the sum over the sample an unbiased estimate of the
    sum over all items (Bengio & Senécal, 2008; Yi et al., RecSys 2019); a user's own targets,
    which are always there, count once.
    """
    seen, (row, item), weight = _on_device(examples, scores.device)
    if log_chance is None:
        scores = scores.index_put(seen, scores.new_tensor(_MASKED))
    else:
        scores = scores + _correction(log_chance, (row, item), seen, len(scores))
    logp = torch.log_softmax(scores, dim=1)[row, item]
    weight = weight * ~(logp.detach() <= _MASKED / 2)  # NaN must stay visible
    weight = _shared(weight, row, len(scores), user_weight)
    return -(logp * weight).sum(), weight.sum()


def bce_terms(scores: Tensor, examples: Examples, user_weight: float) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy of every target and of 16 negatives drawn for it, uniformly among the n
    items; drawn items that the user has seen or that are targets are ignored. Draws with torch's
    generator on the CPU."""
    seen, (row, item), weight = _on_device(examples, scores.device)
    known = torch.zeros_like(scores, dtype=torch.bool)
    known[seen] = True
    weight = _shared(weight * ~known[row, item], row, len(scores), user_weight)
    known[row, item] = True
    drawn = torch.randint(scores.shape[1], (len(row), _DRAWN)).to(scores.device)
    others = (row.unsqueeze(1).expand_as(drawn), drawn)
    wrong = functional.softplus(scores[others]) * ~known[others]
    loss = functional.softplus(-scores[row, item]) + wrong.sum(dim=1)
    return (loss * weight).sum() / (1 + _DRAWN), weight.sum()


def kl_terms(
    scores: Tensor, teacher: Tensor, examples: Examples, user_weight: float
) -> tuple[Tensor, Tensor]:
    """Kullback-Leibler divergence from a teacher's scores ``[B, n]`` over the items not seen, both
    divided by a temperature of 2 and the result multiplied by its square (Hinton, Vinyals & Dean,
    2015). Rows with targets count, by the weight of these; the targets themselves are not used.
    """
    seen, (row, _), weight = _on_device(examples, scores.device)
    masked = scores.new_tensor(_MASKED)
    own = torch.log_softmax((scores / _SOFT).index_put(seen, masked), dim=1)
    theirs = torch.log_softmax((teacher / _SOFT).index_put(seen, masked), dim=1)
    loss = (theirs.exp() * (theirs - own)).sum(dim=1) * _SOFT**2
    total = weight.new_zeros(len(scores)).index_add_(0, row, weight)
    of_row = torch.where(total > 0, total.clamp_min(1e-9) ** user_weight, 0.0)
    return (loss * of_row).sum(), of_row.sum()


def _shared(weight: Tensor, row: Tensor, n_rows: int, user_weight: float) -> Tensor:
    """Weights of targets, scaled to their users' weights."""
    total = weight.new_zeros(n_rows).index_add_(0, row, weight)
    return weight * total.clamp_min(1e-9)[row] ** (user_weight - 1)


Pairs = tuple[Tensor, Tensor]  # of row and item


def _on_device(examples: Examples, device: torch.device) -> tuple[Pairs, Pairs, Tensor]:
    """The seen pairs, the targets, and the targets' weights, on the device of the scores."""
    seen = (
        torch.as_tensor(examples.seen_row).to(device),
        torch.as_tensor(examples.seen_item).to(device),
    )
    row = torch.as_tensor(examples.target_row).to(device)
    item = torch.as_tensor(examples.target_item).to(device)
    return seen, (row, item), torch.as_tensor(examples.target_weight).to(device)


def _correction(
    log_chance: Tensor, targets: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor], n_rows: int
) -> Tensor:
    """float32 ``[n_rows, n]``, to add to scores: zero at the targets, -inf at seen items."""
    correction = log_chance.neg().repeat(n_rows, 1)
    correction[targets] = 0.0
    correction[seen] = _MASKED
    return correction
