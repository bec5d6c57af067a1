"""Times of frames and of requests: every form of one instant gives the same second."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from graph_schema import Catalog, CatalogError
from graph_schema.conversion import columns
from graph_schema.conversion.columns import MAX_SECONDS, unix_seconds, unix_seconds_of
from graph_schema.errors import RequestError

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
YEARS = {"min_value": dt.datetime(2, 1, 1), "max_value": dt.datetime(9998, 12, 31)}


def in_frame(values: list[object]) -> list[int | None]:
    frame = pd.DataFrame({"user_id": "u", "item_id": "i"}, index=range(len(values)))
    frame["timestamp"] = pd.Series(values, dtype=object)
    catalog = Catalog.from_frames(interactions=frame)
    catalog.validate().raise_if_any()
    column: list[int | None] = catalog.tables["interactions"].column("timestamp").to_pylist()
    return column


@given(st.datetimes(**YEARS, timezones=st.one_of(st.none(), ZONES)))
@example(dt.datetime(3059, 1, 1, 0, 0, 0, 999997))
def test_every_form_of_an_instant_is_the_same_second(time: dt.datetime) -> None:
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    second = (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(seconds=1)
    # Refused: seconds of the year 8295 that read as a day of 1996.
    assume(not re.fullmatch(r"(19|20)\d{6}(\d{4}|\d{6})?", str(second)))
    forms = [time, pd.Timestamp(time), time.isoformat(), time.isoformat(sep=" "), second]
    forms += [str(second), float(second)]
    forms += [aware.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")]
    for form in forms:
        assert unix_seconds(form) == second
        assert in_frame([form]) == [second]


@given(st.dates(dt.date(2, 1, 1), dt.date(9998, 12, 31)))
@example(dt.date(7990, 11, 23))
def test_a_date_is_its_midnight_in_utc(date: dt.date) -> None:
    second = int(dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).timestamp())
    for form in (date, date.isoformat(), np.datetime64(date)):
        assert unix_seconds(form) == second
    assert in_frame([date.isoformat(), None, date.isoformat()]) == [second, None, second]


def test_text_of_both_kinds_may_stand_in_one_column() -> None:
    assert in_frame(["2024-01-03", " 12 ", "", None, "2024-01-03T14:49:27.9+01:00", "1.7e9"]) == [
        1_704_240_000, 12, None, None, 1_704_289_767, 1_700_000_000,
    ]  # fmt: skip
    assert unix_seconds(np.datetime64("2024")) == 1_704_067_200


@pytest.mark.parametrize(
    "text",
    ["2024-02-31", "2024-13-01", "2024-01", "03.01.2024", "2024-01-03T25:00", "2024-01-03T1", "x"],
)
def test_text_that_is_no_time_is_refused_with_its_row(text: str) -> None:
    with pytest.raises(CatalogError, match=r"row 1, column timestamp.*not a time.*ISO 8601"):
        in_frame(["2024-01-03", text])
    with pytest.raises(RequestError, match=r"since is .*which is no time; pass unix seconds"):
        unix_seconds(text, "since")


@pytest.mark.parametrize(
    "value",
    [
        None,
        pd.NaT,
        pd.NA,
        "",
        True,
        float("nan"),
        float("inf"),
        2**70,
        b"5",
        [5],
        {},
        dt.time(1),
        dt.timedelta(1),
        pd.Period("2024-01"),
    ],
)
def test_a_request_needs_one_time(value: object) -> None:
    with pytest.raises(RequestError, match=r"since is .*which is no time"):
        unix_seconds(value, "since")


@pytest.mark.parametrize(
    ("value", "unit"),
    [(1_600_000_000_000, "milliseconds"), (1.6e15, "microseconds"), (-(2**63), "nanoseconds")],
)
def test_other_units_are_named(value: float, unit: str) -> None:
    with pytest.raises(RequestError, match=rf"looks like {unit}; divide it by"):
        unix_seconds(value)
    with pytest.raises(CatalogError, match=f"looks like {unit}"):
        in_frame([value])


def test_the_last_year_is_not_taken_for_milliseconds() -> None:
    last = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    assert in_frame([last, last.isoformat()]) == [MAX_SECONDS, MAX_SECONDS]


def test_a_column_of_a_request_may_have_gaps_and_names_the_row() -> None:
    seconds, known = unix_seconds_of(pd.Series(["2024-01-03", None, pd.NaT, 7]), "pairs")
    assert seconds.tolist() == [1_704_240_000, 0, 0, 7]
    assert known.tolist() == [True, False, False, True]
    seconds, known = unix_seconds_of(pd.Series(pd.to_datetime(["2024-01-03", None])), "pairs")
    assert (seconds.tolist(), known.tolist()) == ([1_704_240_000, 0], [True, False])
    with pytest.raises(RequestError, match=r"pairs, row 2: the time is 'soon'"):
        unix_seconds_of(pd.Series([1, 2, "soon"], index=[5, 5, 5]), "pairs")


@pytest.mark.parametrize("last", ["", "9", "1.5", "2001-09-09", "x"])
def test_parts_of_a_column_are_converted_as_the_whole_is(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = pa.array(["1", "", "1000000000", None, "7", last])
    whole = [convert(texts) for convert in (columns.times, columns.numbers)]
    monkeypatch.setattr(columns, "_PART", 2)
    parts = [convert(texts) for convert in (columns.times, columns.numbers)]
    for (one, bad), (other, also) in zip(whole, parts, strict=True):
        assert one.equals(other)
        assert bad.tolist() == also.tolist()
