"""The Cypher of the embedded store."""

from __future__ import annotations

from kgrec.stores.base import EdgeType
from kgrec.stores.cypher import quote


def match_nodes(label: str) -> str:
    return f"MATCH (n:{quote(label)})"


def match_edges(edge: EdgeType) -> str:
    return (
        f"MATCH (a:{quote(edge.source_label)})-[r:{quote(edge.name)}]->"
        f"(b:{quote(edge.target_label)})"
    )


def node_property(name: str) -> str:
    # kglite answers a node's label for an absent property called "type"; the map does not.
    return "properties(n).type" if name == "type" else f"n.{quote(name)}"


def edge_property(name: str) -> str:
    # As above: "type" and "id" of an edge fall back to its type and its slot.
    return f"properties(r).{name}" if name in ("type", "id") else f"r.{quote(name)}"
