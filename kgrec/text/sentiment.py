"""What a review sounds like: a small head on text vectors that foretells the review's rating.

Ridge regression on frozen vectors, cross-fitted (Chernozhukov et al. 2018): a review's id decides
its fold, and a head that saw no review of that fold reads it. So no review's own rating is in what
is said of it, neither while fitting nor later, whatever is added in between.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FOLDS = 10
_PENALTY = 3.0  # fixed: one chosen by errors would have seen every review
FEWEST = 50  # reviews that a head learns from


@dataclass(frozen=True, eq=False)
class Sentiment:
    """One head per fold: ``weights`` float64 ``[FOLDS, dim + 1]``, the last number is added."""

    weights: np.ndarray

    def read(self, vectors: np.ndarray, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """float64 ``[n]``: the rating that each review sounds like, from ``vectors`` ``[n, dim]``
        and the reviews' ``ids``; NaN for a text without content (a zero row)."""
        own = self.weights[folds_of(ids)]
        told = (vectors * own[:, :-1]).sum(axis=1) + own[:, -1]
        return np.where((vectors != 0).any(axis=1), told, np.nan)


def fit_sentiment(
    vectors: np.ndarray, ratings: np.ndarray, ids: Sequence[str] | np.ndarray
) -> Sentiment | None:
    """From reviews with a rating: ``vectors`` float32 ``[n, dim]``, ``ratings`` ``[n]``, ``ids``.

    None where fewer than FEWEST reviews have a rating, or all ratings are alike: then there is
    nothing to learn.
    """
    known = np.isfinite(ratings) & (vectors != 0).any(axis=1)
    if known.sum() < FEWEST or np.ptp(ratings[known]) == 0:
        return None
    told = np.asarray(vectors[known], dtype=np.float64)
    rating = np.asarray(ratings[known], dtype=np.float64)
    names = [str(name) for name, keep in zip(ids, known, strict=True) if keep]
    return Sentiment(_weights(told, rating, folds_of(names)))


def folds_of(ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """int64 ``[n]``: the fold of each id, the same in every process."""
    return np.array(
        [zlib.crc32(str(name).encode("utf-8", "replace")) % FOLDS for name in ids], dtype=np.int64
    )


def _weights(vectors: np.ndarray, ratings: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """float64 ``[FOLDS, dim + 1]``: each fold's head, from all reviews of the other folds."""
    whole = np.hstack([vectors, np.ones((len(vectors), 1))])
    parts = [(whole[fold == k], ratings[fold == k]) for k in range(FOLDS)]
    grams = [x.T @ x for x, _ in parts]
    sides = [x.T @ y for x, y in parts]
    # What is added is not penalised: a head without evidence answers with the mean rating.
    ridge = np.diag(np.append(np.full(vectors.shape[1], _PENALTY), 1e-6))
    heads = []
    for out in range(FOLDS):
        gram = sum((g for k, g in enumerate(grams) if k != out), start=ridge)
        side = sum((s for k, s in enumerate(sides) if k != out), start=np.zeros(len(ridge)))
        heads.append(np.linalg.solve(gram, side))
    return np.stack(heads)
