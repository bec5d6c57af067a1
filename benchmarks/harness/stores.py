"""A catalog in a store for as long as a benchmark needs it: an embedded one, and Neo4j."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph_schema import Catalog
from kgrec import connect
from kgrec.stores import GraphStore
from tests.neo4j_server import Server, emptied

NEO4J = "KGREC_BENCH_NEO4J"  # a Neo4j that may be emptied: neo4j://host:7687, user, password


@contextmanager
def embedded(catalog: Catalog) -> Iterator[GraphStore]:
    """The catalog in a file of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="kgrec-") as folder,
        connect(str(Path(folder) / "catalog.kgl")) as store,
    ):
        store.write(catalog)
        yield store


@contextmanager
def neo4j(catalog: Catalog) -> Iterator[GraphStore | None]:
    """The catalog in the Neo4j that KGREC_BENCH_NEO4J names, with KGREC_BENCH_NEO4J_USER and
    KGREC_BENCH_NEO4J_PASSWORD; its data is deleted. None where it names none."""
    uri = os.environ.get(NEO4J)
    if not uri:
        yield None
        return
    auth = os.environ.get(f"{NEO4J}_USER", "neo4j"), os.environ.get(f"{NEO4J}_PASSWORD", "")
    emptied(Server(uri, *auth))
    with connect(uri, auth=auth) as store:
        store.write(catalog)
        yield store
