"""The outline of a real graph, and the first mapping that is guessed from it."""

from __future__ import annotations

import tomllib

import neo4j
import pytest

from graph_schema.mapping import GraphMapping
from kgrec.graph import read_snapshot
from kgrec.stores import connect
from kgrec.stores.outline.draft import draft_graph_mapping
from tests.neo4j_server import Server, emptied
from tests.stores.neo4j.test_mapping import SHOP

pytestmark = pytest.mark.neo4j


def test_a_draft_reads_the_graph_that_it_is_of(neo4j_server: Server) -> None:
    emptied(neo4j_server)
    with (
        neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver,
        driver.session() as session,
    ):
        session.run(SHOP).consume()
        session.run(
            "CREATE CONSTRAINT one_sku IF NOT EXISTS FOR (n:Product) REQUIRE n.sku IS UNIQUE"
        ).consume()
    try:
        with connect(neo4j_server.uri, auth=neo4j_server.auth) as store:
            outline = store.outline()
            text = draft_graph_mapping(outline, store.uri)
        assert outline.label("Product").unique == ("sku",)
        assert outline.label("Customer").count == 2
        mapping = GraphMapping.parse(tomllib.loads(text))
        with connect(neo4j_server.uri, auth=neo4j_server.auth, mapping=mapping) as store:
            assert store.problems(values=True) == []
            snapshot = read_snapshot(store)
    finally:
        with (
            neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver,
            driver.session() as session,
        ):
            session.run("DROP CONSTRAINT one_sku").consume()
        emptied(neo4j_server)
    assert (len(snapshot.users), len(snapshot.items), len(snapshot.interactions)) == (2, 2, 3)
    assert mapping.users.key == "customerNo"
    assert {one.type: one.direction for one in mapping.interactions} == {
        "BOUGHT_BY": "in",
        "VIEWED": "out",
    }
    assert mapping.reviews is not None
    assert mapping.reviews.label == "Comment"
