"""RatingBlend: a rating from shrunk means, the rating model and earlier reviews.

    rating = m + b_u + b_i + w_0 + Σ_k w_k z_k

b_i is the item's mean rating minus m and b_u the user's minus m + b_i, each shrunk towards 0 by a
number of added average ratings (Koren 2010). z are b_u, b_i, the rating model's prediction beyond
them, the mean sentiment of earlier reviews of the item and by the user, and the prediction from
attributes beyond b_u + b_i (``kgrec.ratings.attributes.taste``). The weights are learned
by ridge regression on validation rows, on which no part was trained (stacking, Wolpert 1992): with
few ratings the means decide, with many the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Floats, Ints
from kgrec.ratings.attributes.taste import AttributeTaste
from kgrec.text.sentiment import Sentiment

_PENALTIES = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
_FOLDS = 10
_MODEL, _TASTE = 2, 5  # the columns of the model's rating and of that from attributes
_SHIFT_SHRINKAGE = 10.0  # rows without a shift that are added to the validation rows
FEWEST = 30  # validation rows needed to learn weights


@dataclass(frozen=True, eq=False)
class BlendFeatures:
    """Inputs of the blend for R rows, float64 ``[R]`` each.

    ``user`` b_u; ``item`` b_i; ``model``: the model's rating minus m; ``item_words`` and
    ``user_words``: mean sentiment of earlier reviews of the item and by the user; ``taste``: the
    rating from attributes minus m, None without attributes.
    """

    user: Floats
    item: Floats
    model: Floats
    item_words: Floats
    user_words: Floats
    taste: Floats | None = None

    @property
    def base(self) -> Floats:
        return np.asarray(self.user + self.item)

    def columns(self) -> Floats:
        """z, float64 ``[R, 5]``, or ``[R, 6]`` with attributes."""
        beyond = self.model - self.base
        columns = [self.user, self.item, beyond, self.item_words, self.user_words]
        if self.taste is not None:
            columns.append(self.taste - self.base)
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class RatingBlend:
    """The fitted blend; see the module's docstring for the formula.

    ``mean`` m; ``shrinkage``: ratings added to the means of users and of items; ``shift`` w_0;
    ``weights`` w, five, or six with ``taste``; ``sentiment``: None where reviews are not used;
    ``taste``: None where attributes are not used.
    """

    mean: float
    shrinkage: tuple[float, float]
    shift: float
    weights: tuple[float, ...]
    sentiment: Sentiment | None
    taste: AttributeTaste | None = None

    def rating(self, features: BlendFeatures) -> Floats:
        """Predicted ratings, float64 ``[R]``, not yet limited to the scale."""
        # A sum in a fixed order: a row's rating must not depend on the other rows.
        total = self.mean + features.base + self.shift
        for column, weight in zip(features.columns().T, self.weights, strict=True):
            total = total + weight * column
        return np.asarray(total)


def fit_weights(
    features: BlendFeatures, rest: Floats, seed: int, weight: Floats | None = None
) -> tuple[float, tuple[float, ...]]:
    """The shift and weights from validation rows.

    ``rest`` float64 ``[R]`` is what the ratings have beyond m + b_u + b_i. The weights are drawn
    towards the means alone, the model alone or the attributes alone; which, and how strongly, is
    chosen by cross-validation. Columns are standardised, so that one penalty fits all. ``weight``
    float64 ``[R]``: of the rows' errors; None: equal.
    """
    columns = features.columns()
    spread = columns.std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf)  # constant columns get no weight
    scaled = columns / scale
    fold = np.random.default_rng([seed, 7]).permutation(len(rest)) % _FOLDS
    towards = [None, _MODEL] if features.taste is None else [None, _MODEL, _TASTE]
    starts = [np.zeros(len(rest)) if at is None else columns[:, at] for at in towards]
    trials = [
        (_cross_error(scaled, rest - start, penalty, fold, weight), number, penalty)
        for number, start in enumerate(starts)
        for penalty in _PENALTIES
    ]
    _, number, penalty = min(trials)
    found = _solve(scaled, rest - starts[number], penalty, weight)
    weights = found[1:] / scale
    if (at := towards[number]) is not None:
        weights[at] += 1.0
    return float(found[0]), tuple(map(float, weights))


def _cross_error(
    columns: Floats, rest: Floats, penalty: float, fold: Ints, weight: Floats | None
) -> float:
    total = 0.0
    for out in range(_FOLDS):
        kept, held = fold != out, fold == out
        weights = _solve(
            columns[kept], rest[kept], penalty, None if weight is None else weight[kept]
        )
        error = (weights[0] + columns[held] @ weights[1:] - rest[held]) ** 2
        total += float((error if weight is None else weight[held] * error).sum())
    return total


def _solve(columns: Floats, rest: Floats, penalty: float, weight: Floats | None) -> Floats:
    whole = np.hstack([np.ones((len(columns), 1)), columns])
    ridge = np.diag(np.append(_SHIFT_SHRINKAGE, np.full(columns.shape[1], penalty)))
    weighted = whole if weight is None else whole * weight[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ whole + ridge, weighted.T @ rest))
