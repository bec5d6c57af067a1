"""Assignment: each node gets at most one thing, and each thing at most one node."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

_ALONE = 2.0  # cost of a node without a thing; a pair costs less by its confidence


def assigned(node: np.ndarray, thing: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """bool ``[p]``: the pairs of the assignment whose confidences have the greatest sum.

    ``node`` and ``thing`` int64 ``[p]``, each pair once; a pair of confidence 0 is never chosen.
    """
    keep = confidence > 0
    chosen = np.zeros(len(node), dtype=bool)
    if not keep.any():
        return chosen
    rows, _ = pd.factorize(node[keep])
    columns, _ = pd.factorize(thing[keep])
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    own = np.arange(n_rows)  # a column for each node that it has for itself
    costs = sp.csr_matrix(
        (
            np.concatenate([_ALONE - confidence[keep], np.full(n_rows, _ALONE)]),
            (np.concatenate([rows, own]), np.concatenate([columns, n_columns + own])),
        ),
        shape=(n_rows, n_columns + n_rows),
    )
    first, second = min_weight_full_bipartite_matching(costs)
    partner = np.full(n_rows, -1)
    partner[first] = second
    chosen[np.flatnonzero(keep)] = partner[rows] == columns
    return chosen


def second_best(node: np.ndarray, thing: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """int64 ``[p]``: the pair with the highest confidence among the others of the node or of the
    thing; -1 where there is none."""
    best = np.full(len(node), -1, dtype=np.int64)
    for ends in (node, thing):
        other = _other_best(ends, confidence)
        level = np.where(best >= 0, confidence[best], -1.0)
        higher = (other >= 0) & (confidence[other] > level)
        best = np.where(higher, other, best)
    return best


def _other_best(ends: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """int64 ``[p]``: the best pair of the same end but for the pair itself; -1 without one."""
    order = np.lexsort((-confidence, ends))
    start = np.append(True, ends[order][1:] != ends[order][:-1])
    first = np.maximum.accumulate(np.where(start, np.arange(len(order)), 0))
    place = np.where(start, first + 1, first)
    inside = place < len(order)
    place = np.minimum(place, len(order) - 1)
    same = inside & (ends[order][place] == ends[order])
    found = np.full(len(order), -1, dtype=np.int64)
    found[order] = np.where(same, order[place], -1)
    return found
