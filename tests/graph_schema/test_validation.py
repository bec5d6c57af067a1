"""The checks of a catalog: each problem has its row, message and cure, and is counted."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from graph_schema import Catalog, CatalogError, ValidationReport
from graph_schema.report import MAX_LISTED

from .samples import frames


def report_of(**changes: pd.DataFrame) -> ValidationReport:
    return Catalog.from_frames(**{**frames(), **changes}).validate()


def changed(name: str, row: int, **values: object) -> dict[str, pd.DataFrame]:
    frame = frames()[name].copy()
    for column, value in values.items():
        if column not in frame:
            frame[column] = None
        frame.loc[row, column] = value
    return {name: frame}


@pytest.mark.parametrize(
    ("name", "row", "values", "column", "words"),
    [
        ("users", 1, {"user_id": "u1"}, "user_id", "'u1' is in an earlier row"),
        ("items", 2, {"item_id": None}, "item_id", "the id is empty"),
        ("items", 2, {"item_id": ""}, "item_id", "the id is empty"),
        ("interactions", 3, {"user_id": "ghost"}, "user_id", "'ghost' is not among the ids"),
        ("interactions", 0, {"item_id": "ghost"}, "item_id", "'ghost' is not among the ids"),
        ("interactions", 2, {"split": "dev"}, "split", "'dev' is not a split"),
        ("interactions", 2, {"timestamp": 978_300_019_000}, "timestamp", "milliseconds"),
        ("interactions", 2, {"timestamp": 978_300_019_000_000}, "timestamp", "microseconds"),
        ("interactions", 2, {"timestamp": 978_300_019_000_000_000}, "timestamp", "nanoseconds"),
        ("facts", 0, {"tail": "ghost"}, "tail", "'ghost' is not among the ids"),
        ("facts", 2, {"head": "i1"}, "head", "'i1' is not among the ids"),
        ("facts", 3, {"tail_type": "person"}, "tail_type", "'person' is not a type of node"),
        ("facts", 1, {"relation": "INTERACTED"}, "relation", "relationship type of kgrec"),
        ("facts", 1, {"relation": " "}, "relation", "the relation is empty"),
        ("facts", 1, {"relation": "a\0b"}, "relation", "can't be the name"),
        ("reviews", 1, {"item_id": "ghost"}, "item_id", "'ghost' is not among the ids"),
        ("queries", 0, {"user_id": "ghost"}, "user_id", "'ghost' is not among the ids"),
        ("queries", 1, {"scenario": "ghost"}, "scenario", "'ghost' is not among the ids"),
        ("interactions", 1, {"scenario": "ghost"}, "scenario", "'ghost' is not among the ids"),
        ("scenarios", 1, {"scenario_id": "web"}, "scenario_id", "'web' is in an earlier row"),
        ("scenarios", 2, {"scenario_id": ""}, "scenario_id", "the id is empty"),
    ],
)
def test_a_problem_is_found_where_it_is(
    name: str, row: int, values: dict[str, object], column: str, words: str
) -> None:
    report = report_of(**changed(name, row, **values))
    mine = [p for p in report.problems if p.frame == name and words in p.message]
    assert [(p.row, p.column) for p in mine] == [(row, column)], str(report)
    assert mine[0].cure.endswith(".")


def test_ids_too_long_for_an_index_are_refused() -> None:
    long = "x" * 10_000
    items = pd.concat([frames()["items"], pd.DataFrame({"item_id": [long], "title": ["Long"]})])
    report = report_of(items=items)
    assert [(p.row, p.column) for p in report.problems] == [(3, "item_id")]
    assert len(str(report)) < 500, "the whole id must not be in the message"


@pytest.mark.parametrize(("name", "column"), [("items", "id"), ("interactions", "source")])
def test_attribute_names_of_the_graph_itself_are_refused(name: str, column: str) -> None:
    frame = frames()[name]
    frame[column] = "x"
    report = report_of(**{name: frame})
    assert [p.column for p in report.problems] == [column]


def test_the_same_fact_with_other_values_is_refused() -> None:
    facts = pd.concat([frames()["facts"], frames()["facts"].iloc[:1]], ignore_index=True)
    facts["weight"] = [1, 2, 3, 4, 5]
    report = report_of(facts=facts)
    assert [(p.row, p.message) for p in report.problems] == [
        (4, "the same fact is in an earlier row, with other values.")
    ]


def test_many_rows_are_listed_in_part_and_counted_in_full() -> None:
    events = pd.DataFrame({"user_id": ["u1"] * 40, "item_id": [f"ghost{n}" for n in range(40)]})
    report = report_of(interactions=events)
    assert len(report.problems) == MAX_LISTED
    assert report.problems[0].found == 40
    assert report.total == 40
    assert "and 35 more rows like this" in str(report)
    with pytest.raises(CatalogError) as caught:
        report.raise_if_any()
    assert caught.value.report is report


def test_every_problem_is_in_one_report() -> None:
    bad = {
        **changed("users", 1, user_id="u1"),
        **changed("interactions", 0, item_id="ghost", timestamp=978_300_019_000),
        **changed("facts", 0, tail_type="person"),
    }
    found = {(p.frame, p.column) for p in report_of(**bad).problems}
    assert found == {
        ("users", "user_id"),
        ("interactions", "user_id"),  # u2 went away with the first change
        ("interactions", "item_id"),
        ("interactions", "timestamp"),
        ("facts", "tail_type"),
        ("facts", "tail"),
    }


def test_a_catalog_built_by_hand_is_checked() -> None:
    tables = dict(Catalog.from_frames(**frames()).tables)
    del tables["facts"]
    tables["users"] = pa.table({"user_id": [1, 2, 3]})
    tables["items"] = tables["items"].drop_columns(["item_id"])
    found = {(p.frame, p.column): p.message for p in Catalog(tables).validate().problems}
    assert found == {
        ("facts", None): "the frame is missing.",
        ("users", "user_id"): "the type is int64, not string.",
        ("items", "item_id"): "the column is missing.",
    }


def test_a_valid_catalog_has_no_problems() -> None:
    report = report_of()
    report.raise_if_any()
    assert str(report) == "No problems."
    assert report.total == 0


def test_times_that_begin_like_days_are_times_where_a_later_one_is_no_day() -> None:
    times = [None, *[20200705] * 2_000, 1_577_750_400]
    events = pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": pd.array(times, "Int64")})
    assert Catalog.from_frames(interactions=events).validate().ok
    problems = Catalog.from_frames(interactions=events[:-1]).validate().problems
    assert "20200705 looks like a day" in problems[0].message
