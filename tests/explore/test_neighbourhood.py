"""The edges of a node: all of them, once each, in the documented order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer
from kgrec.explore import GraphExplorer
from kgrec.graph import GraphSnapshot
from kgrec.paths.people import ShownPeople
from kgrec.stores import NodeRef
from tests.paths.graphs import snapshot

from .catalogs import ODD, ODD_RELATION


def edges(frame: pd.DataFrame) -> set[tuple[str, str, str, str]]:
    columns = (frame[name] for name in ("relation", "direction", "label", "id"))
    return set(zip(*columns, strict=True))


@pytest.mark.parametrize("label", ["User", "Item", "Entity"])
def test_they_are_the_edges_of_the_graph(
    explorer: GraphExplorer, world: GraphSnapshot, label: str
) -> None:
    whole = world.to_networkx()
    for node_id in world.table(label).ids:
        out = {(r, "out", *b) for _, b, r in whole.out_edges((label, node_id), data="relation")}
        into = {(r, "in", *a) for a, _, r in whole.in_edges((label, node_id), data="relation")}
        frame = explorer.neighbours((label, node_id))
        assert edges(frame) == out | into
        assert len(frame) == frame.attrs["total"] == len(out | into)
        assert edges(explorer.neighbours((label, node_id), direction="out")) == out
        assert edges(explorer.neighbours((label, node_id), direction="in")) == into


def test_the_columns_tell_the_other_node_and_the_last_event(explorer: GraphExplorer) -> None:
    frame = explorer.neighbours("Item:a").set_index(["label", "id"])
    maker = frame.loc[("Entity", "e1")]
    assert maker[["name", "kind", "relation", "direction", "degree", "events"]].tolist() == [
        "Ann Lee",
        "person",
        "DIRECTED_BY",
        "out",
        3,
        1,
    ]
    assert pd.isna(maker["timestamp"])
    assert np.isnan(maker["rating"])
    twice = frame.loc[("User", "u1")]
    assert twice[["kind", "degree", "events", "timestamp", "rating"]].tolist() == [
        "user",
        3,
        2,
        20,
        4.0,
    ]
    once = frame.loc[("User", "u2")]
    assert (once["events"], once["timestamp"]) == (1, 5)
    assert np.isnan(once["rating"])
    assert frame.loc[("Entity", ODD), "name"].startswith("</script>")


def test_a_node_without_edges_has_none(explorer: GraphExplorer) -> None:
    frame = explorer.neighbours("User:lone")
    assert (len(frame), frame.attrs["total"]) == (0, 0)
    assert list(frame.columns) == list(explorer.neighbours("Item:a").columns)


def test_relations_take_turns_rare_nodes_and_late_events_first() -> None:
    items = {f"i{n}": {"title": f"Film {n}"} for n in range(5)}
    graph = snapshot(
        {"u1": {}, "u2": {}, "u3": {}},
        items,
        {"rare": {}, "hub": {}, "genre": {}},
        [("u1", "i0", 30, None), ("u2", "i0", 10, None), ("u3", "i0", None, None)],
        {
            ("Item", "STARS", "Entity"): [("i0", "rare"), *((item, "hub") for item in items)],
            ("Item", "HAS_GENRE", "Entity"): [(item, "genre") for item in items],
        },
    )
    edges = GraphExplorer(Explainer(graph, people=ShownPeople(named=True))).neighbours("Item:i0")
    assert edges["id"].tolist() == ["genre", "rare", "u1", "hub", "u2", "u3"]
    cut = GraphExplorer(Explainer(graph, people=ShownPeople(named=True))).neighbours("Item:i0", k=3)
    assert (cut["id"].tolist(), cut.attrs["total"]) == (["genre", "rare", "u1"], 6)


@pytest.mark.parametrize("node", ["Item:b", ("Item", "b"), NodeRef("Item", "b"), "Ronin", "rONIN "])
def test_a_node_can_be_given_in_several_ways(explorer: GraphExplorer, node: object) -> None:
    assert explorer.node(node) == NodeRef("Item", "b")  # type: ignore[arg-type]


def test_only_the_relations_wanted(explorer: GraphExplorer) -> None:
    assert set(explorer.neighbours("Item:a", ODD_RELATION)["id"]) == {ODD}
    both = explorer.neighbours("Item:a", ["DIRECTED_BY", "INTERACTED"])
    assert set(both["relation"]) == {"DIRECTED_BY", "INTERACTED"}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("nobody", "unknown node 'nobody': give it as Label:id, as in Item:588"),
        ("Film:a", "unknown node 'Film:a': give it"),
        ("Item:none", "unknown Item id 'none'"),
        (("Film", "a"), "unknown label 'Film'; choose one of User, Item, Entity"),
        ("a", "did you mean Item:a"),
        ("", "unknown node ''"),
        (5, "5 is no node"),
        (None, "None is no node"),
        (ODD, "2 nodes are called"),  # an item and an entity
    ],
)
def test_an_unknown_node_is_refused(explorer: GraphExplorer, node: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        explorer.neighbours(node)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"relations": "NOPE"}, "unknown relation 'NOPE'; the graph has: DIRECTED_BY"),
        ({"direction": "up"}, "unknown direction 'up'; choose one of .both., .out., .in."),
        ({"k": 0}, "k is 0; give a whole number of at least 1"),
        ({"k": True}, "k is True"),
        ({"k": 1.5}, "k is 1.5"),
    ],
)
def test_wrong_requests_are_refused(
    explorer: GraphExplorer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        explorer.neighbours("Item:a", **options)  # type: ignore[arg-type]


def test_an_empty_graph_has_no_nodes() -> None:
    empty = GraphExplorer(Explainer(snapshot({}, {}, {}, [], {})))
    with pytest.raises(RequestError, match="unknown Item id 'a': the graph has no such node"):
        empty.neighbours("Item:a")
    with pytest.raises(RequestError, match="unknown node"):
        empty.subgraph("Heat")
