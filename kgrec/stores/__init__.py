"""Graph stores behind one contract: a local file (kglite) or a Neo4j server."""

from kgrec.stores.base import EdgeType, GraphStore, Neighbour, NodeRef, StorePath, WriteReport
from kgrec.stores.embedded import EmbeddedStore

__all__ = [
    "EdgeType",
    "EmbeddedStore",
    "GraphStore",
    "Neighbour",
    "NodeRef",
    "StorePath",
    "WriteReport",
]
