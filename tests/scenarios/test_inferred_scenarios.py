"""Requests in the scenario that a rule of the settings gives them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kgrec import Recommender, ScenarioConfig, ScenarioRule
from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from tests.recommender import catalogs

AGES = {"by": "user.age", "groups": {"young": {"max": 35}, "old": {"min": 36}}}


def fitted(snapshot: GraphSnapshot, **rule: Any) -> Recommender:
    given = ScenarioConfig(rule=ScenarioRule.model_validate(rule), overwrite=True)
    config = catalogs.config({"head": "adapter"}, refit=False)
    return Recommender(config.model_copy(update={"scenarios": given})).fit(snapshot, seed=0)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("ruled"))


@pytest.fixture(scope="module")
def model(snapshot: GraphSnapshot) -> Recommender:
    return fitted(snapshot, **AGES)


def group_of(model: Recommender, user: str) -> str:
    users = model.snapshot.users
    age = users.attributes["age"].iloc[users.rows([user])[0]]
    return "young" if age <= 35 else "old"


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool(one["score"].to_numpy().tolist() == other["score"].to_numpy().tolist())


def test_training_reads_the_rules_scenarios(model: Recommender) -> None:
    assert model.snapshot.scenarios.ids.tolist() == ["app", "old", "web", "young"]
    events = model.snapshot.interactions
    users = model.snapshot.users.ids[events.user]
    assert {group_of(model, user) for user in users} == {"young", "old"}
    assert [group_of(model, user) for user in users] == events.scenario.tolist()


def test_a_stored_user_is_asked_about_in_their_own(model: Recommender) -> None:
    for user in ("u0", "u1", "u2", "u3"):
        mine = group_of(model, user)
        other = {"young": "old", "old": "young"}[mine]
        answer = model.recommend([user])
        assert same(answer, model.recommend([user], scenario=mine))
        assert not same(answer, model.recommend([user], scenario=other))


def test_a_stranger_is_asked_about_in_that_of_the_context(model: Recommender) -> None:
    def answer(**more: Any) -> pd.DataFrame:
        return model.recommend(histories=[["i1", "i2"]], **more)

    old = answer(context={"age": 50})
    assert same(old, answer(context={"age": 50}, scenario="old"))
    assert not same(old, answer(context={"age": 50}, scenario="young"))
    assert not same(answer(), answer(scenario="old"))
    both = model.recommend(histories={"u0": ["i1"], "new": ["i1"]}, context={"age": 50})
    alone = model.recommend(histories={"new": ["i1"]}, context={"age": 50})
    mine = both[both["user_id"] == "new"]
    assert mine["score"].tolist() == pytest.approx(alone["score"].tolist(), abs=1e-5)


def test_a_saved_model_keeps_its_rule(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert loaded.config == model.config
    assert same(loaded.recommend(["u0"]), model.recommend(["u0"]))


def test_news_gets_the_rules_scenarios(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    updated = Recommender.load(tmp_path / "model")
    updated.update(pd.DataFrame({"user_id": ["u0"], "item_id": ["i5"], "timestamp": [10**9]}))
    events = updated.snapshot.interactions
    news = events.scenario[events.timestamp == 10**9].tolist()
    assert news == [group_of(model, "u0")]


def test_evaluation_asks_as_requests_do(model: Recommender) -> None:
    state = model.state
    ages = model.snapshot.users.attributes["age"]
    names = state.engine.vocabulary.scenarios[state.resolver.user_scenarios.stored]
    assert names.tolist() == ["young" if age <= 35 else "old" for age in ages]
    report = model.evaluate(keep_users=True)
    without = state.config.model_copy(update={"scenarios": ScenarioConfig()})
    shared = Recommender.of(replace(state, config=without)).evaluate(keep_users=True)
    assert report["ndcg@10"] != shared["ndcg@10"]


@pytest.mark.slow
def test_a_rule_by_time_says_nothing_of_a_request(snapshot: GraphSnapshot) -> None:
    by_day = fitted(snapshot, by="weekday")
    assert len(by_day.snapshot.scenarios) > 2
    asked = by_day.recommend(["u0"])
    day = by_day.snapshot.interactions.scenario[0]
    assert not same(asked, by_day.recommend(["u0"], scenario=day))
    with pytest.raises(RequestError, match=r"unknown scenario 'noday'; the model knows "):
        by_day.recommend(["u0"], scenario="noday")


def test_a_rule_that_the_data_cannot_fill_stops_the_fit(snapshot: GraphSnapshot) -> None:
    with pytest.raises(RequestError, match=r"'user.country', which no User has; they have: age"):
        fitted(snapshot, by="user.country")
