"""Metrics against ir-measures (trec_eval) and against sums done by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import (
    RankingMetrics,
    auc,
    evaluate_ranking,
    hit_matrix,
    logloss,
    mae,
    rmse,
    self_information,
    user_metrics,
)

from .oracle import oracle_means


def no_seen(n_users):
    return np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 40), st.integers(1, 60))
def test_agrees_with_trec_eval(seed, n_users, n_items, n_pairs):
    """Ties are frequent, and users with more targets than the cut or no target occur."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (n_users, n_items)).astype(np.float32)
    targets = pairs_to_csr(
        rng.integers(0, n_users, n_pairs), rng.integers(0, n_items, n_pairs), n_users
    )
    report = evaluate_ranking(
        lambda rows: scores[rows],
        n_items=n_items,
        targets=targets,
        seen=no_seen(n_users),
        ks=(1, 3, 10),
        batch_size=5,
        full_mrr=True,
    )
    has = np.diff(targets[0]) > 0
    expected = oracle_means(scores[has], _only(targets, has), (1, 3, 10))
    assert report.n_users == has.sum()
    for name, value in expected.items():
        assert report[name] == pytest.approx(value, abs=1e-9), name


def _only(targets, has):
    users = np.repeat(np.arange(len(has)), np.diff(targets[0]))
    renumbered = np.cumsum(has) - 1
    return pairs_to_csr(renumbered[users], targets[1], int(has.sum()))


def test_by_hand():
    top = np.array([[4, 2, 9], [1, -1, -1]])
    targets = pairs_to_csr(np.array([0, 0, 0, 1]), np.array([2, 9, 7, 0]), 2)
    hits = hit_matrix(top, targets)
    assert hits.tolist() == [[False, True, True], [False, False, False]]
    found = user_metrics(hits, np.array([3, 1]), [2, 3])
    assert found["recall@3"].tolist() == [2 / 3, 0.0]
    assert found["precision@2"].tolist() == [0.5, 0.0]
    assert found["mrr@3"].tolist() == [0.5, 0.0]
    assert found["map@3"][0] == pytest.approx((1 / 2 + 2 / 3) / 3)
    gain, ideal = 1 / np.log2(3), 1 + 1 / np.log2(3)
    assert found["ndcg@2"][0] == pytest.approx(gain / ideal)


def test_coverage_novelty_and_groups():
    tally = RankingMetrics(
        [1, 2],
        n_items=4,
        popularity=np.array([7, 3, 0, 2]),
        target_groups=np.array(["head", "head", "tail", "tail"], dtype=object),
        keep_users=True,
    )
    groups = np.array(["tv", "web"], dtype=object)
    targets = pairs_to_csr(np.array([0, 1, 1]), np.array([0, 1, 2]), 2)
    tally.update(np.array([[0, 1], [3, 2]]), targets, groups=groups)
    found = tally.metrics()
    assert found["coverage@1"] == 0.5
    assert found["coverage@2"] == 1.0
    information = self_information(np.array([7, 3, 0, 2]))
    assert information.tolist() == [-np.log2(8 / 16), 2.0, 4.0, -np.log2(3 / 16)]
    assert found["novelty@2"] == pytest.approx(information.mean())
    by_group = tally.by_group()
    assert by_group["tv"]["hr@1"] == 1.0
    assert by_group["web"]["hr@1"] == 0.0
    assert by_group["head targets"]["users"] == 2
    assert by_group["head targets"]["recall@2"] == 0.5
    assert by_group["tail targets"]["mrr@2"] == 0.5
    assert tally.per_user()["recall@2"].tolist() == [1.0, 0.5]


def test_auc_logloss_rmse_mae():
    assert auc(np.array([1, 0, 1, 0]), np.array([0.9, 0.1, 0.5, 0.5])) == pytest.approx(0.875)
    assert auc(np.array([0, 1]), np.array([1.0, 0.0])) == 0.0
    assert logloss(np.array([1, 0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert np.isfinite(logloss(np.array([1]), np.array([0.0])))
    assert rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx(np.sqrt(2))
    assert mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(rows):
    labels = np.array([label for label, _ in rows])
    scores = np.array([score for _, score in rows])
    if labels.all() or not labels.any():
        with pytest.raises(RequestError, match="one negative"):
            auc(labels, scores)
        return
    difference = scores[labels][:, None] - scores[~labels][None, :]
    expected = (difference > 0).mean() + 0.5 * (difference == 0).mean()
    assert auc(labels, scores) == pytest.approx(expected)


def test_says_what_is_wrong():
    with pytest.raises(RequestError, match="at least one cut"):
        RankingMetrics([], 3)
    with pytest.raises(RequestError, match="need more"):
        user_metrics(np.zeros((1, 2), dtype=bool), np.array([1]), [3])
    with pytest.raises(RequestError, match="leave such users out"):
        user_metrics(np.zeros((1, 3), dtype=bool), np.array([0]), [3])
    with pytest.raises(RequestError, match="not kept"):
        RankingMetrics([1], 3).per_user()
