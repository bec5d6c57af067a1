"""LikeBlend: a probability of a like from the rating model, the predicted rating and the score.

    logit = w_0 + w_1 l + w_2 r + w_3 s

l is the rating model's own logit, r the predicted rating, and s the score of ``recommend`` beside
those of all items for the same user, which knows of the graph and of choices without a rating. The
weights are learned by ridge logistic regression on validation rows, on which no part was trained
(stacking, Wolpert 1992). Pairs without a score, as of typed histories, have weights of their own
for l and r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from kgrec.graph.snapshot import Floats
from kgrec.ratings.blend import FEWEST

_PENALTIES: Final = (1.0, 10.0, 100.0)
_FOLDS: Final = 10
_STEPS: Final = 30  # of Newton's method, at most
_ERRORS: Final = 2.0  # standard errors by which the blend must be better than the model alone


@dataclass(frozen=True, eq=False)
class LikeBlend:
    """The fitted blend; see the module's docstring for the formula.

    Attributes
    ----------
    scored : tuple of float or None
        w_0 to w_3 for pairs with a score; None where too few validation rows have one.
    others : tuple of float or None
        w_0 to w_2 for pairs without; None where the model alone is as good.
    """

    scored: tuple[float, ...] | None
    others: tuple[float, ...] | None

    def logit(self, logit: np.ndarray, rating: Floats, score: Floats) -> Floats:
        """Log odds float64 ``[R]`` from those of the model, standardised ratings, and scores, NaN
        for none."""
        found = logit.astype(np.float64)
        if self.others is not None:
            found = _sum(self.others, (found, rating))
        if self.scored is None:
            return found
        there = np.isfinite(score)
        columns = (logit.astype(np.float64), rating, np.where(there, score, 0.0))
        return np.where(there, _sum(self.scored, columns), found)


def fit_like_blend(
    like: np.ndarray, logit: np.ndarray, rating: Floats, score: Floats, seed: int
) -> LikeBlend | None:
    """The blend learned from validation rows; None where none is better than the model alone.

    Parameters
    ----------
    like : bool ``[R]``
        Which rows are likes.
    logit, rating, score : float ``[R]``
        As in ``LikeBlend.logit``.
    seed : int
        Of the folds.
    """
    there = np.isfinite(score)
    columns = np.stack([logit.astype(np.float64), rating, np.where(there, score, 0.0)], axis=1)
    others = _fitted(columns[:, :2], like, seed)
    scored = _fitted(columns[there], like[there], seed)
    return None if others is None and scored is None else LikeBlend(scored, others)


def log_losses(like: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """−log of the predicted probability of the outcome, float64 ``[n]``."""
    signed = np.where(like, -1.0, 1.0) * logit.astype(np.float64)
    return np.asarray(np.logaddexp(0.0, signed))


def _fitted(columns: Floats, like: np.ndarray, seed: int) -> tuple[float, ...] | None:
    """The weights with the least loss in cross-validation; None where the first column alone, as
    log odds, is as good, and for fewer rows of either kind than FEWEST."""
    if min(like.sum(), (~like).sum()) < FEWEST:
        return None
    spread = columns.std(axis=0)
    scale = np.where(spread > 1e-9, spread, np.inf)  # constant columns get no weight
    scaled = columns / scale
    fold = np.random.default_rng([seed, 11]).permutation(len(like)) % _FOLDS
    alone = log_losses(like, columns[:, 0])
    losses = {penalty: _cross_losses(scaled, like, penalty, fold) for penalty in _PENALTIES}
    penalty = min(losses, key=lambda one: (float(losses[one].mean()), one))
    gain = alone - losses[penalty]
    if gain.mean() <= _ERRORS * gain.std() / np.sqrt(len(gain)):
        return None
    weights = _solve(scaled, like, penalty)
    return float(weights[0]), *(weights[1:] / scale).tolist()


def _cross_losses(columns: Floats, like: np.ndarray, penalty: float, fold: np.ndarray) -> Floats:
    losses = np.empty(len(like))
    for out in range(_FOLDS):
        held = fold == out
        weights = _solve(columns[~held], like[~held], penalty)
        losses[held] = log_losses(like[held], weights[0] + columns[held] @ weights[1:])
    return losses


def _solve(columns: Floats, like: np.ndarray, penalty: float) -> Floats:
    """w_0 and the weights of ``columns``, by Newton's method; only the latter are penalised."""
    whole = np.hstack([np.ones((len(columns), 1)), columns])
    ridge = np.diag([0.0, *[penalty] * columns.shape[1]])
    weights = np.zeros(whole.shape[1])
    for _ in range(_STEPS):
        probability = expit(whole @ weights)
        slope = whole.T @ (probability - like) + ridge @ weights
        curve = (whole * (probability * (1 - probability))[:, None]).T @ whole + ridge
        step = np.linalg.solve(curve + 1e-9 * np.eye(len(curve)), slope)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _sum(weights: tuple[float, ...], columns: tuple[Floats, ...]) -> Floats:
    # A sum in a fixed order: a row's value must not depend on the other rows.
    total = np.full(len(columns[0]), weights[0])
    for weight, column in zip(weights[1:], columns, strict=True):
        total = total + weight * column
    return total
