"""Building a catalog: types, derived frames, repeats, generated ids, and the problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph_schema import Catalog, CatalogError
from graph_schema.names import FRAMES

from .samples import ODD_IDS, ODD_RELATIONS, frames


def test_every_frame_is_there_and_valid() -> None:
    catalog = Catalog.from_frames(**frames())
    assert catalog.validate().ok
    assert {name: catalog.tables[name].num_rows for name in FRAMES} == {
        "users": 3,
        "items": 3,
        "entities": 2,
        "interactions": 4,
        "facts": 4,
        "reviews": 2,
        "queries": 2,
        "scenarios": 3,
    }
    assert list(catalog.summary()["frame"]) == list(FRAMES)
    assert "users 3" in repr(catalog)


def test_column_types_and_absent_values() -> None:
    catalog = Catalog.from_frames(**frames())
    events = catalog.tables["interactions"]
    assert events.schema.field("rating").type == pa.float64()
    assert events.schema.field("timestamp").type == pa.int64()
    assert events.column("rating").to_pylist() == [5.0, 5.0, 3.5, None]
    assert events.column("timestamp").to_pylist() == [10, 10, 20, None]
    assert events.column("device").to_pylist() == ["tv", "tv", "phone", None]
    assert str(catalog.interactions["timestamp"].dtype) == "Int64"
    assert catalog.users["zip"].tolist() == ["02139", "48067", "1"]
    assert catalog.tables["items"].column("title").to_pylist()[2] == ""


@pytest.mark.parametrize(
    "ids",
    [
        [1, 2],
        np.array([1, 2], dtype=np.uint8),
        pd.array([1, 2], dtype="Int32"),
        [1.0, 2.0],
        pd.Categorical(["1", "2"]),
        pd.Series(["1", 2], dtype=object),
        pd.Series([1.0, "2"], dtype=object),
    ],
)
def test_ids_become_strings(ids: object) -> None:
    catalog = Catalog.from_frames(interactions=pd.DataFrame({"user_id": ids, "item_id": ids}))
    assert catalog.interactions["user_id"].tolist() == ["1", "2"]
    assert catalog.items["item_id"].tolist() == ["1", "2"]


def test_arrow_tables_are_taken_as_they_are() -> None:
    table = pa.table({"user_id": pa.array(["a"], pa.large_string()), "item_id": ["007"]})
    catalog = Catalog.from_frames(interactions=table)
    assert catalog.items["item_id"].tolist() == ["007"]


def test_times_are_seconds_whatever_they_came_as() -> None:
    times = pd.to_datetime(["1970-01-02", None], utc=True)
    frame = pd.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"], "timestamp": times})
    assert Catalog.from_frames(interactions=frame).tables["interactions"].column(
        "timestamp"
    ).to_pylist() == [86_400, None]
    frame["timestamp"] = ["978300019", "9.783e8"]
    assert Catalog.from_frames(interactions=frame).interactions["timestamp"].tolist() == [
        978_300_019,
        978_300_000,
    ]


def test_attributes_keep_their_kind() -> None:
    items = pd.DataFrame(
        {
            "item_id": ["a", "b"],
            "adult": [True, False],
            "stock": [1, 2],
            "price": [1.5, np.nan],
            "tags": [["x", "y"], []],
            "released": pd.to_datetime(["2020-01-02", None]),
        }
    )
    table = Catalog.from_frames(items=items).tables["items"]
    assert [table.schema.field(name).type for name in ("adult", "stock", "price")] == [
        pa.bool_(),
        pa.int64(),
        pa.float64(),
    ]
    assert table.column("tags").to_pylist() == ["x|y", None]
    assert table.column("price").to_pylist() == [1.5, None]
    assert table.column("released").to_pylist()[0].startswith("2020-01-02")


def test_absent_node_frames_come_from_the_others() -> None:
    given = frames()
    catalog = Catalog.from_frames(interactions=given["interactions"], facts=given["facts"])
    assert catalog.users["user_id"].tolist() == ["u1", "u2", "u3"]
    assert catalog.items["item_id"].tolist() == ["i1", "i2", "i3"]
    assert catalog.items["title"].tolist() == ["", "", ""]
    assert sorted(catalog.entities["entity_id"]) == ["e1", "e2"]
    assert catalog.validate().ok


def test_exact_repeats_of_nodes_and_facts_are_dropped_and_events_are_not() -> None:
    given = {name: pd.concat([frame, frame]) for name, frame in frames().items()}
    del given["queries"], given["reviews"]
    catalog = Catalog.from_frames(**given)
    assert catalog.validate().ok
    nodes = {"users": 3, "items": 3, "entities": 2, "scenarios": 3}
    assert dict(catalog.dropped) == {**nodes, "facts": 4}
    assert len(catalog.interactions) == 8


def test_scenarios_are_what_interactions_and_queries_name_unless_given() -> None:
    given = frames()
    given["queries"]["scenario"] = ["search", None]
    del given["scenarios"]
    table = Catalog.from_frames(**given).tables["scenarios"]
    assert table.to_pydict() == {
        "scenario_id": ["web", "app", "search"],
        "description": ["", "", ""],
    }


def test_numbers_of_scenarios_are_ids() -> None:
    events = pd.DataFrame({"user_id": "u", "item_id": "i", "scenario": [1.0, None, 2.0]})
    scenarios = pd.DataFrame({"scenario_id": [1, 2]})
    catalog = Catalog.from_frames(interactions=events, scenarios=scenarios)
    assert catalog.validate().ok
    assert catalog.tables["interactions"]["scenario"].to_pylist() == ["1", None, "2"]


def test_generated_ids_do_not_depend_on_the_order() -> None:
    given = frames()
    first = Catalog.from_frames(**given)
    given["reviews"] = given["reviews"].iloc[::-1]
    given["queries"] = given["queries"].iloc[::-1]
    again = Catalog.from_frames(**given)
    assert sorted(first.reviews["review_id"]) == sorted(again.reviews["review_id"])
    assert set(first.queries["query_id"]) == set(again.queries["query_id"])
    assert first.reviews["review_id"].is_unique


def test_given_review_ids_stay_and_repeats_are_refused() -> None:
    given = frames()
    given["reviews"]["review_id"] = ["r1", "r1"]
    report = Catalog.from_frames(**given).validate()
    assert [p.column for p in report.problems] == ["review_id"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_are_kept_verbatim(odd: str) -> None:
    given = frames()
    for name, column in (("items", "item_id"), ("interactions", "item_id"), ("reviews", "item_id")):
        given[name][column] = given[name][column].replace("i1", odd)
    given["facts"] = given["facts"].replace("i1", odd)
    catalog = Catalog.from_frames(**given)
    assert catalog.validate().ok
    assert odd in catalog.items["item_id"].tolist()


@pytest.mark.parametrize("odd", ODD_RELATIONS)
def test_odd_relations_are_kept_verbatim(odd: str) -> None:
    given = frames()
    given["facts"]["relation"] = odd
    catalog = Catalog.from_frames(**given)
    assert catalog.validate().ok
    assert set(catalog.facts["relation"]) == {odd}


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("rating", "five", "'five' is not a number"),
        ("rating", float("inf"), "not a number"),
        ("timestamp", "yesterday", "not a time"),
        ("timestamp", 1e30, "not a time"),
        ("user_id", 1.5, "not an id"),
        ("device", "\ud800", "not valid Unicode"),
    ],
)
def test_a_value_that_does_not_fit_is_a_problem_with_its_row(
    column: str, value: object, word: str
) -> None:
    events = frames()["interactions"].astype(object)
    if column == "user_id":
        events[column] = pd.Series([1.0, 1.0, value, 2.0])
    else:
        events.loc[2, column] = value
    with pytest.raises(CatalogError) as caught:
        Catalog.from_frames(interactions=events, sources={"interactions": "events.csv"})
    problem = caught.value.report.problems[0]  # type: ignore[attr-defined]
    assert (problem.source, problem.row, problem.column) == ("events.csv", 2, column)
    assert word in problem.message
    assert problem.cure


def test_nan_in_an_arrow_table_is_a_problem() -> None:
    table = pa.table({"user_id": ["a"], "item_id": ["x"], "rating": [float("nan")]})
    with pytest.raises(CatalogError, match=r"nan.? is not a number"):
        Catalog.from_frames(interactions=table)


def test_missing_and_repeated_columns_are_named() -> None:
    with pytest.raises(CatalogError, match="column item_id: the column is missing"):
        Catalog.from_frames(interactions=pd.DataFrame({"user_id": ["a"], "item": ["x"]}))
    twice = pd.DataFrame([["a", "x", 1, 2]], columns=["user_id", "item_id", "n", "n"])
    with pytest.raises(CatalogError, match="the column occurs twice"):
        Catalog.from_frames(interactions=twice)


def test_values_and_ends_are_reported_together() -> None:
    given = frames()
    given["interactions"] = given["interactions"].astype({"rating": object})
    given["interactions"].loc[0, "rating"] = "x"
    given["interactions"].loc[1, "item_id"] = "nowhere"
    with pytest.raises(CatalogError) as caught:
        Catalog.from_frames(**given)
    columns = {p.column for p in caught.value.report.problems}  # type: ignore[attr-defined]
    assert columns == {"rating", "item_id"}


def test_an_object_that_is_not_a_frame_is_a_problem() -> None:
    with pytest.raises(CatalogError, match=r"interactions frame: a dict is not a frame"):
        Catalog.from_frames(interactions={"user_id": ["a"]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "column", [pd.Series(["a"]), pd.Index(["a"]), pa.chunked_array([["a"]]), pa.array(["a"])]
)
def test_a_single_column_is_not_a_frame(column: object) -> None:
    with pytest.raises(CatalogError, match=rf"a {type(column).__name__} is not a frame\. Cure"):
        Catalog.from_frames(interactions=column)  # type: ignore[arg-type]


def test_batches_and_readers_of_batches_are_frames() -> None:
    table = pa.table({"user_id": ["a"], "item_id": ["x"]})
    expected = Catalog.from_frames(interactions=table)
    for given in (table.to_batches()[0], table.to_reader()):
        assert Catalog.from_frames(interactions=given).equals(expected)


def test_the_index_that_pandas_wrote_is_left_out_and_noted(tmp_path: Path) -> None:
    given = frames()["items"].iloc[[2, 0, 1]]
    given.to_parquet(tmp_path / "items.parquet")
    table = pq.read_table(tmp_path / "items.parquet")
    assert "__index_level_0__" in table.column_names
    catalog = Catalog.from_frames(items=table)
    assert catalog.equals(Catalog.from_frames(items=given.reset_index(drop=True)))
    assert [note[:47] for note in catalog.notes] == [
        "items frame: the column __index_level_0__ holds"
    ]
    assert Catalog.from_frames(items=given).notes == ()


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 12"])
def test_row_numbers_in_a_column_are_named_with_the_cure(name: str) -> None:
    events = frames()["interactions"].assign(**{name: range(4)})
    catalog = Catalog.from_frames(interactions=events)
    with pytest.raises(CatalogError, match=r"row numbers of a DataFrame\. Cure: .*index=False"):
        catalog.validate().raise_if_any()


@pytest.mark.parametrize("values", [[["a"], ["b"]], [{"a": 1}], [b"a"]])
def test_lists_of_what_is_no_plain_value_are_refused(values: list[object]) -> None:
    items = pd.DataFrame({"item_id": ["i"], "x": [values]})
    with pytest.raises(CatalogError, match=r"column x: values of type list.* are not supported"):
        Catalog.from_frames(items=items)


def test_any_frame_that_offers_arrow_is_taken() -> None:
    class Foreign:
        def __arrow_c_stream__(self, requested: object = None) -> object:
            return pa.table({"user_id": ["a"], "item_id": ["x"]}).__arrow_c_stream__(requested)

    catalog = Catalog.from_frames(interactions=Foreign())  # type: ignore[arg-type]
    assert catalog.items["item_id"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5.0), (" 5 ", 5.0), ("5.", 5.0), (".5", 0.5), ("-1e2", -100.0), ("1E+2", 100.0)],
)
def test_numbers_as_text(text: str, number: float) -> None:
    events = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "rating": [text]})
    assert Catalog.from_frames(interactions=events).interactions["rating"].tolist() == [number]


@pytest.mark.parametrize("text", ["+ 5", "5,0", "0x10", "--5", "5 5", "1_000", "five", "-nan"])
def test_text_that_is_no_number(text: str) -> None:
    rows = {"user_id": ["a", "a"], "item_id": ["x", "x"], "rating": ["4.5", text]}
    with pytest.raises(CatalogError, match=r"row 1, column rating: .* is not a number"):
        Catalog.from_frames(interactions=pd.DataFrame(rows))


def test_a_frame_without_rows_is_fine() -> None:
    catalog = Catalog.from_frames(users=pd.DataFrame({"user_id": []}))
    assert catalog.validate().ok
    assert catalog.tables["users"].schema.field("user_id").type == pa.string()
