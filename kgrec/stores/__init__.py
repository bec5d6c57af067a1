"""Graph stores behind one contract: a local file (kglite) or a Neo4j server."""

from kgrec.stores.base import (
    EdgeType,
    GraphStore,
    Neighbour,
    NodeRef,
    StorePath,
    TextHit,
    WriteReport,
)
from kgrec.stores.connecting import connect
from kgrec.stores.embedded import EmbeddedStore
from kgrec.stores.neo4j import Neo4jStore

__all__ = [
    "EdgeType",
    "EmbeddedStore",
    "GraphStore",
    "Neighbour",
    "Neo4jStore",
    "NodeRef",
    "StorePath",
    "TextHit",
    "WriteReport",
    "connect",
]
