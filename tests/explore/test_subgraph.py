"""Parts of the graph: whole if small, limited by max_nodes if large."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from graph_schema.errors import RequestError
from kgrec.explain import Explainer
from kgrec.explore import GraphExplorer, draw
from kgrec.explore.cypher_export import script
from kgrec.explore.explorer import MAX_NODES
from kgrec.graph import GraphSnapshot
from kgrec.paths.people import ShownPeople
from tests.paths.graphs import snapshot

from .catalogs import ODD, ODD_RELATION


def relations(graph: nx.MultiDiGraph) -> list[tuple[object, ...]]:
    return sorted((a, b, r) for a, b, r in graph.edges(data="relation"))


@pytest.mark.parametrize("hops", range(5))
@pytest.mark.parametrize("start", [("Item", "a"), ("User", ODD), ("Entity", "e2")])
def test_it_is_what_lies_within_so_many_edges(
    explorer: GraphExplorer, world: GraphSnapshot, start: tuple[str, str], hops: int
) -> None:
    whole = world.to_networkx()
    near = nx.single_source_shortest_path_length(whole.to_undirected(), start, cutoff=hops)
    graph = explorer.subgraph(start, hops)
    assert set(graph) == set(near)
    assert relations(graph) == relations(whole.subgraph(near))
    assert graph.graph == {"left_out": 0}


def test_nodes_and_edges_have_their_attributes(explorer: GraphExplorer) -> None:
    graph = explorer.subgraph("Heat", 1)
    assert graph.nodes["Item", "a"] == {
        "label": "Item",
        "id": "a",
        "name": "Heat",
        "kind": "item",
        "focus": True,
        "title": "Heat",
        "year": 1995,
    }
    assert graph.nodes["Entity", "e1"]["kind"] == "person"
    assert graph.nodes["User", "u1"] == {
        "label": "User",
        "id": "u1",
        "name": "",
        "kind": "user",
        "focus": False,
        "age": 30,
    }
    events = graph.get_edge_data(("User", "u1"), ("Item", "a"))
    assert [event["timestamp"] for event in events.values()] == [10, 20]
    assert events[1] == {
        "relation": "INTERACTED",
        "timestamp": 20,
        "rating": 4.0,
        "scenario": "web",
    }


def test_an_entity_without_a_kind_has_its_role_for_one(tmp_path: Path) -> None:
    graph = snapshot(
        {},
        {"a": {}, "b": {}},
        {"m.1": {}, "m.2": {"kind": "person"}, "m.3": {}},
        [],
        {
            ("Entity", "film.director.film", "Item"): [("m.1", "a"), ("m.1", "b"), ("m.2", "a")],
            ("Item", "ALSO_KNOWN", "Entity"): [("a", "m.1"), ("a", "m.3")],
        },
    )
    part = GraphExplorer(Explainer(graph)).subgraph("Item:a")
    assert part.nodes["Entity", "m.1"]["kind"] == "director"
    assert part.nodes["Entity", "m.1"]["derived"] == "kind"
    assert part.nodes["Entity", "m.2"]["kind"] == "person"
    assert "derived" not in part.nodes["Entity", "m.2"]
    assert part.nodes["Entity", "m.3"]["kind"] == "entity"
    assert "director m.1" in draw(part, tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "director" not in script(part).replace("film.director.film", "")


def test_several_nodes_and_only_some_relations(explorer: GraphExplorer) -> None:
    pair = explorer.subgraph(["Item:a", ("Item", "b")], 0)
    assert set(pair) == {("Item", "a"), ("Item", "b")}
    assert [data["focus"] for _, data in pair.nodes(data=True)] == [True, True]
    made = explorer.subgraph(["Item:a", "Item:b", "Item:a"], 1, relations="DIRECTED_BY")
    assert set(made) == {("Item", "a"), ("Item", "b"), ("Entity", "e1")}
    assert {r for _, _, r in made.edges(data="relation")} == {"DIRECTED_BY"}
    assert set(explorer.subgraph("Item:x", 2, relations=[ODD_RELATION])) == {("Item", "x")}


def test_a_hub_is_cut_to_size_and_the_rest_is_counted() -> None:
    films = {f"i{n}": {} for n in range(300)}
    graph = snapshot(
        {f"u{n}": {} for n in range(200)},
        films,
        {"hub": {}, "maker": {}},
        [(f"u{n}", "i0", n, None) for n in range(200)],
        {
            ("Item", "HAS_GENRE", "Entity"): [(film, "hub") for film in films],
            ("Item", "MADE_BY", "Entity"): [("i0", "maker"), ("i1", "maker")],
        },
    )
    explorer = GraphExplorer(Explainer(graph, people=ShownPeople(named=True)))
    one = explorer.subgraph("Item:i0", 1, max_nodes=10)
    assert len(one) == 10
    assert one.graph["left_out"] == 202 - 9
    assert {("Entity", "hub"), ("Entity", "maker"), ("User", "u199")} <= set(one)
    two = explorer.subgraph("Item:i0", 2, max_nodes=9)
    assert len(two) == 9
    assert ("Item", "i1") in two  # the second hop has places too
    assert len(two) + two.graph["left_out"] == 502  # everything was met
    assert set(explorer.subgraph("Item:i0", 2, max_nodes=9)) == set(two)
    assert len(explorer.subgraph("Item:i0", 2, max_nodes=MAX_NODES)) == 502


@pytest.mark.parametrize(
    ("nodes", "options", "message"),
    [
        ("Item:a", {"hops": 100}, "hops is 100; give a whole number from 0 to 4"),
        ("Item:a", {"hops": -1}, "hops is -1"),
        ("Item:a", {"hops": "2"}, "hops is '2'"),
        ("Item:a", {"max_nodes": 0}, "max_nodes is 0; give a whole number from 1 to 2000"),
        ("Item:a", {"max_nodes": MAX_NODES + 1}, "max_nodes is 2001"),
        ("Item:a", {"relations": ["DIRECTED_BY", "NOPE"]}, "unknown relation 'NOPE'"),
        ([], {}, "no node given"),
        (["Item:a", "Item:b"], {"max_nodes": 1}, "2 nodes given, but max_nodes is 1; raise it"),
        (["Item:a", "Item:none"], {}, "unknown Item id 'none'"),
    ],
)
def test_wrong_requests_are_refused(
    explorer: GraphExplorer, nodes: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        explorer.subgraph(nodes, **options)  # type: ignore[arg-type]
