"""Explanations as graphs and pages: every contribution in its place, every name only text."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.explain import Explainer, Explanation, ScoreBreakdown
from kgrec.explore import export_graph, read_graph
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.paths.people import ShownPeople
from tests.explain.breakdowns import breakdown
from tests.visualization.graphs import ODD
from tests.visualization.test_html_page import Page

U1, A, B, X = ("User", "u1"), ("Item", "a"), ("Item", "b"), ("Item", "x")


@pytest.fixture
def explained(tiny: GraphSnapshot) -> Explanation:
    """Through a director, other people, and similarities, one of which counts against the item."""
    tiny.items.attributes.loc[0, "title"] = ODD
    parts = {"id": [0.5, 0.0], "match": [1.0, 0.0], "knowledge": [0.0, 0.4], "text": [0.0, -0.3]}
    scores = breakdown(tiny, ["a", "x"], parts, [(0, "e1", "DIRECTED_BY", "DIRECTED_BY", 1.0)])
    shown = ShownPeople(fewest=1)
    return Explainer(tiny, people=shown).explain(
        scores, int(tiny.items.rows(["b"])[0]), user=0, k=9
    )


def test_the_edges_carry_what_their_paths_do(explained: Explanation) -> None:
    graph = explained.to_networkx()
    assert len(explained.paths) == 4
    assert {node[:2] for path in explained.paths for node in path.nodes} == set(graph)
    into = sum(data["contribution"] for a, b, data in graph.edges(data=True) if b == B)
    out_of_facts = sum(d["contribution"] for a, _, d in graph.out_edges(B, data=True))
    assert into + out_of_facts == pytest.approx(explained.shown)
    first = sum(data["contribution"] for _, _, data in graph.out_edges(U1, data=True))
    assert first == pytest.approx(explained.shown)
    made = graph.get_edge_data(A, ("Entity", "e1"))
    assert [edge["relation"] for edge in made.values()] == ["DIRECTED_BY"]
    unstored = {d["relation"]: d for _, _, d in graph.edges(data=True) if not d["stored"]}
    assert set(unstored) == {"similar surroundings", "similar text"}
    assert unstored["similar text"]["contribution"] == pytest.approx(-0.3)


def test_the_nodes_have_their_roles(explained: Explanation) -> None:
    graph = explained.to_networkx()
    roles = {key: data.get("shown_as") for key, data in graph.nodes(data=True)}
    assert roles[U1] == "owner"
    assert roles[A] == roles[X] == "history"
    assert roles[B] == "candidate"
    assert roles["Entity", "e1"] is None
    assert {key for key, data in graph.nodes(data=True) if data["focus"]} == {U1, B}


def test_the_page_lists_the_paths_and_the_sum(explained: Explanation, tmp_path: Path) -> None:
    page = Page(explained.draw(tmp_path / "new" / "why.html"))
    view = page.view
    assert "".join(page.texts["title"]).strip() == "Why “Ronin” for user u1"
    assert [path["contribution"] for path in view["paths"]] == [
        p.contribution for p in explained.paths
    ]
    for path, shown in zip(explained.paths, view["paths"], strict=True):
        assert shown["sentence"] == path.sentence
        assert len(shown["edges"]) == path.hops
        ids = [view["nodes"][place]["id"] for place in shown["nodes"]]
        assert ids == [node[1] for node in path.nodes]
        assert (shown["cypher"], shown["parameters"]) == (path.cypher, path.parameters)
    assert ODD in {node["text"] for node in view["nodes"]}
    left, right = (next(n["x"] for n in view["nodes"] if n["id"] == i) for i in ("u1", "b"))
    assert left < right
    assert explained.to_html(tmp_path / "again.html").read_bytes() == (
        (tmp_path / "new" / "why.html").read_bytes()
    )


def test_an_explanation_without_paths_says_why(tiny: GraphSnapshot, tmp_path: Path) -> None:
    empty = Explainer(tiny).explain(ScoreBreakdown.empty(0.5), 1, user=0)
    graph = empty.to_networkx()
    assert [data["shown_as"] for data in graph.nodes.values()] == ["candidate"]
    page = Page(empty.to_html(tmp_path / "none.html", title="Why not?"))
    assert "There is no history" in " ".join(page.texts["p"])
    assert (len(page.view["nodes"]), page.view["paths"]) == (1, [])


def test_a_typed_in_history_has_an_owner_without_id(tiny: GraphSnapshot, tmp_path: Path) -> None:
    scores = breakdown(tiny, ["a"], {"id": [1.0]})
    explainer = Explainer(tiny, people=ShownPeople(fewest=1))
    explained = explainer.explain(scores, int(tiny.items.rows(["b"])[0]))
    graph = explained.to_networkx()
    assert graph.nodes["User", ""]["name"] == "You"
    assert len(Page(explained.to_html(tmp_path / "you.html")).view["nodes"]) == len(graph)


def test_it_can_be_exported(explained: Explanation, tmp_path: Path) -> None:
    graph = explained.to_networkx()
    for suffix in ("json", "graphml"):
        back = read_graph(export_graph(graph, tmp_path / f"why.{suffix}"))
        assert list(back.edges(keys=True, data=True)) == list(graph.edges(keys=True, data=True))
