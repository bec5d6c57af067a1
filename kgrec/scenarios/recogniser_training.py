"""Fit a scenario recogniser: regression on training histories, calibration on held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize

from kgrec.arrays import row_numbers
from kgrec.errors import TrainingError
from kgrec.metrics.calibration import balanced_accuracy
from kgrec.scenarios.recogniser import (
    N_NONE_EVIDENCE,
    N_STATISTICS,
    Recogniser,
    bag_statistics,
    idf_rows,
    log_softmax,
    root_lengths,
    unit_rows,
)

FACTORS = 32
PENALTIES = (1.0, 0.3, 0.1)  # of squared weights, against the sum of the examples' losses
SMOOTHING = (0.1, 2.0)  # pseudo-counts added to each item, shared out by the prior
EXPONENTS = tuple(np.linspace(0, 1.2, 13).tolist())
NONE_SHARE = 0.01  # prior probability that a request belongs to no known scenario
_REFUSED = 0.005  # share of correctly assigned validation histories below a threshold
_STEPS = 60


def fit_recogniser(
    train: sp.csr_matrix,
    label: np.ndarray,
    valid: sp.csr_matrix,
    valid_label: np.ndarray,
    n_scenarios: int,
    *,
    seed: int = 0,
) -> Recogniser:
    """Fit on the bags ``train`` ``[B, n]`` with scenarios ``label`` int64 ``[B]``.

    The penalty and smoothing with the lowest loss on ``valid`` are kept; ``valid`` also sets the
    calibration and the thresholds. ``seed`` draws the random histories that stand for "none of
    these". Equal bags and seed give equal recognisers on one processor. Raises TrainingError where
    ``train`` has fewer than two scenarios or ``valid`` is empty.
    """
    if len(np.unique(label)) < 2 or not len(valid_label):
        raise TrainingError(
            "recognising scenarios needs training histories in two scenarios, and validation "
            "histories; add interactions with scenarios."
        )
    tries = [
        model
        for smoothing in SMOOTHING
        for model in _fits(train, label, n_scenarios, smoothing, seed)
    ]
    losses = [_loss(model.logits(valid), valid_label) for model in tries]
    model = _calibrated(tries[int(np.argmin(losses))], valid, valid_label)
    return _with_answers(_with_none_weight(model, valid, seed), valid, valid_label)


def _fits(
    bags: sp.csr_matrix, label: np.ndarray, k: int, smoothing: float, seed: int
) -> list[Recogniser]:
    """One recogniser per penalty, from strong to weak; each starts from the weights before."""
    counts, prior = _counts(bags, label, k), _shares(label, k)
    sums = _sums_without_itself(bags, label, counts, prior, smoothing)
    model = _counted(bags, _odds(counts, prior, smoothing), prior, sums, seed)
    unit, features = unit_rows(bags), model.features(bags, sums)
    start = np.zeros((bags.shape[1] + features.shape[1] + 1, k))
    found = []
    for penalty in PENALTIES:
        start = _regress(unit, features, label, start, penalty)
        items, weights, bias = np.split(start.astype(np.float32), [bags.shape[1], -1])
        found.append(replace(model, item_weight=items, feature_weight=weights, bias=bias[0]))
    return found


def _counted(
    bags: sp.csr_matrix, odds: np.ndarray, prior: np.ndarray, sums: np.ndarray, seed: int
) -> Recogniser:
    """A recogniser with all that is counted from the training bags, and zero weights."""
    (n, n_items), k = bags.shape, len(prior)
    popularity = np.asarray(bags.sum(axis=0)).ravel()
    values = np.concatenate([sums, bag_statistics(bags, popularity)], axis=1)
    spread = values.std(axis=0)
    holders = np.bincount(bags.indices, minlength=n_items)
    idf = np.log((1 + n) / (1 + holders)) + 1
    return Recogniser(
        odds=odds.astype(np.float32),
        popularity=popularity,
        mean=values.mean(axis=0),
        deviation=np.where(spread > 1e-6, spread, 1.0),
        item_weight=np.zeros((n_items, k), dtype=np.float32),
        feature_weight=np.zeros((k + N_STATISTICS, k), dtype=np.float32),
        bias=np.zeros(k, dtype=np.float32),
        temperature=np.array(1.0),
        shift=np.zeros(k),
        prior=prior,
        idf=idf,
        basis=_right_factors(idf_rows(bags, idf), min(FACTORS, 2 + n // 20), seed),
        none_weight=np.zeros(N_NONE_EVIDENCE + 1),
        exponent=np.array(0.0),
        thresholds=np.zeros(k),
    )


def _shares(label: np.ndarray, k: int) -> np.ndarray:
    counts = np.bincount(label, minlength=k) + 0.5
    return np.asarray(counts / counts.sum())


def _counts(bags: sp.csr_matrix, label: np.ndarray, k: int) -> np.ndarray:
    """Number of histories of each scenario that contain each item, float64 ``[n, K]``."""
    of = np.zeros((len(label), k))
    of[np.arange(len(label)), label] = 1.0
    return np.asarray((bags > 0).T.astype(np.float64) @ of)


def _odds(counts: np.ndarray, prior: np.ndarray, smoothing: float) -> np.ndarray:
    share = (counts + smoothing * prior) / (counts.sum(axis=1, keepdims=True) + smoothing)
    return np.asarray(np.log(share / prior))


def _sums_without_itself(
    bags: sp.csr_matrix, label: np.ndarray, counts: np.ndarray, prior: np.ndarray, smoothing: float
) -> np.ndarray:
    """``odds_sums`` of training histories, each from counts without that history's own label.

    With its own label the sums would predict the label too well in training, and the regression
    would give them too much weight.
    """
    row = row_numbers(bags.indptr)
    others = counts[bags.indices]
    others[np.arange(len(row)), label[row]] -= 1.0
    odds = _odds(others, prior, smoothing)
    sums = [np.bincount(row, column, minlength=len(label)) for column in odds.T]
    return np.asarray(np.stack(sums, axis=1) / root_lengths(bags)[:, None])


def _right_factors(matrix: sp.csr_matrix, rank: int, seed: int) -> np.ndarray:
    """Leading right singular vectors by power iteration, float32 ``[n, rank]``.

    Halko et al., "Finding Structure with Randomness", SIAM Review 2011.
    """
    rank = min(rank, *matrix.shape)
    width = min(rank + 8, *matrix.shape)
    start = np.random.default_rng(seed).standard_normal((matrix.shape[0], width))
    basis = np.linalg.qr(start.astype(np.float32))[0]
    for _ in range(3):
        basis = np.linalg.qr(matrix @ (matrix.T @ basis))[0]
    right = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)[2]
    return np.ascontiguousarray(right[:rank].T, dtype=np.float32)


def _regress(
    unit: sp.csr_matrix, features: np.ndarray, label: np.ndarray, start: np.ndarray, penalty: float
) -> np.ndarray:
    """Weights of items, features and bias, float64 ``[n + f + 1, K]``, by L-BFGS."""
    n_items, k = unit.shape[1], start.shape[1]
    across = unit.T.tocsr()
    rows = np.arange(len(label))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(-1, k)
        small = weights.astype(np.float32)
        log = log_softmax(unit @ small[:n_items] + features @ small[n_items:-1] + small[-1])
        error = np.exp(log)
        error[rows, label] -= 1.0
        error = error.astype(np.float32)
        gradient = np.concatenate([across @ error, features.T @ error, error.sum(axis=0)[None]])
        gradient[:-1] += penalty * small[:-1]
        value = -log[rows, label].sum() + penalty / 2 * float((weights[:-1] ** 2).sum())
        return value / len(label), gradient.ravel().astype(np.float64) / len(label)

    return _least(loss, start.ravel()).reshape(start.shape)


def _least(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> np.ndarray:
    """Minimise a function that returns its value and gradient."""
    options = {"maxiter": _STEPS, "ftol": 1e-7}
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)


def _loss(log: np.ndarray, label: np.ndarray) -> float:
    return float(-log[np.arange(len(label)), label].mean())


def _calibrated(model: Recogniser, valid: sp.csr_matrix, label: np.ndarray) -> Recogniser:
    """Add the temperature and shift with the lowest validation loss.

    A penalty equal to two examples draws them towards 1 and 0.
    """
    logits, rows = model.logits(valid), np.arange(len(label))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = logits * np.exp(-values[0])
        log = log_softmax(scaled + values[1:])
        error = np.exp(log)
        error[rows, label] -= 1.0
        gradient = np.concatenate([[-(error * scaled).sum()], error.sum(axis=0)]) + 4 * values
        value = -log[rows, label].sum() + 2 * float(values @ values)
        return value / len(label), gradient / len(label)

    values = _least(loss, np.zeros(1 + logits.shape[1]))
    return replace(model, temperature=np.array(np.exp(values[0])), shift=values[1:])


def _with_none_weight(model: Recogniser, valid: sp.csr_matrix, seed: int) -> Recogniser:
    """Add the weights that predict "none of these".

    Fitted on validation histories against as many histories of random items; the intercept is then
    shifted from equal odds to those of NONE_SHARE.
    """
    filled = valid[np.diff(valid.indptr) > 0]
    both = [filled, _random_bags(filled, np.random.default_rng(seed))]
    logs = [log_softmax(model.logits(bags) / model.temperature + model.shift) for bags in both]
    evidence = np.concatenate(
        [model.none_evidence(bags, log) for bags, log in zip(both, logs, strict=True)]
    )
    truth = np.repeat([0.0, 1.0], filled.shape[0])
    one = np.concatenate([evidence, np.ones((len(evidence), 1))], axis=1)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        odd = one @ line
        gradient = one.T @ (1 / (1 + np.exp(-odd)) - truth) + line
        value = (np.logaddexp(0, odd) - truth * odd).sum() + float(line @ line) / 2
        return value / max(len(truth), 1), gradient / max(len(truth), 1)

    line = _least(loss, np.zeros(N_NONE_EVIDENCE + 1))
    line[-1] += np.log(NONE_SHARE / (1 - NONE_SHARE))
    return replace(model, none_weight=line)


def _random_bags(bags: sp.csr_matrix, rng: np.random.Generator) -> sp.csr_matrix:
    items = rng.integers(0, bags.shape[1], bags.nnz)
    rows = np.repeat(np.arange(bags.shape[0]), np.diff(bags.indptr))
    return sp.csr_matrix((bags.data, (rows, items)), shape=bags.shape)


def _with_answers(model: Recogniser, valid: sp.csr_matrix, label: np.ndarray) -> Recogniser:
    """Add the exponent with the best balanced accuracy, and the thresholds.

    The median of the exponents within 0.001 of the best, since validation histories are few. A
    threshold rejects about _REFUSED of the histories that are assigned to its scenario correctly.
    """
    known = model.probabilities(valid).known
    tries = [replace(model, exponent=np.array(exponent)) for exponent in EXPONENTS]
    scores = np.array([balanced_accuracy(one.best(known), label) for one in tries])
    good = np.array(EXPONENTS)[scores >= scores.max() - 1e-3]
    model = replace(model, exponent=np.array(np.median(good)))
    best = model.best(known)
    thresholds = np.zeros(model.n_scenarios)
    for scenario in range(model.n_scenarios):
        right = known[(best == scenario) & (label == scenario), scenario]
        if len(right):
            thresholds[scenario] = 0.9 * np.quantile(right, _REFUSED)
    return replace(model, thresholds=thresholds)
