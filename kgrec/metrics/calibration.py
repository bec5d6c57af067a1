"""Calibration: whether answers given with probability p are right in p of the cases."""

from __future__ import annotations

import numpy as np

from graph_schema.errors import RequestError

BINS = 15


def expected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, *, bins: int = BINS, equal_mass: bool = False
) -> float:
    """Σ over bins of share × |right − told|, of the most probable class (Guo et al. 2017).

    ``probabilities`` ``[n, K]`` with rows of at most one in all, ``truth`` int ``[n]``. Bins have
    equal width, or with ``equal_mass`` equally many rows (Nguyen & O'Connor 2015). Raises
    RequestError for no rows or other shapes.
    """
    if probabilities.ndim != 2 or truth.shape != (len(probabilities),) or not len(truth):
        raise RequestError(
            f"probabilities {probabilities.shape} and truth {truth.shape} don't fit; pass [n, K] "
            "and [n]."
        )
    told = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    bin_ = _by_mass(told, bins) if equal_mass else np.minimum((told * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_, right - told, minlength=bins)
    return float(np.abs(gaps).sum() / len(told))


def _by_mass(told: np.ndarray, bins: int) -> np.ndarray:
    place = np.empty(len(told), dtype=np.int64)
    place[np.argsort(told, kind="stable")] = np.arange(len(told))
    return place * bins // len(told)


def balanced_accuracy(chosen: np.ndarray, truth: np.ndarray) -> float:
    """The mean over classes of the share of a class's rows that ``chosen`` (int ``[n]``) names
    rightly; classes without rows don't count."""
    return float(np.mean(list(accuracy_by_class(chosen, truth).values())))


def accuracy_by_class(chosen: np.ndarray, truth: np.ndarray) -> dict[int, float]:
    """The share of each class's rows that ``chosen`` names rightly."""
    return {
        int(one): float(np.mean(chosen[truth == one] == one)) for one in np.unique(truth).tolist()
    }
