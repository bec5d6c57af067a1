"""Sentiment: the rating predicted from a review's text, by ridge regression on text vectors.

Cross-fitted (Chernozhukov et al. 2018): the id of a review sets its fold, and its rating is
predicted by the regression that was fitted on the other folds. So a review's own rating never
affects its prediction, whatever reviews are added later.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FOLDS = 10
_PENALTY = 3.0  # fixed: choosing it by validation would make it depend on every review
FEWEST = 50  # rated reviews needed to fit


@dataclass(frozen=True, eq=False)
class Sentiment:
    """One regression per fold: ``weights`` float64 ``[FOLDS, dim + 1]``, the last column the
    intercept."""

    weights: np.ndarray

    def predict(self, vectors: np.ndarray, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """The predicted rating of each review, float64 ``[n]``; NaN for a text without content (a
        zero row).

        ``vectors`` ``[n, dim]`` and the reviews' ``ids``.
        """
        weights = self.weights[folds_of(ids)]
        predicted = (vectors * weights[:, :-1]).sum(axis=1) + weights[:, -1]
        return np.where((vectors != 0).any(axis=1), predicted, np.nan)


def fit_sentiment(
    vectors: np.ndarray, ratings: np.ndarray, ids: Sequence[str] | np.ndarray
) -> Sentiment | None:
    """Fit on rated reviews: ``vectors`` float32 ``[n, dim]``, ``ratings`` ``[n]`` (NaN: none),
    ``ids``.

    None where fewer than FEWEST reviews have a rating, or all ratings are equal.
    """
    known = np.isfinite(ratings) & (vectors != 0).any(axis=1)
    if known.sum() < FEWEST or np.ptp(ratings[known]) == 0:
        return None
    inputs = np.asarray(vectors[known], dtype=np.float64)
    rating = np.asarray(ratings[known], dtype=np.float64)
    names = [str(name) for name, keep in zip(ids, known, strict=True) if keep]
    return Sentiment(_weights(inputs, rating, folds_of(names)))


def folds_of(ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """The fold of each id, int64 ``[n]``, the same in every process."""
    return np.array(
        [zlib.crc32(str(name).encode("utf-8", "replace")) % FOLDS for name in ids], dtype=np.int64
    )


def _weights(vectors: np.ndarray, ratings: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The regression of each fold, float64 ``[FOLDS, dim + 1]``, fitted on the other folds."""
    whole = np.hstack([vectors, np.ones((len(vectors), 1))])
    parts = [(whole[fold == k], ratings[fold == k]) for k in range(FOLDS)]
    grams = [x.T @ x for x, _ in parts]
    sides = [x.T @ y for x, y in parts]
    # The intercept has almost no penalty: without evidence the prediction is the mean rating.
    ridge = np.diag(np.append(np.full(vectors.shape[1], _PENALTY), 1e-6))
    heads = []
    for out in range(FOLDS):
        gram = sum((g for k, g in enumerate(grams) if k != out), start=ridge)
        side = sum((s for k, s in enumerate(sides) if k != out), start=np.zeros(len(ridge)))
        heads.append(np.linalg.solve(gram, side))
    return np.stack(heads)
