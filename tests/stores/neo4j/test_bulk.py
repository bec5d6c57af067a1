"""The files for neo4j-admin's import, and the database that they become."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import neo4j
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import loaders
from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError, ModelError, StoreError
from graph_schema.migration import latest_version, statements
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore, Neo4jStore
from kgrec.stores.neo4j import bulk as bulk_module
from kgrec.stores.neo4j.bulk import BulkFiles, write_bulk
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames
from tests.neo4j_server import java_server, run_with_admin

ODD_NAMES = ('a:b "c", d', "z;ü", "x[]")  # of properties


def odd_catalog() -> Catalog:
    """Every frame, with odd ids, relations, names and texts, a vector, booleans and numbers."""
    given, ids = frames(), list(ODD_IDS)
    facts = {"head": "i1", "head_type": "item", "relation": list(ODD_RELATIONS), "tail": "e1"}
    users = {"user_id": ids, "height": np.arange(len(ids)) / 3, "is_new": [True, False] * 20}
    users["is_new"] = users["is_new"][: len(ids)]
    users |= dict.fromkeys(ODD_NAMES, ids)
    given["facts"] = pd.concat([given["facts"], pd.DataFrame(facts | {"tail_type": "entity"})])
    given["users"] = pd.concat([given["users"], pd.DataFrame(users)])
    events = pd.DataFrame({"user_id": ids, "item_id": "i2", "timestamp": 7, "rating": 0.1})
    given["interactions"] = pd.concat([given["interactions"], events])
    vectors = {"image": (["i1", "i3"], np.array([[0.1, -1e-7], [3.0, 2.0]], np.float32))}
    return Catalog.from_frames(**given, vectors=vectors)


def test_the_files_hold_the_catalog(tmp_path: Path) -> None:
    """Read back by the loader of such files, which takes what is no user or item for an entity."""
    given = {name: one for name, one in frames().items() if name not in ("reviews", "queries")}
    catalog = Catalog.from_frames(**given)
    written = write_bulk(catalog, tmp_path / "bulk")
    back = loaders.load(tmp_path / "bulk", format="neo4j-admin").catalog
    for name in ("users", "items"):
        given, found = catalog.tables[name], back.tables[name]
        assert found.num_rows == given.num_rows
        key = given.column_names[0]
        assert sorted(found[key].to_pylist()) == sorted(given[key].to_pylist())
    years = dict(zip(back.items["item_id"], back.items["year"], strict=True))
    assert years == dict(zip(catalog.items["item_id"], catalog.items["year"], strict=True))
    events = ["user_id", "item_id", "timestamp"]
    assert rows(back.interactions[events]) == rows(catalog.interactions[events])
    ends = ["head", "head_type", "relation", "tail", "tail_type"]
    assert rows(back.facts[ends]) == rows(catalog.facts[ends])
    assert sum(written.rows.values()) == sum(len(table) for table in catalog.tables.values())


def rows(frame: pd.DataFrame) -> list[str]:
    return sorted(map(str, frame.astype(object).where(frame.notna(), None).values.tolist()))


def test_parts_give_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bulk(odd_catalog(), tmp_path / "whole")
    monkeypatch.setattr(bulk_module, "_ROWS", 3)
    seen: list[tuple[str, int, int]] = []
    write_bulk(odd_catalog(), tmp_path / "parts", progress=lambda *done: seen.append(done))
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert whole == {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()}
    assert ("User", 3, 3 + len(ODD_IDS)) in seen


def test_texts_are_quoted_and_what_is_absent_is_empty(tmp_path: Path) -> None:
    catalog = Catalog.from_frames(
        users=pd.DataFrame(
            {"user_id": ["a", 'b"'], "age": pd.array([7, None], "Int64"), "city": ["", "x,y"]}
        ),
        interactions=pd.DataFrame({"user_id": ["a"], "item_id": ["i"]}),
    )
    write_bulk(catalog, tmp_path / "bulk")
    header = (tmp_path / "bulk" / "nodes-User-header.csv").read_text()
    assert header == '"id:ID(User)","age:long","city:string"\n'
    assert (tmp_path / "bulk" / "nodes-User.csv").read_text() == '"a",7,\n"b""",,"x,y"\n'
    edges = tmp_path / "bulk" / "relationships-0-INTERACTED"
    assert Path(f"{edges}-header.csv").read_text() == (
        '":START_ID(User)",":END_ID(Item)",":TYPE"\n'
    )
    assert Path(f"{edges}.csv").read_text() == '"a","i","INTERACTED"\n'


def test_the_command_names_every_file(tmp_path: Path) -> None:
    written = write_bulk(Catalog.from_frames(**frames()), tmp_path / "a bulk", database="shop")
    words = arguments(written)
    assert words[:3] == ["database", "import", "full"]
    assert words[3] == "shop"
    assert "--multiline-fields=true" not in words
    named = {name for word in words for name in word.rpartition("=")[2].split(",")}
    tables = {path.name for path in written.folder.glob("*.csv")}
    assert tables == named & tables
    assert 'full shop "$@" --nodes=User=' in (written.folder / "import.sh").read_text()
    assert "--database shop" in written.schema_command
    broken = write_bulk(odd_catalog(), tmp_path / "odd")
    assert "--multiline-fields=true" in arguments(broken)


def arguments(written: BulkFiles) -> list[str]:
    """The command's, after the change to the folder and the name of the program."""
    words = shlex.split(written.command)
    assert words[:4] == ["cd", str(written.folder), "&&", "neo4j-admin"]
    return words[4:]


def test_only_its_own_folder_is_replaced(tmp_path: Path) -> None:
    catalog = Catalog.from_frames(**frames())
    folder = tmp_path / "bulk"
    write_bulk(odd_catalog(), folder)
    (folder / "import.report").write_text("")  # as neo4j-admin leaves it
    write_bulk(catalog, folder)
    listed = json.loads((folder / "bulk.json").read_text())["files"]
    assert {path.name for path in folder.iterdir()} == {"bulk.json", *listed}
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"notes\.txt"):
        write_bulk(catalog, folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_wrong_catalog_leaves_no_folder(tmp_path: Path) -> None:
    catalog = Catalog.from_frames(**frames())
    facts = catalog.tables["facts"]
    wrong = facts.set_column(
        facts.column_names.index("tail"), "tail", pa.array(["gone"] * facts.num_rows)
    )
    with pytest.raises(CatalogError, match="gone"):
        write_bulk(replace(catalog, tables={**catalog.tables, "facts": wrong}), tmp_path / "bulk")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["size (cm)", "size{cm}"])
def test_a_name_that_a_header_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    given = frames()
    given["items"] = given["items"].assign(**{name: 3})
    with pytest.raises(StoreError, match=f"{re.escape(name)}.*rename"):
        write_bulk(Catalog.from_frames(**given), tmp_path / "bulk")
    assert not (tmp_path / "bulk").exists()


@pytest.mark.slow
@pytest.mark.neo4j
@pytest.mark.skipif(shutil.which("java") is None, reason="neo4j-admin needs Java")
def test_the_imported_database_is_the_same_graph(tmp_path: Path) -> None:
    catalog = odd_catalog()
    written = write_bulk(catalog, tmp_path / "bulk")

    def prepare(home: Path) -> None:
        run_with_admin(home, "sh", str(written.folder / "import.sh"), "--verbose")

    with (
        EmbeddedStore(tmp_path / "graph.kgl") as embedded,
        java_server(prepare) as server,
        Neo4jStore(server.uri, auth=server.auth) as store,
        neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as driver,
    ):
        embedded.write(catalog)
        expected = read_snapshot(embedded)
        assert store.schema_version() == 0
        for one in statements((written.folder / "schema.cypher").read_text()):
            driver.execute_query(one)
        assert store.schema_version() == latest_version()
        assert store.edge_types() == embedded.edge_types()
        assert store.node_counts() == embedded.node_counts()
        assert_same_snapshot(read_snapshot(store), expected)
        assert [hit.node.id for hit in store.search_text("One")] == ["i1"]
        # A write makes what is missing of the schema and the graph: there is nothing.
        imported = schema_of(driver)
        driver.execute_query("MATCH (v:SchemaVersion) DELETE v")
        store.write(catalog)
        assert schema_of(driver) == imported
        assert store.edge_types() == embedded.edge_types()
        assert_same_snapshot(read_snapshot(store), expected)


def schema_of(driver: neo4j.Driver) -> list[tuple[str, str]]:
    """Names of the constraints, and of the indexes that no constraint made."""
    constraints = driver.execute_query("SHOW CONSTRAINTS YIELD name").records
    indexes = driver.execute_query(
        "SHOW INDEXES YIELD name, type, owningConstraint "
        "WHERE owningConstraint IS NULL AND type <> 'LOOKUP'"
    ).records
    found = [("CONSTRAINT", one["name"]) for one in constraints]
    return sorted([*found, *(("INDEX", one["name"]) for one in indexes)])
