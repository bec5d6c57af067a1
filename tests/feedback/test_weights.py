"""Weights of events by kind and rating: settings, what is read off the data, matrices."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from graph_schema.conversion.number_ranges import bounds
from graph_schema.errors import RequestError
from kgrec import FeedbackConfig
from kgrec.config.feedback import seconds
from kgrec.errors import TrainingError
from kgrec.feedback import EventWeights, cap_repeats
from kgrec.feedback.defaults import (
    check_feedback,
    describe,
    like_of,
    note_of,
    rating_weights,
    with_defaults,
)
from kgrec.feedback.weights import disliked_matrix, liked_matrix
from kgrec.graph.snapshot import NO_TIME, Interactions

NAN = float("nan")


def events(kinds: list[str], ratings: list[float] | None = None) -> Interactions:
    """One user's events with an item each."""
    n = len(kinds)
    return Interactions(
        user=np.zeros(n, dtype=np.int64),
        item=np.arange(n),
        timestamp=np.full(n, NO_TIME),
        rating=np.array(ratings or [NAN] * n, dtype=np.float32),
        event=np.array(kinds, dtype=object),
        scenario=np.array([""] * n, dtype=object),
        split=np.array([""] * n, dtype=object),
    )


def weights_of(found: Interactions, **settings: object) -> list[float]:
    weights = EventWeights.of(FeedbackConfig.model_validate(settings))
    assert weights is not None
    return [round(float(one), 4) for one in weights.of_interactions(found)]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<=2", [1, 2], [2.5, 3]),
        ("<2", [1, 1.9999], [2, 3]),
        (">=4", [4, 5], [3.5]),
        ("> 4", [4.0001, 5], [4]),
        ("3", [3], [2, 3.5]),
        ("2..3.7", [2, 3.7], [1, 4]),
        ("-1", [-1], [1, 0]),
        ("<0", [-0.5, -1], [0, 1]),
    ],
)
def test_ranges_of_ratings(text: str, inside: list[float], outside: list[float]) -> None:
    found = bounds(text)
    assert found.holds(np.array(inside, dtype=np.float32)).all()
    assert not found.holds(np.array([*outside, NAN], dtype=np.float32)).any()


@pytest.mark.parametrize("text", ["", "two", "<", "3..2", "=4", "1,2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="range"):
        FeedbackConfig(ratings={text: 1.0})


@pytest.mark.parametrize(
    ("text", "expected"), [(True, np.inf), (False, 0), ("30d", 2_592_000), ("1.5 h", 5_400)]
)
def test_durations(text: bool | str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"events": {"buy": NAN}}, "events.buy: Input should be a finite number"),
        ({"events": {"hide": -1, "skip": -0.2}}, "no kind of event in events has a weight above 0"),
        (
            {"events": {"buy": 1, "hide": -1}, "targets": ["hide"]},
            "the target 'hide' has the weight -1",
        ),
        ({"exclude_seen": {"view": "a month"}}, "'a month' is no duration"),
        ({"like": NAN}, "like"),
        ({"repeats": 0}, "repeats"),
        ({"event": {"buy": 1}}, "event: Extra inputs are not permitted"),
    ],
)
def test_wrong_settings_are_one_clear_error(settings: dict[str, object], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        FeedbackConfig(**settings)


def test_a_kind_weighs_what_is_said_and_a_rating_multiplies() -> None:
    found = events(["view", "buy", "return", "buy", "buy"], [NAN, 5, NAN, 1, 3])
    kinds = {"view": 0.1, "buy": 2, "return": -1}
    assert weights_of(found, events=kinds) == [0.1, 2, -1, 2, 2]
    ratings = {"<=2": -1, "3": 0.5}
    assert weights_of(found, events=kinds, ratings=ratings) == [0.1, 2, -1, -2, 1]


def test_a_negative_kind_stays_negative_whatever_its_rating() -> None:
    found = events(["return", "return"], [5, 1])
    settings = {"events": {"return": -1, "*": 1}, "ratings": {"<=2": -1}}
    assert weights_of(found, **settings) == [-1, -1]


def test_a_kind_without_a_weight_is_named() -> None:
    with pytest.raises(RequestError, match="events of the kind 'skip' have no weight; give 'skip'"):
        weights_of(events(["buy", "skip"]), events={"buy": 1})
    with pytest.raises(RequestError, match="events without a kind have no weight"):
        weights_of(events(["buy", ""]), events={"buy": 1})
    assert weights_of(events(["buy", "skip"]), events={"buy": 1, "*": 0.5}) == [1, 0.5]
    used = events(["buy", "skip"]).select(np.array([True, False]))  # no row says "skip" any more
    assert weights_of(used, events={"buy": 1, "x": -1}) == [1]


def test_targets_are_likes_of_the_kinds_asked_for() -> None:
    found = events(["view", "buy", "buy", "return", "buy"], [5, 3, 4, NAN, NAN])
    config = FeedbackConfig(events={"view": 0.1, "buy": 1, "return": -1}, like=4)
    weights = EventWeights.of(config.model_copy(update={"ratings": {}}))
    assert weights is not None
    assert weights.targets_of(found).tolist() == [True, False, True, False, True]
    chosen = EventWeights.of(FeedbackConfig(events=config.events, targets=("buy",)))
    assert chosen is not None
    assert chosen.targets_of(found).tolist() == [False, True, True, False, True]


def test_settings_that_say_nothing_are_no_weights() -> None:
    assert EventWeights.of(FeedbackConfig()) is None
    assert EventWeights.of(FeedbackConfig(ratings={">=4": 1})) is None
    assert EventWeights.of(FeedbackConfig(repeats=2)) is None


def test_weights_survive_json() -> None:
    weights = EventWeights.of(
        FeedbackConfig(events={"buy": 1, "*": -0.5}, ratings={"<3": -1}, like=3, targets=("buy",))
    )
    assert weights is not None
    assert EventWeights.of_json(json.loads(json.dumps(asdict(weights)))) == weights


def test_well_known_negative_kinds_are_read_off_the_data() -> None:
    found = with_defaults(FeedbackConfig(), events(["buy", "Skip", "thumbs_down", "view"]))
    assert found.events == {"Skip": -0.2, "thumbs_down": -1.0, "*": 1.0}
    assert with_defaults(FeedbackConfig(), events(["buy", "view"])) == FeedbackConfig()
    given = FeedbackConfig(events={"buy": 1, "Skip": 1})
    assert with_defaults(given, events(["buy", "Skip"])).events == given.events


def test_ratings_below_zero_are_negative_unless_said_otherwise() -> None:
    rows = events(["", ""], [-1, 1])
    assert with_defaults(FeedbackConfig(), rows).ratings == {"<0": -1.0}
    assert with_defaults(FeedbackConfig(ratings={}), rows).ratings == {}
    assert with_defaults(FeedbackConfig(), events(["", ""], [1, 5])).ratings == "auto"


def test_a_0_beside_1_is_no_like() -> None:
    """Rows that were drawn, or shown and not chosen, as files for click prediction have them."""
    rows = events(["", "", ""], [0, 1, np.nan])
    assert with_defaults(FeedbackConfig(), rows).like == 1.0
    assert with_defaults(FeedbackConfig(ratings={}), rows).like is None
    assert with_defaults(FeedbackConfig(), events(["", ""], [0, 5])).like is None
    values = np.array([0, 1], dtype=np.float32)
    assert rating_weights(values, 1.0) == [{"<1": 0.0}, {"<1": -1.0}]


def test_like_auto_is_the_upper_part_of_the_scale() -> None:
    for values, like in [([1, 2, 3, 4, 5], 4), ([0, 1], 1), ([-1, 1], 1), ([1, 10], 10)]:
        assert like_of(np.array(values, dtype=np.float32)) == like
    halves = np.arange(0.5, 5.1, 0.5, dtype=np.float32)
    assert like_of(halves) == 4
    rows = events([""] * 3, [1, 3, 4])
    assert with_defaults(FeedbackConfig(like="auto"), rows).like == 4
    assert with_defaults(FeedbackConfig(like="auto"), events([""])).like is None


def test_weights_of_ratings_to_compare() -> None:
    values = np.array([1, 2, 3, 4, 5], dtype=np.float32)
    found = rating_weights(values, 4)
    assert [[*one.items()] for one in found] == [
        [("<4", 1.0)],
        [("<4", 0.5)],
        [("<2.5", 0.25), ("<4", 0.5)],
        [("<2.5", -1.0), ("<4", 0.5)],
        [("<4", -1.0)],
    ]
    assert rating_weights(np.array([0, 5], dtype=np.float32), 5) == [{"<5": -1.0}]
    assert rating_weights(values, 1) == [{}]


def test_events_without_a_target_are_refused() -> None:
    config = FeedbackConfig(ratings={"<=2": -1})
    with pytest.raises(TrainingError, match="all 2 events are negative or weigh 0"):
        check_feedback(config, events(["", ""], [1, 2]))
    with pytest.raises(TrainingError, match="none of the 1 events is a target; check feedback"):
        check_feedback(FeedbackConfig(like=4, ratings={}), events([""], [3]))
    check_feedback(config, events(["", ""], [1, 3]))


def test_a_note_says_what_was_chosen() -> None:
    config = FeedbackConfig(events={"buy": 1, "return": -1}, ratings={"<2.5": -1}, like=4)
    said = "buy 1; return -1; rating <2.5 -1; targets are ratings of at least 4"
    assert describe(config) == said
    assert describe(FeedbackConfig()) == ""
    assert "1 to 5 all count as liked" in note_of(FeedbackConfig(), events(["", ""], [1, 5]))
    assert note_of(FeedbackConfig(), events(["", ""], [5, 5])) == ""


def test_repeats_beyond_the_newest_few_count_nothing() -> None:
    indptr, item = np.array([0, 5, 8]), np.array([7, 7, 3, 7, 7, 7, 7, 3])
    weight = np.array([1, 1, 1, 1, -1, 1, 1, 1], dtype=np.float32)
    assert cap_repeats(indptr, item, weight, 2).tolist() == [0, 1, 1, 1, -1, 1, 1, 1]
    assert cap_repeats(indptr, item, weight, 3).tolist() == weight.tolist()


def test_a_regression_reads_sums_of_weights_up_to_one_event() -> None:
    found = events(["view"] * 3 + ["buy", "hide"])
    item = np.array([0, 0, 0, 0, 1])
    weights = EventWeights.of(FeedbackConfig(events={"view": 0.2, "buy": 1, "hide": -1}))
    liked = liked_matrix(weights, found, item, (1, 2))
    np.testing.assert_allclose(liked.toarray(), [[1.0, 0.0]])
    some = liked_matrix(weights, found.select(np.arange(3)), item[:3], (1, 2))
    np.testing.assert_allclose(some.toarray(), [[0.6, 0.0]], rtol=1e-6)
    negative = disliked_matrix(weights, found, item, (1, 2))
    assert negative is not None
    np.testing.assert_allclose(negative.toarray(), [[0.0, 1.0]])
    assert disliked_matrix(None, found, item, (1, 2)) is None
    assert liked_matrix(None, found, item, (1, 2)).toarray().tolist() == [[1.0, 1.0]]
