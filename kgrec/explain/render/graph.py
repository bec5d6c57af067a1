"""An explanation as a graph: the nodes and edges of its paths, with contributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.explain.explained_path import ExplainedPath, PathStep
from kgrec.paths.people import PEOPLE

if TYPE_CHECKING:
    import networkx as nx

# Values of the attribute ``shown_as``: the role of a node.
OWNER, HISTORY, BETWEEN, CANDIDATE = "owner", "history", "item between", "candidate"
OTHERS = "people"
Key = tuple[str, str]


def explanation_graph(
    paths: Sequence[ExplainedPath], item_id: str, item_name: str
) -> nx.MultiDiGraph[Key]:
    """Join paths to one graph; without paths it has the item alone.

    Nodes are (label, id) with attributes label, id, name, kind, focus (the user and the item) and,
    where the label does not say it, the role ``shown_as``. Edges have ``relation``,
    ``contribution`` (sum over the paths through the edge, in units of the score) and ``stored``
    (False for a similarity that is no relationship).
    """
    import networkx as nx  # it takes half a second

    graph: nx.MultiDiGraph[Key] = nx.MultiDiGraph()
    graph.graph["left_out"] = 0
    edges: dict[PathStep, dict[str, Any]] = {}
    for path in paths:
        for position in range(len(path.nodes)):
            _add_node(graph, path, position)
        for step, stored in zip(path.steps, path.stored, strict=True):
            if step not in edges:
                edges[step] = {"relation": step[1], "contribution": 0.0, "stored": stored}
            edges[step]["contribution"] += path.contribution
    for (source, _, target), data in edges.items():
        graph.add_edge(source, target, **data)
    if not paths:
        key = (ITEM, item_id)
        graph.add_node(key, **_attributes(key, item_name), focus=True, shown_as=CANDIDATE)
    return graph


def _add_node(graph: nx.MultiDiGraph[Key], path: ExplainedPath, position: int) -> None:
    label, node_id, name = path.nodes[position]
    key = (label, node_id)
    known = graph.nodes[key] if key in graph else {}
    if known.get("shown_as") in (OWNER, CANDIDATE, HISTORY):
        return
    role = _role(path, position)
    if position == 0 and not node_id:
        name = name or "You"
    graph.add_node(key, **_attributes(key, name), focus=role in (OWNER, CANDIDATE))
    if label == ENTITY and not name:  # its relation says more than the word entity
        graph.nodes[key].update(kind=path.words[position - 1], derived="kind")
    if role:
        graph.nodes[key]["shown_as"] = role
    if path.people and label == USER and position > 1:
        graph.nodes[key]["people who chose both"] = path.people


def _role(path: ExplainedPath, position: int) -> str:
    if position == 0:
        return OWNER
    if position == len(path.nodes) - 1:
        return CANDIDATE
    if position == 1:
        return HISTORY
    return {ITEM: BETWEEN, PEOPLE: OTHERS}.get(path.nodes[position][0], "")


def _attributes(key: Key, name: str) -> dict[str, str]:
    return {"label": key[0], "id": key[1], "name": name, "kind": key[0].lower()}
