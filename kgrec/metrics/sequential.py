"""A comparison of two arms that may be looked at as often as one likes, and stopped at any look.

The interval is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52,
2024; arXiv 2103.06476): over all looks together it misses the true difference with at most the
given error, where an interval made for one look would miss it more often with every further one.
Users come one after another and get an arm at random with a known share. The value of a user is the
doubly robust score of that paper, with the mean of each arm over the users before as prediction, so
that its expectation is the difference of the arms whatever these means are.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from graph_schema.errors import RequestError

Verdict = Literal["go on", "a is better", "b is better", "no difference"]
FEWEST: Final = 100  # users of each arm
_SKEWED: Final = 25.0  # times the squared skewness of its rewards: Cochran's rule for normal means
_PRIOR: Final = 1.0  # users whose reward is 0, added to each mean


@dataclass(frozen=True)
class StopRule:
    """When a comparison ends.

    Attributes
    ----------
    error : float
        How often, over all looks, the interval may miss the true difference; 0.05.
    delta : float or None
        A difference that does not matter, in rewards per user; None: none is small enough.
    planned : int
        The number of users, of both arms, at which the interval is to be narrowest relative to
        others; it holds at every number.
    """

    error: float = 0.05
    delta: float | None = None
    planned: int = 10_000

    def __post_init__(self) -> None:
        if not 0.0 < self.error < 0.5:
            raise RequestError(f"error is {self.error}; give a share above 0 and below 0.5.")
        if self.delta is not None and not 0.0 < self.delta < math.inf:
            raise RequestError(f"delta is {self.delta}; give rewards per user, above 0.")
        if self.planned < FEWEST:
            raise RequestError(f"planned is {self.planned}; give at least {FEWEST} users.")


@dataclass(frozen=True)
class Comparison:
    """The difference of two arms so far.

    Attributes
    ----------
    users : tuple of int
        Users of a and b.
    means : tuple of float
        Mean reward of a user of a and b.
    difference, low, high : float
        b minus a, and its interval, which holds at all looks together; the interval is infinite
        until there are enough users.
    verdict : str
        "go on", "a is better", "b is better", or "no difference": none beyond delta.
    why : str
        The same in words.
    """

    users: tuple[int, int]
    means: tuple[float, float]
    difference: float
    low: float
    high: float
    verdict: Verdict
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an infinite end is None."""
        values = asdict(self)
        for end in ("low", "high"):
            values[end] = values[end] if math.isfinite(values[end]) else None
        return values


def compare_arms(
    rewards: np.ndarray, in_b: np.ndarray, share_b: float, rule: StopRule | None = None
) -> Comparison:
    """Compare the rewards of users of two arms, at any time and as often as one likes.

    Parameters
    ----------
    rewards : numpy.ndarray
        One finite number a user ``[n]``, in the order in which users came.
    in_b : numpy.ndarray
        bool ``[n]``: whether the user has arm b.
    share_b : float
        The share of users that get b, above 0 and below 1; not the share that was observed.
    rule : StopRule, optional
        By default an error of 5 % and no ``delta``.

    Returns
    -------
    Comparison
        The difference with its interval, and whether to go on.

    Raises
    ------
    RequestError
        Where the arrays have different shapes, a reward is not finite, or the share is none.
    """
    rule = rule or StopRule()
    rewards, in_b = np.asarray(rewards, dtype=np.float64), np.asarray(in_b, dtype=bool)
    _check(rewards, in_b, share_b)
    users = int((~in_b).sum()), int(in_b.sum())
    means = _mean(rewards[~in_b]), _mean(rewards[in_b])
    missing = _missing(rewards, in_b)
    if missing:
        gap = means[1] - means[0]
        return Comparison(users, means, gap, -math.inf, math.inf, "go on", missing)
    scores = _scores(rewards, in_b, share_b)
    centre = float(scores.mean())
    width = half_width(len(scores), float(scores.std()), rule)
    low, high = centre - width, centre + width
    verdict, why = _verdict(low, high, rule.delta)
    return Comparison(users, means, centre, low, high, verdict, why)


def half_width(count: int, deviation: float, rule: StopRule) -> float:
    """Half of the width of the sequence's interval (Theorem 2.2 of the paper, two-sided).

    Parameters
    ----------
    count : int
        Values so far, at least 1.
    deviation : float
        Their standard deviation.
    rule : StopRule
        Its ``error`` and ``planned`` are used.
    """
    tail = -2.0 * math.log(rule.error)
    scale = (tail + math.log(tail) + 1.0) / rule.planned  # ρ², narrowest at ``planned``
    grown = count * scale + 1.0
    return deviation * math.sqrt(
        2.0 * grown / (count**2 * scale) * math.log(math.sqrt(grown) / rule.error)
    )


def _scores(rewards: np.ndarray, in_b: np.ndarray, share_b: float) -> np.ndarray:
    """float64 ``[n]``: values whose expectation is the difference, given the users before."""
    before_a, before_b = _means_before(rewards, ~in_b), _means_before(rewards, in_b)
    of_a = np.where(in_b, 0.0, (rewards - before_a) / (1.0 - share_b))
    of_b = np.where(in_b, (rewards - before_b) / share_b, 0.0)
    return np.asarray(before_b - before_a + of_b - of_a)


def _means_before(rewards: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """float64 ``[n]``: the mean reward of one arm's users before each user."""
    total = np.cumsum(np.where(ours, rewards, 0.0)) - np.where(ours, rewards, 0.0)
    count = np.cumsum(ours) - ours
    return np.asarray(total / (count + _PRIOR))


def _missing(rewards: np.ndarray, in_b: np.ndarray) -> str:
    """What an interval needs yet; "" where it has enough: it rests on the central limit theorem."""
    for name, ours in (("a", ~in_b), ("b", in_b)):
        values = rewards[ours]
        if len(values) < FEWEST:
            return f"arm {name} has {len(values):,} of the first {FEWEST} users."
        if values.min() == values.max():
            return f"all users of arm {name} have the same reward."
        need = math.ceil(_SKEWED * _skewness(values) ** 2)
        if len(values) < need:
            return (
                f"the rewards of arm {name} are skewed: an interval needs {need:,} users of it, "
                f"and there are {len(values):,}."
            )
    return ""


def _skewness(values: np.ndarray) -> float:
    centred = values - values.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


def _verdict(low: float, high: float, delta: float | None) -> tuple[Verdict, str]:
    if low > 0.0:
        return "b is better", "the whole interval is above 0."
    if high < 0.0:
        return "a is better", "the whole interval is below 0."
    if delta is not None and -delta < low and high < delta:
        return "no difference", f"the whole interval lies within ±{delta:g}."
    return "go on", "the interval contains 0."


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _check(rewards: np.ndarray, in_b: np.ndarray, share_b: float) -> None:
    if rewards.ndim != 1 or rewards.shape != in_b.shape:
        raise RequestError(
            f"rewards and arms have shapes {rewards.shape} and {in_b.shape}; give one of each for "
            "every user."
        )
    if not np.isfinite(rewards).all():
        raise RequestError("a reward is not finite; give numbers.")
    if not 0.0 < share_b < 1.0:
        raise RequestError(f"the share of b is {share_b}; give one above 0 and below 1.")
