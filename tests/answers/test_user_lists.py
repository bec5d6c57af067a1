"""The best users for items, and similar users."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgrec import Query, Recommender
from kgrec.errors import RequestError
from kgrec.scoring import ranked_lists
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(60)]


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("block", [1024, 9])
def test_best_users_are_found_by_the_scores_of_recommend(
    fitted: Recommender, monkeypatch: pytest.MonkeyPatch, exclude_seen: bool, block: int
) -> None:
    lists = fitted.recommend(USERS, k=40, exclude_seen=exclude_seen)
    monkeypatch.setattr(ranked_lists, "_BATCH", block)
    found = fitted.recommend_users(["i5", "i0", "i5"], k=8, exclude_seen=exclude_seen)
    best = lists.sort_values("score", ascending=False, kind="stable")
    wanted = [best[best["item_id"] == item].head(8) for item in ("i5", "i0", "i5")]
    for column in ("item_id", "user_id", "score"):
        assert found[column].tolist() == pd.concat(wanted)[column].tolist()
    assert found.columns.tolist() == ["item_id", "user_id", "score", "rank"]
    assert found["rank"].tolist() == [*range(1, 9)] * 3


def test_users_with_the_item_are_left_out(fitted: Recommender) -> None:
    seen = fitted.snapshot.interactions
    chose = {fitted.snapshot.users.ids[u] for u in seen.user[seen.item == 5]}
    found = fitted.recommend_users("i5", k=100)
    assert chose
    assert set(found["user_id"]) == set(USERS) - chose


def test_users_are_chosen_among_those_given(fitted: Recommender) -> None:
    some = ["u9", "u3", "u9", "u30"]
    found = fitted.recommend_users("i1", 10, users=some, exclude_seen=False)
    everyone = fitted.recommend_users("i1", 60, exclude_seen=False)
    among = everyone[everyone["user_id"].isin(some)]
    assert found["user_id"].tolist() == among["user_id"].tolist()
    assert found["score"].tolist() == among["score"].tolist()
    query = Query(histories={"x": ["i0"], "y": ["i3"]}, scenario="web")
    typed = fitted.recommend_users("i1", 1, users=query)
    lists = fitted.recommend(query, candidates=["i1"])
    assert typed["score"].tolist() == [lists["score"].max()]


def test_no_items_have_no_users(fitted: Recommender) -> None:
    found = fitted.recommend_users([], 3)
    assert len(found) == 0
    assert found.columns.tolist() == ["item_id", "user_id", "score", "rank"]


def test_most_similar_users_by_their_vectors(fitted: Recommender) -> None:
    vectors = fitted.vectors("user").vectors.astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    found = fitted.similar_users(USERS, k=5)
    assert found.columns.tolist() == ["user_id", "similar_id", "score", "rank"]
    best = np.sort(cosines, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(found["score"], best.ravel(), atol=1e-6)
    row = fitted.snapshot.users.rows
    asked, similar = row(found["user_id"]), row(found["similar_id"])
    np.testing.assert_allclose(cosines[asked, similar], found["score"], atol=1e-6)
    one = fitted.similar_users("u17", k=5)
    assert one["score"].tolist() == found[found["user_id"] == "u17"]["score"].tolist()


def test_a_typed_history_is_similar_to_its_stored_user(short: Recommender) -> None:
    seen = short.snapshot.interactions
    ids = short.snapshot.items.ids[seen.item[seen.user == 12]].tolist()
    attributes = short.snapshot.users.attributes.iloc[12].to_dict()
    found = short.similar_users(histories={"new": ids}, context=attributes, k=1)
    assert found["similar_id"].tolist() == ["u12"]
    named = short.similar_users(histories={"u12": ids}, k=60)
    assert set(named["similar_id"]) == set(USERS) - {"u12"}


def test_users_of_whom_nothing_is_known_are_similar_to_nobody() -> None:
    users = pd.DataFrame({"user_id": [*USERS, "silent"]})
    facts = catalogs.frames()["facts"].query("relation != 'FOLLOWS'")
    catalog = catalogs.catalog(users=users, facts=facts)
    model = Recommender(catalogs.config(**catalogs.SHORT)).fit(catalog)
    assert len(model.similar_users("silent")) == 0
    assert len(model.similar_users(histories={"new": []})) == 0
    assert set(model.similar_users("u0", k=100)["similar_id"]) == set(USERS) - {"u0"}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model: model.recommend_users("x"), "'x'"),
        (lambda model: model.recommend_users("i0", k=0), "k is 0"),
        (lambda model: model.recommend_users("i0", users=["nobody"]), "'nobody'"),
        (lambda model: model.recommend_users("i0", scenario="moon"), "'moon'"),
        (lambda model: model.recommend_users(None), "items"),
        (lambda model: model.similar_users("nobody"), "'nobody'"),
        (lambda model: model.similar_users("u0", k=1.5), "k is 1.5"),
        (lambda model: model.similar_users(), "users or histories"),
        (lambda model: model.similar("i0", candidates=["x"]), "'x'"),
        (lambda model: model.similar("i0", where={"colour": "red"}), "'colour'"),
    ],
)
def test_wrong_requests_are_refused(fitted: Recommender, ask: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        ask(fitted)


def test_similar_items_are_chosen_among_candidates(fitted: Recommender) -> None:
    everything = fitted.similar("i0", k=40)
    some = fitted.similar("i0", k=40, candidates=["i7", "i0", "i3"])
    inside = everything[everything["similar_id"].isin(["i7", "i3"])]
    assert some["similar_id"].tolist() == inside["similar_id"].tolist()
    assert some["score"].tolist() == inside["score"].tolist()
    comedies = fitted.similar(["i0", "i1"], k=40, where={"genres": "Comedy"})
    genres = fitted.snapshot.items.attributes["genres"].to_numpy()
    rows = fitted.snapshot.items.rows(comedies["similar_id"])
    assert len(rows)
    assert all("Comedy" in genre for genre in genres[rows])
