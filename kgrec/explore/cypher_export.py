"""Export a part of the graph as Cypher that creates it, in Neo4j or in the embedded store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graph_schema.names import INTERACTED, ITEM, USER
from graph_schema.output.printable import escaped_inside
from kgrec.paths.people import PEOPLE
from kgrec.stores.cypher_quoting import quote

if TYPE_CHECKING:
    import networkx as nx

Key = tuple[str, str]
Row = dict[str, Any]
BATCH = 500  # rows of one statement
# Attributes that kgrec adds to a node or an edge; no store has them.
_ADDED = {"label", "id", "focus", "derived", "shown_as", "relation", "contribution", "stored"}
_ADDED |= {"people who chose both"}


def statements(graph: nx.MultiDiGraph[Key]) -> Iterator[tuple[str, dict[str, list[Row]]]]:
    """Yield Cypher statements with their parameters: nodes first, then the edges between them.

    Nodes and facts are merged; interactions are created, because several of one pair may be equal.
    Similarities that are no relationships, users without an id and numbers of people are left out.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        As ``GraphExplorer.subgraph`` gives it.

    Yields
    ------
    tuple of (str, dict)
        The statement, and its parameter ``rows``: at most BATCH dicts.
    """
    nodes: dict[str, list[Row]] = {}
    for (label, node_id), data in graph.nodes(data=True):
        if node_id and label != PEOPLE:
            nodes.setdefault(label, []).append({"id": node_id, "properties": _native(label, data)})
    for label, rows in nodes.items():
        for part in _batches(rows):
            yield _merge_nodes(label), {"rows": part}
    edges: dict[tuple[str, str, str], list[Row]] = {}
    for (source, a), (target, b), data in graph.edges(data=True):
        if not (a and b and data.get("stored", True)) or PEOPLE in (source, target):
            continue
        properties = {name: value for name, value in data.items() if name not in _ADDED}
        row = {"source": a, "target": b, "properties": properties}
        edges.setdefault((source, str(data["relation"]), target), []).append(row)
    for ends, rows in edges.items():
        for part in _batches(rows):
            yield _make_edges(*ends), {"rows": part}


def script(graph: nx.MultiDiGraph[Key]) -> str:
    """Return the statements as one text without parameters: values are quoted literals."""
    texts = [
        text.replace("$rows", _literal(parameters["rows"]), 1)
        for text, parameters in statements(graph)
    ]
    return "".join(f"{text};\n" for text in texts)


def _merge_nodes(label: str) -> str:
    return f"UNWIND $rows AS row MERGE (n:{quote(label)} {{id: row.id}}) SET n += row.properties"


def _make_edges(source: str, relation: str, target: str) -> str:
    verb = "CREATE" if relation == INTERACTED else "MERGE"
    return (
        f"UNWIND $rows AS row MATCH (a:{quote(source)} {{id: row.source}}) "
        f"MATCH (b:{quote(target)} {{id: row.target}}) "
        f"{verb} (a)-[r:{quote(relation)}]->(b) SET r += row.properties"
    )


def _batches(rows: list[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _native(label: str, data: dict[str, Any]) -> Row:
    """The attributes of the graph itself, without a name or kind that kgrec derived."""
    row = {name: value for name, value in data.items() if name not in _ADDED}
    derived = label in (USER, ITEM)
    if derived or data.get("derived") == "kind":
        row.pop("kind", None)
    if not row.get("name") or (derived and row.get("name") == row.get("title")):
        row.pop("name", None)
    # Without a title kglite would invent one; in Neo4j null means that there is none.
    return {"title": None, **row}


def _literal(value: Any) -> str:
    """A value as a Cypher literal; a string may have any characters."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quote(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    return json.dumps(value)


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _string(text: str) -> str:
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    # Some programs that run scripts end a line or a text at other control characters.
    return "'" + re.sub(r"[\x00-\x1f]", _code, escaped_inside(escaped)) + "'"


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
