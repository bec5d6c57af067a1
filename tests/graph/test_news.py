"""What an update brings takes the types of the graph, or is refused and nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema import Catalog, CatalogError
from kgrec.graph import GraphSnapshot
from kgrec.graph.news import updated
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot
from kgrec.graph.source import read_source
from tests.graph.compare import assert_same_snapshot

DTYPES = {"year": "Int64", "price": "float64", "stock": "boolean", "tags": "str"}
FACTS = ["head", "head_type", "relation", "tail", "tail_type"]


def graph(**changed: Any) -> GraphSnapshot:
    items = {
        "item_id": ["i1", "i2", "i3"],
        "title": ["One", "Two", "Three"],
        "year": pd.array([1990, None, 2001], dtype="Int64"),
        "price": [1.5, 2.0, None],
        "stock": pd.array([True, None, False], dtype="boolean"),
        "tags": ["a|b", None, "c"],
    }
    events = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": ["i1", "i2"]})
    vectors = {"image": (["i1", "i2"], np.eye(2))}
    frame = pd.DataFrame({**items, **changed})
    return read_source(Catalog.from_frames(items=frame, interactions=events, vectors=vectors))


def merged(
    old: GraphSnapshot, *, strict: bool = False, erase: bool = False, **frames: Any
) -> GraphSnapshot:
    return updated(old, Catalog.from_frames(**frames), strict=strict, erase_empty=erase)


def item(**values: Any) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ["i9"], **{name: [value] for name, value in values.items()}})


def value(snapshot: GraphSnapshot, name: str, of: str = "i9") -> object:
    return snapshot.items.attributes[name].iloc[snapshot.items.rows([of])[0]]


def dtypes(snapshot: GraphSnapshot) -> dict[str, str]:
    return {name: str(snapshot.items.attributes[name].dtype).replace("object", "str")
            for name in DTYPES}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("year", "1990", 1990),
        ("year", 1990.0, 1990),
        ("price", "9.99", 9.99),
        ("price", 10, 10.0),
        ("stock", 1, True),
        ("stock", "false", False),
        ("tags", 5, "5"),
        ("tags", ["War", "New"], "War|New"),
    ],
)
def test_a_value_takes_the_type_of_its_column(
    name: str, given: object, stored: object, tmp_path: Path
) -> None:
    both = merged(graph(), items=item(**{name: given}))
    assert value(both, name) == stored
    assert dtypes(both) == DTYPES
    write_snapshot(both, tmp_path)
    again = read_saved_snapshot(tmp_path)
    assert dtypes(again) == DTYPES
    assert_same_snapshot(again, GraphSnapshot(**{**vars(both), "uri": ""}))


def test_whole_numbers_and_fractions_make_a_column_of_numbers() -> None:
    both = merged(graph(), items=item(year=1990.5))
    assert both.items.attributes["year"].dtype == "float64"
    assert [value(both, "year", one) for one in ("i1", "i3", "i9")] == [1990.0, 2001.0, 1990.5]


@pytest.mark.parametrize(
    ("name", "given", "word"),
    [
        ("year", "c. 1990", "a number"),
        ("year", True, "a number"),
        ("year", [1990, 1991], "a number"),
        ("year", pd.Timestamp("1990-01-01"), "a number"),
        ("price", "9,99", "a number"),
        ("stock", "yes", "a boolean"),
        ("stock", 2, "a boolean"),
        ("image", "x", "the graph has vectors of this name"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(
    name: str, given: object, word: str
) -> None:
    with pytest.raises(CatalogError, match=rf"column {name}.*{word}.*Cure: "):
        merged(graph(), items=item(**{name: given}))


def test_all_misfits_are_named_with_their_file_and_row() -> None:
    items = pd.DataFrame({"item_id": ["a", "b"], "year": ["1990", "?"], "price": ["x", None]})
    news = Catalog.from_frames(
        items=items, sources={"items": "new.csv"}, rows={"items": np.array([2, 3])}
    )
    with pytest.raises(CatalogError) as caught:
        updated(graph(), news)
    problems = caught.value.report.problems  # type: ignore[attr-defined]
    assert [(p.source, p.row, p.column) for p in problems] == [
        ("new.csv", 3, "year"), ("new.csv", 2, "price"),
    ]  # fmt: skip


def test_a_column_without_any_value_takes_every_type() -> None:
    old = graph(year=[None, None, None])
    assert value(merged(old, items=item(year="c. 1990")), "year") == "c. 1990"


def test_an_empty_value_says_nothing_unless_it_is_to_erase() -> None:
    old = graph()
    empty = pd.DataFrame({"item_id": ["i1", "i3"], "price": [None, 3.0], "tags": ["", None],
                          "title": ["", ""], "stock": [None, None]})  # fmt: skip
    kept = merged(old, items=empty)
    assert [value(kept, name, "i1") for name in ("price", "tags", "stock")] == [1.5, "a|b", True]
    erased = merged(old, erase=True, items=empty)
    for name in ("price", "tags", "stock"):
        assert pd.isna(value(erased, name, "i1"))
    assert (value(erased, "price", "i3"), value(erased, "title", "i3")) == (3.0, "Three")
    assert (value(erased, "year", "i1"), value(erased, "price", "i2")) == (1990, 2.0)
    assert dtypes(erased) == DTYPES
    again = merged(erased, erase=True, items=empty)
    assert_same_snapshot(again, erased)


def test_erasing_touches_only_the_columns_that_are_given() -> None:
    old = graph()
    events = pd.DataFrame({"user_id": ["u1"], "item_id": ["i3"]})
    both = merged(old, erase=True, interactions=events)
    pd.testing.assert_frame_equal(both.items.attributes, old.items.attributes)
    np.testing.assert_array_equal(both.items.vectors["image"], old.items.vectors["image"])


def test_a_vector_is_erased_by_an_empty_one() -> None:
    items = pd.DataFrame({"item_id": ["i1", "i2"], "image": [None, [0.5, 0.5]]})
    both = merged(graph(), erase=True, items=items)
    assert both.items.vectors["image"].tolist() == [[0.0, 0.0], [0.5, 0.5], [0.0, 0.0]]


def test_strict_names_all_unknown_ids_at_once() -> None:
    news = Catalog.from_frames(
        users=pd.DataFrame({"user_id": ["new"]}),
        items=None,
        interactions=pd.DataFrame(
            {"user_id": ["u1", "new"], "item_id": ["i1", "i2"], "scenario": ["tvv", None]}
        ),
        facts=pd.DataFrame(
            [("i7", "item", "made_by", "m1", "entity"), ("u1", "user", "likes", "i8", "item")],
            columns=FACTS,
        ),
    )
    with pytest.raises(CatalogError) as caught:
        updated(graph(), news, strict=True)
    problems = caught.value.report.problems  # type: ignore[attr-defined]
    assert [(p.frame, p.column) for p in problems] == [
        ("interactions", "scenario"), ("facts", "head"), ("facts", "tail"), ("facts", "tail"),
    ]  # fmt: skip
    for word in ("'tvv' (row 0)", "'i7' (row 0)", "'i8' (row 1)", "'m1' (row 0)"):
        assert word in str(caught.value)
    updated(graph(), news)


def test_strict_takes_what_the_graph_or_the_own_tables_hold() -> None:
    news = Catalog.from_frames(
        users=pd.DataFrame({"user_id": ["new"]}),
        interactions=pd.DataFrame({"user_id": ["new"], "item_id": ["i1"]}),
        reviews=pd.DataFrame({"user_id": ["new"], "item_id": ["i2"], "text": ["Fine."]}),
    )
    both = updated(graph(), news, strict=True)
    assert both.users.ids.tolist() == ["u1", "u2", "new"]


def test_tables_of_new_nodes_need_not_repeat_known_ones() -> None:
    new = pd.DataFrame({"user_id": ["new"], "age": [30]})
    events = pd.DataFrame({"user_id": ["new", "u1"], "item_id": ["i1", "i3"]})
    for erase in (False, True):
        both = merged(graph(), erase=erase, users=new, items=item(price=5.0), interactions=events)
        assert both.users.ids.tolist() == ["u1", "u2", "new"]
        assert value(both, "price", "i1") == 1.5
    with pytest.raises(CatalogError, match="'u3' is not among the ids of users frame"):
        merged(graph(), users=new, interactions=events.assign(user_id=["new", "u3"]))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"item_id": st.sampled_from(["i1", "i2", "n1", "n2"])},
            optional={
                name: st.one_of(
                    st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9),
                    st.text(max_size=3), st.sampled_from(["1", "true", "1990", "2.5"]),
                )
                for name in DTYPES
            },
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda row: row["item_id"],
    )
)  # fmt: skip
def test_any_update_is_refused_or_can_be_saved(rows: list[dict[str, Any]]) -> None:
    old = graph()
    try:
        both = merged(old, items=pd.DataFrame(rows))
    except CatalogError:
        return
    kinds = dtypes(both)
    assert kinds.pop("year") in ("Int64", "float64")
    assert kinds == {name: kind for name, kind in DTYPES.items() if name != "year"}
    again = merged(both, items=pd.DataFrame(rows))
    assert_same_snapshot(again, both)
