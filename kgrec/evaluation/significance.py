"""Is the difference between two models more than chance? Paired bootstrap over users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_schema.errors import RequestError
from kgrec.evaluation.evaluate import EvaluationReport

_CHUNK = 2_000_000  # resampled values held at once


@dataclass(frozen=True)
class Difference:
    """Mean of ``b - a`` over users and its bootstrap interval at ``confidence``."""

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
    """Percentile interval of the mean of ``b - a`` (Efron and Tibshirani 1993).

    ``a`` and ``b`` hold one value per user ``[n]``, the same users in the same order.
    Raises RequestError for different lengths or no users.
    """
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise RequestError(
            f"paired values have shapes {a.shape} and {b.shape}; pass equal [users]."
        )
    if not 0.0 < confidence < 1.0 or resamples < 1:
        raise RequestError("confidence lies between 0 and 1, and resamples is at least 1.")
    difference = b.astype(np.float64) - a.astype(np.float64)
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // len(difference))
    means = [
        difference[rng.integers(0, len(difference), (min(size, resamples - done), len(a)))].mean(1)
        for done in range(0, resamples, size)
    ]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(np.concatenate(means), [tail, 1.0 - tail])
    return Difference(float(difference.mean()), float(low), float(high), confidence, len(a))


def compare_reports(
    a: EvaluationReport, b: EvaluationReport, metric: str = "ndcg@10", *, seed: int = 0
) -> Difference:
    """How much better ``b`` is than ``a`` on ``metric``; both made with ``keep_users=True``.

    Raises RequestError where the reports cover different users or hold no per-user values.
    """
    if metric not in a.per_user or metric not in b.per_user:
        known = ", ".join(a.per_user) or "none: evaluate with keep_users=True"
        raise RequestError(f"no per-user values of {metric!r}; there are: {known}.")
    if not np.array_equal(a.users, b.users):
        raise RequestError("the two reports cover different users; evaluate on the same split.")
    return paired_bootstrap(a.per_user[metric], b.per_user[metric], seed=seed)
