"""An attack on a private release: is a planted user among the data?

Each canary is a user with two items that nobody else has, and is in the data or not by the toss of
a coin. The attacker knows everything but the coins, and reads all cells that the canary could have
changed, weighted as the canary would have changed them: no statistic of the release separates the
two cases better. Whatever it does, (epsilon, delta) allows a share of true answers of at most
e^epsilon times that of false ones, plus delta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec import PrivacyConfig
from kgrec.differential_privacy.choices import Choices, Release
from kgrec.graph.snapshot import Interactions, Ints


@dataclass(frozen=True, eq=False)
class Attack:
    """The attacker's statistic for canaries that are in the data, and for those that are not,
    float64 each."""

    inside: np.ndarray
    outside: np.ndarray

    def __add__(self, other: Attack) -> Attack:
        """Both attacks together, as if they were on more canaries."""
        return Attack(
            np.concatenate([self.inside, other.inside]),
            np.concatenate([self.outside, other.outside]),
        )

    def excess(self, epsilon: float, delta: float) -> float:
        """By how many standard errors the true answers exceed what (``epsilon``, ``delta``) allows,
        at the threshold where this is most; noise alone gives up to about 3."""
        return max(self._excess(float(at), epsilon, delta) for at in self._thresholds)

    def rates(self, threshold: float) -> tuple[float, float]:
        """The shares of true and of false answers "it is in the data"."""
        return float((self.inside > threshold).mean()), float((self.outside > threshold).mean())

    @property
    def _thresholds(self) -> np.ndarray:
        return np.asarray(np.quantile(self.outside, np.linspace(0.02, 0.98, 97)))

    def _excess(self, threshold: float, epsilon: float, delta: float) -> float:
        true, false = self.rates(threshold)
        factor = float(np.exp(epsilon))
        variance = true * (1 - true) / len(self.inside)
        variance += factor**2 * false * (1 - false) / len(self.outside)
        return float((true - factor * false - delta) / max(variance**0.5, 1e-9))


def attack(
    config: PrivacyConfig,
    seed: int,
    canaries: int = 500,
    others: Interactions | None = None,
    n_users: int = 0,
    n_items: int = 0,
) -> Attack:
    """The attack on one release of ``others``, the events of ``n_users`` users with ``n_items``
    items, and of the canaries that a coin with ``seed`` puts among them."""
    inside = np.random.default_rng(seed).random(canaries) < 0.5
    chosen = np.flatnonzero(inside)
    user = n_users + np.repeat(chosen, 2)
    item = n_items + np.column_stack([2 * chosen, 2 * chosen + 1]).ravel()
    planted = events(user, item, np.tile([1, 2], len(chosen)))
    choices = Choices.of(planted, n_users + canaries, n_items + 2 * canaries)
    if others is not None:
        choices = choices + Choices.of(others, n_users, n_items + 2 * canaries)
    release = Release.of(choices, config)
    own = Choices.of(events(np.zeros(2, np.int64), np.arange(2), np.array([1, 2])), 1, 2)
    cells = n_items + np.arange(2 * canaries).reshape(-1, 2)
    score = np.zeros(canaries)
    for released, mine, noise in (
        (release.near, own.near, release.near_noise),
        (release.whole, own.whole, release.whole_noise),
    ):
        seen = released[cells[:, :, None], cells[:, None, :]].astype(np.float64)
        score += (seen * mine / noise).sum(axis=(1, 2))
    return Attack(score[inside], score[~inside])


def events(user: Ints, item: Ints, time: Ints) -> Interactions:
    """Interactions of these users (int64, ascending where sorted) with items at times."""
    order = np.lexsort((item, time, user))
    none = np.full(len(order), "", dtype=object)
    rating = np.full(len(order), np.nan, dtype=np.float32)
    return Interactions(user[order], item[order], time[order], rating, none, none, none)
