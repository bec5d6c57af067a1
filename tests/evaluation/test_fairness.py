"""fairness() and rerank() of a fitted recommender: against recommend, evaluate and explain."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.errors import NotFittedError, RequestError
from kgrec.evaluation.exposure_rerank import trained_counts
from kgrec.metrics.groups import popularity_groups
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(catalogs.N_USERS)]


@pytest.fixture(scope="module")
def report(fitted: Recommender):
    return fitted.fairness(
        k=5, by="gender", items=["genres"], group="tail", shares=[0.6, 0.7], explained=4
    )


def share_of(model: Recommender, frame: pd.DataFrame, labels: np.ndarray, wanted: str) -> float:
    """The exposure of a group in the lists of a frame, from its ranks."""
    rows = model.snapshot.items.rows(frame["item_id"].to_numpy())
    exposure = 1 / np.log2(frame["rank"].to_numpy() + 1)
    return float(exposure[labels[rows] == wanted].sum() / exposure.sum())


def test_exposure_is_that_of_the_lists(fitted: Recommender, report) -> None:
    labels = popularity_groups(trained_counts(fitted.state.full_snapshot))
    frame = fitted.recommend(USERS, k=5)
    groups = report.item_groups["popularity"]
    for name, one in groups.items():
        assert one.exposure == pytest.approx(share_of(fitted, frame, labels, name))
    assert sum(one.exposure for one in groups.values()) == pytest.approx(1.0)
    assert report.coverage == frame["item_id"].nunique() / catalogs.N_ITEMS


def test_quality_is_that_of_evaluate(fitted: Recommender, report) -> None:
    expected = fitted.evaluate(ks=(5,), by="gender")
    assert report.quality["ndcg"].mean == pytest.approx(expected["ndcg@5"])
    for name, one in report.user_groups["gender"].items():
        assert one.users == expected.by_group[name]["users"]
        assert one.quality["recall"].mean == pytest.approx(expected.by_group[name]["recall@5"])
    assert set(report.user_groups) == {"history", "taste", "gender"}
    assert set(report.item_groups["genres"]) == {"Comedy", "Drama", "War", "Western", "Musical"}


def test_explanations_are_those_of_explain(fitted: Recommender, report) -> None:
    assert report.paths.pairs == 4 * 5
    drawn = np.sort(np.random.default_rng(0).permutation(len(USERS))[:4])
    best = []
    for user in fitted.snapshot.users.ids[drawn]:
        for item in fitted.recommend([user], k=5)["item_id"]:
            explanation = fitted.explain(user, item)
            kept = [path for path in explanation.paths if all(path.stored) and path.fall > 0]
            best.append(max((path.share for path in kept if explanation.gain > 0), default=0.0))
    assert any(best)
    assert report.paths.best == pytest.approx(np.mean(best))
    assert report.paths.explained == pytest.approx((np.array(best) >= 0.05).mean())
    by_item = [one.paths for one in report.item_groups["popularity"].values() if one.paths]
    assert sum(one.pairs for one in by_item) == 20


def test_costs_are_those_of_the_lists(fitted: Recommender, report) -> None:
    labels = popularity_groups(trained_counts(fitted.state.full_snapshot))
    plain, first, more = report.costs
    assert (plain.boost, plain.score_loss, plain.change["ndcg"].mean) == (0.0, 0.0, 0.0)
    assert plain.share == pytest.approx(report.item_groups["popularity"]["tail"].exposure)
    assert 0.6 <= first.share < 0.62
    assert 0.7 <= more.share < 0.72
    assert 0 < first.score_loss < more.score_loss
    change = first.quality["ndcg"].mean - plain.quality["ndcg"].mean
    assert first.change["ndcg"].mean == pytest.approx(change)
    lists = fitted.rerank(USERS, group="tail", share=0.6, k=5)
    assert lists.boost == first.boost
    assert (
        lists.share == first.share == pytest.approx(share_of(fitted, lists.frame, labels, "tail"))
    )
    assert lists.score_loss == first.score_loss


def test_the_report_reads_and_travels(report) -> None:
    assert "items by popularity" in str(report)
    assert "users by taste" in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_the_same_boost_serves_one_more_user(fitted: Recommender) -> None:
    together = fitted.rerank(USERS, group={"genres": "Western"}, share=0.4, k=5)
    assert together.share_before < 0.4 <= together.share
    alone = fitted.rerank("u3", group={"genres": "Western"}, boost=together.boost, k=5)
    wanted = together.frame[together.frame["user_id"] == "u3"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.frame, wanted)
    assert "of the exposure" in str(together)


def test_scores_are_the_models_own_and_filters_hold(fitted: Recommender) -> None:
    found = fitted.rerank(
        histories={"guest": ["i1", "i5"]},
        group=lambda items: items["year"] > 2005,
        share=1.0,
        k=3,
        where={"genres": "Drama"},
    )
    plain = fitted.recommend(histories={"guest": ["i1", "i5"]}, k=40, where={"genres": "Drama"})
    known = plain.set_index("item_id")["score"]
    assert found.frame["score"].to_numpy() == pytest.approx(known[found.frame["item_id"]])
    assert set(found.frame["item_id"]) <= set(plain["item_id"])
    assert found.share == 1.0
    assert found.frame["user_id"].tolist() == ["guest"] * 3


def test_less_exposure_may_be_asked_for(fitted: Recommender) -> None:
    found = fitted.rerank(USERS, group="head", share=0.05, k=5)
    assert found.boost < 0
    assert found.share <= 0.05 < found.share_before


def test_without_test_rows_there_is_exposure_alone() -> None:
    events = catalogs.frames()["interactions"]
    untested = events[events["split"] != "test"]
    settings = catalogs.config(epochs=1, valid_every=1)
    model = Recommender(settings).fit(catalogs.catalog(interactions=untested))
    report = model.fairness(k=3, explained=0, group="tail", shares=[0.9])
    assert (report.quality, report.paths, report.users) == ({}, None, catalogs.N_USERS)
    assert report.costs[1].score_loss > 0
    assert report.costs[1].change == {}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"by": "sex"}, "users have no attribute 'sex'"),
        ({"items": ["colour"]}, "items have no attribute 'colour'"),
        ({"group": "tail"}, "belong together"),
        ({"shares": [0.5]}, "belong together"),
        ({"group": "torso", "shares": [0.5]}, "no group of items is called 'torso'"),
        ({"group": "cold", "shares": [0.5]}, "holds no item"),
        ({"group": "tail", "shares": [1.5]}, "from 0 to 1"),
    ],
)
def test_wrong_requests_for_a_report(fitted: Recommender, asked, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        fitted.fairness(explained=0, **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"share": 0.5, "boost": 1.0}, "either share"),
        ({}, "either share"),
        ({"group": {"genres": "Opera"}, "share": 0.5}, "holds no item"),
        ({"group": {"year": (None, None)}, "share": 0.5}, "holds every item"),
        ({"group": {"item_id": "i0"}, "share": 0.9}, r"between 0\.0000 and 0\."),
        ({"users": [], "share": 0.5}, "nobody"),
        ({"users": ["nobody"], "share": 0.5}, "'nobody' is not in the graph"),
        ({"boost": float("nan")}, "finite"),
    ],
)
def test_wrong_requests_for_lists(fitted: Recommender, asked, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        fitted.rerank(**{"users": USERS, "group": "tail", **asked})


def test_an_unfitted_recommender_says_so() -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        Recommender().fairness()
    with pytest.raises(NotFittedError, match="not fitted"):
        Recommender().rerank("u1", group="tail", share=0.5)
