"""recommend(): what comes back, for whom, and that nobody's answer depends on anybody else's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(catalogs.N_USERS)]
ALL = catalogs.N_ITEMS
CLOSE = {"atol": 1e-6, "rtol": 1e-6}


def scores(recommender: Recommender, user: str, **options: object) -> pd.Series:
    """Every item's score for one user, by item id."""
    everything = recommender.snapshot.items.ids.tolist()  # not just what the scenario has
    options = {"k": ALL, "exclude_seen": False, "candidates": everything, **options}
    frame = recommender.recommend(user, **options)  # type: ignore[arg-type]
    return frame.set_index("item_id")["score"].sort_index()


def seen_by(recommender: Recommender, user: str) -> set[str]:
    snapshot = recommender.snapshot
    row = int(snapshot.users.rows([user])[0])
    return set(snapshot.items.ids[snapshot.interactions.item[snapshot.interactions.user == row]])


def test_columns_types_and_order(fitted: Recommender) -> None:
    frame = fitted.recommend(["u3", "u1"], k=4)
    assert list(frame.columns) == ["user_id", "item_id", "score", "rank"]
    assert frame["user_id"].tolist() == ["u3"] * 4 + ["u1"] * 4
    assert frame["rank"].tolist() == [1, 2, 3, 4] * 2
    assert frame["score"].dtype == np.float32
    assert frame["rank"].dtype == np.int64
    for _, own in frame.groupby("user_id"):
        assert own["score"].is_monotonic_decreasing
        assert own["item_id"].is_unique


def test_what_was_seen_is_left_out_unless_wanted(fitted: Recommender) -> None:
    seen = seen_by(fitted, "u1")
    assert len(seen) == catalogs.PER_USER - 1  # the test event is not part of the graph
    assert not seen & set(fitted.recommend("u1", k=ALL)["item_id"])
    assert seen <= set(fitted.recommend("u1", k=ALL, exclude_seen=False)["item_id"])


def test_a_k_beyond_the_catalog_gives_all_there_is(fitted: Recommender) -> None:
    assert len(fitted.recommend("u1", k=10**6)) == ALL - len(seen_by(fitted, "u1"))
    assert len(fitted.recommend("u1", k=10**6, exclude_seen=False)) == ALL


def test_candidates_and_where_narrow_the_items(fitted: Recommender) -> None:
    chosen = ["i3", "i7", "i11", "i12"]
    frame = fitted.recommend("u1", k=9, candidates=chosen, exclude_seen=False)
    assert sorted(frame["item_id"]) == sorted(chosen)
    everything = scores(fitted, "u1")
    assert (frame.set_index("item_id")["score"] == everything[frame["item_id"]]).all()
    frame = fitted.recommend("u1", k=ALL, where={"genres": "Comedy", "year": (2000, None)})
    rows = fitted.snapshot.items.rows(frame["item_id"].tolist())
    attributes = fitted.snapshot.items.attributes.iloc[rows]
    assert attributes["genres"].str.contains("Comedy").all()
    assert (attributes["year"] >= 2000).all()
    both = fitted.recommend("u1", k=9, candidates=chosen, where={"year": (None, 1990)})
    assert set(both["item_id"]) <= {"i3", "i7"}


def test_everybody_gets_the_same_answer_alone_and_together(fitted: Recommender) -> None:
    together = fitted.recommend(USERS, k=ALL)
    for user in USERS[::7]:
        alone = fitted.recommend(user, k=ALL)
        own = together[together["user_id"] == user]
        assert alone["item_id"].tolist() == own["item_id"].tolist()
        np.testing.assert_allclose(alone["score"], own["score"], **CLOSE)


def test_three_thousand_in_another_order_get_the_same_answers(fitted: Recommender) -> None:
    """More than two batches; every user occurs fifty times, in random places."""
    asked = np.random.default_rng(0).permutation(np.repeat(USERS, 50)).tolist()
    many = fitted.recommend(asked, k=8)
    assert len(many) == 3000 * 8
    assert many["user_id"].to_numpy().reshape(-1, 8)[:, 0].tolist() == asked
    once = fitted.recommend(USERS, k=8)
    items = dict(zip(USERS, once["item_id"].to_numpy().reshape(-1, 8), strict=True))
    score = dict(zip(USERS, once["score"].to_numpy().reshape(-1, 8), strict=True))
    assert (many["item_id"].to_numpy().reshape(-1, 8) == [items[u] for u in asked]).all()
    np.testing.assert_allclose(
        many["score"].to_numpy().reshape(-1, 8), [score[u] for u in asked], **CLOSE
    )


def test_a_given_history_takes_the_place_of_the_stored_one(fitted: Recommender) -> None:
    given = fitted.recommend("u1", histories=[["i2", "i6"]], k=5)
    named = fitted.recommend(histories={"u1": ["i2", "i6"]}, k=5)
    pd.testing.assert_frame_equal(given, named)
    stored = fitted.recommend("u1", k=5)
    assert given["item_id"].tolist() != stored["item_id"].tolist()
    assert not {"i2", "i6"} & set(given["item_id"])


def test_histories_without_names_are_numbered(fitted: Recommender) -> None:
    frame = fitted.recommend(histories=[["i2"], []], k=2)
    assert frame["user_id"].tolist() == ["0", "0", "1", "1"]
    stranger = fitted.recommend(histories={"nobody": ["i2"]}, k=2)
    assert frame["item_id"].tolist()[:2] == stranger["item_id"].tolist()


def test_a_number_is_no_stored_user() -> None:
    """Stored users called "0", "1" lend nothing to unnamed histories."""
    frames = catalogs.frames()
    for name in ("users", "interactions"):
        frames[name] = frames[name].assign(user_id=frames[name]["user_id"].str[1:])
    catalog = catalogs.catalog(**{**frames, "facts": None, "reviews": None, "queries": None})
    recommender = Recommender(catalogs.config(epochs=2)).fit(catalog)
    unnamed = recommender.recommend(histories=[["i1"]], k=ALL)
    named = recommender.recommend(histories={"nobody": ["i1"]}, k=ALL)
    assert unnamed["score"].tolist() == named["score"].tolist()


def test_without_any_history_everybody_unknown_is_alike(fitted: Recommender) -> None:
    frame = fitted.recommend(histories={"a": [], "b": []}, k=ALL)
    first, second = (frame[frame["user_id"] == user] for user in ("a", "b"))
    assert first["item_id"].tolist() == second["item_id"].tolist()
    assert np.isfinite(frame["score"]).all()
    assert len(first) == ALL


def test_the_order_of_a_history_counts(fitted: Recommender) -> None:
    forth = fitted.recommend(histories={"x": ["i0", "i1", "i2"]}, k=ALL)
    back = fitted.recommend(histories={"x": ["i2", "i1", "i0"]}, k=ALL)
    assert not np.allclose(forth["score"], back["score"], atol=1e-3)


def test_taste_shows(fitted: Recommender) -> None:
    """A history of one taste is answered with that taste: the model has learned something."""
    hits = []
    for taste in range(catalogs.TASTES):
        history = [f"i{taste + catalogs.TASTES * n}" for n in range(4)]
        frame = fitted.recommend(histories={"x": history}, k=5)
        hits += [int(item[1:]) % catalogs.TASTES == taste for item in frame["item_id"]]
    assert np.mean(hits) > 0.5  # by chance it would be a quarter


@pytest.mark.parametrize("scenario", ["web", "app"])
def test_a_scenario_changes_the_scores(fitted: Recommender, scenario: str) -> None:
    plain, result = scores(fitted, "u1"), scores(fitted, "u1", scenario=scenario)
    assert not np.allclose(plain, result, atol=1e-4)


def test_a_scenario_answers_with_what_it_has(fitted: Recommender) -> None:
    """Odd items were chosen on the web alone, even ones in the app alone."""
    for scenario, odd in (("web", 1), ("app", 0)):
        frame = fitted.recommend("u1", k=ALL, scenario=scenario, exclude_seen=False)
        assert len(frame) == ALL // 2
        assert all(int(item[1:]) % 2 == odd for item in frame["item_id"])


def test_scenarios_differ_where_they_choose_among_all() -> None:
    """Then a scenario's own items gain in it."""
    config = catalogs.config(epochs=8, scenario_candidates="all")
    model = Recommender(config).fit(catalogs.catalog(), seed=0)
    web, app = scores(model, "u1", scenario="web"), scores(model, "u1", scenario="app")
    odd = np.array([int(item[1:]) % 2 == 1 for item in web.index])
    gain = web - app
    assert gain[odd].mean() > gain[~odd].mean()


def test_context_tells_of_a_stranger(fitted: Recommender) -> None:
    def of(context: dict[str, object] | None, user: str = "stranger") -> np.ndarray:
        frame = fitted.recommend(
            histories={user: ["i1"]}, k=ALL, context=context, exclude_seen=False
        )
        return frame.set_index("item_id")["score"].sort_index().to_numpy()

    assert not np.allclose(of(None), of({"gender": "F"}), atol=1e-4)
    assert not np.allclose(of({"gender": "M"}), of({"gender": "F"}), atol=1e-4)
    assert not np.allclose(of({"age": 22}), of({"age": 50}), atol=1e-5)
    assert np.allclose(of({"gender": "a value never seen"}), of(None))
    np.testing.assert_allclose(of({"gender": "F"}, "u1"), of(None, "u1"), atol=1e-5)


def test_similar_items(fitted: Recommender) -> None:
    frame = fitted.similar(["i1", "i2"], k=3)
    assert list(frame.columns) == ["item_id", "similar_id", "score", "rank"]
    assert frame["item_id"].tolist() == ["i1"] * 3 + ["i2"] * 3
    assert (frame["item_id"] != frame["similar_id"]).all()
    assert frame["score"].between(-1.0001, 1.0001).all()
    pd.testing.assert_frame_equal(fitted.similar("i1", k=3), frame[:3])
