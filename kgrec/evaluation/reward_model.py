"""A prediction of rewards by place, item and the model's score, for the doubly robust estimate.

    q(u, i, j) = m_j + a b_i + s z_ui

m_j is the mean reward of place j, b_i the mean of item i's rewards beyond it (shrunk towards 0) and
z_ui the model's score for the pair; a and s are learned by ridge regression. Rows of a user are
predicted from those of other users (cross-fitting, Chernozhukov et al. 2018), so a wrong prediction
adds to the variance of the estimate and not to its bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.graph.snapshot import Floats, Ints

_FOLDS: Final = 5
_SHRINKAGE: Final = 20.0  # rows with the mean reward that are added to each item's
_PENALTY: Final = 10.0


@dataclass(frozen=True, eq=False)
class Places:
    """Items at places, ``[n]`` each: ``item`` int64 (-1: none or unknown), ``position`` int64 from
    1, ``score`` float64."""

    item: Ints
    position: Ints
    score: Floats

    def of(self, rows: np.ndarray) -> Places:
        """Some of the rows."""
        return Places(self.item[rows], self.position[rows], self.score[rows])


@dataclass(frozen=True, eq=False)
class _RewardModel:
    """``by_place`` float64 ``[k + 1]``, ``by_item`` float64 ``[n_items + 1]`` (last: none), and the
    weights of an item's mean and of its score."""

    by_place: Floats
    by_item: Floats
    weights: Floats

    @staticmethod
    def fit(places: Places, reward: Floats, k: int, n_items: int) -> _RewardModel:
        mean = reward.mean()
        count = np.bincount(places.position, minlength=k + 1)
        total = np.bincount(places.position, weights=reward, minlength=k + 1)
        by_place = (total + _SHRINKAGE * mean) / (count + _SHRINKAGE)
        rest = reward - by_place[places.position]
        item = np.where(places.item < 0, n_items, places.item)
        sums = np.bincount(item, weights=rest, minlength=n_items + 1)
        by_item = sums / (np.bincount(item, minlength=n_items + 1) + _SHRINKAGE)
        by_item[n_items] = 0.0
        columns = np.stack([by_item[item], places.score], axis=1)
        ridge = np.diag([1e-9, _PENALTY])
        weights = np.linalg.solve(columns.T @ columns + ridge, columns.T @ rest)
        return _RewardModel(by_place, by_item, weights)

    def predict(self, places: Places) -> Floats:
        found = self.by_place[places.position] + self.weights[0] * self.by_item[places.item]
        return np.asarray(found + self.weights[1] * places.score)


def predict_rewards(
    reward: Floats, user: Ints, shown: Places, new: Places
) -> tuple[Floats, Floats]:
    """Predicted rewards of what was shown and of what the new lists show, float64 ``[n]`` each.

    ``reward`` float64 ``[n]``, ``user`` int64 ``[n]``. With fewer than two users, the mean reward.
    """
    fold = user % _FOLDS
    k, n_items = int(shown.position.max()), int(max(shown.item.max(), new.item.max())) + 1
    of_shown, of_new = np.full(len(reward), reward.mean()), np.full(len(reward), reward.mean())
    for out in range(_FOLDS):
        held = fold == out
        if not held.any() or held.all():
            continue
        model = _RewardModel.fit(shown.of(~held), reward[~held], k, n_items)
        of_shown[held], of_new[held] = model.predict(shown.of(held)), model.predict(new.of(held))
    return of_shown, of_new
