"""Plain values, titles and texts, for command lines and servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgrec.errors import RequestError
from kgrec.presentation import (
    parse_conditions,
    parse_context,
    plain_value,
    split_list,
    with_titles,
)
from tests.paths.graphs import snapshot


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (float("inf"), None),
        (np.array([0.5, np.nan]), [0.5, None]),
        ({1: (True, None)}, {"1": [True, None]}),
        (Path("a/b"), "a/b"),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2024-05-01"), "2024-05-01 00:00:00"),
    ],
)
def test_values_become_types_of_json(value: Any, expected: Any) -> None:
    plain = plain_value(value)
    assert plain == expected
    assert type(plain) is type(expected)


def test_titles_are_joined_after_the_ids() -> None:
    graph = snapshot({}, {"a": {"title": "A tale"}, "b": {}}, {}, [], {})
    frame = pd.DataFrame({"item_id": ["b", "a"], "rank": [1, 2]})
    titled = with_titles(graph, frame)
    assert list(titled.columns) == ["item_id", "title", "rank"]
    assert titled["title"].iloc[1] == "A tale"
    assert pd.isna(titled["title"].iloc[0])
    assert list(frame.columns) == ["item_id", "rank"]


def test_without_titles_the_answer_stays_as_it_is() -> None:
    graph = snapshot({}, {"a": {}}, {}, [], {})
    frame = pd.DataFrame({"item_id": ["a"]})
    assert with_titles(graph, frame) is frame


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1", ["1"]),
        ("1, 2,3", ["1", "2", "3"]),
        ('"a,b",c', ["a,b", "c"]),
        ("", []),
    ],
)
def test_split_list(text: str | None, expected: list[str] | None) -> None:
    assert split_list(text) == expected


def test_conditions_become_ranges_lists_and_values() -> None:
    texts = [
        "year=1990..1999",
        "price=..5",
        "genres=Drama,War",
        "title=A = B",
        " kind = x ",
        "made=",
    ]
    assert parse_conditions(texts) == {
        "year": (1990.0, 1999.0),
        "price": (None, 5.0),
        "genres": ["Drama", "War"],
        "title": "A = B",
        "kind": "x",
        "made": None,
    }


def test_no_condition_is_no_filter() -> None:
    assert parse_conditions([]) is None
    assert parse_conditions(None) is None


@pytest.mark.parametrize("text", ["year", "=1990", "year=a..b"])
def test_a_wrong_condition_says_what_is_expected(text: str) -> None:
    with pytest.raises(RequestError, match=r"LOW\.\.HIGH"):
        parse_conditions([text])


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="--where names 'year' twice"):
        parse_conditions(["year=1990..", "year=..1999"])
    with pytest.raises(RequestError, match="--context names 'hour' twice"):
        parse_context(["hour=1", "hour=2"])


def test_a_context_has_numbers_where_texts_are_numbers() -> None:
    texts = ["hour=21", "gender=F", "height=1.5", "code = 007x "]
    assert parse_context(texts) == {"hour": 21, "gender": "F", "height": 1.5, "code": "007x"}
    assert parse_context(None) is None


def test_errors_name_the_option_that_was_read() -> None:
    with pytest.raises(RequestError, match=r"^--group 'x' is not NAME=VALUE"):
        parse_conditions(["x"], "--group")
