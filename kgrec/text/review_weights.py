"""Review weights for pooling, so that a few reviews can't dominate an item's text vector."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

_ROUNDS = 8
_LEAST = 0.05  # smaller distances from the centre count as this


def review_weights(vectors: np.ndarray, owner: np.ndarray, texts: Iterable[str]) -> np.ndarray:
    """Weights of each item's reviews in their sum: the geometric median.

    Equal texts about one item count as one review. Weiszfeld's iterations (as in robust
    aggregation, Pillutla, Kakade and Harchaoui 2022) weight a review by the inverse of its distance
    from the centre, so that less than half of an item's reviews, whatever they contain, can't move
    the centre far.

    Parameters
    ----------
    vectors
        float32 ``[n, dim]``: unit rows of the reviews.
    owner
        int64 ``[n]``: item rows; a review with -1 gets weight 0.
    texts
        The ``n`` texts, compared without case and extra spaces.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``, 0 or larger.
    """
    once = _duplicate_weights(owner, texts)
    weights = once.copy()
    n_items = int(owner.max(initial=-1)) + 1
    known = owner >= 0
    item, own = owner[known], vectors[known].astype(np.float64)
    starts = np.arange(len(item) + 1)
    for _ in range(_ROUNDS):
        held = sp.csc_matrix((weights[known], item, starts), shape=(n_items, len(item)))
        centre = (held @ own) / np.maximum(np.asarray(held.sum(axis=1)), 1e-12)
        distance = np.linalg.norm(own - centre[item], axis=1)
        weights[known] = once[known] / np.maximum(distance, _LEAST)
    return np.asarray(weights, dtype=np.float32)


def _duplicate_weights(owner: np.ndarray, texts: Iterable[str]) -> np.ndarray:
    """float64 ``[n]``: 1 / the number of equal texts about the same item."""
    counts: dict[tuple[int, str], int] = {}
    keys = [(int(item), " ".join(str(t).split()).lower())
            for item, t in zip(owner, texts, strict=True)]  # fmt: skip
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return np.array([1.0 / counts[key] if key[0] >= 0 else 0.0 for key in keys], dtype=np.float64)
