"""Relative scores: of stored histories, none where the history has the item, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.scoring.engine import Engine
from kgrec.scoring.relative_scores import HeldScores, relative_scores


@pytest.fixture(scope="module")
def engine(fitted: Recommender) -> Engine:
    return fitted.state.engine


def test_they_are_the_scores_in_standard_deviations(engine: Engine) -> None:
    user, item = np.array([3, 7, 3, -1]), np.array([5, 2, 9, 1])
    found = relative_scores(engine, user, item, np.full(4, -1))
    scores = engine.score(engine.stored(np.array([3, 7]), np.full(2, -1))).numpy()
    for place, row in ((0, 0), (1, 1), (2, 0)):
        whole = scores[row].astype(np.float64)
        history = engine.stored(user[place : place + 1]).item
        expected = (whole[item[place]] - whole.mean()) / whole.std()
        if item[place] in history:
            assert np.isnan(found[place])
        else:
            assert found[place] == pytest.approx(expected)
    assert np.isnan(found[3])


def test_an_item_of_the_history_has_none(engine: Engine) -> None:
    events = engine.stored(np.array([4])).item
    user = np.full(len(events), 4)
    assert np.isnan(relative_scores(engine, user, events, np.full(len(events), -1))).all()


def test_a_pair_does_not_depend_on_the_others(engine: Engine) -> None:
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 60, 200), rng.integers(0, 40, 200)
    none = np.full(200, -1)
    whole = relative_scores(engine, user, item, none)
    for row in range(0, 200, 23):
        part = slice(row, row + 1)
        alone = relative_scores(engine, user[part], item[part], none[part])
        assert np.array_equal(alone, whole[part], equal_nan=True)


def test_held_scores_are_found_by_pair() -> None:
    held = HeldScores(np.array([5, 1, 5]), np.array([2, 7, 0]), np.array([0.5, 1.5, 2.5]))
    found = held.of(np.array([5, 5, 1, 9, 5]), np.array([0, 2, 7, 7, 90]))
    assert np.array_equal(found, [2.5, 0.5, 1.5, np.nan, np.nan], equal_nan=True)
    again = HeldScores.of_arrays(held.arrays())
    assert np.array_equal(again.of(held.user, held.item), held.score)
    nobody = HeldScores(*(np.zeros(0, dtype=np.int64),) * 2, np.zeros(0))
    assert np.isnan(nobody.of(np.array([1]), np.array([1]))).all()
