"""Controls of rating prediction: means with user and item biases, and matrix factorisation.

Both are chosen on validation rows, then fitted on train and valid, and answer within the scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from kgrec.graph.snapshot import Floats, Interactions, Ints

_SWEEPS: Final = 20
_WORTHS: Final = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0)
_SIZES: Final = (2, 8, 32)
_PENALTIES: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
Predict = Callable[[Interactions], Floats]


@dataclass(frozen=True, eq=False)
class RatedRows:
    """Ratings with a split; ``shape`` counts users and items."""

    train: Interactions
    valid: Interactions
    test: Interactions
    known: Interactions
    shape: tuple[int, int]

    @staticmethod
    def of(rows: Interactions, shape: tuple[int, int]) -> RatedRows:
        rated = rows.select(np.isfinite(rows.rating))
        split = rated.split.astype(str)
        train, valid, test = (rated.select(split == name) for name in ("train", "valid", "test"))
        return RatedRows(train, valid, test, rated.select(split != "test"), shape)

    def error(self, predict: Predict) -> float:
        """The mean squared error on validation rows."""
        return float(((predict(self.valid) - self.valid.rating) ** 2).mean())


def by_mean(rows: RatedRows) -> tuple[Floats, dict[str, Any]]:
    """Everything is rated as the mean; the test rows' ratings."""
    return np.full(len(rows.test), rows.known.rating.mean(dtype=np.float64)), {}


def by_biases(rows: RatedRows) -> tuple[Floats, dict[str, Any]]:
    """m + b_u + b_i by ridge regression (alternating least squares until still); the test rows'
    ratings, and what was chosen."""
    shrinkage = min(
        ((u, i) for u in _WORTHS for i in _WORTHS),
        key=lambda pair: rows.error(Biases.fit(rows.train, rows.shape, pair).predict),
    )
    fitted = Biases.fit(rows.known, rows.shape, shrinkage)
    return fitted.predict(rows.test), {"user_reg": shrinkage[0], "item_reg": shrinkage[1]}


def by_shifted_biases(rows: RatedRows) -> tuple[Floats, dict[str, Any]]:
    """``by_biases`` plus what validation rows have on average beyond it, as kgrec also learns from
    them that a user's next rating is lower than those before: what is left is not calibration."""
    answers, chosen = by_biases(rows)
    shrinkage = (chosen["user_reg"], chosen["item_reg"])
    predicted = Biases.fit(rows.train, rows.shape, shrinkage).predict(rows.valid)
    shift = float((rows.valid.rating - predicted).mean())
    limits = (float(rows.known.rating.min()), float(rows.known.rating.max()))
    return np.clip(answers + shift, *limits), {**chosen, "shift": round(shift, 4)}


def by_factors(rows: RatedRows, seed: int) -> tuple[Floats, dict[str, Any]]:
    """Biases plus p_u · q_i, alternating least squares on what biases leave (Koren, Bell and
    Volinsky 2009); the test rows' ratings, and what was chosen."""
    shrinkage = tuple(by_biases(rows)[1].values())
    size, penalty = min(
        ((size, penalty) for size in _SIZES for penalty in _PENALTIES),
        key=lambda pair: rows.error(
            _factors(rows.train, rows.shape, shrinkage, pair[0], pair[1], seed)
        ),
    )
    fitted = _factors(rows.known, rows.shape, shrinkage, size, penalty, seed)
    return fitted(rows.test), {"factors": size, "reg": penalty}


@dataclass(frozen=True, eq=False)
class Biases:
    """``mean``, and what each user and each item has beyond it."""

    mean: float
    user: Floats
    item: Floats
    limits: tuple[float, float]

    @staticmethod
    def fit(rows: Interactions, shape: tuple[int, int], shrinkage: tuple[float, ...]) -> Biases:
        rating = rows.rating.astype(np.float64)
        mean, user, item = float(rating.mean()), np.zeros(shape[0]), np.zeros(shape[1])
        for _ in range(_SWEEPS):
            item = _shrunk(rows.item, rating - mean - user[rows.user], shape[1], shrinkage[1])
            user = _shrunk(rows.user, rating - mean - item[rows.item], shape[0], shrinkage[0])
        return Biases(mean, user, item, (float(rating.min()), float(rating.max())))

    def predicted(self, rows: Interactions) -> Floats:
        return np.asarray(self.mean + self.user[rows.user] + self.item[rows.item])

    def predict(self, rows: Interactions) -> Floats:
        return np.asarray(np.clip(self.predicted(rows), *self.limits))


def _shrunk(code: Ints, rest: Floats, count: int, shrinkage: float) -> Floats:
    sums = np.bincount(code, rest, count)
    return np.asarray(sums / (np.bincount(code, minlength=count) + shrinkage))


def _factors(
    rows: Interactions,
    shape: tuple[int, int],
    shrinkage: tuple[float, ...],
    size: int,
    penalty: float,
    seed: int,
) -> Predict:
    biases = Biases.fit(rows, shape, shrinkage)
    rest = rows.rating - biases.predicted(rows)
    rng = np.random.default_rng(seed)
    users, items = (rng.normal(0, 0.1, (count, size)) for count in shape)
    for _ in range(_SWEEPS):
        users = _half(rows.user, items[rows.item], rest, shape[0], penalty)
        items = _half(rows.item, users[rows.user], rest, shape[1], penalty)

    def predict(asked: Interactions) -> Floats:
        taste = (users[asked.user] * items[asked.item]).sum(axis=1)
        return np.asarray(np.clip(biases.predicted(asked) + taste, *biases.limits))

    return predict


def _half(code: Ints, others: Floats, rest: Floats, count: int, penalty: float) -> Floats:
    """Ridge regression of each user's (or item's) ``rest`` on the other side's vectors."""
    size = others.shape[1]
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(count + 1))
    vectors, wanted = others[order], rest[order]
    found = np.zeros((count, size))
    for row in np.flatnonzero(np.diff(starts)):
        own = slice(starts[row], starts[row + 1])
        gram = vectors[own].T @ vectors[own] + penalty * np.eye(size)
        found[row] = np.linalg.solve(gram, vectors[own].T @ wanted[own])
    return found
