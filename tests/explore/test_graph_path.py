"""Paths between any two nodes: simple, constrained, and in words."""

from __future__ import annotations

import networkx as nx
import pytest

from graph_schema.errors import RequestError
from kgrec.explore import GraphExplorer
from kgrec.graph import GraphSnapshot

from .catalogs import ODD, ODD_RELATION


def test_they_are_the_simple_paths_of_the_graph(
    explorer: GraphExplorer, world: GraphSnapshot
) -> None:
    whole = world.to_networkx()
    plain = nx.MultiGraph()
    plain.add_edges_from((a, b, r) for a, b, r in {*whole.edges(data="relation")})
    expected = {
        (("Item", "a"), *(b for _, b, _ in path))
        for path in nx.all_simple_edge_paths(plain, ("Item", "a"), ("Item", "b"), cutoff=3)
    }
    found = explorer.paths("Item:a", "Item:b", max_hops=3, k=100)
    assert {tuple(node[:2] for node in path.nodes) for path in found} == expected
    for path in found:
        for source, relation, target in path.steps:
            between = whole.get_edge_data(source, target)
            assert relation in {data["relation"] for data in between.values()}


def test_constraints_hold(explorer: GraphExplorer) -> None:
    every = explorer.paths("Item:a", "Item:b", k=100)
    made = explorer.paths("Item:a", "Item:b", via="Ann Lee", k=100)
    rest = explorer.paths("Item:a", "Item:b", avoid=["Entity:e1"], k=100)
    assert 0 < len(made) < len(every)
    assert len(made) + len(rest) == len(every)
    assert all(("Entity", "e1", "Ann Lee") in path.nodes for path in made)
    only = explorer.paths("Item:a", "Item:b", relations=ODD_RELATION, k=100)
    assert [path.relations for path in only] == [(ODD_RELATION, ODD_RELATION)]
    assert len(explorer.paths("Item:a", "Item:b", k=2)) == 2
    assert explorer.paths("Item:a", "Item:x", max_hops=1) == []


def test_unconnected_nodes_have_no_path(explorer: GraphExplorer) -> None:
    assert explorer.paths("Item:a", "User:lone") == []
    assert len(explorer.joined([])) == 0


def test_a_path_says_what_it_is(explorer: GraphExplorer) -> None:
    (path,) = explorer.paths("Item:a", "Item:b", relations="DIRECTED_BY")
    assert path.sentence == "“Heat” and “Ronin” have the same director: “Ann Lee”."
    assert str(path) == "(Heat) -DIRECTED_BY-> (Ann Lee) <-DIRECTED_BY- (Ronin)"
    assert path.hops == 2
    assert path.parameters == {"n0": "a", "n1": "e1", "n2": "b"}
    values = path.to_dict()
    assert values["nodes"][1] == {"label": "Entity", "id": "e1", "name": "Ann Lee"}
    assert (values["relations"], values["outgoing"]) == (["DIRECTED_BY"] * 2, [True, False])


def test_the_paths_as_one_graph(explorer: GraphExplorer) -> None:
    paths = explorer.paths("Item:a", "Item:b", max_hops=2)
    graph = explorer.joined(paths)
    assert set(graph) == {node[:2] for path in paths for node in path.nodes}
    walked = {step for path in paths for step in path.steps}
    assert {(a, r, b) for a, b, r in graph.edges(data="relation")} == walked
    focus = {key for key, data in graph.nodes(data=True) if data["focus"]}
    assert focus == {("Item", "a"), ("Item", "b")}


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ("Item:a", "Item:a", {}, "two different nodes; both are Item:a"),
        ("Item:a", "Item:none", {}, "unknown Item id 'none'"),
        ("Film:a", "Item:b", {}, "unknown node 'Film:a'"),
        ("Item:a", "Item:b", {"max_hops": 0}, "max_hops is 0; give a whole number from 1 to 4"),
        ("Item:a", "Item:b", {"max_hops": 100}, "max_hops is 100"),
        ("Item:a", "Item:b", {"k": 0}, "k is 0"),
        ("Item:a", "Item:b", {"relations": ["NOPE"]}, "unknown relation 'NOPE'"),
        ("Item:a", "Item:b", {"via": "nobody"}, "unknown node 'nobody'"),
        ("Item:a", "Item:b", {"avoid": ["Item:none"]}, "unknown Item id 'none'"),
    ],
)
def test_wrong_requests_are_refused(
    explorer: GraphExplorer, a: str, b: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        explorer.paths(a, b, **options)  # type: ignore[arg-type]


def test_odd_names_are_only_text(explorer: GraphExplorer) -> None:
    (path,) = explorer.paths(("User", ODD), ("Item", ODD))
    assert path.sentence.count("</script>") == 2
    assert ODD not in path.cypher
    assert path.parameters == {"n0": ODD, "n1": ODD}
