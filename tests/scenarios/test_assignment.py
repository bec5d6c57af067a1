"""A rule's scenarios on the interactions of a snapshot."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from kgrec import ScenarioConfig, ScenarioRule
from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.scenarios import assign_scenarios, user_scenarios, with_scenarios
from tests.graph.compare import assert_same_snapshot
from tests.graph.test_read import snapshot_of
from tests.graph_schema.samples import frames

HOUR = 3_600


def rule(by: str, **more: Any) -> ScenarioRule:
    return ScenarioRule.model_validate({"by": by, **more})


@pytest.fixture
def plain(tmp_path: Path) -> GraphSnapshot:
    """Users u1 to u4 with an event each, at 1, 2, 3 o'clock and at no time; u2's has a scenario."""
    events = pd.DataFrame(
        {
            "user_id": ["u1", "u2", "u3", "u4"],
            "item_id": ["i1", "i1", "i2", "i2"],
            "timestamp": pd.array([HOUR, 2 * HOUR, 3 * HOUR, None], dtype="Int64"),
            "event": ["view", "buy", None, "view"],
            "scenario": [None, "own", None, None],
        }
    )
    users = pd.DataFrame({"user_id": ["u1", "u2", "u3", "u4"], "age": [20, 30, 40, None]})
    items = pd.DataFrame({"item_id": ["i1", "i2"], "title": ["", ""], "genres": ["a|b", "b"]})
    return snapshot_of(Catalog.from_frames(users, items, interactions=events), tmp_path)


def result(snapshot: GraphSnapshot) -> list[str]:
    users = snapshot.users.ids[snapshot.interactions.user].tolist()
    assert users == ["u1", "u2", "u3", "u4"]
    return snapshot.interactions.scenario.tolist()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rule("user.age", groups={"young": {"max": 29}, "old": ["40"]}), "young own old"),
        (rule("item.genres", groups={"a": ["a"], "b": ["b"]}), "a own b b"),
        (rule("event", groups={"look": ["view"]}, otherwise="else"), "look own else look"),
        (rule("hour", groups={"early": {"max": 2}}, otherwise="late"), "early own late late"),
        (rule("hour"), "1 own 3"),
        (rule("season"), "winter own winter"),
    ],
)
def test_interactions_without_a_scenario_get_the_rules(
    plain: GraphSnapshot, given: ScenarioRule, expected: str
) -> None:
    assert " ".join(result(assign_scenarios(plain, given))).rstrip() == expected


def test_those_that_carry_one_change_only_where_that_is_wanted(plain: GraphSnapshot) -> None:
    ages = rule("user.age", groups={"young": {"max": 25}, "middle": {"min": 26, "max": 35}})
    assert result(assign_scenarios(plain, ages)) == ["young", "own", "", ""]
    assert result(assign_scenarios(plain, ages, overwrite=True)) == ["young", "middle", "", ""]
    young = rule("user.age", groups={"young": {"max": 25}})
    assert result(assign_scenarios(plain, young, overwrite=True)) == ["young", "own", "", ""]


def test_doing_it_again_changes_nothing(plain: GraphSnapshot) -> None:
    once = assign_scenarios(plain, rule("hour"))
    assert_same_snapshot(assign_scenarios(once, rule("hour")), once)


def test_every_scenario_has_a_row_and_the_graphs_description_stays(tmp_path: Path) -> None:
    snapshot = snapshot_of(Catalog.from_frames(**frames()), tmp_path)
    events = rule(
        "event",
        groups={"web": ["click"], "sale": ["buy"], "gift": ["wrap"]},
        descriptions={"web": "Not this.", "gift": "Presents."},
    )
    scenarios = assign_scenarios(snapshot, events).scenarios
    assert dict(zip(scenarios.ids, scenarios.attributes["description"], strict=True)) == {
        "tv": "",
        "app": "The app on a phone.",
        "web": "Pages in a browser.",
        "gift": "Presents.",
        "sale": "",
    }


def test_a_scenario_that_no_interaction_has_is_told(plain: GraphSnapshot) -> None:
    ages = rule("user.age", groups={"young": {"max": 25}, "aged": {"min": 90}})
    with pytest.warns(UserWarning, match=r"no interaction is in the scenario 'aged' of the rule"):
        ruled = with_scenarios(plain, ScenarioConfig(rule=ages))
    assert "aged" in ruled.scenarios.ids
    assert with_scenarios(plain, ScenarioConfig()) is plain


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("user.country", r"'user.country', which no User has; they have: age"),
        ("item.brand", r"'item.brand', which no Item has; they have: genres, title"),
    ],
)
def test_an_attribute_that_nothing_has_is_named(plain: GraphSnapshot, by: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        assign_scenarios(plain, rule(by))


@pytest.mark.parametrize("by", ["hour", "weekday", "month", "season", "event"])
def test_a_rule_by_what_no_interaction_says_is_refused(tmp_path: Path, by: str) -> None:
    events = pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})
    bare = snapshot_of(Catalog.from_frames(interactions=events), tmp_path)
    with pytest.raises(RequestError, match=rf"uses '{by}', but no interaction .*fill the column"):
        assign_scenarios(bare, rule(by))


def test_users_have_the_rules_scenarios(plain: GraphSnapshot) -> None:
    ages = rule("user.age", groups={"young": {"max": 25}}, otherwise="rest")
    assert user_scenarios(plain.users, ages).tolist() == ["young", "rest", "rest", "rest"]
    assert user_scenarios(plain.users, rule("hour")).tolist() == [""] * 4


@pytest.mark.slow
@pytest.mark.parametrize("by", ["user.age", "item.genres", "event", "hour", "season"])
def test_a_million_interactions_take_a_second(plain: GraphSnapshot, by: str) -> None:
    n, rng = 1_000_000, np.random.default_rng(0)
    many = plain.interactions.select(rng.integers(0, 4, n))
    started = time.process_time()
    assign_scenarios(replace(plain, interactions=many), rule(by))
    assert time.process_time() - started < 1
