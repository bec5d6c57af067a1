"""RatingScale: any ratings (stars, half stars, thumbs, minutes watched) as a few levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Ints

MOST = 20  # distinct ratings, each a level; with more, levels are ranges
RANGES = 10


@dataclass(frozen=True)
class RatingScale:
    """Levels of ratings.

    ``edges`` between the levels and mean rating ``levels`` of each, both ascending; ``mean`` and
    ``deviation`` of the ratings; a rating of at least ``like`` is a like; ``share``: that of likes.
    """

    edges: tuple[float, ...]
    levels: tuple[float, ...]
    mean: float
    deviation: float
    like: float
    share: float

    @staticmethod
    def build(ratings: np.ndarray, like: float) -> RatingScale:
        """Build from finite ratings float ``[n]``.

        Raises ValueError where all are equal, or all or none are likes.
        """
        values = np.unique(ratings.astype(np.float64))
        if len(values) < 2:
            raise ValueError("all ratings are the same")
        share = float((ratings >= like).mean())
        if not 0 < share < 1:
            raise ValueError(f"{'all' if share else 'no'} ratings are likes (at least {like:g})")
        if len(values) <= MOST:
            edges = (values[1:] + values[:-1]) / 2
        else:
            limits = np.quantile(ratings, np.linspace(0, 1, RANGES + 1)[1:-1])
            edges = np.unique(limits[limits > values[0]])
        level = np.searchsorted(edges, ratings, side="right")
        sums = np.bincount(level, ratings.astype(np.float64), minlength=len(edges) + 1)
        counts = np.bincount(level, minlength=len(edges) + 1)
        return RatingScale(
            edges=tuple(map(float, edges)),
            levels=tuple(map(float, sums / np.maximum(counts, 1))),
            mean=float(ratings.mean(dtype=np.float64)),
            deviation=float(ratings.std(dtype=np.float64)),
            like=float(like),
            share=share,
        )

    def level(self, ratings: np.ndarray) -> Ints:
        """The level of each rating, int64 ``[n]``."""
        return np.searchsorted(self.edges, ratings, side="right").astype(np.int64)

    def standard(self, ratings: np.ndarray) -> np.ndarray:
        """Ratings with mean 0 and deviation 1, float32 ``[n]``."""
        return np.asarray((ratings - self.mean) / self.deviation, dtype=np.float32)

    def rating(self, standard: np.ndarray) -> np.ndarray:
        """Ratings from ``standard`` ones, float64 ``[n]``, limited to the scale."""
        return self.within(standard.astype(np.float64) * self.deviation + self.mean)

    def within(self, ratings: np.ndarray) -> np.ndarray:
        """Ratings limited to the lowest and highest level, float64 ``[n]``."""
        return np.asarray(np.clip(ratings, self.levels[0], self.levels[-1]))
