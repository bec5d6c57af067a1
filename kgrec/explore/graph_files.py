"""Save a part of the graph as GraphML or JSON, which can be read back, or as Cypher."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.etree.ElementTree import ParseError

import numpy as np

from graph_schema.disk.files import read_json
from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, SourceError
from graph_schema.output.printable import escaped_inside
from kgrec.explore.cypher_export import script
from kgrec.files import save_file, save_text

if TYPE_CHECKING:
    import networkx as nx

    Graph: TypeAlias = "nx.MultiDiGraph[tuple[str, str]]"

SUFFIXES = (".graphml", ".json", ".cypher")
_NOT_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export_graph(graph: Graph, path: str | Path) -> Path:
    """Save a graph in the format of the suffix.

    Attributes become text, integers, floats or booleans; numbers that are not finite are left
    out. In GraphML "\ufffd" replaces control characters that XML does not allow.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        As ``GraphExplorer.subgraph`` or ``Explanation.to_networkx`` gives it.
    path : str or Path
        A name that ends in .graphml, in .json (networkx's node-link format) or in .cypher (a
        script that creates the graph in a store, to run once).

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    RequestError
        If the name ends otherwise.
    """
    path = given_path(path, "path")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise RequestError(f"can't export to {path.name!r}: end its name in one of {known}")
    plain = _plain(graph)
    if suffix == ".cypher":
        return save_text(path, script(plain))
    if suffix == ".json":
        text = json.dumps(_links(plain), ensure_ascii=False, indent=1)
        return save_text(path, escaped_inside(text) + "\n")
    import networkx as nx

    return save_file(path, lambda name: nx.write_graphml_xml(_for_xml(plain), name))


def read_graph(path: str | Path) -> Graph:
    """Read a graph that ``export_graph`` saved as GraphML or JSON.

    Parameters
    ----------
    path : str or Path
        The file; in a name that ends in .json JSON is expected, else GraphML.

    Returns
    -------
    networkx.MultiDiGraph
        The same graph, with the same attributes.

    Raises
    ------
    SourceError
        If the file is missing or has no such graph.
    """
    import networkx as nx

    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return _from_links(read_json(path))
        return _from_xml(nx.read_graphml(path, force_multigraph=True))
    except (OSError, ValueError, KeyError, TypeError, ParseError, nx.NetworkXError) as error:
        raise SourceError(
            f"{path}: no graph can be read ({error}). Cure: give a file that export_graph wrote as "
            ".graphml or .json."
        ) from error


def _plain(graph: Graph) -> Graph:
    """Copy the graph with values that any file can store, edges numbered from 0 in each pair."""
    import networkx as nx

    plain: Graph = nx.MultiDiGraph(**_values(graph.graph))
    for key, data in graph.nodes(data=True):
        plain.add_node(key, **_values({**data, "label": key[0], "id": key[1]}))
    for a, b, data in graph.edges(data=True):
        plain.add_edge(a, b, **_values(data))
    return plain


def _values(data: dict[str, Any]) -> dict[str, Any]:
    plain = {str(name): _value(value) for name, value in data.items()}
    return {name: value for name, value in plain.items() if value is not None}


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


def _from_links(links: dict[str, Any]) -> Graph:
    import networkx as nx

    graph: Graph = nx.MultiDiGraph(**links["graph"])
    keys = {}
    for row in links["nodes"]:
        data = {name: value for name, value in row.items() if name != "node"}
        keys[row["node"]] = (data["label"], data["id"])
        graph.add_node(keys[row["node"]], **data)
    ends = ("source", "target", "key")
    for row in links["edges"]:
        data = {name: value for name, value in row.items() if name not in ends}
        graph.add_edge(keys[row["source"]], keys[row["target"]], key=row["key"], **data)
    return graph


def _joined(key: tuple[str, str]) -> str:
    return f"{key[0]}:{key[1]}"


def _for_xml(graph: Graph) -> nx.MultiDiGraph[str]:
    """Copy with numbered nodes and cleaned texts: XML does not allow every id as a name."""
    import networkx as nx

    number = {key: f"n{i}" for i, key in enumerate(graph)}
    numbered: nx.MultiDiGraph[str] = nx.MultiDiGraph(**_cleaned(graph.graph))
    for key, data in graph.nodes(data=True):
        numbered.add_node(number[key], **_cleaned(data))
    for a, b, data in graph.edges(data=True):
        numbered.add_edge(number[a], number[b], **_cleaned(data))
    return numbered


def _cleaned(data: dict[str, Any]) -> dict[str, Any]:
    return {
        _xml(name): _xml(value) if isinstance(value, str) else value for name, value in data.items()
    }


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _from_xml(numbered: nx.MultiDiGraph[str]) -> Graph:
    import networkx as nx

    graph: Graph = nx.MultiDiGraph(**_without_defaults(numbered.graph))
    keys = {name: (data["label"], data["id"]) for name, data in numbered.nodes(data=True)}
    for name, data in numbered.nodes(data=True):
        graph.add_node(keys[name], **data)
    for a, b, data in numbered.edges(data=True):
        graph.add_edge(keys[a], keys[b], **data)
    return graph


def _without_defaults(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in data.items() if name not in ("node_default", "edge_default")
    }
