"""RatingBlend: a rating from shrunk means, the rating model and earlier reviews.

    rating = m + b_u + b_i + w_0 + Σ_k w_k z_k

b_i is the item's mean rating less m and b_u the user's less m + b_i, each shrunk as if some average
ratings came on top (Koren 2010); z are both again, what the rating model says beyond them, and what
the earlier reviews of the item and by the user sound like. The weights are few, and learned by
ridge regression on validation rows, which no part was trained on: where there are few ratings, the
means answer, where there are many, the model does (stacking, Wolpert 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Floats, Ints
from kgrec.text.sentiment import Sentiment

_PENALTIES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
_FOLDS = 10
_MODEL = 2  # the column of what the model says beyond the means
_SHIFT_WORTH = 10.0  # rows without a shift that are assumed beside the validation's
FEWEST = 30  # validation rows that weights are learned from


@dataclass(frozen=True, eq=False)
class RatingSigns:
    """What is known of R asked rows, float64 ``[R]`` each: ``user`` b_u, ``item`` b_i, the
    ``model``'s rating less m, and what reviews sound like, of the item and by the user."""

    user: Floats
    item: Floats
    model: Floats
    item_words: Floats
    user_words: Floats

    @property
    def base(self) -> Floats:
        return np.asarray(self.user + self.item)

    def columns(self) -> Floats:
        """float64 ``[R, 5]``: z."""
        beyond = self.model - self.base
        return np.stack([self.user, self.item, beyond, self.item_words, self.user_words], axis=1)


@dataclass(frozen=True, eq=False)
class RatingBlend:
    """``mean`` m; ``worth`` ratings that the shrunk means of users and of items assume; ``shift``
    w_0 and ``weights`` w, five; ``sentiment`` None where reviews say nothing."""

    mean: float
    worth: tuple[float, float]
    shift: float
    weights: tuple[float, ...]
    sentiment: Sentiment | None

    def rating(self, signs: RatingSigns) -> Floats:
        """float64 ``[R]``, not yet within the scale."""
        # A sum in a fixed order: a row's rating must not depend on how many are asked together.
        total = self.mean + signs.base + self.shift
        for column, weight in zip(signs.columns().T, self.weights, strict=True):
            total = total + weight * column
        return np.asarray(total)


def fit_weights(signs: RatingSigns, rest: Floats, seed: int) -> tuple[float, tuple[float, ...]]:
    """The shift and the weights from validation rows; ``rest`` float64 ``[R]`` is what ratings
    have beyond m + b_u + b_i.

    Weights are drawn towards the means alone, or towards the model alone. That and how strongly is
    chosen by cross-validation; columns are brought to one deviation, so that one penalty fits all.
    """
    columns = signs.columns()
    spread = columns.std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf)  # what never varies has no weight
    scaled = columns / scale
    fold = np.random.default_rng([seed, 7]).permutation(len(rest)) % _FOLDS
    tried = [
        (_cross_error(scaled, rest - share * columns[:, _MODEL], penalty, fold), share, penalty)
        for share in (0.0, 1.0)
        for penalty in _PENALTIES
    ]
    _, share, penalty = min(tried)
    found = _solve(scaled, rest - share * columns[:, _MODEL], penalty)
    weights = found[1:] / scale
    weights[_MODEL] += share
    return float(found[0]), tuple(map(float, weights))


def _cross_error(columns: Floats, rest: Floats, penalty: float, fold: Ints) -> float:
    total = 0.0
    for out in range(_FOLDS):
        kept, held = fold != out, fold == out
        weights = _solve(columns[kept], rest[kept], penalty)
        total += float(((weights[0] + columns[held] @ weights[1:] - rest[held]) ** 2).sum())
    return total


def _solve(columns: Floats, rest: Floats, penalty: float) -> Floats:
    whole = np.hstack([np.ones((len(columns), 1)), columns])
    ridge = np.diag(np.append(_SHIFT_WORTH, np.full(columns.shape[1], penalty)))
    return np.asarray(np.linalg.solve(whole.T @ whole + ridge, whole.T @ rest))
