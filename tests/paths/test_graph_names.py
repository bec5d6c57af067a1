"""Explanations of a graph that a team already had, in that graph's own words, on a real Neo4j."""

from __future__ import annotations

from collections.abc import Iterator

import neo4j
import pytest

from graph_schema.mapping import GraphMapping
from kgrec.explain import Explainer
from kgrec.graph import read_snapshot
from kgrec.paths.people import ShownPeople
from kgrec.stores import GraphStore, connect
from tests.explain.breakdowns import breakdown
from tests.neo4j_server import Server

MAPPING = GraphMapping.parse(
    {
        "users": {"label": "Customer", "key": "no"},
        "items": {"label": "Book", "key": "isbn", "properties": {"title": "name"}},
        "entities": [
            {"label": "Author", "key": "code", "properties": {"name": "called"}},
            {"label": "Shelf", "key": "nr"},
        ],
        "interactions": [
            {"type": "BOUGHT_BY", "direction": "in", "properties": {"timestamp": "at"}},
            {"type": "READ_BY", "direction": "in", "properties": {"timestamp": "at"}},
        ],
        "facts": [{"type": "HAS_AUTHOR", "relation": "AUTHOR"}, {"type": "STANDS_ON"}],
    }
)
GRAPH = """
CREATE (c7:Customer {no: 7}), (c8:Customer {no: 8})
CREATE (b1:Book {isbn: '0012', name: 'Emma'}), (b2:Book {isbn: '0013', name: 'Persuasion'})
CREATE (a:Author {code: 'ja', called: 'Jane Austen'}), (s:Shelf {nr: 3})
CREATE (b1)-[:BOUGHT_BY {at: 9}]->(c7), (b1)-[:BOUGHT_BY {at: 8}]->(c8)
CREATE (b2)-[:READ_BY {at: 9}]->(c8)
CREATE (b1)-[:HAS_AUTHOR]->(a), (b2)-[:HAS_AUTHOR]->(a)
CREATE (b1)-[:STANDS_ON]->(s), (b2)-[:STANDS_ON]->(s)
"""


@pytest.fixture
def store(neo4j_server: Server) -> Iterator[GraphStore]:
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")
        driver.execute_query(GRAPH)
    with connect(neo4j_server.uri, auth=neo4j_server.auth, mapping=MAPPING) as opened:
        yield opened


@pytest.mark.neo4j
def test_every_path_is_returned_in_the_graphs_own_words(store: GraphStore) -> None:
    graph = read_snapshot(store)
    scores = breakdown(graph, ["0012"], {"id": [1.0], "knowledge": [1.0], "text": [0.5]})
    user, item = int(graph.users.rows(["7"])[0]), int(graph.items.rows(["0013"])[0])
    named = ShownPeople(named=True)
    found = Explainer(graph, mapping=MAPPING, people=named).explain(scores, item, user=user)
    rows = {}
    for path in found.paths:
        (row,) = store.query(path.cypher, path.parameters)
        rows[path.nodes[2][1]] = (row["nodes"], row["relations"])
    assert rows == {
        "Author:ja": (
            [7, "0012", "ja", "0013"],
            ["BOUGHT_BY", "HAS_AUTHOR", "HAS_AUTHOR"],
        ),
        "Shelf:3": ([7, "0012", 3, "0013"], ["BOUGHT_BY", "STANDS_ON", "STANDS_ON"]),
        "8": ([7, "0012", 8, "0013"], ["BOUGHT_BY", "BOUGHT_BY", "READ_BY"]),
        "0013": ([7, "0012", "0013"], ["BOUGHT_BY"]),
    }
    counted = Explainer(graph, mapping=MAPPING, people=ShownPeople(fewest=1))
    (path,) = (p for p in counted.explain(scores, item, user=user).paths if p.people)
    (row,) = store.query(path.cypher, path.parameters)
    assert row == {"nodes": [7, "0012", "0013"], "people": 1}
    assert "“Persuasion” has the same author: Jane Austen." in str(found)
