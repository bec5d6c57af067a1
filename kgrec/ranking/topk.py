"""Exact top-k: equal scores rank by item row, whatever the device or the batch."""

from __future__ import annotations

from typing import overload

import numpy as np
import torch
from torch import Tensor

from graph_schema.errors import RequestError
from kgrec.ranking.csr import Csr, row_numbers

NONE = -1  # the row that pads a list shorter than k; its score is -inf


@overload
def top_k(
    scores: Tensor, k: int, *, seen: Csr | None = ..., candidates: np.ndarray | Tensor | None = ...
) -> tuple[Tensor, Tensor]: ...


@overload
def top_k(
    scores: np.ndarray,
    k: int,
    *,
    seen: Csr | None = ...,
    candidates: np.ndarray | Tensor | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...


def top_k(
    scores: Tensor | np.ndarray,
    k: int,
    *,
    seen: Csr | None = None,
    candidates: np.ndarray | Tensor | None = None,
) -> tuple[Tensor, Tensor] | tuple[np.ndarray, np.ndarray]:
    """The k best items of every row, best first; ties go to the lower item row.

    ``scores`` ``[B, n]`` (computed in float32; an item scored -inf is never returned); ``seen``
    (indptr int64 ``[B + 1]``, item rows) is left out row by row; ``candidates`` is int64 ``[c]``
    item rows or bool ``[n]`` or bool ``[B, n]``, and nothing else is returned.
    Returns ``rows`` int64 and ``scores`` float32, both ``[B, k]``, padded with -1 and -inf where
    fewer than k items remain; arrays for an array, tensors on the same device for a tensor.
    Raises RequestError for k < 1, a wrong shape, or a score that is not a number.
    """
    if isinstance(scores, np.ndarray):
        rows, values = _top_k(torch.from_numpy(np.ascontiguousarray(scores)), k, seen, candidates)
        return rows.numpy(), values.numpy()
    return _top_k(scores, k, seen, candidates)


@torch.no_grad()
def _top_k(
    scores: Tensor, k: int, seen: Csr | None, candidates: np.ndarray | Tensor | None
) -> tuple[Tensor, Tensor]:
    if scores.ndim != 2:
        raise RequestError(f"scores have shape {tuple(scores.shape)}; pass [users, items].")
    if k < 1:
        raise RequestError(f"k is {k}; ask for at least one item.")
    allowed = _masked(scores.detach().float(), seen, candidates)
    size = min(k, allowed.shape[1])
    rows, values = _stable_top(allowed, size)
    rows = rows.masked_fill(values == -torch.inf, NONE)
    pad = k - size
    if pad:
        rows = torch.nn.functional.pad(rows, (0, pad), value=NONE)
        values = torch.nn.functional.pad(values, (0, pad), value=-torch.inf)
    return rows, values


def _masked(scores: Tensor, seen: Csr | None, candidates: np.ndarray | Tensor | None) -> Tensor:
    """``scores`` with -inf at what may not be returned; a copy as soon as anything changes."""
    if candidates is not None:
        keep = _candidate_mask(torch.as_tensor(candidates), scores.shape).to(scores.device)
        scores = scores.masked_fill(~keep, -torch.inf)
    if seen is None or not len(seen[1]):
        return scores
    indptr, indices = seen
    if len(indptr) != scores.shape[0] + 1:
        raise RequestError(
            f"seen holds {len(indptr) - 1} rows, the scores {scores.shape[0]}; pass one each."
        )
    scores = scores.clone() if candidates is None else scores
    where = (
        torch.from_numpy(row_numbers(indptr)).to(scores.device),
        torch.from_numpy(np.ascontiguousarray(indices, dtype=np.int64)).to(scores.device),
    )
    return scores.index_put_(where, scores.new_tensor(-torch.inf))


def _candidate_mask(candidates: Tensor, shape: torch.Size) -> Tensor:
    n_items = shape[1]
    if candidates.dtype == torch.bool:
        if candidates.shape[-1] != n_items:
            raise RequestError(
                f"the candidate mask covers {candidates.shape[-1]} items, the scores {n_items}."
            )
        return candidates
    if len(candidates) and not 0 <= int(candidates.min()) <= int(candidates.max()) < n_items:
        raise RequestError(f"a candidate row lies outside 0..{n_items - 1}.")
    mask = torch.zeros(n_items, dtype=torch.bool)
    mask[candidates.long().cpu()] = True
    return mask


def _stable_top(scores: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """topk picks any of several equal scores at the cut; take the lowest rows there instead."""
    values, rows = torch.topk(scores, size, dim=1)
    if values.isnan().any():
        raise RequestError("a score is not a number (NaN); the model that made it has diverged.")
    cut = values[:, -1:]
    tied = torch.nonzero((scores >= cut).sum(1) > size).flatten()
    # A cut at -inf pads anyway: which of the forbidden items fills it doesn't matter.
    tied = tied[cut[tied, 0] > -torch.inf]
    if len(tied):
        rows[tied] = _lowest_rows(scores[tied], cut[tied], size)
    rows, _ = rows.sort(dim=1)
    values, order = scores.gather(1, rows).sort(dim=1, descending=True, stable=True)
    return rows.gather(1, order), values


def _lowest_rows(scores: Tensor, cut: Tensor, size: int) -> Tensor:
    above, equal = scores > cut, scores == cut
    room = size - above.sum(1, keepdim=True)
    keep = above | (equal & (equal.cumsum(1) <= room))
    return torch.nonzero(keep)[:, 1].view(len(scores), size)
