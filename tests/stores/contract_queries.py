"""What every graph store must answer: neighbours, paths and Cypher that only reads."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import QueryError
from kgrec.graph import read_snapshot
from kgrec.stores import GraphStore, NodeRef
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import frames

WRITING = (
    "CREATE (:Item {id: 'x'})",
    "MATCH (n:Item) SET n.title = 'x'",
    "MATCH (n:Item) REMOVE n.title",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n:Item) WITH n LIMIT 1 CREATE (m:Item) RETURN m",
    "MERGE (n:Item {id: 'new'}) RETURN n",
    "CREATE INDEX x FOR (n:Item) ON (n.year)",
)


@cache
def sample() -> Catalog:
    """One catalog for all tests: nothing changes a catalog."""
    return Catalog.from_frames(**frames())


class QueryContract:
    def test_neighbours_in_both_directions(self, store: GraphStore) -> None:
        store.write(sample())
        near = store.neighbours(NodeRef("Item", "i1"), relations=["directed_by", "sequel_of"])
        assert [(n.relation, n.node, n.outgoing) for n in near] == [
            ("directed_by", NodeRef("Entity", "e1"), True),
            ("sequel_of", NodeRef("Item", "i2"), False),
        ]
        everything = store.neighbours(NodeRef("User", "u1"))
        assert [n.relation for n in everything] == sorted(n.relation for n in everything)
        views = [n for n in everything if n.relation == "INTERACTED"]
        assert len(views) == 2
        assert views[0].properties["device"] == "tv"
        assert len(store.neighbours(NodeRef("User", "u1"), limit=1)) == 1
        assert store.neighbours(NodeRef("User", "u1"), relations=[]) == []
        assert store.neighbours(NodeRef("User", "nobody")) == []

    def test_paths_are_simple_and_shortest_first(self, store: GraphStore) -> None:
        store.write(
            Catalog.from_frames(
                interactions=pd.DataFrame(
                    {
                        "user_id": ["u", "u", "u", "v"],
                        "item_id": ["a", "a", "b", "b"],
                        "timestamp": [1, 2, 3, 4],
                    }
                ),
                facts=pd.DataFrame(
                    {
                        "head": ["a", "b", "b"],
                        "head_type": ["item"] * 3,
                        "relation": ["by", "by", "after"],
                        "tail": ["e", "e", "a"],
                        "tail_type": ["entity", "entity", "item"],
                    }
                ),
            )
        )
        found = store.paths(NodeRef("User", "u"), NodeRef("Item", "b"), max_hops=3)
        seen = [(tuple(n.id for n in path.nodes), path.relations, path.outgoing) for path in found]
        assert seen[0] == (("u", "b"), ("INTERACTED",), (True,))
        assert seen[1] == (("u", "a", "b"), ("INTERACTED", "after"), (True, False))
        assert seen[2:] == [(("u", "a", "e", "b"), ("INTERACTED", "by", "by"), (True, True, False))]
        assert store.paths(NodeRef("User", "u"), NodeRef("Item", "b"), limit=1) == found[:1]
        assert store.paths(NodeRef("User", "u"), NodeRef("Item", "nothing")) == []

    def test_query_answers_in_plain_values(self, store: GraphStore) -> None:
        store.write(sample())
        answer = store.query(
            "MATCH (u:User)-[r:INTERACTED]->(i:Item) WHERE u.id = $id "
            "RETURN i.title AS title, r.rating AS rating, r AS edge, i AS item "
            "ORDER BY title",
            {"id": "u2"},
        )
        assert answer[0]["title"] == "Two"
        assert answer[0]["rating"] == 3.5
        assert answer[0]["edge"]["type"] == "INTERACTED"
        assert answer[0]["edge"]["properties"]["device"] == "phone"
        assert answer[0]["item"]["labels"] == ["Item"]
        assert answer[0]["item"]["properties"] == {
            "id": "i2",
            "title": "Two",
            "year": 2001,
            "genres": "b",
        }
        path = store.query("MATCH p = (:Item {id: 'i1'})-[:directed_by]->() RETURN p")[0]["p"]
        assert [node["properties"]["id"] for node in path["nodes"]] == ["i1", "e1"]
        assert [edge["type"] for edge in path["relationships"]] == ["directed_by"]

    def test_query_never_writes(self, store: GraphStore) -> None:
        store.write(sample())
        before = read_snapshot(store)
        for cypher in WRITING:
            with pytest.raises(QueryError, match="only reads"):
                store.query(cypher)
            assert_same_snapshot(read_snapshot(store), before)

    def test_a_wrong_query_is_reported(self, store: GraphStore) -> None:
        store.write(sample())
        with pytest.raises(QueryError, match="wrong"):
            store.query("MATCHH (n) RETURN n")

    def test_a_query_has_limits(self, store: GraphStore) -> None:
        store.write(sample())
        nodes = "MATCH (n) RETURN n.id AS id"
        assert len(store.query(nodes, rows=2)) == 2
        assert len(store.query(nodes)) > 2
        long = "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b UNWIND range(1, 9999) AS c "
        with pytest.raises(QueryError, match="narrow the search"):
            store.query(long + "WITH a + b + c AS d RETURN count(d) AS n", seconds=0.2)

    @pytest.mark.parametrize(
        "cypher",
        [
            "LOAD CSV FROM $file AS row RETURN row",
            "PROFILE LOAD CSV FROM $file AS row RETURN row",
            "// a comment\nLOAD CSV WITH HEADERS FROM $file AS row RETURN row",
            "load `csv` from $file as row return row",
            "RETURN 1 AS row UNION LOAD CSV FROM $file AS row RETURN row",
            "MATCH (n) CALL { LOAD CSV FROM $file AS row RETURN row } RETURN row",
        ],
    )
    def test_a_query_reads_no_files(self, store: GraphStore, tmp_path: Path, cypher: str) -> None:
        store.write(sample())
        (tmp_path / "secret.csv").write_text("a\n")
        with pytest.raises(QueryError):
            store.query(cypher, {"file": (tmp_path / "secret.csv").as_uri()})

    def test_values_of_a_query_are_never_cypher(self, store: GraphStore) -> None:
        store.write(sample())
        text = "'}) MATCH (n) DETACH DELETE n //"
        assert store.query("MATCH (n:User {id: $id}) RETURN n.id AS id", {"id": text}) == []
        assert store.query("RETURN $text AS text", {"text": text}) == [{"text": text}]
