"""How alike two lists of items are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """The share of the first list's items that the second has among as many; 1 for an empty one.

    Parameters
    ----------
    first, second : sequence of str
        Ids, the best first.
    """
    wanted = set(first)
    return len(wanted.intersection(second[: len(first)])) / len(wanted) if wanted else 1.0


def rank_correlation(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Spearman's rho of the order of the items that both lists have; None for fewer than two.

    Parameters
    ----------
    first, second : sequence of str
        Ids, the best first, each once.
    """
    places = {item: place for place, item in enumerate(second)}
    found = np.array([places[item] for item in first if item in places], dtype=np.float64)
    if len(found) < 2:
        return None
    ranks = np.argsort(np.argsort(found)).astype(np.float64)
    gaps = ranks - np.arange(len(ranks))
    return float(1.0 - 6.0 * (gaps**2).sum() / (len(ranks) * (len(ranks) ** 2 - 1.0)))
