"""Calibration of predicted probabilities, and accuracy by class."""

from __future__ import annotations

import numpy as np

from graph_schema.errors import RequestError

BINS = 15


def expected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, *, bins: int = BINS, equal_mass: bool = False
) -> float:
    """Expected calibration error of the most probable class (Guo et al. 2017): the mean over bins
    of the absolute difference between accuracy and mean probability, weighted by the bins' share of
    rows.

    Parameters
    ----------
    probabilities
        Float ``[n, K]``; each row sums to at most one.
    truth
        The right class of each row, int ``[n]``.
    bins
        Number of bins.
    equal_mass
        Whether bins hold equally many rows (Nguyen & O'Connor 2015) instead of having equal width.

    Returns
    -------
    float
        From 0 (calibrated) to 1.

    Raises
    ------
    RequestError
        There are no rows, or the shapes don't match.
    """
    if probabilities.ndim != 2 or truth.shape != (len(probabilities),) or not len(truth):
        raise RequestError(
            f"probabilities {probabilities.shape} and truth {truth.shape} don't match; pass [n, K] "
            "and [n]."
        )
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    bin_ = (
        _by_mass(confidence, bins)
        if equal_mass
        else np.minimum((confidence * bins).astype(int), bins - 1)
    )
    gaps = np.bincount(bin_, right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def _by_mass(confidence: np.ndarray, bins: int) -> np.ndarray:
    place = np.empty(len(confidence), dtype=np.int64)
    place[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return place * bins // len(confidence)


def balanced_accuracy(chosen: np.ndarray, truth: np.ndarray) -> float:
    """Mean of ``accuracy_by_class`` over the classes that occur, from 0 to 1.

    Parameters
    ----------
    chosen
        Predicted classes, int ``[n]``.
    truth
        Right classes, int ``[n]``.

    Returns
    -------
    float
        From 0 to 1.
    """
    return float(np.mean(list(accuracy_by_class(chosen, truth).values())))


def accuracy_by_class(chosen: np.ndarray, truth: np.ndarray) -> dict[int, float]:
    """Share of each class's rows that are predicted right.

    Parameters
    ----------
    chosen
        Predicted classes, int ``[n]``.
    truth
        Right classes, int ``[n]``.

    Returns
    -------
    dict[int, float]
        By class that occurs in ``truth``, from 0 to 1.
    """
    return {
        int(one): float(np.mean(chosen[truth == one] == one)) for one in np.unique(truth).tolist()
    }
