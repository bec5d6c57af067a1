"""connect(): one address, the store that it means."""

from __future__ import annotations

import os
import re

import neo4j

from graph_schema.errors import StoreError
from graph_schema.mapping import GraphMapping
from kgrec.stores.base import GraphStore
from kgrec.stores.embedded import EmbeddedStore
from kgrec.stores.neo4j import Neo4jStore

_SCHEME = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://", re.IGNORECASE)


def connect(
    uri: str | os.PathLike[str],
    *,
    auth: tuple[str, str] | neo4j.Auth | None = None,
    driver: neo4j.Driver | None = None,
    database: str | None = None,
    mapping: GraphMapping | None = None,
) -> GraphStore:
    """The graph store at ``uri``.

    ``bolt://host``, ``neo4j://host`` and their ``+s`` and ``+ssc`` forms (TLS) are a Neo4j server;
    anything else is the path of an embedded store's file, made by the first write. ``auth`` is
    (user, password); without it KGREC_NEO4J_USER and KGREC_NEO4J_PASSWORD are used, if set.
    ``driver``: a Neo4j driver of the caller's. ``mapping``: kgrec's names for a Neo4j graph that
    has its own labels, keys and types, which is then only read.

    Raises StoreAuthError, StoreConnectionError or StoreError if the server can't be used.
    """
    text = os.fspath(uri)
    if driver is not None or _SCHEME.match(text):
        return Neo4jStore(
            text, auth=auth or _default_auth(), driver=driver, database=database, mapping=mapping
        )
    if "://" in text:
        raise StoreError(
            f"{text}: not an address of a graph store. Cure: use bolt:// or neo4j:// (with +s for "
            "TLS) for a Neo4j server, or a file path for an embedded store."
        )
    if mapping is not None:
        raise StoreError(f"{text}: a mapping is for a Neo4j graph. Cure: leave it out.")
    return EmbeddedStore(text)


def _default_auth() -> tuple[str, str] | None:
    user, password = os.environ.get("KGREC_NEO4J_USER"), os.environ.get("KGREC_NEO4J_PASSWORD")
    return (user or "neo4j", password) if password else None
