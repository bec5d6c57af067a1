"""Reasons where no path contributes much to a score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kgrec import Recommender, show_people
from kgrec.explain import Explanation
from kgrec.explain.ablation import CARRIES, best_share, with_score_drops


@pytest.fixture(scope="module")
def result(fitted: Recommender) -> Explanation:
    item = str(fitted.recommend(["u0"], k=1)["item_id"].iloc[0])
    found = show_people(fitted).explain("u0", item)
    assert found.gain > 0
    assert best_share(found) >= CARRIES
    return replace(found, reasons=())


def test_nothing_is_said_where_a_path_carries_and_its_events_count(result: Explanation) -> None:
    again = with_score_drops(result, [path.fall or 0.0 for path in result.paths])
    assert again == result


def test_events_that_others_make_up_for_do_not_decide(result: Explanation) -> None:
    share = max(path.share for path in result.paths)
    without = with_score_drops(result, [0.0] * len(result.paths))
    assert best_share(without) == 0.0
    assert f"the largest path contributes {share:.0%}" in without.reasons[0]


def test_a_path_that_hardly_counts_is_not_given_a_share(result: Explanation) -> None:
    small = [replace(path, share=-0.003) for path in result.paths]
    without = with_score_drops(replace(result, paths=small), [0.0] * len(small))
    assert "no path shown contributes 1%" in without.reasons[0]


def test_similar_texts_have_no_edge_to_show(result: Explanation) -> None:
    bare = [replace(path, stored=(True, False)) for path in result.paths]
    found = with_score_drops(replace(result, paths=bare), [result.gain] * len(bare))
    assert "similar texts or attributes" in found.reasons[0]


def test_a_history_that_did_not_raise_the_score(result: Explanation) -> None:
    lower = replace(result, baseline=result.score + 1.0)
    found = with_score_drops(lower, [1.0] * len(result.paths))
    assert "did not raise" in found.reasons[0]


def test_without_paths_the_reasons_stay(result: Explanation) -> None:
    empty = replace(result, paths=[], reasons=("Nothing.",))
    assert with_score_drops(empty, []) == empty
