"""evaluate_ranking: masks, candidates, what is left out, and the report's table."""

import numpy as np
import pytest
import torch

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import evaluate_ranking

SCORES = np.array([[5, 4, 3, 2, 1], [1, 2, 3, 4, 5], [9, 9, 9, 9, 9]], dtype=np.float32)
SEEN = pairs_to_csr(np.array([0, 1]), np.array([0, 4]), 3)


def evaluate(targets, **options):
    return evaluate_ranking(
        lambda rows: torch.from_numpy(SCORES[rows]),
        n_items=5,
        targets=pairs_to_csr(*map(np.array, targets), 3),
        seen=SEEN,
        ks=(1, 2),
        **options,
    )


def test_seen_items_leave_the_list():
    report = evaluate(([0, 1], [1, 3]))
    assert report["hr@1"] == 1.0
    assert report.n_users == 2


def test_unreachable_targets_are_left_out_and_counted():
    report = evaluate(([0, 0, 1], [0, 1, 4]))
    assert (report.n_users, report.n_targets, report.n_targets_left_out) == (1, 1, 2)
    report = evaluate(([0, 0], [1, 4]), candidates=np.array([3, 4]))
    assert (report.n_targets, report.n_items, report.n_targets_left_out) == (1, 2, 1)
    assert (report["hr@1"], report["hr@2"]) == (0.0, 1.0)


def test_the_batch_size_changes_nothing():
    targets = ([0, 1, 2, 2], [2, 0, 1, 3])
    options = {
        "groups": np.array(["a", "b", "a"], dtype=object),
        "target_groups": np.array(["cold", "warm", "cold", "warm", "warm"], dtype=object),
        "item_popularity": np.arange(5),
        "full_mrr": True,
        "keep_users": True,
    }
    one, all_at_once = (evaluate(targets, batch_size=size, **options) for size in (1, 100))
    assert one.metrics == all_at_once.metrics
    assert one.by_group == all_at_once.by_group
    assert one.users.tolist() == [0, 1, 2]
    assert one.per_user["mrr"].mean() == pytest.approx(one["mrr"])


def test_the_report_prints_as_a_table():
    groups = np.array(["tv", "web", "tv"], dtype=object)
    lines = str(evaluate(([0, 1], [1, 0]), groups=groups)).splitlines()
    assert lines[0].split() == ["metric", "all", "tv", "web"]
    assert lines[1].split() == ["users", "2", "1", "1"]
    assert lines[2].split() == ["ndcg@1", "0.5000", "1.0000", "0.0000"]


def test_says_what_is_wrong():
    with pytest.raises(RequestError, match="no user has a held-out item"):
        evaluate(([], []))
    with pytest.raises(RequestError, match="expected"):
        evaluate_ranking(
            lambda _: SCORES,
            n_items=5,
            targets=pairs_to_csr(np.array([0]), np.array([1]), 3),
            seen=SEEN,
        )
    with pytest.raises(RequestError, match="pass the same"):
        evaluate_ranking(
            lambda rows: SCORES[rows],
            n_items=5,
            targets=pairs_to_csr(np.array([0]), np.array([1]), 2),
            seen=SEEN,
        )


def test_progress_reaches_the_end():
    calls = []
    evaluate(([0, 1, 2], [1, 1, 1]), batch_size=2, progress=lambda *call: calls.append(call))
    assert [call[1:] for call in calls] == [(2, 3), (3, 3)]
