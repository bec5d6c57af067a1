"""How a graph's nodes and edges look."""

from __future__ import annotations

import networkx as nx
import pytest

from graph_schema.errors import RequestError
from kgrec.visualization.graph_view import PLAIN, WIDE, graph_view
from kgrec.visualization.style import NEGATIVE, POSITIVE

from .graphs import ODD, ring, with_contributions


def test_parallel_edges_of_a_relation_become_one_line() -> None:
    graph = ring()
    view = graph_view(graph)
    assert len(view.nodes) == 30
    kinds = {(a, b, r) for a, b, r in graph.edges(data="relation")}
    assert {(e.source, e.target, e.relation) for e in view.edges} == kinds
    assert sum(edge.count for edge in view.edges) == graph.size()
    twice = next(edge for edge in view.edges if edge.relation == "INTERACTED")
    assert (twice.count, twice.facts) == (2, {"timestamp": "1", "rating": "5.0"})
    assert view.note == "30 nodes, 72 edges; 1,234 more nodes met are left out"


def test_relations_differ_by_colour_and_by_line() -> None:
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    for n in range(21):
        graph.add_edge(("Item", "a"), ("Item", "b"), relation=f"R{n}")
    looks = {(edge.colour, edge.line) for edge in graph_view(graph).edges}
    assert len(looks) == 21
    assert not graph_view(graph).by_contribution
    assert {edge.width for edge in graph_view(graph).edges} == {PLAIN}


def test_contributions_are_widths_and_their_signs_colours() -> None:
    view = graph_view(with_contributions())
    looks = {e.relation: (e.colour, e.line, e.contribution) for e in view.edges}
    assert view.by_contribution
    assert looks["SEQUEL"] == (POSITIVE, "solid", 0.75)
    assert looks["similar text"] == (NEGATIVE, "dashed", -0.25)
    widths = {e.relation: e.width for e in view.edges}
    assert widths["SEQUEL"] == WIDE
    assert widths["similar text"] < widths["INTERACTED"] < widths["SEQUEL"]
    assert [node.look for node in view.nodes] == ["the user", "chosen before", "recommended"]
    assert view.nodes[0].text == "user 1"


def test_titles_name_the_nodes_in_focus() -> None:
    graph = with_contributions()
    assert graph_view(graph).title == "Around “user 1” and “New”"
    assert graph_view(graph, "  Why\n not ").title == "Why not"
    for data in graph.nodes.values():
        data["focus"] = False
    assert graph_view(graph).title == "A part of the graph"


def test_an_empty_graph_is_refused() -> None:
    with pytest.raises(RequestError, match="the graph is empty"):
        graph_view(nx.MultiDiGraph())


def test_names_are_one_line_of_text() -> None:
    hub = graph_view(ring()).nodes[0]
    assert hub.text == ODD
    assert len(hub.lines) <= 3
