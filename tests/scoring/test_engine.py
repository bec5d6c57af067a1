"""Engine: rows of scores that do not depend on each other, and histories with times."""

from dataclasses import replace

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.graph.snapshot import NO_TIME
from kgrec.scoring.engine import Engine


@pytest.fixture(scope="module")
def engine(fitted: Recommender) -> Engine:
    return fitted.state.engine


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17, 31])
def test_a_score_does_not_depend_on_how_many_are_asked(engine: Engine, count: int) -> None:
    rows = np.arange(60)
    everyone = engine.score(engine.stored(rows, np.full(60, -1))).numpy()
    some = engine.score(engine.stored(rows[:count], np.full(count, -1))).numpy()
    assert some.shape == (count, 40)
    assert np.array_equal(some, everyone[:count])
    vectors = engine.user_vectors(engine.stored(rows[:count])).numpy()
    assert np.array_equal(vectors, engine.user_vectors(engine.stored(rows)).numpy()[:count])


def test_typed_events_with_times_count_as_stored_ones(engine: Engine) -> None:
    """Whatever their order: times decide it, and events of one time are one visit."""
    users = np.array([4, 9])
    stored, seen = engine.stored(users), engine.sequences
    times = np.concatenate([seen.times(user) for user in users])
    times[1:3] = times[1]  # a visit of two
    times[0] = NO_TIME
    rng = np.random.default_rng(0)
    first = len(seen.times(4))
    order = np.concatenate([rng.permutation(first), first + rng.permutation(len(times) - first)])
    none = np.full(2, -1)
    typed = engine.typed(stored.indptr, stored.item[order], users, none, times[order])
    expected = np.arange(first - 1, -1, -1, dtype=np.float32)
    expected[1:3] = expected[1:3].mean()
    assert np.array_equal(typed.age[:first], expected)
    assert typed.visit[1] == typed.visit[2] == typed.visit[3] + 1
    assert typed.visit[0] == typed.visit[1] + 1
    assert np.array_equal(np.sort(typed.item[:first]), np.sort(stored.item[:first]))
    assert np.array_equal(typed.item[first:], stored.item[first:])
    assert np.array_equal(typed.age[first:], stored.age[first:])
    assert np.array_equal(typed.visit[first:], stored.visit[first:])


def test_unchanged_times_give_the_scores_of_the_stored_history(engine: Engine) -> None:
    users = np.array([4, 9])
    stored = engine.stored(users)
    times = np.concatenate([engine.sequences.times(user) for user in users])
    typed = engine.typed(stored.indptr, stored.item, users, np.full(2, -1), times)
    silent = np.full(len(stored.item), -1)
    without_texts = replace(stored, text=silent)
    assert np.array_equal(engine.score(typed).numpy(), engine.score(without_texts).numpy())
