"""Confidence of proposed facts: the share of similar mentions that are facts, learned from the
graph.

A logistic regression on the features of a pair and their products, cross-fitted by item: an item is
predicted by a model of other items. The result is a probability, so that one threshold fits all
catalogs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from kgrec.entity_linking.evidence import CandidatePairs
from kgrec.entity_linking.mentions import EXACT
from kgrec.graph.snapshot import Ints

FOLDS = 10
_PENALTY = 25.0  # of squared weights, relative to a sum of log losses
_PRODUCTS = 0.5  # scale of products of two features; a smaller one is penalised more
_REACH = 4.0  # standard deviations; features are clipped there
_PRIOR = 2.0  # mentions by which a rate is shrunk towards the mean
_ROUNDS = 50  # iterations for the share of items with complete facts
_DOUBT = 5.0  # mentions by which the reliability of a form is shrunk towards its similarity


def confidences(pairs: CandidatePairs, folds: Ints) -> np.ndarray:
    """float64 ``[p]``: the probability that each pair is a fact, by a model of the items of other
    folds (``folds`` int64 ``[p]``, equal for all pairs of an item).

    The model is fitted on exact names. The probability of another form (a misspelling, a last name
    alone) is multiplied by its similarity to the name, corrected by the share of known facts among
    such forms.

    An item none of whose named entities is a known fact may be one whose facts are not in the graph
    yet. So a first model is fitted on pairs whose item has a known fact with another named entity;
    the final one on all pairs, with such items weighted by the probability that their facts are
    complete (a mixture, as in learning from positive and unlabelled examples).
    """
    first = _cross_fitted(pairs, folds, pairs.exact * _beside_known(pairs))
    weights = pairs.exact * _completeness(pairs, first)
    answer = _cross_fitted(pairs, folds, weights)
    return np.asarray(answer * _form_reliability(pairs, answer, folds, weights))


def _known_beside(pairs: CandidatePairs) -> tuple[np.ndarray, np.ndarray]:
    """float64 ``[p]`` each: 1 for a known fact with an exact name, and the number of these in the
    item's pairs."""
    known = (pairs.known & pairs.exact).astype(np.float64)
    return known, np.bincount(pairs.item, weights=known, minlength=1)[pairs.item]


def _beside_known(pairs: CandidatePairs) -> np.ndarray:
    """float64 ``[p]``: 1 where another pair of the item is known; 1 for all where none ever is."""
    known, counts = _known_beside(pairs)
    beside = counts - known > 0
    return beside.astype(np.float64) if beside.any() else np.ones(len(pairs))


def _completeness(pairs: CandidatePairs, probability: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: the probability that the facts that the item's texts name are in the graph.

    1 where one is; otherwise by the probability that there was none, from ``probability``.
    """
    _, counts = _known_beside(pairs)
    empty = np.zeros(int(pairs.item.max()) + 1)
    np.add.at(empty, pairs.item, np.log1p(-np.clip(probability * pairs.exact, 0.0, 1.0 - 1e-9)))
    items, first = np.unique(pairs.item, return_index=True)
    nothing, some = np.exp(empty[items]), counts[first] > 0
    share = 0.5
    for _ in range(_ROUNDS):
        complete = np.where(some, 1.0, share * nothing / (share * nothing + 1.0 - share + 1e-12))
        share = float(complete.mean())
    return np.asarray(complete[np.searchsorted(items, pairs.item)])


def _cross_fitted(pairs: CandidatePairs, folds: Ints, weights: np.ndarray) -> np.ndarray:
    """float64 ``[p]``: each pair by a model of the other folds, fitted with ``weights``."""
    answer, known = np.zeros(len(pairs)), pairs.known.astype(np.float64)
    for fold in range(FOLDS):
        predicted, learn = folds == fold, weights * (folds != fold)
        if not predicted.any() or not learn.any():
            continue
        rates = _Rates.build(pairs, folds, learn)
        inputs = np.column_stack([pairs.features, rates.of(pairs, folds)])
        used = learn > 0
        model = LogisticRegression.fit(inputs[used], known[used], learn[used])
        answer[predicted] = model.predict(inputs[predicted])
    return answer


@dataclass(frozen=True, eq=False)
class _Rates:
    """Known facts and all examples, by entity or kind and fold: float64 ``[groups, folds]``."""

    entity: tuple[np.ndarray, np.ndarray]
    kind: tuple[np.ndarray, np.ndarray]
    base: float

    @classmethod
    def build(cls, pairs: CandidatePairs, folds: Ints, learn: np.ndarray) -> _Rates:
        known = pairs.known * learn
        both = [
            (_counts(groups, folds, known), _counts(groups, folds, learn))
            for groups in (pairs.entity, pairs.kind)
        ]
        return cls(both[0], both[1], float(known.sum() + 0.5) / float(learn.sum() + 1))

    def of(self, pairs: CandidatePairs, folds: Ints) -> np.ndarray:
        """float64 ``[p, 3]``: log odds of the entity's and the kind's rate in the other folds, and
        the log of the entity's number of examples there."""
        entity, seen = self._rate(self.entity, pairs.entity, folds)
        kind, _ = self._rate(self.kind, pairs.kind, folds)
        return np.column_stack([_log_odds(entity), _log_odds(kind), np.log1p(seen)])

    def _rate(
        self, counts: tuple[np.ndarray, np.ndarray], groups: Ints, folds: Ints
    ) -> tuple[np.ndarray, np.ndarray]:
        known, seen = (part.sum(axis=1)[groups] - part[groups, folds] for part in counts)
        return (known + _PRIOR * self.base) / (seen + _PRIOR), seen


def _counts(groups: Ints, folds: Ints, weights: np.ndarray) -> np.ndarray:
    table = np.zeros((int(groups.max(initial=-1)) + 1, FOLDS))
    np.add.at(table, (groups, folds), weights)
    return table


def _log_odds(rate: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(rate / (1.0 - rate)))


@dataclass(frozen=True, eq=False)
class LogisticRegression:
    """Logistic regression on standardised columns and the products of every two of them.

    Own code instead of scikit-learn, which can't share a process with kglite (the embedded store).
    """

    centre: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    intercept: float

    @classmethod
    def fit(cls, inputs: np.ndarray, known: np.ndarray, counts: np.ndarray) -> LogisticRegression:
        """Fit by penalised maximum likelihood with L-BFGS, which is deterministic.

        ``inputs`` float64 ``[n, s]``, ``known`` float64 ``[n]`` of 0 and 1, ``counts`` float64
        ``[n]``: the weight of each row.
        """
        centre = np.average(inputs, axis=0, weights=counts)
        spread = np.sqrt(np.average((inputs - centre) ** 2, axis=0, weights=counts))
        spread = np.where(spread > 0, spread, 1.0)
        wide = _with_products((inputs - centre) / spread)

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            weights, logits = parameters[1:], parameters[0] + wide @ parameters[1:]
            value = counts @ (np.logaddexp(0.0, logits) - known * logits)
            error = counts * (expit(logits) - known)
            slope = np.concatenate([[error.sum()], error @ wide + 2 * _PENALTY * weights])
            return float(value + _PENALTY * (weights @ weights)), slope

        start = np.zeros(wide.shape[1] + 1)
        best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
        return cls(centre, spread, best[1:], float(best[0]))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """float64 ``[n]``: probabilities."""
        wide = _with_products((inputs - self.centre) / self.spread)
        return np.asarray(expit(self.intercept + wide @ self.weights))


def _with_products(columns: np.ndarray) -> np.ndarray:
    near = np.clip(columns, -_REACH, _REACH)
    first, second = np.triu_indices(near.shape[1])
    return np.hstack([near, _PRODUCTS * near[:, first] * near[:, second]])


def _form_reliability(
    pairs: CandidatePairs, answer: np.ndarray, folds: Ints, weights: np.ndarray
) -> np.ndarray:
    """float64 ``[p]``: 1 for the exact name; of another form, known facts / predicted ones."""
    reliability = np.ones(len(pairs))
    items = np.bincount(pairs.item, weights=weights * pairs.known)[pairs.item] > 0
    for form in sorted(set(pairs.form) - {EXACT}):
        same_form = pairs.form == form
        for fold in range(FOLDS):
            seen, predicted = same_form & items & (folds != fold), same_form & (folds == fold)
            facts = pairs.known[seen].sum() + _DOUBT * pairs.similarity[predicted]
            reliability[predicted] = np.minimum(facts / (answer[seen].sum() + _DOUBT), 1.0)
    return reliability
