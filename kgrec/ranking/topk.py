"""Exact top-k: equal scores rank by item row, whatever the device or the batch."""

from __future__ import annotations

import math
from typing import overload

import numpy as np
import torch
from torch import Tensor

from graph_schema.errors import RequestError
from kgrec.arrays import Csr, row_numbers

_SHORTEST_BLOCK = 4
_FEW_SCORES = 16_384  # below, the fewest calls are fastest

NONE = -1  # the row that pads a list shorter than k; its score is -inf


@overload
def top_k(
    scores: Tensor,
    k: int,
    *,
    seen: Csr | None = ...,
    candidates: np.ndarray | Tensor | None = ...,
    overwrite: bool = ...,
) -> tuple[Tensor, Tensor]: ...


@overload
def top_k(
    scores: np.ndarray,
    k: int,
    *,
    seen: Csr | None = ...,
    candidates: np.ndarray | Tensor | None = ...,
    overwrite: bool = ...,
) -> tuple[np.ndarray, np.ndarray]: ...


def top_k(
    scores: Tensor | np.ndarray,
    k: int,
    *,
    seen: Csr | None = None,
    candidates: np.ndarray | Tensor | None = None,
    overwrite: bool = False,
) -> tuple[Tensor, Tensor] | tuple[np.ndarray, np.ndarray]:
    """The k best items of every row, best first; ties go to the lower item row.

    Parameters
    ----------
    scores
        ``[B, n]``, compared in float32; an item scored -inf is never returned.
    k
        Length of the lists, 1 or more.
    seen
        Items to leave out per row: (indptr int64 ``[B + 1]``, item rows, repeats allowed).
    candidates
        The only items to return: rows int64 ``[c]``, or bool ``[n]`` or ``[B, n]``.
    overwrite
        Whether float32 ``scores`` may be changed, which saves a copy.

    Returns
    -------
    tuple
        Item rows int64 and scores float32, both ``[B, k]``, padded with -1 and -inf where fewer
        than k items remain; arrays for an array, tensors on the same device for a tensor.

    Raises
    ------
    RequestError
        k is below 1, a shape is wrong, or a score is not a number.
    """
    if isinstance(scores, np.ndarray):
        found = None if candidates is not None else _top_one(scores, k, seen, overwrite)
        if found is not None:
            return found
        tensor = torch.from_numpy(np.ascontiguousarray(scores))
        rows, values = _top_k(tensor, k, seen, candidates, overwrite)
        return rows.numpy(), values.numpy()
    return _top_k(scores, k, seen, candidates, overwrite)


def _top_one(
    scores: np.ndarray, k: int, seen: Csr | None, overwrite: bool
) -> tuple[np.ndarray, np.ndarray] | None:
    """``top_k`` of a single row in as few operations as possible: each takes longer than the row's
    sums.

    None for anything else: several rows, too few items, a tie at the cut, or NaN.
    """
    n_items = scores.shape[-1]
    if scores.shape != (1, n_items) or scores.dtype != np.float32 or not 0 < k < n_items:
        return None
    row = scores[0] if overwrite else scores[0].copy()
    if seen is not None:
        row[seen[1]] = -np.inf
    cut = n_items - k - 1  # one more tells whether the cut goes through a tie
    best = row.argpartition(cut)[cut:]
    values = row[best]
    order = values.argsort()[::-1]
    values = values[order]
    if values[0] != values[0]:
        return None
    left = k if values[k - 1] > -np.inf else int(np.count_nonzero(values > -np.inf))
    if left == k and values[k - 1] == values[k]:
        return None
    if np.count_nonzero(values[: max(left - 1, 0)] > values[1:left]) < left - 1:
        best = np.sort(best)  # ties are in the list alone
        order = np.argsort(-row[best], kind="stable")
        values = row[best[order]]
    rows = best[order[:k]]
    rows[left:] = NONE
    return rows[None], values[:k][None]


@torch.inference_mode()
def _top_k(
    scores: Tensor,
    k: int,
    seen: Csr | None,
    candidates: np.ndarray | Tensor | None,
    overwrite: bool,
) -> tuple[Tensor, Tensor]:
    if scores.ndim != 2:
        raise RequestError(f"scores have shape {tuple(scores.shape)}; pass [users, items].")
    if k < 1:
        raise RequestError(f"k is {k}; ask for at least one item.")
    allowed = _masked(scores.detach(), seen, candidates, overwrite)
    size = min(k, allowed.shape[1])
    rows, values = _stable_top(allowed, size)
    pad = k - size
    if pad:
        rows = torch.nn.functional.pad(rows, (0, pad), value=NONE)
        values = torch.nn.functional.pad(values, (0, pad), value=-torch.inf)
    return rows, values


def _masked(
    scores: Tensor, seen: Csr | None, candidates: np.ndarray | Tensor | None, overwrite: bool
) -> Tensor:
    """float32 ``scores`` with -inf at forbidden items; a copy unless ``overwrite``."""
    own = overwrite or scores.dtype != torch.float32
    scores = scores.float()
    if candidates is not None:
        keep = _candidate_mask(torch.as_tensor(candidates), scores.shape).to(scores.device)
        scores, own = scores.masked_fill(~keep, -torch.inf), True
    if seen is None or not len(seen[1]):
        return scores
    indptr, items = seen
    n_rows, n_items = scores.shape
    if len(indptr) != n_rows + 1:
        raise RequestError(
            f"seen holds {len(indptr) - 1} rows, the scores {n_rows}; pass one each."
        )
    cells = row_numbers(indptr) * n_items + items
    scores = scores.contiguous() if own else scores.clone(memory_format=torch.contiguous_format)
    forbidden = torch.as_tensor(np.asarray(cells, dtype=np.int64), device=scores.device)
    scores.view(-1).index_fill_(0, forbidden, -torch.inf)
    return scores


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
    """The best ``size`` rows and scores, ties in the order of rows; NONE where a score is -inf."""
    take = min(size + 1, scores.shape[1])  # one more tells whether the cut goes through a tie
    values, rows = _select(scores, take)
    if take > 1 and bool((values[:, :-1] > values[:, 1:]).all()):
        rows, values = rows[:, :size], values[:, :size]  # no ties, and nothing that isn't a number
    else:
        rows, values = _settled(scores, rows, values, size)
    if bool((values[:, -1] == -torch.inf).any()):
        rows = rows.masked_fill(values == -torch.inf, NONE)
    return rows, values


def _settled(scores: Tensor, rows: Tensor, values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The same with ties in order, also at the cut, where any of several equal scores was taken."""
    if values.isnan().any():
        raise RequestError("a score is not a number (NaN); the model that made it has diverged.")
    cut, beyond = values[:, size - 1], values[:, size:]
    rows = rows[:, :size]
    # A cut at -inf pads anyway: which of the forbidden items fills it doesn't matter.
    tied = torch.nonzero((beyond == cut[:, None]).any(1) & (cut > -torch.inf)).flatten()
    if len(tied):
        rows = rows.clone()
        rows[tied] = _lowest_rows(scores[tied], cut[tied, None], size)
    rows, _ = rows.sort(dim=1)
    values, order = scores.gather(1, rows).sort(dim=1, descending=True, stable=True)
    return rows.gather(1, order), values


def _select(scores: Tensor, take: int) -> tuple[Tensor, Tensor]:
    """``torch.topk``; in two steps for long rows, which is several times faster.

    The best ``take`` of all are among the ``take`` blocks with the highest maxima: an item outside
    of them is below at least ``take`` others, or equal to the last. A block is every m-th item, so
    that maxima are taken along contiguous memory.
    """
    n_rows, n_items = scores.shape
    length = math.isqrt(n_items // take)
    if length < _SHORTEST_BLOCK or n_rows * n_items < _FEW_SCORES:
        values, rows = torch.topk(scores, take, dim=1)
        return values, rows
    m = n_items // length
    blocks = scores[:, : m * length].view(n_rows, length, m)
    best = torch.topk(blocks.amax(dim=1), take, dim=1, sorted=False).indices
    offsets = torch.arange(length, device=scores.device) * m
    rest = torch.arange(m * length, n_items, device=scores.device).expand(n_rows, -1)
    found = torch.cat([(best[:, :, None] + offsets).flatten(1), rest], dim=1)
    values, place = torch.topk(scores.gather(1, found), take, dim=1)
    return values, found.gather(1, place)


def _lowest_rows(scores: Tensor, cut: Tensor, size: int) -> Tensor:
    above, equal = scores > cut, scores == cut
    room = size - above.sum(1, keepdim=True)
    keep = above | (equal & (equal.cumsum(1) <= room))
    return torch.nonzero(keep)[:, 1].view(len(scores), size)
