"""explain(): the score taken apart exactly, and only by what the model did."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import torch

from kgrec import Recommender, show_people
from tests.recommender import catalogs

CLOSE = 1e-5


def score_of(recommender: Recommender, item: str, **asked: object) -> float:
    frame = recommender.recommend(  # type: ignore[arg-type]
        k=1, exclude_seen=False, candidates=[item], **asked
    )
    return float(frame.set_index("item_id")["score"][item])


@pytest.mark.parametrize("user", ["u0", "u1", "u30"])
@pytest.mark.parametrize("item", ["i0", "i5", "i39"])
@pytest.mark.parametrize("scenario", [None, "web"])
def test_the_parts_sum_to_the_score_that_ranks(
    fitted: Recommender, user: str, item: str, scenario: str | None
) -> None:
    result = fitted.explain(user, item, scenario=scenario)
    ranked = score_of(fitted, item, users=user, scenario=scenario)
    assert result.score == pytest.approx(ranked, abs=CLOSE)
    assert result.baseline + sum(result.parts.values()) == pytest.approx(result.score, abs=CLOSE)
    total = result.baseline + result.shown + result.not_shown + result.rest
    assert total == pytest.approx(result.score, abs=CLOSE)
    assert (result.user_id, result.item_id) == (user, item)


@pytest.mark.parametrize("scenario", [None, "app"])
def test_the_baseline_is_the_score_without_history(
    fitted: Recommender, scenario: str | None
) -> None:
    result = fitted.explain("u1", "i5", scenario=scenario)
    without = score_of(fitted, "i5", histories={"u1": []}, scenario=scenario)
    assert result.baseline == pytest.approx(without, abs=CLOSE)
    empty = fitted.explain("u1", "i5", history=[], scenario=scenario)
    assert empty.score == empty.baseline == pytest.approx(without, abs=CLOSE)
    assert not empty.paths
    assert "no history" in empty.reasons[0]


def test_a_history_of_one_kind_speaks_for_that_kind(fitted: Recommender) -> None:
    history = ["i1", "i9", "i13"]
    same = fitted.explain("x", "i17", history=history)
    other = fitted.explain("x", "i18", history=history)
    assert same.gain > max(0.0, other.gain)
    assert same.paths[0].contribution > 0


def test_a_given_history_is_explained_by_its_own_items(fitted: Recommender) -> None:
    history = ["i2", "i6"]
    result = fitted.explain("x", "i10", history=history)
    ranked = score_of(fitted, "i10", histories={"x": history})
    assert result.score == pytest.approx(ranked, abs=CLOSE)
    assert result.paths
    for path in result.paths:
        items = {node[1] for node in path.nodes if node[0] == "Item"}
        assert items & {*history}, str(path)


def test_paths_come_by_contribution_and_no_more_than_asked(fitted: Recommender) -> None:
    result = fitted.explain("u1", "i5", k=3)
    contributions = [path.contribution for path in result.paths]
    assert 0 < len(result.paths) <= 3
    assert contributions == sorted(contributions, reverse=True)
    assert len(result.to_frame()) == len(result.paths)
    assert str(result) == str(fitted.explain("u1", "i5", k=3))


def test_paths_are_in_the_graph(fitted: Recommender) -> None:
    """Every stored relationship of a path is an interaction or a fact of the snapshot."""
    snapshot = fitted.snapshot
    edges = {
        (("Item", snapshot.items.ids[i]), "INTERACTED", ("User", snapshot.users.ids[u]))
        for u, i in zip(snapshot.interactions.user, snapshot.interactions.item, strict=True)
    }
    for f in snapshot.facts:
        heads = snapshot.table(f.head_label).ids[f.head]
        tails = snapshot.table(f.tail_label).ids[f.tail]
        for head, tail in zip(heads, tails, strict=True):
            edges.add(((f.head_label, head), f.relation, (f.tail_label, tail)))
    checked = 0
    for item in ("i1", "i5", "i8"):
        for path in show_people(fitted).explain("u1", item, k=10).paths:
            for place, relation in enumerate(path.relations):
                left, right = path.nodes[place][:2], path.nodes[place + 1][:2]
                if path.stored[place]:
                    assert {(left, relation, right), (right, relation, left)} & edges, str(path)
                    checked += 1
    assert checked > 10


def test_followed_users_are_part_of_the_baseline(fitted: Recommender) -> None:
    """u0 follows u4: without a history of their own their score differs from a stranger's, and
    differs again once u4 is no longer followed."""
    follower = score_of(fitted, "i0", histories={"u0": []})
    stranger = score_of(fitted, "i0", histories={"x": []})
    assert abs(follower - stranger) > 1e-3


def test_what_users_follow_feeds_their_scores() -> None:
    """The same graph without FOLLOWS: only followers' scores lose that part."""
    attributes = {"use_attributes": False}
    whole = Recommender(catalogs.config(attributes, epochs=4)).fit(catalogs.catalog())
    empty = {f"u{n}": [] for n in (0, 19, 20, 59)}  # u0 to u19 follow somebody
    frame = whole.recommend(histories=empty, k=catalogs.N_ITEMS)
    scores = frame.pivot(index="item_id", columns="user_id", values="score")
    pd.testing.assert_series_equal(scores["u20"], scores["u59"], check_names=False)
    for follower in ("u0", "u19"):
        assert (scores[follower] - scores["u59"]).abs().max() > 1e-4
    assert all(math.isfinite(value) for value in frame["score"])


def test_items_whose_vectors_are_zero_are_explained() -> None:
    """As closed-form vectors of items with few events may be."""
    model = Recommender().fit(catalogs.catalog(), effort="quick")
    with torch.inference_mode():
        for vectors in model.state.engine.bound.item_parts[1].values():
            vectors.zero_()
    for item in (f"i{number}" for number in range(10)):
        explained = model.explain("u1", item)
        assert math.isfinite(explained.score)
        assert all(math.isfinite(path.contribution) for path in explained.paths)
