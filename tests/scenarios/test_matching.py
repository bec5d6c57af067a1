"""The settings of a rule: what is refused, in which words, and that they survive as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kgrec import RecommenderConfig, ScenarioConfig, ScenarioRule
from kgrec.scenarios import scenario_of_request

AGES = {"young": {"max": 24}, "grown": {"min": 25, "max": 34}, "old": {"min": 35}}
NEW_YEAR = 1_704_067_200  # 2024-01-01 00:00 UTC, a Monday


def rule(by: str = "user.age", **more: Any) -> ScenarioRule:
    return ScenarioRule.model_validate({"by": by, **more})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"by": "age"}, "by 'age' is unknown; use user.ATTRIBUTE, item.ATTRIBUTE, event, hour"),
        ({"by": "user."}, "by 'user.' is unknown"),
        ({"groups": {"a": []}}, "at least 1 item"),
        ({"groups": {"a": {}}}, "a range needs min or max"),
        ({"groups": {"a": {"min": 2, "max": 1}}}, "the range is empty: min 2 is above max 1"),
        ({"groups": {"a": {"min": float("nan")}}}, "finite number"),
        ({"groups": {" ": ["x"]}}, "should match pattern"),
        (
            {"groups": {"a": {"max": 24}, "b": {"min": 24}}},
            "the groups 'a' and 'b' overlap: 24 is in both",
        ),
        ({"groups": {"a": ["x", 3], "b": ["3"]}}, "the groups 'a' and 'b' overlap: '3' is in both"),
        ({"groups": {"a": {"min": 1}, "b": ["x", "7"]}}, "'a' and 'b' overlap: '7' is in both"),
        ({"by": "weekday", "groups": {"a": ["Sonntag"]}}, "'Sonntag' is no weekday; use monday to"),
        ({"by": "season", "groups": {"a": {"min": 1}}}, "is no season; use winter to autumn"),
        ({"by": "hour", "groups": {"a": [24]}}, "'24' is no hour; use 0 to 23"),
        ({"groups": AGES, "descriptions": {"aged": "?"}}, "'aged' has a description and is no gro"),
        ({"group": AGES}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_rule_says_what_is_wrong(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScenarioRule.model_validate({"by": "user.age", **values})
    assert words in str(caught.value)


def test_a_rule_survives_as_json() -> None:
    given = rule(groups={**AGES, "secret": ["?", True]}, descriptions={"old": "35 and over."})
    config = ScenarioConfig(rule=given)
    assert ScenarioConfig.model_validate_json(config.model_dump_json()) == config
    assert RecommenderConfig().scenarios.rule is None


@pytest.mark.parametrize(
    ("age", "name"),
    [(24, "young"), (24.5, None), (25, "grown"), ("34", "grown"), (None, None), ("x", None)],
)
def test_ends_belong_to_a_range_and_numbers_are_their_texts(age: object, name: str | None) -> None:
    assert scenario_of_request(rule(groups=AGES), attributes={"age": age}) == name


def test_what_is_in_no_group_or_unknown_goes_elsewhere() -> None:
    found = rule(groups={"young": {"max": 24}}, otherwise="rest")
    for age in (30, None, "x", ""):
        assert scenario_of_request(found, attributes={"age": age}) == "rest"
    assert scenario_of_request(found, attributes={"zip": "1"}) is None
    assert scenario_of_request(found) is None


def test_of_several_values_the_first_group_that_holds_one_counts() -> None:
    found = rule("user.tastes", groups={"calm": ["jazz", "soul"], "loud": ["punk"]})
    assert scenario_of_request(found, attributes={"tastes": "punk | soul"}) == "calm"
    assert scenario_of_request(found, attributes={"tastes": "punk|folk"}) == "loud"


def test_without_groups_each_value_is_a_scenario() -> None:
    assert scenario_of_request(rule("user.country"), attributes={"country": "de"}) == "de"
    assert scenario_of_request(rule("event"), event="buy") == "buy"
    assert scenario_of_request(rule("item.genre"), attributes={"genre": "Drama"}) is None


@pytest.mark.parametrize(
    ("by", "timestamp", "name"),
    [
        ("hour", NEW_YEAR, "0"),
        ("hour", NEW_YEAR - 1, "23"),
        ("weekday", NEW_YEAR, "monday"),
        ("weekday", NEW_YEAR - 1, "sunday"),
        ("month", NEW_YEAR, "1"),
        ("month", NEW_YEAR - 1, "12"),
        ("season", NEW_YEAR - 1, "winter"),
        ("season", NEW_YEAR + 60 * 86_400, "spring"),  # the first of March, after a leap day
        ("season", NEW_YEAR + 60 * 86_400 - 1, "winter"),
        ("season", NEW_YEAR + 200 * 86_400, "summer"),
        ("season", NEW_YEAR + 300 * 86_400, "autumn"),
        ("month", -1, "12"),  # 1969-12-31
        ("weekday", -1, "wednesday"),
    ],
)
def test_times_are_told_in_utc(by: str, timestamp: int, name: str) -> None:
    assert scenario_of_request(rule(by), timestamp=timestamp) == name
