"""A part of the graph as a file: GraphML and JSON, which can be read back, and Cypher."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from graph_schema.errors import RequestError, SourceError
from kgrec.explore.cypher_export import script
from kgrec.files import put_file, put_text

if TYPE_CHECKING:
    Graph: TypeAlias = "nx.MultiDiGraph[tuple[str, str]]"

SUFFIXES = (".graphml", ".json", ".cypher")
_NOT_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export_graph(graph: Graph, path: str | Path) -> Path:
    """Write a graph as ``subgraph`` gives it, by the suffix: .graphml, .json (nodes and links, as
    networkx calls it) or .cypher (a script that makes the graph again, to run once).

    Attributes become text, whole or floating numbers or booleans; a number that is not finite is
    left out. GraphML can't hold some control characters: "\ufffd" stands for them. Raises
    RequestError for another suffix.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise RequestError(f"can't export to {path.name!r}: end its name in one of {known}")
    plain = _plain(graph)
    if suffix == ".cypher":
        return put_text(path, script(plain))
    if suffix == ".json":
        return put_text(path, json.dumps(_links(plain), ensure_ascii=False, indent=1) + "\n")
    return put_file(path, lambda name: nx.write_graphml_xml(_for_xml(plain), name))


def read_graph(path: str | Path) -> Graph:
    """The graph that ``export_graph`` wrote as GraphML or JSON. Raises SourceError."""
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return _from_links(json.loads(path.read_text(encoding="utf-8")))
        return _from_xml(nx.read_graphml(path, force_multigraph=True))
    except (OSError, ValueError, KeyError, TypeError, ParseError, nx.NetworkXError) as error:
        raise SourceError(
            f"{path}: no graph can be read ({error}). Cure: give a file that export_graph wrote as "
            ".graphml or .json."
        ) from error


def _plain(graph: Graph) -> Graph:
    """The graph with values that any file can hold, and its edges numbered from 0 in each pair."""
    plain: Graph = nx.MultiDiGraph(**_values(graph.graph))
    for key, data in graph.nodes(data=True):
        plain.add_node(key, **_values({**data, "label": key[0], "id": key[1]}))
    for a, b, data in graph.edges(data=True):
        plain.add_edge(a, b, **_values(data))
    return plain


def _values(data: dict[str, Any]) -> dict[str, Any]:
    told = {str(name): _value(value) for name, value in data.items()}
    return {name: value for name, value in told.items() if value is not None}


def _value(value: Any) -> str | int | float | bool | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)


def _links(graph: Graph) -> dict[str, Any]:
    return {
        "directed": True,
        "multigraph": True,
        "graph": graph.graph,
        "nodes": [{"node": _joined(key), **data} for key, data in graph.nodes(data=True)],
        "edges": [
            {"source": _joined(a), "target": _joined(b), "key": key, **data}
            for a, b, key, data in graph.edges(keys=True, data=True)
        ],
    }


def _from_links(told: dict[str, Any]) -> Graph:
    graph: Graph = nx.MultiDiGraph(**told["graph"])
    keys = {}
    for row in told["nodes"]:
        data = {name: value for name, value in row.items() if name != "node"}
        keys[row["node"]] = (data["label"], data["id"])
        graph.add_node(keys[row["node"]], **data)
    ends = ("source", "target", "key")
    for row in told["edges"]:
        data = {name: value for name, value in row.items() if name not in ends}
        graph.add_edge(keys[row["source"]], keys[row["target"]], key=row["key"], **data)
    return graph


def _joined(key: tuple[str, str]) -> str:
    return f"{key[0]}:{key[1]}"


def _for_xml(graph: Graph) -> nx.MultiDiGraph[str]:
    """Nodes by number, since XML can't hold every id as a name; the texts without what it can't."""
    number = {key: f"n{i}" for i, key in enumerate(graph)}
    told: nx.MultiDiGraph[str] = nx.MultiDiGraph(**_cleaned(graph.graph))
    for key, data in graph.nodes(data=True):
        told.add_node(number[key], **_cleaned(data))
    for a, b, data in graph.edges(data=True):
        told.add_edge(number[a], number[b], **_cleaned(data))
    return told


def _cleaned(data: dict[str, Any]) -> dict[str, Any]:
    return {
        _xml(name): _xml(value) if isinstance(value, str) else value for name, value in data.items()
    }


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _from_xml(told: nx.MultiDiGraph[str]) -> Graph:
    graph: Graph = nx.MultiDiGraph(**_without_defaults(told.graph))
    keys = {name: (data["label"], data["id"]) for name, data in told.nodes(data=True)}
    for name, data in told.nodes(data=True):
        graph.add_node(keys[name], **data)
    for a, b, data in told.edges(data=True):
        graph.add_edge(keys[a], keys[b], **data)
    return graph


def _without_defaults(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in data.items() if name not in ("node_default", "edge_default")
    }
