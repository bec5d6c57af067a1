"""Exposure and quality by group: by hand, and against evaluate_ranking."""

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import evaluate_ranking, independent_bootstrap
from kgrec.metrics.exposure import Estimate, Shown, gini, item_groups, user_groups
from kgrec.metrics.groups import masks, popularity_groups
from kgrec.ranking import top_k

LISTS = np.array([[0, 1], [0, 2], [3, -1]])
THIRD = 1 / np.log2(3)


def test_each_item_by_its_places():
    total = 3 + 2 * THIRD
    found = Shown(LISTS, 5).item_exposure()
    assert found == pytest.approx(np.array([2, THIRD, THIRD, 1, 0]) / total)
    assert found.sum() == pytest.approx(1.0)
    assert Shown(np.full((2, 3), -1), 4).item_exposure().tolist() == [0, 0, 0, 0]


def test_gini_of_even_and_of_one():
    assert gini(np.full(4, 0.25)) == pytest.approx(0.0)
    assert gini(np.array([1.0, 0, 0, 0])) == pytest.approx(0.75)
    assert gini(np.array([0.5, 0.5, 0, 0])) == pytest.approx(0.5)
    assert gini(np.zeros(3)) == 0.0


def test_item_groups_by_hand():
    targets = pairs_to_csr(np.array([0, 1, 1, 2]), np.array([1, 0, 4, 0]), 3)
    groups = {"low": np.arange(5) < 2, "all": np.ones(5, dtype=bool)}
    found = item_groups(Shown(LISTS, 5, targets), np.array([6, 2, 1, 1, 0]), groups)
    low = found["low"]
    assert (low.items, low.catalog, low.interactions, low.targets) == (2, 0.4, 0.8, 0.75)
    assert low.exposure == pytest.approx((2 + THIRD) / (3 + 2 * THIRD))
    assert low.quality["recall"].mean == pytest.approx(2 / 3)
    assert low.quality["recall"].n == 3
    assert low.quality["ndcg"].mean == pytest.approx((THIRD + 1 + 0) / 3)
    assert found["all"].exposure == pytest.approx(1.0)


def world(seed=0, n_users=50, n_items=30):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_users, n_items)).astype(np.float32)
    seen = pairs_to_csr(rng.integers(0, n_users, 100), rng.integers(0, n_items, 100), n_users)
    users = np.repeat(np.arange(n_users), 3)
    targets = pairs_to_csr(users, rng.integers(0, n_items, len(users)), n_users)
    trained = rng.integers(0, 9, n_items)
    return scores, seen, targets, trained


def test_quality_is_that_of_evaluate_ranking():
    scores, _, targets, trained = world()
    labels = popularity_groups(trained)
    people = np.where(np.arange(50) < 20, "a", "b").astype(object)
    empty = (np.zeros(51, dtype=np.int64), np.empty(0, dtype=np.int64))
    report = evaluate_ranking(
        lambda rows: scores[rows],
        n_items=30,
        targets=targets,
        seen=empty,
        ks=(5,),
        groups=people,
        target_groups=labels,
    )
    shown = Shown(top_k(scores, 5)[0], 30, targets)
    for name, one in item_groups(shown, trained, masks(labels)).items():
        expected = report.by_group[f"{name} targets"]
        assert one.quality["ndcg"].mean == pytest.approx(expected["ndcg@5"])
        assert one.quality["recall"].mean == pytest.approx(expected["recall@5"])
        assert one.quality["ndcg"].n == expected["users"]
    for name, user in user_groups(shown, labels == "head", np.zeros(50), masks(people)).items():
        assert user.quality["ndcg"].mean == pytest.approx(report.by_group[name]["ndcg@5"])


def test_user_groups_tell_gaps_and_head_shares():
    targets = pairs_to_csr(np.arange(3), np.array([0, 0, 4]), 3)
    head = np.arange(5) == 0
    groups = {"served": np.array([True, True, False]), "not": np.array([False, False, True])}
    groups["nobody"] = np.zeros(3, dtype=bool)
    found = user_groups(Shown(LISTS, 5, targets), head, np.array([0.2, 0.4, 1.0]), groups)
    assert list(found) == ["served", "not"]
    assert found["served"].gap.mean == pytest.approx(1.0)
    assert found["not"].gap.mean == pytest.approx(-1.0)
    assert found["served"].head_history == pytest.approx(0.3)
    assert found["served"].head_shown == pytest.approx(1 / (1 + THIRD))
    assert found["not"].head_shown == 0.0
    everybody = {"everybody": np.ones(3, dtype=bool)}
    assert (
        user_groups(Shown(LISTS, 5, targets), head, np.zeros(3), everybody)["everybody"].gap is None
    )


def test_without_held_out_pairs_there_is_no_quality():
    groups = {"low": np.arange(5) < 2}
    assert item_groups(Shown(LISTS, 5), np.ones(5, dtype=int), groups)["low"].targets is None
    people = {"a": np.array([True, False, False])}
    found = user_groups(Shown(LISTS, 5), np.arange(5) < 2, np.zeros(3), people)["a"]
    assert (found.quality, found.gap) == ({}, None)


def test_a_group_for_other_rows_is_refused():
    with pytest.raises(RequestError, match="each of the 5 items"):
        item_groups(Shown(LISTS, 5), np.ones(5, dtype=int), {"x": np.ones(4, dtype=bool)})
    with pytest.raises(RequestError, match="each of the 3 users"):
        user_groups(Shown(LISTS, 5), np.ones(5, dtype=bool), np.zeros(3), {"x": np.ones(3)})


def test_an_estimate_holds_its_mean():
    values = np.random.default_rng(0).normal(0.3, 1.0, 400)
    found = Estimate.of(values)
    assert found.low < found.mean < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert Estimate.of(np.empty(0)) is None


def test_independent_groups_of_users():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 300), rng.normal(0.5, 1, 200)
    found = independent_bootstrap(a, b)
    spread = 1.96 * np.sqrt(a.var() / 300 + b.var() / 200)
    assert found.mean == pytest.approx(b.mean() - a.mean())
    assert found.low == pytest.approx(found.mean - spread, abs=0.02)
    assert found.high == pytest.approx(found.mean + spread, abs=0.02)
    assert found.n_users == 500
    with pytest.raises(RequestError, match="one for each user"):
        independent_bootstrap(a, np.empty(0))
