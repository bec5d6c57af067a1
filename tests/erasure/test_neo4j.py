"""Erasing people from a real Neo4j, with their hashes in the file of KGREC_TOMBSTONES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema.errors import CatalogError
from graph_schema.privacy.key import make_key, read_key
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec import erase
from kgrec.erasure import lift
from kgrec.stores import Neo4jStore
from tests.erasure.planted import Planted, planted
from tests.neo4j_server import Server, emptied

pytestmark = pytest.mark.neo4j

EVERY_VALUE = (
    "MATCH (n) RETURN [key IN keys(n) | toString(n[key])] AS found "
    "UNION ALL MATCH ()-[r]->() RETURN [key IN keys(r) | toString(r[key])] AS found"
)


@pytest.fixture
def store(neo4j_server: Server) -> Iterator[Neo4jStore]:
    emptied(neo4j_server)
    with Neo4jStore(neo4j_server.uri, auth=neo4j_server.auth) as store:
        yield store


@pytest.fixture
def plant() -> Planted:
    return planted()


def _left(store: Neo4jStore, needles: list[str]) -> list[str]:
    """The needles that are in any property of a node or relationship."""
    text = str(store.query(EVERY_VALUE))
    return [one for one in needles if one in text]


def test_people_leave_and_replays_do_not_bring_them_back(
    store: Neo4jStore, plant: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_TOMBSTONES", str(tmp_path / "erased.json"))
    store.write(plant.catalog)
    assert _left(store, plant.needles) == plant.needles
    receipt = erase(plant.people, stores=[store])
    assert receipt.places[-1].removed["users"] == 4
    assert _left(store, plant.needles) == []
    rest = {name: table.num_rows for name, table in plant.rest.tables.items()}
    counts = store.row_counts()
    assert {name: counts[name] for name in rest} == rest
    kept = (tmp_path / "erased.json").read_text()
    assert not [one for one in plant.needles if one in kept]
    with pytest.warns(UserWarning, match="4 of the people were erased before"):
        store.write(plant.catalog)
    with pytest.warns(UserWarning, match="4 of the people were erased before"):
        store.write(plant.catalog, replace=True)
    assert _left(store, plant.needles) == []
    assert not erase(plant.people, stores=[store]).places[-1].removed
    assert lift(plant.people[:1], stores=[store]) == 1
    with pytest.warns(UserWarning, match="3 of the people"):
        store.write(plant.catalog)
    assert plant.people[0] in store.read_nodes("User")["id"].to_pylist()


def test_without_a_file_of_hashes_people_leave_all_the_same(
    store: Neo4jStore, plant: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KGREC_TOMBSTONES", raising=False)
    store.write(plant.catalog)
    erase(plant.people, stores=[store])
    assert _left(store, plant.needles) == []


def test_a_store_with_pseudonyms_refuses_plain_ids(
    store: Neo4jStore, plant: Planted, tmp_path: Path
) -> None:
    make_key(tmp_path / "shop.key")
    key = read_key(tmp_path / "shop.key")
    store.write(pseudonymise(plant.catalog, key))
    before = store.row_counts()
    with pytest.raises(CatalogError, match=r"pseudonyms of the key .* Nothing was written"):
        store.write(plant.catalog)
    assert store.row_counts() == before
    assert erase(plant.people, stores=[store], key=key).places[-1].removed["users"] == 4
