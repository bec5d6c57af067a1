"""The Neo4j store on a real server: the contract, and what is special about a server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import QueryError, StoreAuthError, StoreConnectionError, StoreError
from graph_schema.migration import latest_version
from kgrec.graph import read_snapshot
from kgrec.graph.source import catalog_snapshot
from kgrec.stores import EmbeddedStore, Neo4jStore, connect
from kgrec.stores.neo4j import session as session_module
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames
from tests.neo4j_server import Server, emptied
from tests.stores.contract import StoreContract, sample
from tests.stores.neo4j.proxy import proxy_to

pytestmark = pytest.mark.neo4j


@pytest.fixture
def store(neo4j_server: Server) -> Iterator[Neo4jStore]:
    emptied(neo4j_server)
    with Neo4jStore(neo4j_server.uri, auth=neo4j_server.auth) as store:
        yield store


class TestContract(StoreContract):
    """The contract."""


def test_both_stores_give_the_same_snapshot(store: Neo4jStore, tmp_path: Path) -> None:
    given = frames()
    ids = list(ODD_IDS)
    given["facts"] = pd.concat(
        [
            given["facts"],
            pd.DataFrame(
                {
                    "head": "i1",
                    "head_type": "item",
                    "relation": list(ODD_RELATIONS),
                    "tail": "e1",
                    "tail_type": "entity",
                }
            ),
        ]
    )
    given["users"] = pd.concat(
        [given["users"], pd.DataFrame({"user_id": ids, "height": [1.5] * len(ids)})]
    )
    given["interactions"] = pd.concat(
        [given["interactions"], pd.DataFrame({"user_id": ids, "item_id": "i2", "timestamp": 7})]
    )
    catalog = Catalog.from_frames(**given)
    with EmbeddedStore(tmp_path / "graph.kgl") as embedded:
        embedded.write(catalog)
        store.write(catalog)
        assert embedded.edge_types() == store.edge_types()
        assert embedded.node_counts() == store.node_counts()
        assert_same_snapshot(read_snapshot(embedded), read_snapshot(store))
        splits = ("train", "valid")
        part = read_snapshot(embedded, splits=splits)
        assert_same_snapshot(part, read_snapshot(store, splits=splits))


def test_a_removal_gives_no_warning_of_names_that_the_graph_lacks(
    store: Neo4jStore, caplog: pytest.LogCaptureFixture
) -> None:
    asked = dict.fromkeys(("users", "items", "entities", "reviews", "queries"), "x")
    rows = {name: frames()[name] for name in ("interactions", "facts")}
    caplog.set_level(logging.WARNING)
    store.remove(**asked, **rows, missing="ignore")
    store.write(Catalog.from_frames(users=pd.DataFrame({"user_id": ["x", "y"]})))
    assert store.remove(**asked, **rows, missing="ignore").rows["users"] == 1
    store.write(sample())
    store.remove(users="u1", items=["i1", "i2", "i3"], **rows, missing="ignore")
    assert [record.getMessage() for record in caplog.records] == []


def test_interactions_leave_where_the_graph_knows_properties_called_as_their_ends(
    store: Neo4jStore, neo4j_server: Server
) -> None:
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query("CREATE (:Other {source: 'x', target: 'y'})")
    rows = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"], "timestamp": [1, 2]})
    store.write(Catalog.from_frames(interactions=rows))
    assert store.remove(interactions=rows.head(1)).rows["interactions"] == 1
    assert read_snapshot(store).interactions.timestamp.tolist() == [2]


def test_wrong_password_is_reported_and_never_shown(
    neo4j_server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreAuthError, match=r"refused the user name or password.*Cure") as caught:
        connect(neo4j_server.uri, auth=("neo4j", "not-the-secret-one"))
    shown = f"{caught.value}{caught.value!r}{caught.value.__cause__}{caplog.text}"
    assert "not-the-secret-one" not in shown


def test_password_from_the_environment(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_NEO4J_USER", neo4j_server.user)
    monkeypatch.setenv("KGREC_NEO4J_PASSWORD", neo4j_server.password)
    with connect(neo4j_server.uri) as store:
        assert isinstance(store, Neo4jStore)
        store.node_counts()
    monkeypatch.delenv("KGREC_NEO4J_PASSWORD")
    with pytest.raises(StoreAuthError, match="KGREC_NEO4J_PASSWORD"):
        connect(neo4j_server.uri)


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(StoreError) as caught:
        connect("bolt://neo4j:hunter22@127.0.0.1:1")
    assert "hunter22" not in str(caught.value)


def test_unreachable_server_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(StoreConnectionError, match=rf"{port}.*can't be reached.*Cure"):
            connect(f"bolt://127.0.0.1:{port}", auth=("neo4j", "x"))


@pytest.mark.parametrize("uri", ["http://localhost:7687", "postgres://localhost", "neo4j+x://a"])
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(StoreError, match=r"bolt:// or neo4j://"):
        connect(uri)


def test_unknown_database_is_reported(neo4j_server: Server) -> None:
    with pytest.raises(StoreError, match=r"nowhere.*Cure"):
        connect(neo4j_server.uri, auth=neo4j_server.auth, database="nowhere")


def test_an_injected_driver_stays_open(neo4j_server: Server) -> None:
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        with connect(neo4j_server.uri, driver=driver) as store:
            store.node_counts()
        driver.verify_connectivity()


@pytest.mark.parametrize("sent", [20_000, 115_000, 140_000])
def test_lost_half_way_then_completed(
    store: Neo4jStore,
    neo4j_server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sent: int,
) -> None:
    monkeypatch.setattr(session_module, "RETRY_SECONDS", 1.0)
    n = 30_000
    catalog = Catalog.from_frames(
        interactions=pd.DataFrame(
            {
                "user_id": [f"user {i % 500}" for i in range(n)],
                "item_id": [f"item {i % 77}" for i in range(n)],
                "timestamp": [i // 10_000 for i in range(n)],
            }
        ),
        facts=pd.DataFrame(
            {
                "head": [f"item {i % 77}" for i in range(2_000)],
                "head_type": "item",
                "relation": "about",
                "tail": [f"entity {i}" for i in range(2_000)],
                "tail_type": "entity",
            }
        ),
    )
    with proxy_to(neo4j_server.uri) as proxy:
        with connect(proxy.uri, auth=neo4j_server.auth) as cut:
            cut.migrate()
            proxy.cut_after(sent)
            with pytest.raises(
                StoreConnectionError, match=r"run the call again.*nothing is doubled"
            ):
                cut.write(catalog)
        stored = sum(edge.count for edge in store.edge_types())
        assert stored < n + 2_000
        proxy.mend()
        with connect(proxy.uri, auth=neo4j_server.auth) as again:
            again.write(catalog)
    with EmbeddedStore(tmp_path / "graph.kgl") as embedded:
        embedded.write(catalog)
        assert_same_snapshot(read_snapshot(store), read_snapshot(embedded))


def test_facts_are_completed_not_doubled(store: Neo4jStore) -> None:
    """Stored ones get what is new about them, and one that is given twice is one."""

    def write(tails: list[str], **properties: list[object]) -> None:
        columns = {"head": "a", "head_type": "item", "tail": tails, **properties}
        facts = pd.DataFrame(columns).assign(relation="r")
        both = [facts.assign(tail_type=kind) for kind in ("item", "entity")]
        store.write(Catalog.from_frames(facts=pd.concat(both)))

    write(["b", "c"], since=[1, 2])
    write(["d", "c", "d", "b"], until=[9, 8, 9, None])
    write(["e"])
    for edge in store.edge_types():
        found = store.read_edges(edge).to_pandas().sort_values("target", ignore_index=True)
        assert found["target"].tolist() == ["b", "c", "d", "e"]
        assert found["since"].dropna().tolist() == [1, 2]
        assert found["until"].dropna().tolist() == [8, 9]


def test_two_writers_at_once_double_nothing(store: Neo4jStore, neo4j_server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store.migrate()
    with (
        connect(neo4j_server.uri, auth=neo4j_server.auth) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        for done in [pool.submit(one.write, sample()) for one in (store, other)]:
            done.result()
    counts = {edge.name: edge.count for edge in store.edge_types()}
    assert counts["INTERACTED"] == 4
    assert counts["directed_by"] == 1


def test_a_replacement_that_was_cut_off_is_completed_by_the_next(store: Neo4jStore) -> None:
    store.write(sample())
    other = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": ["u1", "u9"], "item_id": ["i2", "i9"]})
    )
    steps: list[str] = []

    def stop(what: str, done: int, total: int) -> None:
        steps.append(what)
        if what == "INTERACTED":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(other, replace=True, progress=stop)
    assert "User" in steps
    assert store.node_counts()["User"] == 4  # the old ones leave last
    store.write(other, replace=True)
    assert_same_snapshot(read_snapshot(store), catalog_snapshot(other))


def test_a_graph_of_others_is_not_replaced(store: Neo4jStore, neo4j_server: Server) -> None:
    store.write(sample())
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query("CREATE (:Shop {id: 's'})")
        with pytest.raises(StoreError, match=r"did not write \(Shop\).* Cure"):
            store.write(sample(), replace=True)
        driver.execute_query("MATCH (n:Shop|SchemaVersion) DETACH DELETE n")
    with pytest.raises(StoreError, match=r"did not write \(Entity, Item, .*\).* Cure"):
        store.write(sample(), replace=True)


@pytest.mark.parametrize(
    "cypher",
    [
        "CALL db.createLabel('Sneaky')",
        "MATCH (n:User) CALL (n) { SET n.x = 1 } IN TRANSACTIONS",
        "CREATE CONSTRAINT c FOR (n:User) REQUIRE n.zip IS UNIQUE",
        "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'",
        "CALL dbms.killConnections(['x'])",
        "/* EXPLAIN */ CREATE (:User {id: 'x'})",
        "EXPLAIN RETURN 1; CREATE (:User {id: 'x'})",
        "PROFILE CREATE (:User {id: 'x'})",
    ],
)
def test_query_has_no_effect_on_the_server(store: Neo4jStore, cypher: str) -> None:
    store.write(sample())
    before = read_snapshot(store)
    with pytest.raises(QueryError):
        store.query(cypher)
    assert_same_snapshot(read_snapshot(store), before)


def test_explain_is_allowed(store: Neo4jStore) -> None:
    assert store.query("EXPLAIN MATCH (n) DETACH DELETE n") == []


def test_times_of_a_query_are_python_times(store: Neo4jStore) -> None:
    answer = store.query("RETURN date('2020-01-02') AS d, datetime('2020-01-02T03:04:05Z') AS t")
    assert answer[0]["d"].isoformat() == "2020-01-02"
    assert answer[0]["t"].timestamp() == 1577934245


def test_no_warnings_are_logged(store: Neo4jStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store.write(sample())
    store.write(sample(), replace=True)
    read_snapshot(store)
    assert caplog.text == ""


def test_a_graph_from_before_there_were_scenarios_is_read_and_written_on(
    store: Neo4jStore, neo4j_server: Server
) -> None:
    store.write(sample())
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        driver.execute_query("MATCH (n:Scenario) DETACH DELETE n")
        driver.execute_query("MATCH (v:SchemaVersion) SET v.version = 1")
        driver.execute_query("DROP CONSTRAINT kgrec_scenario_id")
        assert store.schema_version() == 1
        assert read_snapshot(store).scenarios.ids.tolist() == ["app", "web"]
        store.write(sample())
        names = "SHOW CONSTRAINTS YIELD name RETURN collect(name) AS names"
        assert "kgrec_scenario_id" in driver.execute_query(names).records[0]["names"]
    assert store.schema_version() == latest_version()
    assert read_snapshot(store).scenarios.ids.tolist() == ["tv", "app", "web"]
