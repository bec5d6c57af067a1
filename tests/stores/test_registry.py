"""Which address is which store, and what importing the types of stores loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import kgrec
from graph_schema.errors import StoreError
from graph_schema.mapping import GraphMapping
from kgrec.stores import EmbeddedStore
from kgrec.stores.registry import STORES, names_store, store_kind


@pytest.mark.parametrize(
    ("address", "kind", "named"),
    [
        ("graph.kgl", "embedded", True),
        ("folder/graph.kgl", "embedded", True),
        ("ratings.csv", "embedded", False),  # connect() takes any file, but this may be data
        ("neo4j", "embedded", False),
        ("neo4j://host:7687", "neo4j", True),
        ("BOLT+S://host", "neo4j", True),
        ("neo4j+ssc://user@host/graph.kgl", "neo4j", True),
    ],
)
def test_an_address_means_one_store(address: str, kind: str, named: bool) -> None:
    assert store_kind(address).name == kind
    assert names_store(address) is named


@pytest.mark.parametrize("address", ["http://host", "neo4j+x://host", "ftp://host/graph.kgl"])
def test_other_addresses_are_refused_with_those_that_are_known(address: str) -> None:
    with pytest.raises(StoreError, match=r"bolt:// or neo4j:// .* or a file path") as caught:
        kgrec.connect(address)
    assert address in str(caught.value)
    assert not names_store(address)


def test_every_kind_has_a_name_of_its_own() -> None:
    assert len({kind.name for kind in STORES}) == len(STORES)


def test_a_mapping_is_for_servers(tmp_path: Path) -> None:
    names = {"users": {"label": "U"}, "items": {"label": "I"}, "interactions": [{"type": "T"}]}
    mapping = GraphMapping.parse(names)
    with pytest.raises(StoreError, match="a mapping is for a Neo4j graph"):
        kgrec.connect(tmp_path / "graph.kgl", mapping=mapping)
    assert isinstance(kgrec.connect(tmp_path / "graph.kgl"), EmbeddedStore)


LOADED = (
    "import sys; {}; print(*sorted({{'neo4j', 'kglite', 'pandas', 'torch'}} & set(sys.modules)))"
)


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import kgrec.stores.base", ""),
        ("from kgrec.stores import NodeRef, EdgeType, GraphStore", ""),
        ("import kgrec.stores.registry", ""),
        ("import graph_schema.errors", ""),
        ("import kgrec; kgrec.connect('x.kgl')", ""),
        ("from kgrec.stores import Neo4jStore", "neo4j pandas"),
        ("import kgrec.stores.embedded.worker", "kglite"),
    ],
)
def test_what_an_import_loads(code: str, loaded: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loaded
