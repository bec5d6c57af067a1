"""Circumstances of a request and repeats: in every verb, in the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Query, Recommender, RecommenderConfig
from kgrec.config import ContextConfig, FeedbackConfig
from kgrec.errors import RequestError
from kgrec.graph.source import read_source
from kgrec.scoring.live_events import LiveEvent, LiveEvents

from .samples import DAYTIMES, N_ITEMS, catalog, config, events, fitted

EVENING = {"daytime": "evening"}
USERS = [f"u{row}" for row in range(20)]


def scores(model: Recommender, users: list[str], context: dict[str, object] | None) -> pd.DataFrame:
    ranked = model.recommend(users, k=N_ITEMS, context=context, exclude_seen=False)
    return ranked.pivot(index="user_id", columns="item_id", values="score").loc[users]


def test_weights_are_found_where_there_is_something_to_find() -> None:
    found = fitted().state.engine.context
    assert found is not None
    daytime, _ = found.columns
    assert daytime.weight > 0 or daytime.own > 0
    assert found.repeats > 0


def test_a_column_by_chance_moves_scores_little() -> None:
    plain = scores(fitted(), USERS, None)
    moved = [
        float((scores(fitted(), USERS, context) - plain).abs().to_numpy().mean())
        for context in (EVENING, {"place": "home"})
    ]
    assert moved[1] < moved[0] / 3


def test_items_of_the_daytime_are_ahead() -> None:
    model = fitted()
    for value in DAYTIMES:
        best = model.recommend(USERS, k=1, context={"daytime": value}, exclude_seen=False)
        kind = best["item_id"].str[1:].astype(int) % 3
        assert (kind == DAYTIMES.index(value)).mean() >= 0.45  # a third by chance


def test_a_user_alone_has_the_scores_of_a_batch() -> None:
    together = scores(fitted(), USERS, EVENING)
    for user in USERS[:5]:
        alone = scores(fitted(), [user], EVENING)
        np.testing.assert_allclose(alone, together.loc[[user]], rtol=0, atol=1e-4)
    assert scores(fitted(), USERS[:17], EVENING).equals(together.iloc[:17])


def test_unknown_values_answer_as_none() -> None:
    plain = scores(fitted(), USERS, None)
    for context in ({"daytime": "never"}, {"daytime": None}, {"place": "moon"}):
        assert scores(fitted(), USERS, context).equals(plain)


def test_without_items_of_the_history_repeats_have_no_effect() -> None:
    model = fitted()
    engine = model.state.engine
    assert engine.context is not None
    columns = tuple(replace(one, own=0.0) for one in engine.context.columns)
    other = replace(engine.context, repeats=0.0, amount=0.0, columns=columns)
    without = Recommender.of(replace(model.state, engine=engine.with_context(other)))
    wanted = {"k": 10, "context": EVENING}
    assert model.recommend(USERS, **wanted).equals(without.recommend(USERS, **wanted))
    assert not scores(model, USERS, None).equals(scores(without, USERS, None))


def test_verbs_agree() -> None:
    model = fitted()
    query = Query("u1", context=EVENING)
    listed = model.recommend(query, k=N_ITEMS, exclude_seen=False).set_index("item_id")["score"]
    pairs = pd.DataFrame({"user_id": "u1", "item_id": listed.index})
    scored = model.score(pairs, context=EVENING).set_index("item_id")["score"]
    np.testing.assert_array_equal(scored.loc[listed.index], listed)
    item = listed.index[0]
    users = model.recommend_users(item, users=["u1"], context=EVENING, exclude_seen=False)
    np.testing.assert_allclose(users["score"], listed.iloc[:1], rtol=1e-5)


@pytest.mark.parametrize("context", [None, EVENING, {"daytime": "noon", "place": "home"}])
def test_explanations_add_up(context: dict[str, str] | None) -> None:
    model = fitted()
    all_scores = scores(model, ["u3"], context).iloc[0]
    for item, score in all_scores.items():
        found = model.explain("u3", str(item), context=context)
        whole = found.baseline + found.shown + found.not_shown + found.rest
        assert math.isclose(whole, found.score, abs_tol=1e-6)
        assert math.isclose(found.score, score, rel_tol=1e-4, abs_tol=1e-3)
        assert abs(found.rest - found.withheld) < 1e-3


def test_an_explanation_names_the_circumstances_and_the_uses() -> None:
    model = fitted()
    own = events().query("user_id == 'u3'")["item_id"].value_counts()
    found = model.explain("u3", str(own.index[0]), context=EVENING)
    assert found.parts["repeats"] > 0
    named = {"daytime = evening"}
    assert named & {*found.context, *found.parts}
    assert any(f"{own.iloc[0]} times" in path.sentence for path in found.paths)
    assert any(f"{name}" in str(found) for name in found.context) or not found.context


def test_saved_models_answer_alike(tmp_path: Path) -> None:
    fitted().save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert loaded.state.engine.context == fitted().state.engine.context
    assert scores(loaded, USERS, EVENING).equals(scores(fitted(), USERS, EVENING))


def test_updates_count() -> None:
    model = Recommender.of(fitted().state)
    rows = pd.DataFrame(
        {"user_id": "u1", "item_id": "i2", "daytime": ["evening"] * 30, "cnt": 1, "place": "home"}
    )
    before = scores(model, ["u1"], EVENING)["i2"]
    model.update(Catalog.from_frames(interactions=rows))
    assert len(model.snapshot.interactions) == len(events()) + 30 - _equal(rows)
    assert (scores(model, ["u1"], EVENING)["i2"] > before).all()


def _equal(rows: pd.DataFrame) -> int:
    """How many of the new events are events that the graph has already."""
    keys = ["user_id", "item_id", "daytime", "place", "cnt"]
    old = events()[keys].astype(str).value_counts()
    key = tuple(rows[keys].astype(str).iloc[0])
    return int(min(old.get(key, 0), len(rows)))


def test_removed_events_count_no_more() -> None:
    model = Recommender.of(fitted().state)
    own = events().query("user_id == 'u1'")["item_id"].value_counts()
    item = str(own.index[0])
    assert "repeats" in model.explain("u1", item).parts
    model.remove(interactions=pd.DataFrame({"user_id": ["u1"], "item_id": [item]}))
    assert "repeats" not in model.explain("u1", item).parts
    assert model.state.engine.context == fitted().state.engine.context


def test_negative_events_are_no_repeats() -> None:
    frame = events().assign(event="use")
    item = str(frame.query("user_id == 'u1'")["item_id"].value_counts().index[0])
    frame.loc[(frame["user_id"] == "u1") & (frame["item_id"] == item), "event"] = "hide"
    feedback = FeedbackConfig(events={"use": 1.0, "hide": -1.0})
    settings = config().model_copy(update={"feedback": feedback})
    model = Recommender(settings).fit(catalog(frame), effort="quick")
    assert model.state.engine.context is not None
    assert model.state.engine.context.repeats > 0
    assert "repeats" not in model.explain("u1", item).parts
    other = str(frame.query("user_id == 'u2'")["item_id"].value_counts().index[0])
    found = model.explain("u2", other, context=EVENING)
    assert found.parts["repeats"] > 0
    assert abs(found.rest - found.withheld) < 1e-3


def test_events_that_came_later_repeat_too() -> None:
    state = fitted().state
    live = LiveEvents()
    for number in range(9):
        live.add("u1", LiveEvent(number, "i2", number))
    now = Recommender.of(replace(state, live=live))
    before, after = (scores(one, ["u1"], EVENING)["i2"] for one in (fitted(), now))
    assert (after > before).all()
    none = Recommender.of(replace(state, live=LiveEvents()))
    assert scores(none, ["u1"], EVENING).equals(scores(fitted(), ["u1"], EVENING))


def test_histories_of_a_request_repeat_too() -> None:
    model = fitted()
    few, many = (
        model.recommend(histories=[["i1", *["i2"] * times]], k=N_ITEMS, exclude_seen=False)
        for times in (1, 9)
    )
    rank = [one.set_index("item_id")["rank"]["i2"] for one in (few, many)]
    assert rank[1] <= rank[0]
    assert rank[1] == 1


def test_a_trained_model_has_the_terms_too() -> None:
    model = Recommender(config()).fit(catalog())
    found = model.state.engine.context
    assert found is not None
    assert found.repeats > 0
    assert not scores(model, USERS, EVENING).equals(scores(model, USERS, None))


def test_the_order_of_rows_changes_nothing() -> None:
    shuffled = events().sample(frac=1, random_state=1)
    other = Recommender(config()).fit(catalog(shuffled), effort="quick")
    assert scores(other, USERS, EVENING).equals(scores(fitted(), USERS, EVENING))


def test_without_columns_and_repeats_there_are_no_terms() -> None:
    once = events().drop_duplicates(["user_id", "item_id"])
    model = Recommender(RecommenderConfig()).fit(catalog(once), effort="quick")
    assert model.state.engine.context is None
    with pytest.raises(RequestError, match="leave context out"):
        model.recommend(["u1"], context=EVENING)


REFUSED = {
    "attribute of items": ({"columns": ("cost",)}, "'cost' never varies within an item"),
    "attribute of users": ({"columns": ("language",)}, "'language' never varies within a user"),
    "a missing column": ({"columns": ("weather",)}, "no interaction has a value.*'weather'"),
    "one value": ({"columns": ("year",)}, "'year' has the value '2026' throughout"),
    "measurements": ({"columns": ("degrees",)}, "'degrees' has .* values .* bins"),
    "counts of words": ({"count": "daytime", "columns": ()}, "'daytime', which has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_columns_that_are_no_circumstances(case: str) -> None:
    rng = np.random.default_rng(0)
    frame = events().assign(year="2026")
    frame["cost"] = np.where(frame["item_id"] < "i15", "free", "paid")
    frame["language"] = np.where(frame["user_id"] < "u3", "en", "de")
    frame["degrees"] = rng.normal(size=len(frame))
    settings, message = REFUSED[case]
    model = Recommender(config(**{"count": None, **settings}))
    with pytest.raises(RequestError, match=message):
        model.fit(catalog(frame), effort="quick")


@pytest.mark.parametrize("value", [["evening"], {"a": 1}, float("nan")])
def test_values_of_another_type_are_refused(value: object) -> None:
    with pytest.raises(RequestError, match=r"context .*'daytime'"):
        fitted().recommend(["u1"], context={"daytime": value})


def test_settings_that_do_not_fit() -> None:
    for wrong in (
        {"columns": ("rating",)},
        {"columns": ("a", "a")},
        {"columns": ("a",), "count": "a"},
    ):
        with pytest.raises(RequestError, match="ContextConfig"):
            ContextConfig(**wrong)


def test_snapshots_without_the_columns_are_refused() -> None:
    with pytest.raises(RequestError, match="read without the context columns 'daytime'"):
        Recommender(config()).fit(read_source(catalog()), effort="quick")
    snapshot = read_source(catalog(), context=("daytime", "place", "cnt"))
    again = Recommender(config()).fit(snapshot, effort="quick")
    assert scores(again, USERS, EVENING).equals(scores(fitted(), USERS, EVENING))


def test_numbers_and_truth_values_are_words() -> None:
    frame = events()
    frame["hour"] = np.where(frame["daytime"] == "evening", 21, 9)
    frame["late"] = frame["daytime"] == "evening"
    model = Recommender(config(columns=("hour", "late"))).fit(catalog(frame), effort="quick")
    by_text = scores(model, USERS, {"hour": "21", "late": "true"})
    assert by_text.equals(scores(model, USERS, {"hour": 21.0, "late": True}))
