"""Attribute filters: each kind of condition, missing values and wrong requests."""

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError
from kgrec.ranking import attribute_mask

ITEMS = pd.DataFrame(
    {
        "year": [1994.0, 1999.0, np.nan, 2001.0],
        "genres": ["Comedy|Drama", "Drama", None, "Comedy"],
        "zip": ["02139", "2139", "x", None],
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [1, 1, 1, 1]),
        ({"year": 1999}, [0, 1, 0, 0]),
        ({"year": [1994, "2001"]}, [1, 0, 0, 1]),
        ({"year": (1995, None)}, [0, 1, 0, 1]),
        ({"year": (None, 1999)}, [1, 1, 0, 0]),
        ({"genres": "Comedy"}, [1, 0, 0, 1]),
        ({"genres": "Comedy|Drama"}, [1, 0, 0, 0]),
        ({"genres": ["Comedy", "Drama"], "year": (1994, 1999)}, [1, 1, 0, 0]),
        ({"zip": "2139"}, [0, 1, 0, 0]),
        (lambda items: items["year"] > 1995, [0, 1, 0, 1]),
    ],
)
def test_conditions(where, expected):
    assert attribute_mask(ITEMS, where).astype(int).tolist() == expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"country": "fr"}, "no column 'country'; they have: year, genres, zip"),
        ({"genres": ("a", "b")}, "holds text"),
        ({"year": (1, 2, 3)}, "low, high"),
        ({"year": "old"}, "holds numbers"),
        ({"year": ("a", None)}, "holds numbers"),
        ({"year": "nan"}, "holds numbers"),
        ({"genres": np.datetime64("300000-01-01")}, "too far from today"),
        (lambda _: [True], "one bool for each of the 4 items"),
    ],
)
def test_says_what_is_wrong(where, message):
    with pytest.raises(RequestError, match=message):
        attribute_mask(ITEMS, where)


DATED = pd.DataFrame(
    {
        "day": ["2020-01-01", "2020-01-31 23:00:00", None, "2021-05-05T10:00:00Z"],
        "stock": pd.array([True, False, None, True], dtype="boolean"),
        "genres": ["War|Drama", "", "War", None],
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"day": ("2020-01-01", "2020-01-31")}, [1, 1, 0, 0]),
        ({"day": (pd.Timestamp("2020-02-01"), None)}, [0, 0, 0, 1]),
        ({"day": "2020-01-31"}, [0, 1, 0, 0]),
        ({"day": None}, [0, 0, 1, 0]),
        ({"stock": 1}, [1, 0, 0, 1]),
        ({"stock": "false"}, [0, 1, 0, 0]),
        ({"stock": float("nan")}, [0, 0, 1, 0]),
        ({"genres": None}, [0, 1, 0, 1]),
        ({"genres": {"not": "Drama"}}, [0, 1, 1, 1]),
        ({"genres": pd.Series(["Drama"])}, [1, 0, 0, 0]),
        ({"day": {"min": "2021-01-01"}}, [0, 0, 0, 1]),
    ],
)
def test_dates_booleans_absent_values_and_negation(where, expected):
    assert attribute_mask(DATED, where).astype(int).tolist() == expected
