"""Explored lists: random swaps of places, with the probability of every item at every place.

A list has k places. Behind it wait the items of the pool: the next best, then some of the new
items, all of which are as likely to be among these. A swap exchanges the item at a place of the
list, drawn evenly, with that at another place, which is drawn by Luce's choice rule (Luce 1959,
Plackett 1975) with the weight 1 / rank; new items share a fixed part of the choices. The number of
swaps of a list is Poisson with mean λ. As places are drawn, and not items, the item that starts at
place r is at place j after all swaps with the probability

    P[r, j] = exp(λ R)[r, j],    R[a, b] = how often a swap exchanges a and b (its rows sum to 0)

which is symmetric, and sums to 1 over the places and over the items. Where n of N new items wait,
the probability of each of the N is P times n / N. λ is such that the mean of
1 − P[j, j] over the list, the share of places that show another item than the model's, is the share
asked for. It depends on the number of items alone, so equal lists share one plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from graph_schema.errors import RequestError

LONGEST: Final = 1_000  # places of an explored list, at most
MOST: Final = 0.5  # share of explored places, at most
NEXT: Final = 4  # next best items of the pool for each place of the list ...
_MOST_NEXT: Final = 200  # ... at most
_MOST_NEW: Final = 50
_NEW_SHARE: Final = 0.25  # of the swaps exchange a place with one of the new items
_LARGEST_RATE: Final = 1e6
_STEPS: Final = 100  # of the bisection


@dataclass(frozen=True, eq=False)
class SwapPlan:
    """The random swaps of lists with ``k`` places and ``n - k`` items in the pool.

    ``rate``: mean number of swaps λ. ``partners`` float64 ``[k, n]``: cumulative probabilities of
    the place that a place of the list is exchanged with. ``probability`` float64 ``[n, k]``: that
    the item that starts at place r ends at place j.
    """

    rate: float
    partners: np.ndarray
    probability: np.ndarray

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """int64 ``[k]``: for each place of one list, the place at which its item started."""
        k, n = self.partners.shape
        order = np.arange(n)
        for _ in range(rng.poisson(self.rate)):
            place = int(rng.integers(k))
            other = int(np.searchsorted(self.partners[place], rng.random(), side="right"))
            other = min(other, n - 1)
            order[[place, other]] = order[[other, place]]
        return order[:k]


@dataclass(frozen=True, eq=False)
class DrawnList:
    """One explored list: ``rows`` int64 ``[k]``, ``start`` int64 ``[k]``: the place that each item
    had (that of a new item is at least the number of ranked ones), ``probability`` float64 ``[k]``:
    of each item at its place."""

    rows: np.ndarray
    start: np.ndarray
    probability: np.ndarray


def draw_list(
    ranked: np.ndarray, new: np.ndarray, k: int, explore: float, rng: np.random.Generator
) -> DrawnList:
    """An explored list of ``k``.

    ``ranked`` int64 ``[m]``: the best items, best first; the list is shorter where m is below k.
    ``new`` int64 ``[N]``: all new items that are not among them.
    """
    k, n = min(k, len(ranked)), min(k, _MOST_NEW, len(new))
    plan = swap_plan(explore, k, len(ranked) - k, n)
    start = plan.draw(rng)
    waiting = rng.choice(new, n, replace=False) if start.max(initial=0) >= len(ranked) else new[:n]
    rows = np.concatenate([ranked, waiting])[start]
    share = np.where(start < len(ranked), 1.0, n / max(len(new), 1))
    return DrawnList(rows, start, plan.probability[start, np.arange(k)] * share)


def check_explore(explore: Any, k: int) -> float:
    """The share of explored places as a float. Raises RequestError for one outside 0..0.5, and for
    lists of more than ``LONGEST`` places."""
    plain = isinstance(explore, int | float | np.integer | np.floating)
    if not plain or isinstance(explore, bool) or not 0.0 <= explore <= MOST:
        raise RequestError(
            f"explore is {explore!r}; give the share of explored places, from 0 to {MOST}, such as "
            "0.02."
        )
    if k > LONGEST:
        raise RequestError(f"k is {k}; explored lists have at most {LONGEST} places.")
    return float(explore)


def pool_size(k: int) -> int:
    """How many next best items wait behind a list of ``k``, at most."""
    return min(NEXT * k, _MOST_NEXT)


@lru_cache(maxsize=256)
def swap_plan(explore: float, k: int, following: int, new: int) -> SwapPlan:
    """The plan for lists of ``k`` with ``following`` next best and ``new`` new items in the pool.

    The share of explored places is ``explore``, or as near to it as so few items allow.
    """
    choice = _choice(k, following, new)
    if explore == 0.0 or k + following + new < 2:  # nothing to exchange
        return SwapPlan(0.0, np.cumsum(choice, axis=1), np.eye(k + following + new, k))
    rates, basis = np.linalg.eigh(_exchanges(choice))
    rate = _rate(explore, k, rates, basis)
    whole = (basis * np.exp(rate * rates)) @ basis[:k].T
    partners = np.cumsum(choice, axis=1)
    return SwapPlan(rate, partners, np.clip(whole, 0.0, 1.0))


def _choice(k: int, following: int, new: int) -> np.ndarray:
    """float64 ``[k, n]``: the probability of each partner of each place of the list, 0 of itself;
    all 0 where a list of one has no other item."""
    ranked = k + following
    share = 0.0 if not new else _NEW_SHARE if ranked > 1 else 1.0
    weights = np.broadcast_to(1.0 / np.arange(1, ranked + 1), (k, ranked)).copy()
    weights[np.arange(k), np.arange(k)] = 0.0
    weights *= (1.0 - share) / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return np.hstack([weights, np.full((k, new), share / max(new, 1))])


def _exchanges(choice: np.ndarray) -> np.ndarray:
    """R, float64 ``[n, n]``: the probability that a swap exchanges two places, minus the sum of the
    row on the diagonal."""
    k, n = choice.shape
    found = np.zeros((n, n))
    found[:k] = choice / k
    found += found.T
    return np.asarray(found - np.diag(found.sum(axis=1)))


def _rate(explore: float, k: int, rates: np.ndarray, basis: np.ndarray) -> float:
    """The mean number of swaps with which the share of changed places is ``explore``."""
    squares = (basis[:k] ** 2).mean(axis=0)

    def kept(rate: float) -> float:
        return float(squares @ np.exp(rate * rates))

    low, high = 0.0, 1.0
    while 1.0 - kept(high) < explore:
        low, high = high, 2.0 * high
        if high > _LARGEST_RATE:
            return 64.0 * k  # more swaps change nothing: too few items for this share
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if 1.0 - kept(middle) < explore:
            low = middle
        else:
            high = middle
    return high
