"""Scores of pairs beside the scores of all items for the same user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.arrays import distinct, offsets
from kgrec.feedback.defaults import rating_values
from kgrec.graph.snapshot import Floats, Interactions, Ints
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import batch_size
from kgrec.scoring.scenario_codes import scenario_codes

_MOST_USERS = 5_000  # whose validation rows are scored
_MOST_ITEMS = 100_000  # with more, one pair would cost the scores of too many items


@dataclass(frozen=True, eq=False)
class HeldScores:
    """Relative scores of validation rows, by an engine that was not trained on them.

    Attributes
    ----------
    user, item : int64 ``[n]``
        Rows of the snapshot.
    score : float64 ``[n]``
        As ``relative_scores`` returns them.
    """

    user: Ints
    item: Ints
    score: Floats

    def of(self, user: Ints, item: Ints) -> Floats:
        """float64 ``[R]``: the scores of pairs; NaN for those that are not among them."""
        width = int(max(self.item.max(initial=0), item.max(initial=0))) + 1
        keys = self.user * width + self.item
        order = np.argsort(keys, kind="stable")
        found = np.full(len(user), np.nan)
        if len(keys):
            wanted = user * width + item
            place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
            there = keys[order][place] == wanted
            found[there] = self.score[order[place[there]]]
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Named arrays, to be saved."""
        return {"user": self.user, "item": self.item, "score": self.score}

    @staticmethod
    def of_arrays(arrays: dict[str, np.ndarray]) -> HeldScores:
        """What ``arrays`` returned."""
        return HeldScores(arrays["user"], arrays["item"], arrays["score"])


def held_scores(
    engine: Engine, events: Interactions, held: np.ndarray | None, seed: int
) -> HeldScores | None:
    """Scores of the validation rows of _MOST_USERS users, at most; None where events do not have
    several ratings.

    ``engine`` was trained on the other rows alone; ``held`` bool ``[n]``: the validation rows.
    """
    if held is None or not held.any() or len(rating_values(events)) < 2:
        return None
    rows = events.select(held)
    users = distinct(rows.user)
    if len(users) > _MOST_USERS:
        drawn = np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False)
        rows = rows.select(np.isin(rows.user, drawn))
    codes = scenario_codes(rows.scenario, engine.vocabulary)
    user, item = np.asarray(rows.user), np.asarray(rows.item)
    return HeldScores(user, item, relative_scores(engine, user, item, codes))


def relative_scores(engine: Engine, user: Ints, item: Ints, scenario: Ints) -> Floats:
    """(score − mean) / standard deviation, both over all items for the same history.

    Parameters
    ----------
    user, item, scenario : int64 ``[R]``
        Rows of stored users, rows of items, and codes of scenarios (-1: none).

    Returns
    -------
    float64 ``[R]``
        NaN for users that are not stored (row -1), for items of the user's history, whose scores
        would know the answer, and for all pairs where there are very many items. A pair's value
        does not depend on the other pairs.
    """
    found = np.full(len(user), np.nan)
    n_items = len(engine.snapshot.items)
    known = np.flatnonzero(user >= 0)
    if n_items > _MOST_ITEMS or not len(known):
        return found
    width = len(engine.vocabulary.scenarios) + 1
    keys, query = np.unique(user[known] * width + scenario[known] + 1, return_inverse=True)
    order = np.argsort(query, kind="stable")
    cuts = offsets(np.bincount(query, minlength=len(keys)))
    size = batch_size(n_items, engine.device)
    for start in range(0, len(keys), size):
        block = keys[start : start + size]
        histories = engine.stored(block // width, block % width - 1)
        scores = engine.score(histories).cpu().numpy()
        for row in range(len(block)):
            pairs = known[order[cuts[start + row] : cuts[start + row + 1]]]
            events = histories.item[histories.indptr[row] : histories.indptr[row + 1]]
            found[pairs] = _relative(scores[row], item[pairs], events)
    return found


def _relative(scores: np.ndarray, items: Ints, history: Ints) -> Floats:
    whole = scores.astype(np.float64)
    values = (whole[items] - whole.mean()) / max(float(whole.std()), 1e-12)
    return np.where(np.isin(items, history), np.nan, values)
