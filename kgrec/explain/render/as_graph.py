"""An explanation as a graph: its paths' nodes and edges, with what each edge carried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.explain.explanation import ExplainedPath, Explanation, signed
from kgrec.explain.render import layout
from kgrec.visualization.boxes import Box
from kgrec.visualization.paths import PagePath

OWNER, HISTORY, BETWEEN, CANDIDATE = "owner", "history", "item between", "candidate"
Key = tuple[str, str]
Step = tuple[Key, str, Key]


def explanation_graph(explanation: Explanation) -> nx.MultiDiGraph[Key]:
    """Nodes are (label, id) with label, id, name, kind, focus (the user and the item) and, where
    the label does not tell, ``shown_as``; edges have ``relation``, ``contribution`` (the sum of the
    paths over them, in units of the score) and ``stored`` (False for a likeness)."""
    graph: nx.MultiDiGraph[Key] = nx.MultiDiGraph()
    graph.graph["left_out"] = 0
    edges: dict[Step, dict[str, Any]] = {}
    for path in explanation.paths:
        for place in range(len(path.nodes)):
            _add_node(graph, path, place)
        for step, stored in zip(steps_of(path), path.stored, strict=True):
            if step not in edges:
                edges[step] = {"relation": step[1], "contribution": 0.0, "stored": stored}
            edges[step]["contribution"] += path.contribution
    for (source, _, target), data in edges.items():
        graph.add_edge(source, target, **data)
    if not explanation.paths:
        key = (ITEM, explanation.item_id)
        graph.add_node(key, **_plain(key, explanation.item_name), focus=True, shown_as=CANDIDATE)
    return graph


def steps_of(path: ExplainedPath) -> list[Step]:
    """(source, relation, target) of each step; a likeness is called by its words."""
    steps = []
    for place, relation in enumerate(path.relations):
        a, b = path.nodes[place][:2], path.nodes[place + 1][:2]
        source, target = (a, b) if path.outgoing[place] else (b, a)
        steps.append((source, relation, target))
    return steps


def _add_node(graph: nx.MultiDiGraph[Key], path: ExplainedPath, place: int) -> None:
    label, node_id, name = path.nodes[place]
    key = (label, node_id)
    last = place == len(path.nodes) - 1
    role = OWNER if place == 0 else CANDIDATE if last else HISTORY if place == 1 else ""
    if not role and label == ITEM:
        role = BETWEEN
    known = graph.nodes[key] if key in graph else {}
    if known.get("shown_as") in (OWNER, CANDIDATE, HISTORY):
        return
    if place == 0 and not node_id:
        name = name or "You"
    graph.add_node(key, **_plain(key, name), focus=role in (OWNER, CANDIDATE))
    if label == ENTITY and not name:  # its role says more than the word entity
        graph.nodes[key].update(kind=path.words[place - 1], derived="kind")
    if role:
        graph.nodes[key]["shown_as"] = role
    if path.people and label == USER and place > 1:
        graph.nodes[key]["people who chose both"] = path.people


def _plain(key: Key, name: str) -> dict[str, str]:
    return {"label": key[0], "id": key[1], "name": name, "kind": key[0].lower()}


def heading(explanation: Explanation) -> str:
    """What the picture or page is of."""
    who = "this history" if explanation.user_id is None else f"user {explanation.user_id}"
    return f"Why “{explanation.item_name}” for {who}"


def summary(explanation: Explanation) -> str:
    """The score as the sum that the picture shows."""
    parts = [
        f"score {explanation.score:.3f} = {explanation.baseline:.3f} without history",
        f"{signed(explanation.shown)} shown here",
    ]
    if explanation.hidden:
        parts.append(f"{signed(explanation.not_shown)} in {explanation.hidden:,} further paths")
    parts.append(f"{signed(explanation.rest)} not attributed")
    return "  ".join(parts)


def explanation_page(explanation: Explanation, path: Path, *, title: str | None = None) -> Path:
    """Save the explanation as a page; see ``kgrec.visualization.html_page.write_page``."""
    from kgrec.visualization.html_page import write_page  # matplotlib only when it is wanted

    told = [
        PagePath(
            sentence=one.sentence,
            nodes=tuple(node[:2] for node in one.nodes),
            steps=tuple(steps_of(one)),
            cypher=one.cypher,
            parameters=one.parameters,
            contribution=one.contribution,
        )
        for one in explanation.paths
    ]
    graph = explanation_graph(explanation)
    return write_page(
        graph,
        path,
        title=title or heading(explanation),
        note=" ".join([summary(explanation), *explanation.reasons]),
        paths=told,
        boxes=_boxes(explanation, graph),
    )


def _boxes(explanation: Explanation, graph: nx.MultiDiGraph[Key]) -> dict[Key, Box]:
    """The places that the picture gives, user to item from left to right."""
    drawn = layout.picture_graph(explanation)
    places, _, _ = layout.place(drawn)
    boxes: dict[Key, Box] = {}
    for node, box in places.items():
        key = (ITEM, explanation.item_id) if node == "item" else node[:2]  # type: ignore[index]
        if key in graph:
            boxes.setdefault(key, box)
    return boxes
