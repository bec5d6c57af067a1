"""Swap plans: probabilities that sum to one, the share asked for, and draws that follow them."""

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.ranking.exploration import LONGEST, check_explore, draw_list, swap_plan

SHAPES = [(10, 40, 10), (1, 4, 0), (3, 0, 0), (5, 3, 2), (1, 0, 1), (100, 200, 50)]


@pytest.mark.parametrize("explore", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_item_and_every_place_sums_to_one(shape: tuple[int, int, int], explore: float):
    plan = swap_plan(explore, *shape)
    k, n = shape[0], sum(shape)
    assert plan.probability.shape == (n, k)
    assert plan.probability.sum(axis=0) == pytest.approx(np.ones(k), abs=1e-12)
    assert plan.probability.min() > 0  # every item may be at every place
    assert (plan.probability.sum(axis=1) <= 1 + 1e-12).all()
    assert pytest.approx(plan.probability[:k], abs=1e-15) == plan.probability[:k].T
    kept = plan.probability[np.arange(k), np.arange(k)]
    assert 1 - kept.mean() == pytest.approx(explore, abs=1e-9)


def test_draws_follow_the_probabilities():
    plan, rng, draws = swap_plan(0.2, 4, 6, 2), np.random.default_rng(0), 20_000
    found = np.zeros_like(plan.probability)
    for _ in range(draws):
        order = plan.draw(rng)
        assert len(set(order.tolist())) == 4
        found[order, np.arange(4)] += 1
    spread = np.sqrt(plan.probability * (1 - plan.probability) / draws)
    assert np.abs(found / draws - plan.probability).max() < 4.5 * spread.max()
    assert (np.abs(found / draws - plan.probability) / spread).max() < 4.5


def test_without_exploring_nothing_is_exchanged():
    plan = swap_plan(0.0, 3, 5, 1)
    assert np.array_equal(plan.probability, np.eye(9, 3))
    assert plan.draw(np.random.default_rng(0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("k", [0, 1])
def test_a_list_without_another_item_stays(k: int):
    plan = swap_plan(0.3, k, 0, 0)
    assert np.array_equal(plan.probability, np.eye(k))
    assert plan.draw(np.random.default_rng(0)).tolist() == list(range(k))


def test_too_few_items_are_explored_as_far_as_they_allow():
    plan = swap_plan(0.5, 1, 1, 0)  # two items at most change places half of the time
    assert plan.probability == pytest.approx(np.full((2, 1), 0.5), abs=1e-6)


def test_the_best_places_of_the_pool_are_shown_most():
    probability = swap_plan(0.1, 10, 40, 0).probability
    pool = probability[10:].sum(axis=1)
    assert (np.diff(pool) < 0).all()
    new = swap_plan(0.1, 10, 40, 10).probability[50:].sum(axis=1)
    assert new == pytest.approx(np.full(10, new[0]))
    assert new[0] > pool[0]  # ten new items share as many swaps as a third of all others


@pytest.mark.parametrize("explore", [-0.1, 0.51, np.nan, "0.1", True, None])
def test_other_shares_are_refused(explore: object):
    with pytest.raises(RequestError, match=r"explore is .*; give the share of explored places"):
        check_explore(explore, 10)


def test_lists_that_are_too_long_are_refused():
    assert check_explore(np.float32(0.25), LONGEST) == 0.25
    with pytest.raises(RequestError, match=f"at most {LONGEST} places"):
        check_explore(0.1, LONGEST + 1)


def test_every_new_item_is_as_likely():
    new = np.arange(100, 130)  # 30 new items, of which 3 wait behind a list of 3
    found, rng, draws = np.zeros(30), np.random.default_rng(0), 20_000
    probability = set()
    for _ in range(draws):
        drawn = draw_list(np.arange(15), new, 3, 0.3, rng)
        assert len(set(drawn.rows.tolist())) == 3
        fresh = drawn.rows >= 100
        assert (drawn.start[fresh] >= 15).all()
        assert drawn.rows[~fresh].tolist() == drawn.start[~fresh].tolist()
        found[drawn.rows[fresh] - 100] += 1
        probability |= set(drawn.probability[fresh].round(12).tolist())
    plan = swap_plan(0.3, 3, 12, 3)
    assert probability <= set((plan.probability[15:] / 10).round(12).ravel().tolist())
    expected = plan.probability[15:].sum() / 30  # of each of them, at any place
    spread = np.sqrt(expected / draws)
    assert np.abs(found / draws - expected).max() < 4.5 * spread


def test_a_list_is_shorter_where_items_are_few():
    drawn = draw_list(np.array([7, 3]), np.empty(0, dtype=int), 5, 0.1, np.random.default_rng(0))
    assert sorted(drawn.rows.tolist()) == [3, 7]
    none = draw_list(np.empty(0, dtype=int), np.array([4]), 5, 0.1, np.random.default_rng(0))
    assert len(none.rows) == 0
