"""Files of a part of the graph: read back they are the same, and Cypher makes it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import neo4j
import networkx as nx
import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import RequestError, SourceError
from kgrec.explain import Explainer
from kgrec.explore import GraphExplorer, export_graph, read_graph
from kgrec.explore.cypher_export import script, statements
from kgrec.graph import read_snapshot
from kgrec.paths.people import ShownPeople
from kgrec.stores import EmbeddedStore, GraphStore, connect
from tests.stores.embedded.engine import edit

from .catalogs import ODD

ALL = ["Item:a", "Item:b", "Item:x", ("Item", ODD), "User:lone"]


def same(a: nx.MultiDiGraph, b: nx.MultiDiGraph) -> bool:
    return (
        type(a) is type(b)
        and dict(a.nodes(data=True)) == dict(b.nodes(data=True))
        and list(a.edges(keys=True, data=True)) == list(b.edges(keys=True, data=True))
        and a.graph == b.graph
    )


def sorted_content(graph: nx.MultiDiGraph) -> tuple[dict[object, object], list[object]]:
    """Nodes and edges in an order that rows do not change."""
    edges = [(a, b, sorted(data.items())) for a, b, data in graph.edges(data=True)]
    return dict(graph.nodes(data=True)), sorted(edges)


@pytest.fixture
def graph(explorer: GraphExplorer) -> nx.MultiDiGraph:
    return explorer.subgraph(ALL, 4)


@pytest.mark.parametrize("suffix", ["graphml", "json"])
def test_reading_back_gives_the_same(graph: nx.MultiDiGraph, tmp_path: Path, suffix: str) -> None:
    assert len(graph) == 11
    path = export_graph(graph, tmp_path / "new" / f"part.{suffix}")
    assert same(read_graph(path), graph)
    assert list(path.parent.iterdir()) == [path]
    again = export_graph(graph, tmp_path / f"again.{suffix}")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("suffix", ["graphml", "json"])
def test_any_attribute_can_be_written(tmp_path: Path, suffix: str) -> None:
    graph: nx.MultiDiGraph = nx.MultiDiGraph(left_out=np.int64(2))
    graph.add_node(
        ("Item", "i\x00\r"),
        flag=np.bool_(True),
        count=np.int64(3),
        share=np.float32(0.5),
        nothing=None,
        far=float("inf"),
        when=pd.Timestamp("2020-01-01"),
        tags=["a", "b"],
        value="text",
    )
    graph.add_node(("Entity", ""), value=7)
    back = read_graph(export_graph(graph, tmp_path / f"g.{suffix}"))
    node = "i\x00\r" if suffix == "json" else "i\ufffd\ufffd"
    assert back.nodes["Item", node] == {
        "label": "Item",
        "id": node,
        "flag": True,
        "count": 3,
        "share": 0.5,
        "when": "2020-01-01 00:00:00",
        "tags": "['a', 'b']",
        "value": "text",
    }
    assert back.nodes["Entity", ""] == {"label": "Entity", "id": "", "value": 7}
    assert back.graph == {"left_out": 2}


def test_networkx_reads_them_too(graph: nx.MultiDiGraph, tmp_path: Path) -> None:
    links = json.loads(export_graph(graph, tmp_path / "g.json").read_text(encoding="utf-8"))
    plain = nx.node_link_graph(links, edges="edges", name="node")
    assert (len(plain), plain.size()) == (len(graph), graph.size())
    assert len(nx.read_graphml(export_graph(graph, tmp_path / "g.graphml"))) == len(graph)


@pytest.mark.parametrize("name", ["g.txt", "g", "g.xml"])
def test_other_suffixes_are_refused(graph: nx.MultiDiGraph, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"one of \.graphml, \.json, \.cypher"):
        export_graph(graph, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none.json", None),
        ("none.graphml", None),
        ("broken.json", "{"),
        ("other.json", '{"nodes": []}'),
        ("list.json", "[1]"),
        ("broken.graphml", "<graphml><graph>"),
        ("other.graphml", "<html></html>"),
        ("foreign.graphml", '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
         '<graph edgedefault="directed"><node id="1"/></graph></graphml>'),
    ],
)  # fmt: skip
def test_a_file_without_a_graph_is_refused(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="no graph can be read"):
        read_graph(tmp_path / name)


def test_an_empty_graph_can_be_written(tmp_path: Path) -> None:
    empty: nx.MultiDiGraph = nx.MultiDiGraph()
    for suffix in ("json", "graphml"):
        assert len(read_graph(export_graph(empty, tmp_path / f"e.{suffix}"))) == 0
    assert export_graph(empty, tmp_path / "e.cypher").read_text() == ""


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def written(
    request: pytest.FixtureRequest, graph: nx.MultiDiGraph, tmp_path: Path
) -> Iterator[GraphStore]:
    """A store whose whole content the exported script made."""
    text = export_graph(graph, tmp_path / "part.cypher").read_text(encoding="utf-8")
    lines = text.removesuffix(";\n").split(";\n")
    if request.param == "embedded":
        edit(tmp_path / "made.kgl", *lines)
        yield EmbeddedStore(tmp_path / "made.kgl")
        return
    server = request.getfixturevalue("neo4j_server")
    with neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
        for line in lines:
            driver.execute_query(line)
    with connect(server.uri, auth=server.auth) as store:
        yield store


def test_the_script_makes_the_graph_again(written: GraphStore, graph: nx.MultiDiGraph) -> None:
    again = GraphExplorer(
        Explainer(read_snapshot(written), people=ShownPeople(named=True))
    ).subgraph(ALL, 4)
    assert sorted_content(again) == sorted_content(graph)


def test_every_path_is_found_in_it(written: GraphStore, explorer: GraphExplorer) -> None:
    paths = explorer.paths("Item:a", "Item:b", k=100)
    paths += explorer.paths(("User", ODD), ("Entity", "e2"), k=100)
    assert len(paths) > 5
    for path in paths:
        (row,) = written.query(path.cypher, path.parameters)
        assert {name: row[name] for name in ("nodes", "relations")} == path.expected


def test_the_statements_have_parameters_for_all_values(graph: nx.MultiDiGraph) -> None:
    made = list(statements(graph))
    assert all(ODD not in text and "Heat" not in text for text, _ in made)
    rows = [row for _, parameters in made for row in parameters["rows"]]
    assert len(rows) == len(graph) + graph.size()
    assert [text.split()[0] for text, _ in made] == ["UNWIND"] * len(made)


def test_what_is_no_relationship_is_not_in_the_script() -> None:
    graph: nx.MultiDiGraph = nx.MultiDiGraph()
    graph.add_node(("User", ""), shown_as="owner", name="You")
    graph.add_edge(("User", ""), ("Item", "a"), relation="INTERACTED", stored=True)
    graph.add_edge(("Item", "a"), ("Item", "b"), relation="similar text", stored=False)
    graph.add_edge(("Item", "a"), ("Item", "b"), relation="SEQUEL", stored=True, contribution=0.5)
    text = script(graph)
    assert "similar text" not in text
    assert "INTERACTED" not in text
    assert "contribution" not in text
    assert text.count("`SEQUEL`") == 1
