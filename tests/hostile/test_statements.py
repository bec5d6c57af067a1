"""No id, name or value of data is part of a Cypher statement: every statement that reaches either
store is kept, and looked at as its engine reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.explore.cypher_export import statements
from kgrec.stores import EmbeddedStore, GraphStore, Neo4jStore, NodeRef
from kgrec.stores.cypher_quoting import backticked, quote, text
from kgrec.stores.embedded import client
from tests.hostile.catalogs import COLUMN, FEW_RELATIONS, MARK, TEXTS, catalog
from tests.neo4j_server import Server, emptied

_QUOTED = re.compile(r"`(?:[^`]|``)*`")
_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")
# In the worker of the embedded store: each statement is written to a file before it is run.
_RECORDING = """
import json, kglite, kgrec.stores.embedded.file as file
class Recorded:
    def __init__(self, graph): self.__dict__["graph"] = graph
    def __getattr__(self, name): return getattr(self.graph, name)
    def __setattr__(self, name, value): setattr(self.graph, name, value)
    def cypher(self, statement, *rest, **options):
        with open({path!r}, "a", encoding="utf-8") as stream:
            print(json.dumps(statement), file=stream)
        return self.graph.cypher(statement, *rest, **options)
opened = file._opened
file._opened = lambda *given, **options: Recorded(opened(*given, **options))
"""


def read_by_neo4j(statement: str) -> str:
    """The statement after Neo4j has read its escapes, which is before it looks for quotes."""
    return _ESCAPE.sub(lambda found: found[1] + chr(int(found[2], 16)), statement)


def bare(statement: str) -> str:
    """The statement without its quoted names."""
    return _QUOTED.sub("", statement)


class Kept:
    """The statements that a store was sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, statement: object) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            print(json.dumps(str(statement)), file=stream)

    @property
    def statements(self) -> list[str]:
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]


def _recorded(kind: Any, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    real = kind.run

    def run(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        kept.add(query)
        return real(self, query, *rest, **options)

    monkeypatch.setattr(kind, "run", run)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "statements.jsonl")


@pytest.fixture
def embedded(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedStore]:
    start, _, rest = client._START.partition("from kgrec")
    program = _RECORDING.format(path=str(kept.path))
    monkeypatch.setattr(client, "_START", f"{start}\nexec({program!r})\nfrom kgrec{rest}")
    client._close_spares()  # they began without it
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        yield store
    client._close_spares()


@pytest.fixture
def server(
    kept: Kept, neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Neo4jStore]:
    emptied(neo4j_server)
    _recorded(neo4j.Session, kept, monkeypatch)
    _recorded(neo4j.Transaction, kept, monkeypatch)
    _recorded(neo4j.ManagedTransaction, kept, monkeypatch)
    with Neo4jStore(neo4j_server.uri, auth=neo4j_server.auth) as store:
        yield store


def _use(store: GraphStore) -> None:
    """Call all that a store can do, with hostile values."""
    whole = catalog(FEW_RELATIONS)
    tables = {name: table.to_pandas() for name, table in whole.tables.items()}
    facts = tables["facts"]
    ends = facts["head_type"].eq("item") & facts["tail_type"].eq("entity")
    tables["facts"] = facts = facts[ends]  # Neo4j plans anew for each kind of edges
    planted = Catalog.from_frames(**tables)
    store.write(planted)
    items, users = tables["items"], tables["users"]
    hostile = [one for one in items["item_id"] if MARK in one]
    user = next(one for one in users["user_id"] if MARK in one)
    read = store.read_nodes("Item", ["title", COLUMN]).to_pandas().set_index("id")
    assert read[COLUMN].to_dict() == items.set_index("item_id")[COLUMN].to_dict()
    kinds = store.edge_types()
    assert set(FEW_RELATIONS) <= {kind.name for kind in kinds}
    for kind in kinds[:3]:
        store.read_edges(kind)
    for one in hostile[:3]:
        store.neighbours(NodeRef("Item", one))
        store.paths(NodeRef("User", user), NodeRef("Item", one), max_hops=2)
    for one in TEXTS[3:8]:
        store.search_text(one)
        store.query("MATCH (n:Item) WHERE n.title = $title RETURN n.id AS id", {"title": one})
    events = tables["interactions"]
    keys = ["head", "head_type", "relation", "tail", "tail_type"]
    store.remove(facts=facts[keys].head(3), interactions=events[["user_id", "item_id"]].head(1))
    store.remove(users=[user], items=hostile[:1])
    assert store.node_counts()["Item"] == len(items) - 1  # and nothing else was deleted
    store.write(planted, erase_empty=True)  # what is there is merged another way
    store.write(planted, replace=True)
    assert store.node_counts()["Item"] == len(items)


def test_the_embedded_store_is_sent_no_data(embedded: EmbeddedStore, kept: Kept) -> None:
    _use(embedded)
    assert len(kept.statements) > 12
    assert not [one for one in kept.statements if MARK in bare(one)]
    assert any(MARK in one for one in kept.statements)  # quoted names


@pytest.mark.neo4j
def test_neo4j_is_sent_no_data(server: Neo4jStore, kept: Kept) -> None:
    _use(server)
    assert len(kept.statements) > 12
    assert not [one for one in kept.statements if MARK in bare(read_by_neo4j(one))]
    assert any(MARK in one for one in kept.statements)


NAMES = [
    *TEXTS,
    "`",
    "``",
    "\\u0060",
    "\\\\u0060",
    "\\\\\\u0060",
    "\\uu0060",
    "\\",
    "a\\u",
    "\\U0060",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_quoted_name_is_one_name(name: str) -> None:
    for quoted, engine in ((quote(name), read_by_neo4j), (backticked(name), str)):
        read = engine(quoted)
        assert _QUOTED.fullmatch(read)
        assert read[1:-1].replace("``", "`") == name


@pytest.mark.neo4j
@pytest.mark.parametrize("name", [one for one in NAMES if "\0" not in one])
def test_neo4j_reads_the_name_and_the_text(neo4j_server: Server, name: str) -> None:
    """What the engine really does with escapes, labels and texts."""
    statement = f"RETURN {{{quote(name)}: {text(name)}}} AS found"
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=neo4j_server.auth) as driver:
        assert driver.execute_query(statement).records[0]["found"] == {name: name}


def test_the_cypher_that_people_copy_names_no_data(
    model: Recommender, user: str, item: str
) -> None:
    """Of paths, and of the files of ``kgrec explore``."""
    found = [(path.cypher, path.parameters) for path in model.explain(user, item, k=20).paths]
    found += [*statements(model.graph.subgraph([f"Item:{item}"]))]
    assert len(found) > 5
    for statement, parameters in found:
        assert MARK not in bare(read_by_neo4j(statement)), statement
        assert parameters
