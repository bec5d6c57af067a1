"""A semi-synthetic world: real users, items and ratings, and rewards whose probability is known.

The probability that a user rewards an item at a place is the product of how much the user likes the
item and how likely the place is looked at. The first comes from a singular value decomposition of
all ratings of at least 4, of training and later rows alike, so it is neither of the models'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl

from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Floats, Ints

LIKED: Final = 4.0
_FACTORS: Final = 20
_MOST, _LEAST = 0.6, 0.01  # probability of a reward where the place is looked at
_SLOPE, _MIDDLE = 2.0, 2.5  # of the logistic function, in the user's standard deviations


@dataclass(frozen=True, eq=False)
class World:
    """``liking`` float32 ``[n_users, n_items]``: the probability of a reward where the place is
    looked at."""

    liking: np.ndarray

    @staticmethod
    def of(snapshot: GraphSnapshot, seed: int = 0) -> World:
        """From all rated rows of a snapshot."""
        rows = snapshot.interactions
        liked = np.isfinite(rows.rating) & (rows.rating >= LIKED)
        shape = (len(snapshot.users), len(snapshot.items))
        cells = (np.ones(int(liked.sum())), (rows.user[liked], rows.item[liked]))
        matrix = sp.csr_matrix(cells, shape=shape)
        start = np.random.default_rng(seed).random(min(shape))
        left, size, right = spl.svds(matrix, k=_FACTORS, v0=start)
        scores = (left * size) @ right
        scores -= scores.mean(axis=1, keepdims=True)
        scores /= np.maximum(scores.std(axis=1, keepdims=True), 1e-9)
        liking = _LEAST + (_MOST - _LEAST) / (1.0 + np.exp(-_SLOPE * (scores - _MIDDLE)))
        return World(liking.astype(np.float32))

    def probability(self, users: Ints, items: Ints) -> Floats:
        """float64 ``[B, k]``: of a reward of ``items`` ``[B, k]`` at their places; 0 for -1."""
        found = self.liking[users[:, None], np.maximum(items, 0)] * looked_at(items.shape[1])
        return np.where(items >= 0, found, 0.0).astype(np.float64)


def looked_at(k: int) -> Floats:
    """float64 ``[k]``: how likely each place is looked at."""
    return np.asarray(1.0 / np.sqrt(np.arange(1, k + 1)))
