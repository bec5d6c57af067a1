"""Ranking for requests: the best items of each history, as arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from kgrec.graph.snapshot import Ints
from kgrec.query import Asked
from kgrec.ranking import pairs_to_csr, top_k
from kgrec.scoring.engine import Engine

_BATCH = 1024  # users scored at once, at most
_CELLS = {"cpu": 2**24, "cuda": 2**29}  # scores in memory at once, at most: 64 MB, 2 GB


class Ranked(NamedTuple):
    """The best items row by row, best first: ``ids`` object ``[B, k]`` and ``scores`` float32
    ``[B, k]``, padded with None and -inf where fewer than k items are left."""

    ids: np.ndarray
    scores: np.ndarray


def rank_items(
    engine: Engine,
    asked: Asked,
    k: int,
    *,
    mask: np.ndarray | None,
    exclude_seen: bool,
    own: bool = True,
) -> Ranked:
    """The ``k`` best items for everybody asked about; ``mask`` bool ``[n_items]`` narrows them.

    With ``own`` a scenario's requests choose among the items that it has, where the model was
    trained so (see ``Engine.own_items``). k counts as at most the number of items.
    """
    n_items = len(engine.item_ids) - 1
    k = min(k, n_items)
    if len(asked) == 1:
        rows, best = _rank(engine, asked, k, mask, exclude_seen, own)
        return Ranked(engine.item_ids[rows], best)
    size = batch_size(n_items, engine.device)
    parts = [
        _rank(engine, asked.part(start, start + size), k, mask, exclude_seen, own)
        for start in range(0, max(len(asked), 1), size)
    ]
    return _named(engine, parts)


def personal_scores(engine: Engine, asked: Asked) -> np.ndarray:
    """float32 ``[n_items]``: every item's score for the only one asked about."""
    if asked.mixture is not None:
        return np.asarray(_mixed(engine, asked, asked.mixture)[0].cpu().numpy())
    one = None if asked.context else engine.score_one(asked.histories)
    return one[0] if one is not None else engine.score(asked.histories)[0].cpu().numpy()


def similar_items(engine: Engine, rows: Ints, k: int) -> Ranked:
    """The ``k`` items whose unit vectors are closest to those of ``rows``; scores are cosines."""
    vectors = engine.items.candidate
    if engine.new_items is not None:  # what is foretold is no unit vector
        vectors = functional.normalize(vectors, dim=1)
    k, size = min(k, len(vectors)), batch_size(len(vectors), engine.device)
    parts = []
    with torch.inference_mode():
        for start in range(0, max(len(rows), 1), size):
            part = rows[start : start + size]
            scores = vectors[torch.as_tensor(part, device=vectors.device)] @ vectors.T
            itself = pairs_to_csr(np.arange(len(part)), part, len(part))
            parts.append(_arrays(top_k(scores, k, seen=itself, overwrite=True)))
    return _named(engine, parts)


def batch_size(n_items: int, device: torch.device) -> int:
    """How many rows of scores over ``n_items`` are made at once."""
    return max(1, min(_BATCH, _CELLS.get(device.type, _CELLS["cuda"]) // max(n_items, 1)))


def _rank(
    engine: Engine, asked: Asked, k: int, mask: np.ndarray | None, exclude_seen: bool, own: bool
) -> tuple[np.ndarray, np.ndarray]:
    if own:
        mask = engine.candidates(asked.histories.scenario, mask)
    seen = (asked.histories.indptr, asked.histories.item) if exclude_seen else None
    if asked.mixture is not None:
        mixed = _mixed(engine, asked, asked.mixture)
        return _arrays(top_k(mixed, k, seen=seen, candidates=mask, overwrite=True))
    one = None if asked.context else engine.score_one(asked.histories)
    if one is not None:
        return top_k(one, k, seen=seen, candidates=mask, overwrite=True)
    scores = engine.score(asked.histories, asked.context)
    return _arrays(top_k(scores, k, seen=seen, candidates=mask, overwrite=True))


def _mixed(engine: Engine, asked: Asked, mixture: np.ndarray) -> torch.Tensor:
    """float32 ``[B, n_items]``: the scores in each scenario, and in none (last), averaged."""
    total = torch.zeros(len(asked), len(engine.item_ids) - 1, device=engine.device)
    for column in np.flatnonzero(mixture.any(axis=0)).tolist():
        code = -1 if column == mixture.shape[1] - 1 else column
        scenario = np.full(len(asked), code, dtype=np.int64)
        scores = engine.score(replace(asked.histories, scenario=scenario), asked.context)
        share = torch.as_tensor(mixture[:, column], dtype=torch.float32, device=engine.device)
        total += share[:, None] * scores
    return total


def _arrays(found: tuple[torch.Tensor, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    rows, scores = found
    return rows.cpu().numpy(), scores.cpu().numpy()


def _named(engine: Engine, parts: list[tuple[np.ndarray, np.ndarray]]) -> Ranked:
    rows, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Ranked(engine.item_ids[rows], scores)
