"""Reading a graph that a team already has, in its own names."""

from __future__ import annotations

from collections.abc import Iterator

import neo4j
import pytest

from graph_schema.errors import StoreError
from graph_schema.mapping import GraphMapping
from kgrec.graph import read_snapshot
from kgrec.stores import EdgeType, Neo4jStore, NodeRef, connect
from tests.neo4j_server import Server, emptied
from tests.stores.contract import rows, sample

pytestmark = pytest.mark.neo4j

SHOP = """
CREATE (ann:Customer {customerNo: 7, city: 'Oslo'}), (bob:Customer {customerNo: 8}),
  (tea:Product {sku: 'T-1', label: 'Tea', price: 2.5}), (cup:Product {sku: 'C-1', label: 'Cup'}),
  (acme:Brand {code: 1, name: 'Acme'}), (one:Category {code: 1, name: 'Kitchen'}),
  (till:Till {id: 'x'}),
  (tea)-[:BOUGHT_BY {at: 1700000000123, stars: 4}]->(ann),
  (cup)-[:BOUGHT_BY {at: 1700000001000}]->(ann),
  (bob)-[:VIEWED {at: datetime('2024-01-01T00:00:00Z'), channel: 2}]->(tea),
  (:Channel {nr: 2, text: 'The shop in the street.'}), (:Channel {nr: 3, floor: 1}),
  (tea)-[:`MADE BY` {since: 1999}]->(acme), (cup)-[:`MADE BY`]->(acme), (cup)-[:IN]->(one),
  (ann)-[:KNOWS]->(bob), (till)-[:SOLD]->(tea),
  (bob)-[:SAID]->(word:Comment {nr: 5, body: 'Fine tea.', written: 1700000002}),
  (word)-[:ON]->(tea)
"""
MAPPING = GraphMapping.parse(
    {
        "users": {"label": "Customer", "key": "customerNo"},
        "items": {"label": "Product", "key": "sku", "properties": {"title": "label"}},
        "entities": [
            {"label": "Brand", "key": "code"},
            {"label": "Category", "key": "code", "kind": "category"},
        ],
        "interactions": [
            {
                "type": "BOUGHT_BY",
                "direction": "in",
                "event": "buy",
                "properties": {"timestamp": "at", "rating": "stars"},
                "time_unit": "ms",
            },
            {
                "type": "VIEWED",
                "event": "view",
                "properties": {"timestamp": "at", "scenario": "channel"},
                "time_unit": "datetime",
            },
        ],
        "facts": [
            {"type": "MADE BY", "relation": "made_by"},
            {"type": "IN"},
            {"type": "KNOWS"},
        ],
        "reviews": {
            "label": "Comment",
            "key": "nr",
            "user_type": "SAID",
            "item_type": "ON",
            "properties": {"text": "body", "timestamp": "written"},
        },
        "scenarios": {"label": "Channel", "key": "nr", "properties": {"description": "text"}},
    }
)


@pytest.fixture
def store(neo4j_server: Server) -> Iterator[Neo4jStore]:
    emptied(neo4j_server)
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query(SHOP)
    found = connect(neo4j_server.uri, auth=neo4j_server.auth, mapping=MAPPING)
    assert isinstance(found, Neo4jStore)
    with found:
        yield found


def test_snapshot_of_a_mapped_graph(store: Neo4jStore) -> None:
    snapshot = read_snapshot(store)
    assert snapshot.users.ids.tolist() == ["7", "8"]
    assert snapshot.items.ids.tolist() == ["C-1", "T-1"]
    assert snapshot.items.attributes["title"].tolist() == ["Cup", "Tea"]
    assert snapshot.items.attributes["price"].tolist()[1] == 2.5
    assert snapshot.entities.ids.tolist() == ["Brand:1", "Category:1"]
    assert snapshot.entities.attributes["kind"].tolist() == ["Brand", "category"]
    events = snapshot.interactions
    assert events.user.tolist() == [0, 0, 1]
    assert events.item.tolist() == [1, 0, 1]
    assert events.event.tolist() == ["buy", "buy", "view"]
    assert events.timestamp.tolist() == [1_700_000_000, 1_700_000_001, 1_704_067_200]
    assert events.rating.tolist()[0] == 4.0
    result = [(f.head_label, f.relation, f.tail_label, len(f)) for f in snapshot.facts]
    assert result == [
        ("Item", "IN", "Entity", 1),
        ("Item", "made_by", "Entity", 2),
        ("User", "KNOWS", "User", 1),
    ]
    assert snapshot.reviews.text.tolist() == ["Fine tea."]
    assert (snapshot.reviews.user.tolist(), snapshot.reviews.item.tolist()) == ([1], [1])
    assert snapshot.reviews.timestamp.tolist() == [1_700_000_002]
    assert events.scenario.tolist() == ["", "", "2"]
    assert snapshot.scenarios.ids.tolist() == ["2", "3"]
    result = snapshot.scenarios.attributes["description"].tolist()
    assert result == ["The shop in the street.", ""]


def test_a_mapping_without_scenarios_still_reads_their_names(neo4j_server: Server) -> None:
    emptied(neo4j_server)
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query(SHOP)
    mapping = MAPPING.model_copy(update={"scenarios": None})
    with connect(neo4j_server.uri, auth=neo4j_server.auth, mapping=mapping) as store:
        scenarios = read_snapshot(store).scenarios
    assert scenarios.ids.tolist() == ["2"]
    assert scenarios.attributes["description"].tolist() == [""]


def test_counts_and_columns_in_kgrecs_names(store: Neo4jStore) -> None:
    assert store.node_counts() == {"Entity": 2, "Item": 2, "Review": 1, "Scenario": 2, "User": 2}
    counted = {(e.source_label, e.name, e.target_label): e.count for e in store.edge_types()}
    assert counted["User", "INTERACTED", "Item"] == 3
    assert counted["Item", "made_by", "Entity"] == 2
    assert ("Till", "SOLD", "Item") not in counted
    made = store.read_edges(EdgeType("Item", "made_by", "Entity"))
    assert rows(made) == [
        {"source": "C-1", "target": "Brand:1"},
        {"source": "T-1", "target": "Brand:1", "since": 1999},
    ]


def test_neighbours_and_paths_in_kgrecs_names(store: Neo4jStore) -> None:
    near = store.neighbours(NodeRef("Item", "T-1"))
    result = [(n.relation, n.node, n.outgoing) for n in near]
    assert result == [
        ("ABOUT", NodeRef("Review", "5"), False),
        ("INTERACTED", NodeRef("User", "7"), False),
        ("INTERACTED", NodeRef("User", "8"), False),
        ("made_by", NodeRef("Entity", "Brand:1"), True),
    ]
    assert [n.node.id for n in store.neighbours(NodeRef("Entity", "Brand:1"))] == ["C-1", "T-1"]
    assert store.neighbours(NodeRef("Entity", "Brand:2")) == []
    only = store.neighbours(NodeRef("Item", "T-1"), relations=["made_by"])
    assert [n.node.id for n in only] == ["Brand:1"]
    found = store.paths(NodeRef("User", "8"), NodeRef("Item", "C-1"), max_hops=3)
    found_paths = {
        (tuple(node.id for node in path.nodes), path.relations, path.outgoing) for path in found
    }
    assert (("8", "7", "C-1"), ("KNOWS", "INTERACTED"), (False, True)) in found_paths
    assert (
        ("8", "T-1", "Brand:1", "C-1"),
        ("INTERACTED", "made_by", "made_by"),
        (True, True, False),
    ) in found_paths


def test_nothing_is_written_to_a_mapped_graph(store: Neo4jStore, neo4j_server: Server) -> None:
    for action in (lambda: store.write(sample()), lambda: store.remove(users="7"), store.migrate):
        with pytest.raises(StoreError, match=r"through a mapping.*Cure"):
            action()
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        count = driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"]
    assert count == 10


def test_a_mapping_is_for_neo4j() -> None:
    with pytest.raises(StoreError, match="for a Neo4j graph"):
        connect("graph.kgl", mapping=MAPPING)


def test_a_mapped_graph_is_searched_in_its_own_index(
    store: Neo4jStore, neo4j_server: Server
) -> None:
    with pytest.raises(StoreError, match=r"no full-text index covers 'Product'.*CREATE FULLTEXT"):
        store.search_text("tea")
    with (
        neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver,
        driver.session() as session,
    ):
        session.run("CREATE FULLTEXT INDEX shop FOR (n:Product|Till) ON EACH [n.label]").consume()
        session.run("CALL db.awaitIndexes(60)").consume()
        try:
            hits = store.search_text("a cup of tea")
            assert {hit.node for hit in hits} == {NodeRef("Item", "T-1"), NodeRef("Item", "C-1")}
        finally:
            session.run("DROP INDEX shop").consume()
