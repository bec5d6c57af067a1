"""Attributes of every kind, and their conversion to the type that a graph has for a column."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema import Catalog, CatalogError
from graph_schema.conversion.attributes import as_stored

BOOL, INT, FLOAT, TEXT = pa.bool_(), pa.int64(), pa.float64(), pa.string()
VALUES = {
    BOOL: st.booleans(),
    INT: st.integers(-(2**62), 2**62),
    FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    TEXT: st.text(min_size=1, max_size=12),
}


def attribute(values: Any, frame: str = "users") -> pa.ChunkedArray:
    key = {"users": "user_id", "items": "item_id"}[frame]
    given = pd.DataFrame({key: [f"n{n}" for n in range(len(values))]})
    given["x"] = values
    return Catalog.from_frames(**{frame: given}).tables[frame].column("x")  # type: ignore[arg-type]


@pytest.mark.parametrize("frame", ["users", "items"])
@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_timedelta([90, 86_400.5, None], unit="s")),
        pd.Series([dt.timedelta(seconds=90), dt.timedelta(days=1, seconds=0.5), None]),
        pd.Series([np.timedelta64(90, "s"), np.timedelta64(86_400_500, "ms"), None], dtype=object),
    ],
)
def test_durations_are_seconds(values: pd.Series[Any], frame: str) -> None:
    assert attribute(values, frame).to_pylist() == [90.0, 86_400.5, None]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pd.arrays.SparseArray([0, 1]), INT, [0, 1]),
        (pd.arrays.SparseArray([0.5, np.nan]), FLOAT, [0.5, None]),
        (pd.arrays.SparseArray([True, False]), BOOL, [True, False]),
        ([{"b", "a", "c"}, None], TEXT, ["a|b|c", None]),
        ([frozenset("cab"), {0.5, 7.0}], TEXT, ["a|b|c", "0.5|7"]),
        ([["b", "a"], [2, 1]], TEXT, ["b|a", "2|1"]),
        ([("b", "a", None), []], TEXT, ["b|a", None]),
        ([np.array([2, 1]), None], TEXT, ["2|1", None]),
        ([dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3)], TEXT,
         ["2020-01-02", "2020-01-02 03:00:00"]),
        ([1, "a", True, 2.5], TEXT, ["1", "a", "True", "2.5"]),
    ],
)  # fmt: skip
def test_values_of_odd_kinds(values: Any, kind: pa.DataType, expected: list[object]) -> None:
    odd = values if not isinstance(values, list) else pd.Series(values, dtype=object)
    found = attribute(odd, "items")
    assert (found.type, found.to_pylist()) == (kind, expected)


REFUSED = {
    "an offset": (pd.DateOffset(days=1), "month_day_nano_interval"),
    "offsets": ([pd.DateOffset(days=1)], "list<item: month_day_nano_interval>"),
    "an interval": (pd.Interval(0, 1), "row 1.*a value of type Interval"),
    "a mixed list": ([1, "a"], "row 1.*a list of int and str"),
    "a mixed set": ({1, "a"}, "row 1.*a set of int and str"),
    "a matrix": (np.zeros((2, 2)), "row 1.*an array of 2 dimensions"),
    "a single array": (np.array(2), "row 1.*an array of 0 dimensions"),
    "an object": (object(), "row 1.*a value of type object"),
    "a generator": ((one for one in "ab"), "row 1.*a value of type generator"),
    "bytes": (b"a", "binary"),
    "a complex number": (1j, "row 1.*a value of type complex"),
    "a function": (len, "row 1.*a value of type builtin_function_or_method"),
}


@pytest.mark.parametrize("frame", ["users", "items"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_scalar_and_no_flat_list_is_refused(name: str, frame: str) -> None:
    value, words = REFUSED[name]
    with pytest.raises(CatalogError, match=f"{frame} frame.*column x: .*") as error:
        attribute(pd.Series([None, value], dtype=object), frame)
    assert re.search(f"{words}.* supported.*Cure: make", str(error.value)), str(error.value)


@pytest.mark.parametrize("beside", ["text", 1])
@pytest.mark.parametrize("value", [["a"], {"a"}, 1j, object(), np.zeros((2, 2))])
def test_the_row_of_a_value_that_does_not_fit_is_named(beside: object, value: object) -> None:
    with pytest.raises(CatalogError, match=r"row 1, column x: .* is not supported here"):
        attribute(pd.Series([beside, value, beside], dtype=object))


@pytest.mark.parametrize("column", ["item_id", "title"])
@pytest.mark.parametrize("name", [name for name in REFUSED if name != "a generator"])
def test_a_known_column_takes_no_odd_value(column: str, name: str) -> None:
    for values in ([REFUSED[name][0]] * 2, ["text", REFUSED[name][0]]):
        given = pd.DataFrame({"item_id": ["i1", "i2"]})
        given[column] = pd.Series(values, dtype=object)
        with pytest.raises(CatalogError, match=f"column {column}"):
            Catalog.from_frames(items=given)


def test_categories_of_intervals_are_refused() -> None:
    with pytest.raises(CatalogError, match=r"column x.*interval.*not supported"):
        attribute(pd.cut(pd.Series([1, 5]), [0, 2, 8]))


@pytest.mark.parametrize("column", ["user_id", "rating", "timestamp", "event"])
def test_a_known_column_takes_no_duration(column: str) -> None:
    events = pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})
    events[column] = pd.to_timedelta([5], unit="D")
    with pytest.raises(CatalogError, match=f"column {column}.*is not"):
        Catalog.from_frames(interactions=events)


@pytest.mark.parametrize(
    ("given", "kind", "expected", "bad"),
    [
        (["1990", " 7 ", "-3", None], INT, [1990, 7, -3, None], []),
        (["1990", "9.5"], INT, [1990.0, 9.5], []),
        (["1e3", ".5"], FLOAT, [1000.0, 0.5], []),
        (["1990", "c. 1990", "007", "n/a", "9,99", "1990|1991"], INT, [1990] + [None] * 5,
         [1, 2, 3, 4, 5]),
        (["0", "0.5", "-0.5"], FLOAT, [0.0, 0.5, -0.5], []),
        ([True, None], INT, [None, None], [0]),
        ([1990.0, 1990.5], INT, [1990.0, 1990.5], []),
        ([1990.0, None], INT, [1990, None], []),
        ([1e30], INT, [1e30], []),
        ([7], FLOAT, [7.0], []),
        ([1, 0, 2, None], BOOL, [True, False, None, None], [2]),
        ([1.0, 0.5], BOOL, [True, None], [1]),
        (["true", "False", "1", "yes"], BOOL, [True, False, True, None], [3]),
        ([5, None], TEXT, ["5", None], []),
        ([5.0, 5.5], TEXT, ["5", "5.5"], []),
        ([True, False], TEXT, ["true", "false"], []),
        ([None, None], INT, [None, None], []),
        (["inf", "-Infinity", "1e400", "nan", "2"], FLOAT, [None] * 4 + [2.0], [0, 1, 2, 3]),
        (["inf", "1e400"], INT, [None, None], [0, 1]),
    ],
)  # fmt: skip
def test_values_in_the_type_of_the_graph(
    given: list[object], kind: pa.DataType, expected: list[object], bad: list[int]
) -> None:
    array = pa.array(given, TEXT if given == [None, None] else None)
    values, wrong = as_stored(array, kind)
    assert values.to_pylist() == expected
    assert wrong.tolist() == bad


@given(
    st.sampled_from(list(VALUES)).flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.lists(st.one_of(st.none(), VALUES[kind]), max_size=8)
        )
    ),
    st.sampled_from(list(VALUES)),
)
def test_every_value_is_converted_or_reported(
    given: tuple[pa.DataType, list[object]], kind: pa.DataType
) -> None:
    array = pa.array(given[1], given[0])
    values, bad = as_stored(array, kind)
    assert len(values) == len(array)
    assert values.type == kind or (kind, values.type) == (INT, FLOAT)
    missing = set(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist())
    absent = set(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist())
    assert missing == absent | set(bad.tolist())
    assert not absent & set(bad.tolist())
    if kind in (given[0], TEXT):
        assert not len(bad)
    again, worse = as_stored(values, kind)
    assert again.equals(values)
    assert not len(worse)
