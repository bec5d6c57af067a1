"""The paired bootstrap: interval, seed, and coverage of the truth."""

from dataclasses import replace

import numpy as np
import pytest

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import compare_reports, evaluate_ranking, paired_bootstrap


def test_interval_matches_the_normal_one():
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    b = a + rng.normal(0.3, 1.0, 400)
    found = paired_bootstrap(a, b)
    spread = 1.96 * (b - a).std() / 20
    assert found.mean == pytest.approx((b - a).mean())
    assert found.low == pytest.approx(found.mean - spread, abs=0.01)
    assert found.high == pytest.approx(found.mean + spread, abs=0.01)
    assert found.significant
    assert not paired_bootstrap(a, a[::-1].copy()).significant
    assert str(found).startswith(f"{found.mean:+.4f} [")


def test_same_seed_same_interval():
    a, b = np.arange(30.0), np.arange(30.0)[::-1].copy()
    assert paired_bootstrap(a, b, seed=3) == paired_bootstrap(a, b, seed=3)
    assert paired_bootstrap(a, b, seed=3) != paired_bootstrap(a, b, seed=4)


def report(n_users, scores, keep_users=True):
    return evaluate_ranking(
        lambda rows: scores[rows],
        n_items=4,
        targets=pairs_to_csr(np.arange(n_users), np.zeros(n_users, dtype=int), n_users),
        seen=(np.zeros(n_users + 1, dtype=np.int64), np.empty(0, dtype=np.int64)),
        ks=(1,),
        keep_users=keep_users,
    )


def test_compares_two_reports():
    good, bad = np.tile([4.0, 3, 2, 1], (9, 1)), np.tile([1.0, 2, 3, 4], (9, 1))
    found = compare_reports(report(9, bad), report(9, good), "hr@1")
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)
    with pytest.raises(RequestError, match="different users"):
        compare_reports(report(8, bad), report(9, good), "hr@1")
    with pytest.raises(RequestError, match="keep_users"):
        compare_reports(report(9, bad, keep_users=False), report(9, good), "hr@1")


def test_users_are_paired_by_what_they_are_called():
    scores = np.tile([4.0, 3, 2, 1], (3, 1))
    scores[1] = [1, 2, 3, 4]
    before = replace(report(3, scores), users=np.array(["a", "b", "c"], dtype=object))
    moved = replace(report(3, scores[[1, 0, 2]]), users=np.array(["b", "a", "c"], dtype=object))
    found = compare_reports(before, moved, "hr@1")
    assert (found.low, found.mean, found.high) == (0.0, 0.0, 0.0)
    other = replace(moved, users=np.array(["b", "a", "d"], dtype=object))
    with pytest.raises(RequestError, match="different users"):
        compare_reports(before, other, "hr@1")


def test_says_what_is_wrong():
    with pytest.raises(RequestError, match="shapes"):
        paired_bootstrap(np.zeros(2), np.zeros(3))
    with pytest.raises(RequestError, match="confidence"):
        paired_bootstrap(np.zeros(2), np.zeros(2), confidence=1.0)
