"""Propensities: how likely a user rates an item, from attributes and kinds of facts.

    logit p(u, i) = a_u' P c_i,    a = (1, user tokens), c = (1, item tokens, facts by relation)

Who rates what is no accident, so an error that is averaged over the given ratings is not that over
all pairs; with the weights 1 / p it is (Schnabel et al. 2016). P is learned by logistic regression
on which pairs of the training rows are rated, and used where it finds held-out pairs better than a
constant does. The weight of a rating is p^−power, with p limited from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from graph_schema.names import ITEM
from kgrec.graph.snapshot import Floats, GraphSnapshot, Interactions, Ints
from kgrec.metrics.metrics import auc
from kgrec.ratings.attributes.taste import AttributeRows, fit_cross

LEAST_AUC: Final = 0.6  # of held-out pairs, for propensities to be used
POWERS: Final = (0.0, 0.25, 0.5, 1.0)
_CELLS: Final = 500_000  # pairs that the regression reads, at most
_FOLDS: Final = 3
_ROWS: Final = 100_000  # ratings that choose the power, at most
_QUANTILE: Final = 1.645  # of the normal distribution: a one-sided interval of 95 %
_PENALTY: Final = 1.0
_STEPS: Final = 60
_LOWEST: Final = 0.05  # quantile of the ratings' propensities below which all count as equal


@dataclass(frozen=True, eq=False)
class Propensities:
    """Fitted propensities of the ratings and their weights.

    ``auc``: of held-out pairs. ``of_rated`` float64 ``[n]``: of the given ratings.
    """

    auc: float
    of_rated: Floats

    @property
    def usable(self) -> bool:
        """Whether they find rated pairs better than a constant."""
        return self.auc >= LEAST_AUC

    def weights(self, power: float) -> Floats:
        """float64 ``[n]``, with mean 1: the weight of each given rating."""
        lowest = np.quantile(self.of_rated, _LOWEST)
        weights = np.maximum(self.of_rated, lowest) ** -power
        return np.asarray(weights / weights.mean())


@dataclass(frozen=True, eq=False)
class RatingWeights:
    """Weights of the training and of the validation rows, float64 with mean 1; None: equal.

    ``auc`` of the propensities, None where none were fitted; ``power``: 0 for equal weights.
    """

    train: Floats | None = None
    valid: Floats | None = None
    auc: float | None = None
    power: float = 0.0


def count_facts(snapshot: GraphSnapshot) -> Floats:
    """float64 ``[n_items, relations]``: log(1 + facts) of each item by relation, the largest 1."""
    of_items = [one for one in snapshot.facts if one.head_label == ITEM]
    if not of_items:
        return np.empty((len(snapshot.items), 0))
    n_items = len(snapshot.items)
    counts = [np.bincount(np.asarray(one.head), minlength=n_items) for one in of_items]
    logs = np.log1p(np.stack(counts, axis=1).astype(np.float64))
    return np.asarray(logs / np.maximum(logs.max(axis=0), 1.0))


def choose_weights(
    rows: AttributeRows,
    fact_counts: Floats | None,
    rated: tuple[Interactions, Interactions],
    seed: int,
) -> RatingWeights:
    """The weights of the training and validation rows ``rated``.

    A ridge regression from attributes is fitted on rows weighted with each power; its error on
    other rows, which are weighted with power 1, is the unbiased estimate of the error on all pairs.
    Few rows have most of these weights, so the estimate varies: the power is the one whose
    difference from equal weights has the least upper end of its interval (one-sided, 95 %, users as
    independent). Equal weights where propensities are not usable.
    """
    train, valid = rated
    items = rows.items if fact_counts is None else np.hstack([rows.items, fact_counts])
    user = np.concatenate([train.user, valid.user])
    item = np.concatenate([train.item, valid.item])
    found = fit_propensities(AttributeRows(rows.users, items), user, item, seed)
    if found is None:
        return RatingWeights()
    if not found.usable:
        return RatingWeights(auc=found.auc)
    rating = np.concatenate([train.rating, valid.rating]).astype(np.float64)
    rest, unbiased = rating - rating.mean(), found.weights(1.0)
    chosen = np.random.default_rng([seed, 12]).permutation(len(rest))[:_ROWS]
    fold = np.arange(len(chosen)) % _FOLDS

    def errors(power: float) -> Floats:
        weight, squares = found.weights(power), np.empty(len(chosen))
        for out in range(_FOLDS):
            kept, held = chosen[fold != out], chosen[fold == out]
            cross = fit_cross(rows, user[kept], item[kept], rest[kept], weight[kept])
            predicted = rows.crossed(user[held], item[held], cross)
            squares[fold == out] = unbiased[held] * (predicted - rest[held]) ** 2
        return squares

    equal = errors(0.0)
    bounds = {0.0: 0.0} | {
        power: upper_end(errors(power) - equal, user[chosen]) for power in POWERS if power
    }
    cut = len(train)
    power = min(POWERS, key=bounds.__getitem__)
    if not power:
        return RatingWeights(auc=found.auc)
    weights = found.weights(power)
    train_weights, valid_weights = (one / one.mean() for one in (weights[:cut], weights[cut:]))
    return RatingWeights(train_weights, valid_weights, found.auc, power)


def upper_end(differences: Floats, user: Ints) -> float:
    """The upper end of the interval of a sum of differences, float64 ``[n]``, by user."""
    sums = np.bincount(user, differences)
    return float(sums.sum() + _QUANTILE * np.sqrt((sums**2).sum()))


def fit_propensities(rows: AttributeRows, user: Ints, item: Ints, seed: int) -> Propensities | None:
    """Propensities of the given ratings, whose users and items are rows int64 ``[n]``.

    None where nothing is known of users and items, and where no pair or every pair has a rating.
    """
    items, n_users = rows.items, rows.users.shape[0]
    if rows.users.shape[1] * items.shape[1] < 2 or not len(user):
        return None
    rng = np.random.default_rng([seed, 11])
    chosen = np.sort(rng.permutation(n_users)[: max(2, _CELLS // max(len(items), 1))])
    place = np.full(n_users, -1)
    place[chosen] = np.arange(len(chosen))
    outcome = np.zeros((len(chosen), len(items)))
    inside = place[user] >= 0
    outcome[place[user[inside]], item[inside]] = 1.0
    if outcome.all() or not outcome.any():
        return None
    few = rows.users[chosen].toarray()
    fold = rng.integers(0, _FOLDS, outcome.shape)
    found = np.empty_like(outcome)
    for out in range(_FOLDS):
        found[fold == out] = (few @ _regression(few, items, outcome, fold != out) @ items.T)[
            fold == out
        ]
    whole = _regression(few, items, outcome, np.ones(outcome.shape, dtype=bool))
    logit = rows.crossed(user, item, whole)
    return Propensities(
        auc=auc(outcome.ravel() > 0, found.ravel()), of_rated=1.0 / (1.0 + np.exp(-logit))
    )


def _regression(users: Floats, items: Floats, outcome: Floats, kept: np.ndarray) -> Floats:
    """P, float64 ``[a, c]``: ridge logistic regression on the pairs where ``kept`` is True."""
    from scipy.optimize import minimize

    share = float(outcome[kept].mean())
    start = np.zeros((users.shape[1], items.shape[1]))
    start[0, 0] = np.log(max(share, 1e-9) / max(1.0 - share, 1e-9))

    def loss(flat: Floats) -> tuple[float, Floats]:
        values = flat.reshape(start.shape)
        logit = users @ values @ items.T
        error = np.where(kept, 1.0 / (1.0 + np.exp(-logit)) - outcome, 0.0)
        penalised = values.copy()
        penalised[0, 0] = 0.0
        total = np.where(kept, np.logaddexp(0.0, logit) - outcome * logit, 0.0).sum()
        total += 0.5 * _PENALTY * (penalised**2).sum()
        return float(total), (users.T @ error @ items + _PENALTY * penalised).ravel()

    options = {"maxiter": _STEPS}
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(start.shape))
