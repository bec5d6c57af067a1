"""Ranking: scores of queries with one target each, and the weights of terms that improve them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import torch

from kgrec.fitting.context.rows import ContextRows
from kgrec.graph.snapshot import Floats, Ints
from kgrec.threads import follow

Part: TypeAlias = Callable[[np.ndarray, float], None]  # adds a weighted term to scores, in place

_K: Final = 10
_TOP: Final = 100  # scores that the spread is of
_CERTAIN: Final = 0.5  # standard errors that a gain must exceed


@dataclass(frozen=True, eq=False)
class Ranking:
    """Queries (q) with one target each.

    Attributes
    ----------
    scores : float32 ``[q, n]``
        Scores so far; the methods change them in place.
    target, user : int64 ``[q]``
        Row of the target item, and of the user who asks.
    weight : float64 ``[q]``
        How much each query counts; they sum to one.
    """

    scores: np.ndarray
    target: Ints
    user: Ints
    weight: Floats

    @staticmethod
    def of(rows: ContextRows) -> Ranking:
        """The queries of validation rows."""
        return Ranking(rows.scores.copy(), rows.item, rows.user, rows.weight / rows.weight.sum())

    def spread(self) -> float:
        """The standard deviation of a query's highest scores, of the median query."""
        most = min(_TOP, self.scores.shape[1])
        top = torch.from_numpy(self.scores).topk(most, dim=1).values
        spread = float(top.std(dim=1, correction=0).median())
        return spread if spread > 0 else 1.0

    def mean_ndcg(self) -> float:
        """NDCG@10 of the scores, each query by its weight."""
        return float(self.ndcg(self.scores) @ self.weight)

    def climb(self, weights: Floats, parts: Sequence[Part], sizes: Sequence[float]) -> Floats:
        """The weights of the parts, each chosen beside the others, twice in turn; the scores have
        these terms afterwards."""
        weights = weights.copy()
        for _ in range(2 if len(parts) > 1 else 1):
            for at, part in enumerate(parts):
                follow()
                if weights[at]:
                    part(self.scores, -weights[at])
                weights[at] = self._best(part, sizes)
                if weights[at]:
                    part(self.scores, weights[at])
        return weights

    def _best(self, part: Part, sizes: Sequence[float]) -> float:
        """The best weight of a part; zero unless it is surely better than none."""
        none = self.ndcg(self.scores)
        best, weight = none, 0.0
        for size in sizes:
            scores = self.scores.copy()
            part(scores, size)
            found = self.ndcg(scores)
            if found @ self.weight > best @ self.weight:
                best, weight = found, size
        gain = (best - none) * self.weight
        return weight if gain.sum() > _CERTAIN * self._error(gain) else 0.0

    def _error(self, gain: Floats) -> float:
        """The standard error of a sum of weighted gains, of which those of a user go together."""
        _, place = np.unique(self.user, return_inverse=True)
        sums = np.bincount(place, weights=gain - gain.sum() * self.weight)
        return math.sqrt(float((sums**2).sum()))

    def ndcg(self, scores: np.ndarray) -> Floats:
        """float64 ``[q]``: NDCG@10 of each query's target; equal scores rank by item row."""
        own = scores[np.arange(len(scores)), self.target][:, None]
        ahead = (scores > own).sum(axis=1)
        close = np.flatnonzero(ahead < _K)
        ties = scores[close] == own[close]
        before = np.arange(scores.shape[1]) < self.target[close, None]
        ahead[close] += (ties & before).sum(axis=1)
        return np.where(ahead < _K, 1 / np.log2(ahead + 2.0), 0.0)
