"""Statistics of scenarios in the training rows: items, their popularity, and users."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import row_numbers
from kgrec.graph.snapshot import Ints
from kgrec.training.data.examples import Sequences

OWN_BELOW = 0.5  # mean Jaccard overlap of the scenarios' item sets
_FEW = 10  # items; a scenario with fewer chooses among all


def own_items(
    item: Ints,
    scenario: Ints,
    setting: Literal["auto", "all", "own"],
    n_scenarios: int,
    n_items: int,
) -> list[Ints | None] | None:
    """Per scenario the items with a training row in it (int64, ascending), None for all items; None
    as a whole where every scenario chooses among all. ``item`` and ``scenario`` (codes, -1 for
    none) int64 ``[rows]``.

    "auto" is "own" where two scenarios have a mean Jaccard overlap below .5: then they are catalogs
    of their own (markets), and items that don't exist in a scenario are no useful negatives in it.
    A scenario with fewer than ten items, and rows without a scenario, choose among all. The list
    ends with the entry for -1, no scenario.
    """
    if setting == "all" or not n_scenarios:
        return None
    known = item_counts(item, scenario, n_scenarios, n_items)[:n_scenarios]
    if setting == "auto" and (n_scenarios < 2 or overlap(known) >= OWN_BELOW):
        return None
    items = [np.sort(known[code].indices).astype(np.int64) for code in range(n_scenarios)]
    return [each if len(each) >= _FEW else None for each in items] + [None]


def item_counts(item: Ints, scenario: Ints, n_scenarios: int, n_items: int) -> sp.csr_matrix:
    """float64 CSR ``[n_scenarios + 1, n_items]``: the items' training rows by scenario, and in all
    rows last (so that code -1 finds it)."""
    code = np.where(scenario < 0, n_scenarios, scenario)
    cells = (np.ones(len(code)), (code, item))
    counts = sp.csr_matrix(cells, shape=(n_scenarios + 1, n_items))
    total = sp.csr_matrix(counts.sum(axis=0))
    return sp.vstack([counts[:n_scenarios], total], format="csr")


def overlap(counts: sp.csr_matrix) -> float:
    """The mean over pairs of scenarios with rows of |A ∩ B| / |A ∪ B|; 1 where there is no pair."""
    sets = (counts[np.flatnonzero(np.diff(counts.indptr))] > 0).astype(np.float64)
    sizes = np.diff(sets.indptr)
    both = (sets @ sets.T).toarray()
    jaccard = both / (sizes[:, None] + sizes - both)
    pairs = np.triu_indices(len(sizes), 1)
    return float(jaccard[pairs].mean()) if len(pairs[0]) else 1.0


def log_prior(counts: sp.csr_matrix) -> np.ndarray:
    """float32 ``[K, n]``: the log of each item's share of the rows, with one row added per item."""
    dense = counts.toarray() + 1.0
    share: np.ndarray = np.log(dense / dense.sum(axis=1, keepdims=True)).astype(np.float32)
    return share


def drawn_users(data: Sequences, users: Ints, balance: float, rng: np.random.Generator) -> Ints:
    """As many users (int64) as are given, drawn with repetition by scenario.

    Scenario k gets a share ∝ (its users) ** ``balance`` of the draws: 1 leaves shares as they are,
    0 makes them equal. A user in several scenarios counts for each by the share of their events;
    events without a scenario form one of their own. Systematic sampling: every user is drawn as
    often as expected, rounded down or up.
    """
    lengths = data.lengths()
    row = row_numbers(data.indptr)
    n_groups = int(data.scenario.max(initial=-1)) + 2
    code = np.where(data.scenario < 0, n_groups - 1, data.scenario)
    cells = (1.0 / lengths[row], (row, code))
    part = sp.csr_matrix(cells, shape=(len(lengths), n_groups))[users]
    size = np.asarray(part.sum(axis=0)).ravel()
    wanted = np.where(size > 0, np.maximum(size, 1e-9) ** balance, 0.0)
    each = part @ (wanted / np.maximum(size, 1e-9)) * (len(users) / wanted.sum())
    up_to = np.minimum(np.floor(np.cumsum(each) + rng.random()), len(users))
    up_to[-1] = len(users)  # despite rounding
    return np.repeat(users, np.diff(up_to, prepend=0).astype(np.int64))
