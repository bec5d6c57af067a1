"""Bootstrap intervals of differences between models or between groups of users.

Own code: ``scipy.stats.bootstrap`` returns the same percentile intervals (to 1e-16) in the same
time, but refuses groups of one user, and ``scipy.stats`` takes seconds to import.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_schema.errors import RequestError
from kgrec.metrics.evaluate import EvaluationReport

_CHUNK = 2_000_000  # resampled values held at once


@dataclass(frozen=True)
class Difference:
    """The difference of two means with its bootstrap interval.

    Attributes
    ----------
    mean
        Mean of ``b`` minus mean of ``a``.
    low, high
        Ends of the interval.
    confidence
        Coverage of the interval, such as 0.95.
    n_users
        Number of users compared.
    """

    mean: float
    low: float
    high: float
    confidence: float
    n_users: int

    @property
    def significant(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0.0 or self.high < 0.0

    def __str__(self) -> str:
        return (
            f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}] "
            f"({self.confidence:.0%}, {self.n_users:,} users)"
        )


def paired_bootstrap(
    a: np.ndarray,
    b: np.ndarray,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Percentile interval of the mean of ``b - a`` over the same users (Efron and Tibshirani 1993).

    Parameters
    ----------
    a, b
        One value per user ``[n]``, the same users in the same order.
    resamples
        Number of bootstrap samples.
    confidence
        Coverage of the interval, above 0 and below 1.
    seed
        Seed of the samples.

    Returns
    -------
    Difference
        Mean and interval of ``b - a``.

    Raises
    ------
    RequestError
        The lengths differ, there are no users, or an option is out of range.
    """
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise RequestError(
            f"paired values have shapes {a.shape} and {b.shape}; pass equal [users]."
        )
    _check(resamples, confidence)
    difference = b.astype(np.float64) - a.astype(np.float64)
    means = _resampled_means(difference, resamples, np.random.default_rng(seed))
    return _difference(float(difference.mean()), means, confidence, len(a))


def independent_bootstrap(
    a: np.ndarray,
    b: np.ndarray,
    *,
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Percentile interval of mean(b) − mean(a) for different users: each side is resampled.

    Parameters
    ----------
    a, b
        One value per user.
    resamples
        Number of bootstrap samples.
    confidence
        Coverage of the interval, above 0 and below 1.
    seed
        Seed of the samples.

    Returns
    -------
    Difference
        Mean and interval of the difference.

    Raises
    ------
    RequestError
        A side has no users, or an option is out of range.
    """
    if a.ndim != 1 or b.ndim != 1 or not len(a) or not len(b):
        raise RequestError(f"values have shapes {a.shape} and {b.shape}; pass one for each user.")
    _check(resamples, confidence)
    rng = np.random.default_rng(seed)
    low, high = (_resampled_means(side.astype(np.float64), resamples, rng) for side in (a, b))
    return _difference(float(b.mean() - a.mean()), high - low, confidence, len(a) + len(b))


def _check(resamples: int, confidence: float) -> None:
    if not 0.0 < confidence < 1.0 or resamples < 1:
        raise RequestError("confidence lies between 0 and 1, and resamples is at least 1.")


def _resampled_means(values: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    size = max(1, _CHUNK // len(values))
    means = [
        values[rng.integers(0, len(values), (min(size, resamples - done), len(values)))].mean(1)
        for done in range(0, resamples, size)
    ]
    return np.concatenate(means)


def _difference(mean: float, means: np.ndarray, confidence: float, n_users: int) -> Difference:
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Difference(mean, float(low), float(high), confidence, n_users)


def compare_reports(
    a: EvaluationReport, b: EvaluationReport, metric: str = "ndcg@10", *, seed: int = 0
) -> Difference:
    """Compare two reports on the same users: is ``b`` better than ``a``?

    Parameters
    ----------
    a, b
        Reports made with ``keep_users=True``. Users are paired by id, in any order.
    metric
        Name of a metric of both reports.
    seed
        Seed of the bootstrap.

    Returns
    -------
    Difference
        Mean of ``b - a`` with its 95 % interval.

    Raises
    ------
    RequestError
        The reports cover different users or hold no values per user.
    """
    if metric not in a.per_user or metric not in b.per_user:
        known = ", ".join(a.per_user) or "none: evaluate with keep_users=True"
        raise RequestError(f"no per-user values of {metric!r}; there are: {known}.")
    first, second = np.argsort(a.users, kind="stable"), np.argsort(b.users, kind="stable")
    if not np.array_equal(a.users[first], b.users[second]):
        raise RequestError("the two reports cover different users; evaluate on the same split.")
    return paired_bootstrap(a.per_user[metric][first], b.per_user[metric][second], seed=seed)
