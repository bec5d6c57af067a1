"""The store beside a service is a real Neo4j, which is cut off and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest

from graph_schema.names import CHANGED
from kgrec import GraphStore, connect
from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import records_of
from kgrec.serving.registry import Root
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.store_sync.position import Position
from tests.neo4j_server import Server, emptied
from tests.recommender import catalogs
from tests.serving.running import Running, new_root, running_here, until
from tests.serving.test_store_sync import Place, event, events_of, fact, lacks, node
from tests.stores.neo4j.proxy import Proxy, proxy_to

pytestmark = pytest.mark.neo4j
_QUICK = ServiceConfig(store_write_seconds=0.05, store_follow_seconds=0.2)


@pytest.fixture
def relay(neo4j_server: Server) -> Iterator[Proxy]:
    """An empty server behind a port that can be cut."""
    emptied(neo4j_server)
    with proxy_to(neo4j_server.uri) as found:
        yield found


@pytest.fixture
def graph(neo4j_server: Server) -> Iterator[GraphStore]:
    """The store, not through the relay."""
    with connect(neo4j_server.uri, auth=neo4j_server.auth) as store:
        yield store


@pytest.fixture
def root(tmp_path: Path, saved: Path) -> Root:
    return new_root(tmp_path / "service", saved)


def test_neo4j_stopped_and_back(
    neo4j_server: Server, relay: Proxy, graph: GraphStore, root: Root
) -> None:
    """Also where it is down when the service starts; all is there once, then."""
    uri = relay.uri
    relay.cut_after(0)
    store = OpenedStore(uri, lambda: connect(uri, auth=neo4j_server.auth))
    with running_here(root, _QUICK, store=store) as service:
        _send(service, "first")
        until(lambda: service.get("/v1/status").json["store"].get("trouble"), "trouble is said")
        assert lacks(service) == 5
        assert service.items("first")
        relay.mend()
        until(lambda: lacks(service) == 0, "the store has all")
        assert events_of(graph, "first") == [f"i{number}" for number in range(5)]
        relay.cut_after(0)
        _send(service, "second")
        assert service.items("second")
        until(lambda: service.get("/v1/status").json["store"].get("trouble"), "trouble is said")
        relay.mend()
        until(lambda: lacks(service) == 0, "the store has all")
        assert events_of(graph, "second") == [f"i{number}" for number in range(5)]
        until(lambda: "trouble" not in service.get("/v1/status").json["store"], "no trouble")
    store.close()


def _send(service: Running, user: str) -> None:
    for number in range(5):
        sent = {"events": [{"user": user, "item": f"i{number}"}]}
        assert service.post("/v1/events", sent).status == 202


def test_every_record_is_written_once(
    neo4j_server: Server, relay: Proxy, tmp_path: Path, graph: GraphStore
) -> None:
    """One that Neo4j refuses, for a constraint of the team's, is kept, and those behind it are
    written."""
    constraint = "CONSTRAINT team_sku IF"
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query(f"CREATE {constraint} NOT EXISTS FOR (n:Item) REQUIRE n.sku IS UNIQUE")
        try:
            _check_once(Place(tmp_path, graph), graph)
        finally:
            driver.execute_query(f"DROP {constraint} EXISTS")


def _check_once(place: Place, graph: GraphStore) -> None:
    place.append(
        node("Item", "i1", title="One", sku="a"),
        node("Item", "i2", title="Two", sku="a"),
        fact("i1", "e1"),
        event("u1", "i1"),
        event("u1", "i1"),
    )
    writer = place.writer()
    assert writer.step() == 5
    assert writer.refused.numbers == [2]
    writer.move(Position())
    place.writer().step()
    assert events_of(graph, "u1") == ["i1", "i1"]
    assert graph.row_counts()["facts"] == 1
    place.append({"kind": "taken back", "user": "u1", "of": 4, "received": int(time.time())})
    place.writer().step()
    assert events_of(graph, "u1") == ["i1"]
    place.log.close()


def test_what_others_write_is_followed(
    neo4j_server: Server, relay: Proxy, graph: GraphStore, root: Root
) -> None:
    """Written by Cypher: events by their time or by the time of the change, nodes, and facts."""
    graph.write(catalogs.catalog())
    with running_here(root, _QUICK, store=OpenedStore.of(graph)) as service:
        until(lambda: service.get("/v1/status").json["store"]["written_until"] == 0, "it runs")
        now = int(time.time())
        with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
            driver.execute_query(
                "MERGE (u:User {id: 'other'}) WITH u MATCH (i:Item {id: 'i1'}) "
                "MATCH (j:Item {id: 'i2'}) CREATE (u)-[:INTERACTED {timestamp: $now}]->(i) "
                f"CREATE (u)-[:INTERACTED {{timestamp: 5, {CHANGED}: $now}}]->(j)",
                {"now": now},
            )
            driver.execute_query(
                f"CREATE (i:Item {{id: 'theirs', title: 'Theirs', {CHANGED}: $now}}) "
                f"CREATE (e:Entity {{id: 'ann', name: 'Ann', {CHANGED}: $now}}) "
                "CREATE (i)-[:MADE_BY]->(e)",
                {"now": now},
            )

        def history() -> list[str]:
            reply = service.get("/v1/users/other/events")
            return sorted(one["item"] for one in reply.json.get("events", []))

        until(lambda: history() == ["i1", "i2"], "the events")
        until(lambda: service.get("/v1/items/theirs").status == 200, "the item")
        asked = "/v1/facts?head=theirs"
        until(lambda: service.get(asked).json["total"] == 1, "the fact")
        before = root.log.read_bytes()
        time.sleep(0.7)
        assert root.log.read_bytes() == before
        assert events_of(graph, "other") == ["i1", "i2"]
        assert all(record.get("from_store") for record in records_of(root.log))


def test_what_is_new_is_found_by_indexes(relay: Proxy, graph: GraphStore) -> None:
    """A look at the store reads no more than what is new."""
    graph.write(catalogs.catalog())
    found = graph.follow_queries()
    given = {"since": 1, "own": "x", "most": 5}
    for statement in (*found.interactions, *found.nodes.values()):
        end = time.monotonic() + 60
        plan = _operators(graph, statement, given)
        while not any("IndexSeekByRange" in one for one in plan):  # the planner learns of it soon
            assert time.monotonic() < end, " ".join(plan)
            time.sleep(0.5)
            plan = _operators(graph, statement, given)
        assert not any("LabelScan" in one or "TypeScan" in one for one in plan), " ".join(plan)


def _operators(graph: GraphStore, statement: str, given: dict[str, object]) -> list[str]:
    """The names of the operators by which Neo4j would run a statement."""
    from kgrec.stores.neo4j.store import Neo4jStore

    assert isinstance(graph, Neo4jStore)
    with graph._connection._session(neo4j.READ_ACCESS) as session:
        plan = session.run(f"EXPLAIN {statement}", given).consume().plan
    assert plan is not None
    todo, names = [plan], []
    while todo:
        one = todo.pop()
        names.append(one["operatorType"])
        todo += one.get("children", [])
    return names
