"""A team's own graph with odd keys, directions, times and values: read soundly or named whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from graph_schema.errors import StoreError
from graph_schema.mapping import GraphMapping
from kgrec.cli import app
from kgrec.cli._catalog import read_catalog
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.stores import Neo4jStore, NodeRef, connect
from tests.neo4j_server import Server, emptied

pytestmark = pytest.mark.neo4j

ITEMS = 4
BASE: dict[str, Any] = {
    "users": {"label": "Customer", "key": "nr"},
    "items": {"label": "Product", "key": "sku", "properties": {"title": "name"}},
    "interactions": [{"type": "BOUGHT", "properties": {"timestamp": "at", "rating": "stars"}}],
}
Make = Callable[..., "Neo4jStore"]


def statements(sku: str, extra: str, at: str, stars: str) -> list[str]:
    """A graph of two customers and four products; the arguments are Cypher over n."""
    return [
        "UNWIND [1, 2] AS c CREATE (:Customer {nr: c})",
        f"UNWIND range(1, {ITEMS}) AS n "
        f"CREATE (:Product {{n: n, sku: {sku}, name: 'P' + n{extra}}})",
        "MATCH (c:Customer), (p:Product) WITH c, p, p.n AS n ORDER BY c.nr, n "
        f"CREATE (c)-[:BOUGHT {{at: {at}, stars: {stars}}}]->(p)",
    ]


@pytest.fixture
def made(neo4j_server: Server) -> Iterator[Make]:
    opened: list[Neo4jStore] = []

    def make(
        sku: str = "n",
        extra: str = "",
        at: str = "n",
        stars: str = "n",
        more: str = "",
        **mapping: Any,
    ) -> Neo4jStore:
        emptied(neo4j_server)
        with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
            for statement in [*statements(sku, extra, at, stars), *([more] if more else [])]:
                driver.execute_query(statement)
        chosen = GraphMapping.parse({**BASE, **mapping})
        store = connect(neo4j_server.uri, auth=neo4j_server.auth, mapping=chosen)
        assert isinstance(store, Neo4jStore)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


def values(snapshot: GraphSnapshot, name: str) -> list[object]:
    column = snapshot.items.attributes[name]
    return [None if pd.isna(one) else one for one in column]


@contextmanager
def refused(*words: str) -> Iterator[None]:
    with pytest.raises(StoreError) as caught:
        yield
    for word in (*words, "Cure: "):
        assert word in str(caught.value)


@pytest.mark.parametrize("sku", ["n", "toFloat(n)", "toString(n)"])
def test_whole_numbers_are_ids_in_every_type(made: Make, sku: str) -> None:
    store = made(sku)
    snapshot = read_snapshot(store)
    assert snapshot.items.ids.tolist() == ["1", "2", "3", "4"]
    assert snapshot.interactions.item.tolist() == [0, 1, 2, 3] * 2
    near = store.neighbours(NodeRef("Item", "3"))
    assert [(one.relation, one.node.id) for one in near] == [
        ("INTERACTED", "1"),
        ("INTERACTED", "2"),
    ]
    assert [one.node.id for one in store.neighbours(NodeRef("User", "1"))] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("sku", "words"),
    [
        ("CASE WHEN n = 3 THEN null ELSE n END", ("1 of 4 nodes have no key 'sku'", "name: 'P3'")),
        ("CASE WHEN n = 3 THEN 4 ELSE n END", ("2 of 4 nodes share their key 'sku'", "4, 4")),
        ("CASE WHEN n = 3 THEN '4' ELSE n END", ("'4', 4 (of different types)",)),
        ("CASE WHEN n = 3 THEN 4.0 ELSE n END", ("4.0, 4 (of different types)",)),
        ("n + 0.5", ("of 4 of 4 nodes is neither text nor a whole number", "1.5")),
        ("[n]", ("of 4 of 4 nodes is neither", "[1]")),
        ("n = 3", ("of 4 of 4 nodes is neither", "False")),
        ("datetime('2024-01-01T00:00:00Z')", ("is neither", "2024-01-01T00:00:00")),
        ("duration({days: n})", ("is neither", "P1D")),
        ("point({x: n, y: 1})", ("is neither",)),
        ("CASE WHEN n = 3 THEN '' ELSE n END", ("of 1 of 4 nodes is neither", "''")),
    ],
)
def test_keys_that_identify_nothing_are_named(made: Make, sku: str, words: tuple[str, ...]) -> None:
    store = made(sku)
    with refused("(:Product)", *words):
        read_snapshot(store)
    assert len(store.problems()) == 1


def test_a_label_of_deleted_nodes_is_no_problem(made: Make) -> None:
    """Neo4j keeps the name of a label; the mapping names no entities of its own."""
    assert made(more="CREATE (e:Entity {id: 'gone'}) DELETE e").problems() == []


def test_everything_that_is_wrong_is_listed_at_once(made: Make) -> None:
    store = made(
        at="CASE WHEN n = 1 THEN 'soon' ELSE 1600000000000 END",
        stars="'five'",
        sku="CASE n WHEN 1 THEN null WHEN 2 THEN [2] ELSE 3 END",
        more="MATCH (c:Customer {nr: 1}), (p:Product {n: 4}) CREATE (p)-[:BOUGHT]->(c)",
        entities=[{"label": "Brand", "key": "code"}],
        facts=[{"type": "MADE_BY"}],
        scenarios={"label": "Channel", "key": "nr"},
    )
    found = "\n".join(store.problems(values=True))
    for words in (
        "no label 'Brand'", "no label 'Channel'", "no relationship type 'MADE_BY'",
        "1 of 4 nodes have no key", "1 of 4 nodes is neither", "2 of 4 nodes share",
        "1 relationships go from (:Product) to (:Customer)",
        "property 'at': 8 of 8 values are no timestamp: ",
        "property 'stars': 8 of 8 values are no rating: 'five'",
    ):  # fmt: skip
        assert words in found, words
    with refused("7 problems of the graph and its mapping", "no label 'Brand'"):
        read_snapshot(store)


@pytest.mark.parametrize("sku", ["n", "CASE WHEN n < 3 THEN null ELSE n END"])
def test_doctor_lists_what_is_wrong_with_a_mapping(
    made: Make, sku: str, neo4j_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made(sku, stars="CASE WHEN n = 4 THEN 'x' ELSE n END" if sku != "n" else "n")
    (tmp_path / "shop.json").write_text(store.mapping.model_dump_json())  # type: ignore[union-attr]
    monkeypatch.setattr("kgrec.cli.doctor._text_model", lambda: "not asked here")
    monkeypatch.setattr("kgrec.cli.doctor._text_speed", lambda: "not asked here")
    user, password = neo4j_server.auth
    monkeypatch.setenv("KGREC_NEO4J_PASSWORD", password)
    arguments = ["doctor", "--store", neo4j_server.uri, "--db-user", user, "--json"]
    result = CliRunner().invoke(app, [*arguments, "--mapping", str(tmp_path / "shop.json")])
    checks = [one for one in json.loads(result.stdout) if one["name"] == "mapping"]
    if sku == "n":
        assert result.exit_code == 0
        assert checks[0]["detail"] == "2 users, 4 items, 8 interactions"
    else:
        assert result.exit_code == 1
        assert ["nodes have no key" in checks[0]["detail"], "no rating" in checks[1]["detail"]] == [
            True, True,
        ]  # fmt: skip
        assert not any(one["ok"] for one in checks)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"users": {"label": "Client", "key": "nr"}}, "no label 'Client'"),
        ({"items": {"label": "Product", "key": "code"}}, "no node has the key 'code'"),
        ({"interactions": [{"type": "BUYS"}]}, "no relationship type 'BUYS'"),
        ({"interactions": [{"type": "BOUGHT", "direction": "in"}]}, "turn its direction round"),
        (
            {"interactions": [{"type": "BOUGHT", "properties": {"timestamp": "when"}}]},
            "no property 'when'",
        ),
        (
            {
                "users": {"label": "Product", "key": "sku"},
                "items": {"label": "Customer", "key": "nr"},
            },
            "8 relationships go from (:Customer) to (:Product)",
        ),
        ({"items": {"label": "Customer", "key": "nr"}, "users": {"label": "Till", "key": "nr"}},
         "no label 'Till'"),
    ],
)  # fmt: skip
def test_a_mapping_of_what_is_not_there_is_named(made: Make, mapping: Any, words: str) -> None:
    with refused(words):
        read_snapshot(made(**mapping))


def test_a_graph_without_entities_needs_none(made: Make) -> None:
    assert made().problems(values=True) == []


@pytest.mark.parametrize(
    ("at", "unit", "seconds"),
    [
        ("1600000000 + n", "s", 1_600_000_001),
        ("1600000000.9", "s", 1_600_000_000),
        ("1600000000999", "ms", 1_600_000_000),
        ("-1", "ms", -1),
        ("1600000000999999999", "ns", 1_600_000_000),
        ("datetime('2024-01-03T14:49:27+01:00')", "s", 1_704_289_767),
        ("datetime('2024-01-03T14:49:27Z')", "datetime", 1_704_293_367),
        ("localdatetime('2024-01-03T14:49:27')", "ms", 1_704_293_367),
        ("date('2024-01-03')", "datetime", 1_704_240_000),
        ("'2024-01-03T14:49:27Z'", "s", 1_704_293_367),
        ("'1600000001'", "s", 1_600_000_001),
    ],
)
def test_times_of_every_type(made: Make, at: str, unit: str, seconds: int) -> None:
    interactions = [{**BASE["interactions"][0], "time_unit": unit}]
    assert (
        read_snapshot(made(at=at, interactions=interactions)).interactions.timestamp[0] == seconds
    )


@pytest.mark.parametrize(
    "at", ["time('10:00')", "'soon'", "true", "[1]", "1600000000000", "duration('P1D')"]
)
def test_what_is_no_time_is_named(made: Make, at: str) -> None:
    with refused("[:BOUGHT], property 'at': 8 of 8 values are no timestamp", "time_unit"):
        read_snapshot(made(at=at))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("['a', 'b' + n]", ["a|b1", "a|b2", "a|b3", "a|b4"]),
        ("[n, 9]", ["1|9", "2|9", "3|9", "4|9"]),
        ("[]", None),
        ("[true, false]", ["True|False"] * 4),
        ("duration({days: n})", [86_400.0, 172_800.0, 259_200.0, 345_600.0]),
        ("duration('P1M')", ["P1M"] * 4),
        ("date('2020-01-0' + n)", ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]),
        ("point({x: n, y: 2})", ["1.0 2.0", "2.0 2.0", "3.0 2.0", "4.0 2.0"]),
        ("CASE n WHEN 1 THEN 0.0 / 0.0 WHEN 2 THEN 1.0 / 0.0 ELSE 1.5 END", [None, None, 1.5, 1.5]),
        ("CASE WHEN n < 3 THEN n ELSE 'x' END", ["1", "2", "x", "x"]),
        ("CASE WHEN n < 3 THEN n ELSE 1.5 END", [1.0, 2.0, 1.5, 1.5]),
        ("CASE WHEN n < 3 THEN n = 1 END", [True, False, None, None]),
        ("CASE WHEN n < 3 THEN n END", [1, 2, None, None]),
        ("9223372036854775807", [2**63 - 1] * 4),
    ],
)
def test_properties_are_read_as_columns_of_a_frame(
    made: Make, value: str, expected: list[object] | None
) -> None:
    snapshot = read_snapshot(made(extra=f", x: {value}"))
    if expected is None:
        assert "x" not in snapshot.items.attributes or values(snapshot, "x") == [None] * 4
    else:
        assert values(snapshot, "x") == expected


def test_lists_of_floats_of_items_are_vectors(made: Make) -> None:
    snapshot = read_snapshot(made(extra=", image: [1.5, toFloat(n)]"))
    np.testing.assert_array_equal(snapshot.items.vectors["image"][:, 1], [1, 2, 3, 4])


def test_a_number_for_a_title_is_text(made: Make) -> None:
    items = {"label": "Product", "key": "sku", "properties": {"title": "n"}}
    assert values(read_snapshot(made(items=items)), "title") == ["1", "2", "3", "4"]


def test_properties_called_as_kgrec_calls_ids_are_left_out(made: Make) -> None:
    store = made(
        extra=", id: 100 + n",
        more="MATCH (p:Product {n: 1}), (q:Product {n: 2}) "
        "CREATE (p)-[:NEAR {source: 'x', far: 1}]->(q), (p)-[:NEAR {target: 'y', far: 2}]->(q)",
    )
    snapshot = read_snapshot(store)
    assert snapshot.items.ids.tolist() == ["1", "2", "3", "4"]
    assert list(snapshot.items.attributes.columns) == ["n", "title"]
    catalog = read_catalog(store, lambda *_: None)
    assert catalog.facts["far"].tolist() in ([1], [2])
    assert catalog.items["item_id"].tolist() == ["1", "2", "3", "4"]


def test_nothing_is_exported_of_a_graph_that_does_not_fit(made: Make) -> None:
    with refused("1 of 4 nodes have no key"):
        read_catalog(made("CASE WHEN n = 3 THEN null ELSE n END"), lambda *_: None)
