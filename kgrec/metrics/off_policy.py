"""Estimates of the rewards that other lists would have had, from a log with known probabilities.

A row is one place of a list that was shown: its reward r and its weight w = π(item | user, place) /
p, how often the new lists show the item there over how often the log did. q is a prediction of
rewards: of the shown item, and on average of what the new lists show at the same place.

    IPS    mean of w r                        (Horvitz and Thompson 1952; Li et al. 2011)
    SNIPS  Σ w r / Σ w                        (Swaminathan and Joachims 2015)
    DM     mean of q(new)
    DR     mean of q(new) + w (r − q(shown))  (Dudík, Langford and Li 2011)

The reward of a place must not depend on what the other places of its list show (Li et al. 2018, the
item–position model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.graph.snapshot import Floats, Ints

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class PolicyValue:
    """A mean reward of a place with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.5f} [{self.low:.5f}, {self.high:.5f}]"


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """Rows of a log, float64 ``[n]`` each unless stated.

    ``reward``; ``weight``; ``shown`` and ``new``: predicted rewards of the shown item and of the
    new lists; ``group`` int64: rows of one group (a user) may depend on each other.
    """

    reward: Floats
    weight: Floats
    shown: Floats
    new: Floats
    group: Ints

    @property
    def effective_size(self) -> float:
        """(Σ w)² / Σ w²: so many rows of equal weight tell as much (Kish 1965); 0 without any."""
        squares = float((self.weight**2).sum())
        return float(self.weight.sum()) ** 2 / squares if squares else 0.0

    def logged(self) -> PolicyValue:
        """The mean reward of the lists that were shown."""
        return self._value(self.reward)

    def coverage(self) -> PolicyValue:
        """The mean weight: the share of the new lists' places that the log could have shown."""
        return self._value(self.weight)

    def values(self) -> dict[str, PolicyValue]:
        """The four estimates, by name in lower case."""
        return {name: self._value(parts) for name, parts in self._parts().items()}

    def gains(self) -> dict[str, PolicyValue]:
        """The four estimates minus the mean reward of the lists that were shown."""
        return {name: self._value(parts - self.reward) for name, parts in self._parts().items()}

    def _parts(self) -> dict[str, Floats]:
        """Of each row, numbers whose mean is the estimate and whose spread is its error's.

        SNIPS is a ratio: its rows are those of its linear approximation (the delta method).
        """
        weight = self.weight
        scale = max(float(weight.mean()), np.finfo(float).tiny)
        ratio = float((weight / scale * self.reward).mean())
        return {
            "snips": ratio + weight / scale * (self.reward - ratio),
            "dr": self.new + weight * (self.reward - self.shown),
            "ips": weight * self.reward,
            "dm": self.new,
        }

    def _value(self, parts: Floats) -> PolicyValue:
        """The mean of ``parts``, with the interval for independent groups.

        Student's t, whose degrees of freedom are fewer where few groups make up most of the
        variance: (Σ d²)² / Σ d⁴ for the groups' deviations d.
        """
        from scipy.special import stdtrit

        mean = float(parts.mean())
        _, code = np.unique(self.group, return_inverse=True)
        deviation = np.bincount(code, weights=parts - mean)
        squares = deviation**2
        total, fourth = float(squares.sum()), float((squares**2).sum())
        if not total or len(squares) < 2:
            return PolicyValue(mean, mean, mean)
        error = np.sqrt(total * len(squares) / (len(squares) - 1)) / len(parts)
        freedom = max(total**2 / fourth - 1.0, 1.0)
        reach = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2.0) * error)
        return PolicyValue(mean, mean - reach, mean + reach)
