"""The Cypher of every explained path returns that path, from the store it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import neo4j
import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.mapping import GraphMapping
from kgrec.explain import Constraints, Explainer, Explanation
from kgrec.explore import GraphExplorer
from kgrec.graph import read_snapshot
from kgrec.paths.cypher import People, Step, path_query
from kgrec.paths.graph_names import GraphNames
from kgrec.paths.people import ShownPeople
from kgrec.stores import GraphStore, connect
from tests.explain.breakdowns import breakdown
from tests.stores.embedded.engine import edit

HELD_OUT = "u9"  # of whose two events one is for testing
ODD = """it's "odd" `}) DETACH DELETE (n) // $n0 é 映画"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Odd ids and relations, a pair with several events, facts in every direction."""
    return Catalog.from_frames(
        users=pd.DataFrame({"user_id": ["u1", "u2", ODD, HELD_OUT]}),
        items=pd.DataFrame({"item_id": ["a", "b", "c", ODD], "title": ["A", "B", "C", ODD]}),
        entities=pd.DataFrame({"entity_id": ["e1", "e2", ODD], "name": ["E", None, ODD]}),
        interactions=pd.DataFrame(
            {
                "user_id": ["u1", "u1", "u1", "u2", "u2", ODD, ODD, ODD, HELD_OUT, HELD_OUT],
                "item_id": ["a", "a", ODD, "a", "b", "a", "b", ODD, "a", "b"],
                "timestamp": [10, 20, 30, 5, 6, 1, 2, 3, 1, 2],
                "split": [None] * 8 + ["train", "test"],
            }
        ),
        facts=pd.DataFrame(
            [
                ("a", "item", "film.director.film", "e1", "entity"),
                ("b", "item", "film.director.film", "e1", "entity"),
                ("e2", "entity", "ACTED_IN", "a", "item"),
                ("e2", "entity", "ACTED_IN", "b", "item"),
                (ODD, "item", 'odd `rel` "x"', ODD, "entity"),
                ("b", "item", 'odd `rel` "x"', ODD, "entity"),
                ("b", "item", "ALSO_BOUGHT", ODD, "item"),
                ("c", "item", "HAS_GENRE", "e1", "entity"),
                ("e1", "entity", "PART_OF", ODD, "entity"),
            ],
            columns=["head", "head_type", "relation", "tail", "tail_type"],
        ),
    )


@pytest.fixture(scope="module", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(
    request: pytest.FixtureRequest, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    if request.param == "embedded":
        uri, auth = str(tmp_path_factory.mktemp("explain") / "graph.kgl"), None
    else:
        server = request.getfixturevalue("neo4j_server")
        uri, auth = server.uri, server.auth
        with neo4j.GraphDatabase.driver(uri, auth=auth) as driver:
            driver.execute_query("MATCH (n) DETACH DELETE n")
    with connect(uri, auth=auth) as opened:
        opened.write(catalog)
        yield opened


def explain(
    store: GraphStore, user: str | None, history: list[str], people: ShownPeople | None = None
) -> Explanation:
    graph = read_snapshot(store).without_splits(("test",))
    n = len(history)
    parts = {name: np.ones(n) for name in ("id", "knowledge", "text", "attributes")}
    scores = breakdown(graph, history, parts)
    row = None if user is None else int(graph.users.rows([user])[0])
    item = int(graph.items.rows(["b"])[0])
    return Explainer(graph, people=people).explain(scores, item, user=row, k=40)


def check(store: GraphStore, explanation: Explanation) -> None:
    for path in explanation.paths:
        (row,) = store.query(path.cypher, path.parameters)
        if path.nodes[2][0] == "People":
            assert {name: row[name] for name in path.expected} == path.expected
            continue
        start = len(path.nodes) - len(path.expected["nodes"])
        assert row["nodes"] == [node_id for _, node_id, _ in path.nodes[start:]]
        kept = [r for r, stored in zip(path.relations, path.stored, strict=True) if stored]
        assert row["relations"] == kept[start:]


@pytest.mark.parametrize("people", [ShownPeople(fewest=1), ShownPeople(named=True)])
@pytest.mark.parametrize("user", ["u1", ODD, None])
def test_every_path_is_returned(store: GraphStore, user: str | None, people: ShownPeople) -> None:
    explanation = explain(store, user, ["a", "a", ODD, "c"], people)
    assert {path.kind for path in explanation.paths} >= {
        "shared entity",
        "item fact",
        "collaborative",
        "text",
    }
    assert len(explanation.paths) >= 9
    check(store, explanation)


@pytest.mark.parametrize(("user", "others"), [("u1", 2), ("u2", 1), (None, 2)])
def test_of_people_the_number_is_returned(store: GraphStore, user: str | None, others: int) -> None:
    """Neither the one who asks is counted, nor who chose both only by an event held out."""
    found = explain(store, user, ["a"], ShownPeople(fewest=1))
    (path,) = (path for path in found.paths if path.people)
    (row,) = store.query(path.cypher, path.parameters)
    assert row["people"] == path.people == others
    assert set(row) == {"nodes", "people"}
    named = {one for one in ("u1", "u2", ODD, HELD_OUT) if one != user}
    assert not named & {str(value) for value in path.parameters.values()}


def test_of_people_between_two_nodes_too(store: GraphStore) -> None:
    graph = read_snapshot(store).without_splits(("test",))
    explorer = GraphExplorer(Explainer(graph, people=ShownPeople(fewest=2)))
    paths = [path for path in explorer.paths("Item:a", "Item:b", 2) if path.people]
    paths += [path for path in explorer.paths("User:u1", "Item:b", 3) if path.people]
    assert [path.people for path in paths] == [2, 2]
    assert paths[0].sentence == "2 people chose both “A” and “B”."
    for path in paths:
        (row,) = store.query(path.cypher, path.parameters)
        assert {name: row[name] for name in path.expected} == path.expected


def test_the_query_pins_the_last_event(store: GraphStore) -> None:
    path = next(p for p in explain(store, "u1", ["a"]).paths if p.kind == "shared entity")
    assert path.parameters["when"] == 20
    (row,) = store.query(path.cypher, path.parameters)
    assert row["p"]["relationships"][0]["properties"]["timestamp"] == 20


def test_a_path_that_is_gone_is_not_returned(store: GraphStore) -> None:
    path = next(p for p in explain(store, "u1", ["a"]).paths if p.kind == "shared entity")
    assert store.query(path.cypher, {**path.parameters, "n2": ODD}) == []


def test_found_paths_are_in_the_store_too(store: GraphStore) -> None:
    index = Explainer(read_snapshot(store)).index
    found = index.find("u1", "b", constraints=Constraints(max_hops=3), limit=50)
    assert len(found) >= 4
    for path in found:
        nodes = [(index.space.label_row(n)[0], index.space.id(n)) for n in path.nodes]
        steps = [Step(index.relation(code), code & 1 == 0) for code in path.codes]
        query = path_query(nodes, steps)
        (row,) = store.query(query.text, query.parameters)
        assert (row["nodes"], row["relations"]) == (list(query.nodes), list(query.relations))


def test_no_id_or_name_is_part_of_the_text() -> None:
    query = path_query(
        [("User", ODD), ("Item", ODD), ("Entity", "e")],
        [Step("INTERACTED", True), Step("odd`type", False)],
        when=7,
    )
    assert query.text == (
        "MATCH p = (n0:`User` {`id`: $n0})-[r0:`INTERACTED`]->(n1:`Item` {`id`: $n1})"
        "<-[r1:`odd``type`]-(n2:`Entity` {`id`: $n2})\n"
        "WHERE r0.`timestamp` = $when\n"
        "RETURN p, [n0.`id`, n1.`id`, n2.`id`] AS nodes, "
        "[type(r0), type(r1)] AS relations LIMIT 1"
    )
    assert query.parameters == {"n0": ODD, "n1": ODD, "n2": "e", "when": 7}


def test_people_have_no_parameter() -> None:
    query = path_query(
        [("User", "u1"), ("Item", "a"), ("User", ""), ("Item", "b")],
        [Step("INTERACTED", True), Step("INTERACTED", False), Step("INTERACTED", True)],
        people=People(2, "u1"),
    )
    assert query.text == (
        "MATCH (n0:`User` {`id`: $n0})-[r0:`INTERACTED`]->(n1:`Item` {`id`: $n1})"
        "<-[r1:`INTERACTED`]-(n2:`User`)-[r2:`INTERACTED`]->(n3:`Item` {`id`: $n3})\n"
        "WHERE NOT n2.`id` IN $asker AND coalesce(r1.`split`, '') <> 'test' "
        "AND coalesce(r2.`split`, '') <> 'test'\n"
        "RETURN [n0.`id`, n1.`id`, n3.`id`] AS nodes, count(DISTINCT n2) AS people"
    )
    assert query.parameters == {"n0": "u1", "n1": "a", "n3": "b", "asker": ["u1"]}


MAPPING = GraphMapping.parse(
    {
        "users": {"label": "Customer", "key": "no"},
        "items": {"label": "Book", "key": "isbn", "prefix": "b"},
        "entities": [{"label": "Author", "key": "name"}, {"label": "Shelf", "key": "nr"}],
        "interactions": [
            {"type": "BOUGHT_BY", "direction": "in", "properties": {"timestamp": "at"}}
        ],
        "facts": [{"type": "WROTE_IT", "relation": "AUTHOR"}],
    }
)


def test_a_mapped_graph_is_asked_in_its_own_words() -> None:
    query = path_query(
        [("User", "7"), ("Item", "b0012"), ("Entity", "Author:Ann"), ("Item", "b-5")],
        [Step("INTERACTED", True), Step("AUTHOR", False), Step("AUTHOR", True)],
        when=9,
        graph_names=GraphNames(MAPPING),
    )
    assert query.text.splitlines()[:2] == [
        "MATCH p = (n0:`Customer`)<-[r0:`BOUGHT_BY`]-(n1:`Book`)<-[r1:`WROTE_IT`]-(n2:`Author`)"
        "-[r2:`WROTE_IT`]->(n3:`Book`)",
        "WHERE n0.`no` IN $n0 AND n1.`isbn` IN $n1 AND n2.`name` IN $n2 AND n3.`isbn` IN $n3 "
        "AND r0.`at` = $when",
    ]
    assert query.parameters == {
        "n0": ["7", 7],
        "n1": ["0012"],
        "n2": ["Ann"],
        "n3": ["-5", -5],
        "when": 9,
    }


def test_a_mapped_graph_answers(tmp_path: Path) -> None:
    edit(
        tmp_path / "graph.kgl",
        "CREATE (:Customer {id: 'x', no: 7})",
        "CREATE (:Book {id: 'y', isbn: '0012'})",
        "CREATE (:Shelf {id: 'z', nr: 3})",
        "MATCH (c:Customer), (b:Book) CREATE (b)-[:BOUGHT_BY {at: 9}]->(c)",
        "MATCH (b:Book), (s:Shelf) CREATE (b)-[:STANDS_ON]->(s)",
    )
    query = path_query(
        [("User", "7"), ("Item", "b0012"), ("Entity", "Shelf:3")],
        [Step("INTERACTED", True), Step("STANDS_ON", True)],
        when=9,
        graph_names=GraphNames(MAPPING),
    )
    with connect(tmp_path / "graph.kgl") as store:
        (row,) = store.query(query.text, query.parameters)
    assert (row["nodes"], row["relations"]) == ([7, "0012", 3], ["BOUGHT_BY", "STANDS_ON"])
