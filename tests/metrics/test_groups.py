"""Groups of items and users: who is where, and that nobody is lost."""

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError
from kgrec.metrics.groups import (
    attribute_groups,
    history_groups,
    masks,
    popularity_groups,
    taste_groups,
)


def members(groups):
    return {name: np.flatnonzero(mask).tolist() for name, mask in groups.items()}


def test_head_is_a_fifth_and_tail_a_half_of_what_was_trained_on():
    trained = np.array([0, 50, 1, 9, 8, 2, 3, 4, 40, 5, 6, 0])
    groups = members(masks(popularity_groups(trained)))
    assert groups == {
        "head": [1, 8],
        "middle": [3, 4, 10],
        "tail": [2, 5, 6, 7, 9],
        "cold": [0, 11],
    }


def test_equal_items_go_by_row_and_one_item_is_the_head():
    assert popularity_groups(np.ones(5, dtype=int)).tolist() == [
        "head",
        "middle",
        "middle",
        "tail",
        "tail",
    ]
    assert popularity_groups(np.array([3])).tolist() == ["head"]
    assert popularity_groups(np.zeros(2, dtype=int)).tolist() == ["cold", "cold"]


def test_histories_in_thirds_with_their_lengths():
    groups = members(history_groups(np.array([1, 2, 3, 10, 20, 30])))
    assert groups == {"short 1–2": [0, 1], "medium 3–10": [2, 3], "long 20–30": [4, 5]}
    assert members(history_groups(np.array([4, 4]))) == {"short 4": [0, 1]}


def test_tastes_are_the_outer_fifths():
    popular = np.arange(10) / 10
    groups = members(taste_groups(popular))
    assert groups["niche"] == [0, 1]
    assert groups["blockbuster"] == [8, 9]
    assert groups["diverse"] == list(range(2, 8))
    assert members(taste_groups(np.ones(3))) == {"diverse": [0, 1, 2]}


def test_attributes_by_value_by_part_and_by_quartile():
    frame = pd.DataFrame(
        {
            "genres": ["Drama|War", "Drama", None, "War| Comedy"],
            "stars": [1, 2, 2, np.nan],
        },
        index=[7, 7, 3, 1],  # an index that says nothing of the rows
    )
    assert members(attribute_groups(frame, "genres", "items")) == {
        "Comedy": [3],
        "Drama": [0, 1],
        "War": [0, 3],
        "unknown": [2],
    }
    assert members(attribute_groups(frame, "stars", "items")) == {
        "1": [0],
        "2": [1, 2],
        "unknown": [3],
    }
    years = pd.DataFrame({"year": [*range(1900, 1919), None]})
    by_year = members(attribute_groups(years, "year", "items"))
    assert [len(rows) for rows in by_year.values()] == [5, 5, 4, 5, 1]
    assert next(iter(by_year)) == "1900–1904"


def test_beyond_the_largest_values_the_rest_is_one_group():
    towns = [f"town {n}" for n in range(40) for _ in range(1 + (n < 24))] + ["other"] * 9
    groups = attribute_groups(pd.DataFrame({"town": towns}), "town", "users")
    assert sum(mask.sum() for mask in groups.values()) == len(towns)
    assert groups["17 other values"].sum() == 18
    assert groups["other"].sum() == 9


def test_true_and_false_are_values():
    groups = attribute_groups(pd.DataFrame({"new": [True, False, True]}), "new", "items")
    assert members(groups) == {"False": [1], "True": [0, 2]}


def test_an_unknown_attribute_is_refused():
    with pytest.raises(RequestError, match=r"users have no attribute 'sex'; they have: gender"):
        attribute_groups(pd.DataFrame({"gender": ["F"]}), "sex", "users")
