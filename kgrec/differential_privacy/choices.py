"""What is released of people: two matrices of choices made together, with noise.

Every user adds a pair of matrices over the items of their latest events. In ``near`` two items
count by how near in time the user chose them: exp(-d / 15) for d events between; in ``whole`` any
two items of a user count alike. Each user's pair has length 1, as the square root of the sum of
all squares, whatever the user did: nobody changes the release by more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.config import PrivacyConfig
from kgrec.differential_privacy.mechanism import noise_generator, noise_of, with_noise
from kgrec.graph.snapshot import Interactions, Ints

LATEST: Final = 300  # events of a user that count
_REACH: Final = 15.0  # events after which nearness has fallen to 1 / e
_NEAR: Final = 0.8  # share of a user's squares that ``near`` has
_SHORTER: Final = 1 - 1e-9  # a user's length, so that rounding never makes it more than 1


@dataclass(frozen=True, eq=False)
class Choices:
    """Sums over users, float64 ``[n, n]`` each, symmetric: ``near`` and ``whole``."""

    near: np.ndarray
    whole: np.ndarray

    @staticmethod
    def of(events: Interactions, n_users: int, n_items: int) -> Choices:
        """The sums over the users of ``events``. Sums over parts of the users add up to it."""
        near, whole = np.zeros((n_items, n_items)), np.zeros((n_items, n_items))
        indptr = events.indptr(n_users)
        item, time = np.asarray(events.item), np.asarray(events.timestamp)
        for start, end in zip(indptr[:-1].tolist(), indptr[1:].tolist(), strict=True):
            if start == end:
                continue
            items, age = _latest(item[start:end], time[start:end])
            cells = np.ix_(items, items)
            one = np.exp(np.abs(age[:, None] - age) * (-1 / _REACH))
            near[cells] += one * (_SHORTER * _NEAR**0.5 / np.sqrt((one * one).sum()))
            whole[cells] += _SHORTER * (1 - _NEAR) ** 0.5 / len(items)
        return Choices(near, whole)

    def __add__(self, other: Choices) -> Choices:
        return Choices(self.near + other.near, self.whole + other.whole)


@dataclass(frozen=True, eq=False)
class Release:
    """``Choices`` with noise, each scaled as if it alone had a user's whole length.

    Attributes
    ----------
    near, whole : float32 ``[n, n]``
        Symmetric.
    near_noise, whole_noise : float
        Standard deviation of the noise on a cell of the diagonal; on others it is 1 / √2 of it.
    """

    near: np.ndarray
    whole: np.ndarray
    near_noise: float
    whole_noise: float

    @staticmethod
    def of(choices: Choices, config: PrivacyConfig) -> Release:
        """The one thing that a fit learns of people, (epsilon, delta)-differentially private."""
        noise, rng = noise_of(config.epsilon, config.delta), noise_generator(config.noise_seed)
        near, whole = (with_noise(one, noise, rng) for one in (choices.near, choices.whole))
        scales = _NEAR**0.5, (1 - _NEAR) ** 0.5
        return Release(near / scales[0], whole / scales[1], noise / scales[0], noise / scales[1])


def _latest(item: Ints, time: Ints) -> tuple[Ints, np.ndarray]:
    """The distinct items of a user's latest events, at most ``LATEST``, and float64 the number of
    later ones among them; those of one time share their mean.

    ``item`` and ``time`` int64, oldest first. Of several events with an item the latest counts.
    """
    place = len(item) - 1 - np.unique(item[::-1], return_index=True)[1]
    place = np.sort(place)[-LATEST:]
    item, time = item[place], time[place]
    _, first, counts = np.unique(time, return_index=True, return_counts=True)
    age = len(item) - 1 - (first + (counts - 1) / 2)
    return item, np.repeat(age, counts)
