"""ADWIN: a window over a stream of numbers that drops its old part where the mean has changed.

ADWIN2 of Bifet and Gavaldà (Learning from time-changing data with adaptive windowing, SDM 2007):
the window is kept as an exponential histogram, so that n numbers take O(log n) memory. At every
boundary between two buckets the means of both sides are compared; a difference above the Bernstein
bound of the paper, at confidence δ / ln n, is a change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_BUCKETS = 5  # of one size, at most
_EVERY = 16  # numbers between two comparisons
_FEWEST = 32  # numbers on each side
_MOST = 2_000_000  # numbers in the window


@dataclass(frozen=True)
class Cut:
    """A change: the numbers before it and since, and their means."""

    before: int
    mean_before: float
    since: int
    mean_since: float

    @property
    def fell(self) -> bool:
        """Whether the mean is lower now."""
        return self.mean_since < self.mean_before


class Adwin:
    """A window over numbers from 0 to 1.

    Parameters
    ----------
    delta : float
        Probability of a false change, by the bound of the paper; in practice it is far below.
    """

    def __init__(self, delta: float = 0.01) -> None:
        self._delta = delta
        self._levels: list[list[tuple[float, float]]] = [[]]  # (sum, of squares); oldest first
        self.width = 0
        self._sum = self._squares = 0.0
        self._seen = 0

    @property
    def mean(self) -> float:
        """Of the window; NaN while it is empty."""
        return self._sum / self.width if self.width else math.nan

    def add(self, value: float) -> Cut | None:
        """Add a number; the change that it reveals, whose old part has left the window then.

        Takes a few microseconds; every 16th about thirty.
        """
        squared = value * value
        self._levels[0].append((value, squared))
        self.width += 1
        self._sum += value
        self._squares += squared
        if len(self._levels[0]) > _BUCKETS:
            self._merge()
        self._seen += 1
        if self._seen % _EVERY or self.width < 2 * _FEWEST:
            return None
        found = self._change()
        if found is not None:
            self._keep(found.since)
        elif self.width > _MOST:
            self._keep(_MOST)
        return found

    def _merge(self) -> None:
        for level, buckets in enumerate(self._levels):
            if len(buckets) <= _BUCKETS:
                return
            if level + 1 == len(self._levels):
                self._levels.append([])
            one, other = buckets.pop(0), buckets.pop(0)
            self._levels[level + 1].append((one[0] + other[0], one[1] + other[1]))

    def _change(self) -> Cut | None:
        """The clearest change at a boundary of two buckets."""
        counts, sums = [], []
        for level in range(len(self._levels) - 1, -1, -1):
            counts += [1 << level] * len(self._levels[level])
            sums += [one[0] for one in self._levels[level]]
        before = np.cumsum(np.array(counts[:-1], dtype=np.float64))
        total = np.cumsum(np.array(sums[:-1]))
        since = self.width - before
        means = total / before, (self._sum - total) / since
        variance = max(self._squares / self.width - self.mean**2, 0.0)
        confidence = math.log(2 * math.log(self.width) / self._delta)
        spread = 1 / before + 1 / since
        bound = np.sqrt(2 * spread * variance * confidence) + 2 / 3 * confidence * spread
        clear = np.abs(means[0] - means[1]) - bound
        clear[(before < _FEWEST) | (since < _FEWEST)] = -np.inf
        place = int(np.argmax(clear))
        if clear[place] <= 0:
            return None
        return Cut(
            int(before[place]), float(means[0][place]), int(since[place]), float(means[1][place])
        )

    def _keep(self, newest: int) -> None:
        """Drop the oldest buckets, until at most ``newest`` numbers are left."""
        for level in range(len(self._levels) - 1, -1, -1):
            buckets = self._levels[level]
            while buckets and self.width > newest:
                total, squares = buckets.pop(0)
                self.width -= 1 << level
                self._sum -= total
                self._squares -= squares
        while len(self._levels) > 1 and not self._levels[-1]:
            self._levels.pop()
