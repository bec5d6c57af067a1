"""What a page lists beside its graph: recommended items with their reasons, and the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgrec.visualization.graph_view import NodeKey, ViewEdge
from kgrec.visualization.layout import Box, separate

INCH = 96.0  # units of the page
Step = tuple[NodeKey, str, NodeKey]  # source, relation, target


@dataclass(frozen=True)
class PagePath:
    """A path that the page lists; ``steps`` are (source, relation, target) as in the graph."""

    sentence: str
    nodes: tuple[NodeKey, ...]
    steps: tuple[Step, ...]
    cypher: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    contribution: float | None = None


@dataclass(frozen=True)
class PageItem:
    """An item of the list: its node, its reasons, and where the nodes of these are, in inches.

    ``details`` are attributes as one text; ``rest`` says what the reasons leave out. ``bends`` are
    the points through which steps lead that are no straight lines.
    """

    node: NodeKey
    details: str
    score: float
    reasons: tuple[PagePath, ...]
    rest: str
    boxes: Mapping[NodeKey, Box]
    bends: Mapping[Step, Box] = field(default_factory=dict)


@dataclass(frozen=True)
class PageEvent:
    """An item that the user chose before; ``node`` is None where the graph of the page lacks it."""

    title: str
    details: str
    node: NodeKey | None


@dataclass(frozen=True)
class PageList:
    """The lists of a page: ``past`` is the heading of ``history``, the latest event first, and
    ``earlier`` the number of items before these; ``foot`` is the last line of the page."""

    items: Sequence[PageItem]
    history: Sequence[PageEvent]
    past: str
    earlier: int = 0
    foot: str = ""


def path_values(
    path: PagePath, place: Mapping[NodeKey, int], edges: Sequence[ViewEdge]
) -> dict[str, Any]:
    """A path as JSON values: nodes and edges by their place."""
    number = _numbers(edges)
    return {
        "sentence": path.sentence,
        "nodes": [place[node] for node in path.nodes],
        "edges": [number[step] for step in path.steps],
        "cypher": path.cypher,
        "parameters": dict(path.parameters),
        "contribution": path.contribution,
    }


def list_values(
    lists: PageList,
    place: Mapping[NodeKey, int],
    edges: Sequence[ViewEdge],
    inches: Mapping[NodeKey, tuple[float, float]],
) -> dict[str, Any]:
    """The lists as JSON values. ``inches`` are (width, height) of the nodes."""
    return {
        "items": [_item(item, place, edges, inches) for item in lists.items],
        "history": [
            {
                "title": event.title,
                "details": event.details,
                "node": None if event.node is None else place[event.node],
            }
            for event in lists.history
        ],
        "past": lists.past,
        "earlier": lists.earlier,
    }


def _item(
    item: PageItem,
    place: Mapping[NodeKey, int],
    edges: Sequence[ViewEdge],
    inches: Mapping[NodeKey, tuple[float, float]],
) -> dict[str, Any]:
    sized = {key: Box(box.x, box.y, *inches[key]) for key, box in item.boxes.items()}
    steps = dict.fromkeys(step for path in item.reasons for step in path.steps)
    boxes = separate(sized, [(step[0], step[2]) for step in steps if step not in item.bends])
    number = _numbers(edges)
    return {
        "node": place[item.node],
        "details": item.details,
        "score": item.score,
        "reasons": [path_values(path, place, edges) for path in item.reasons],
        "rest": item.rest,
        "places": {str(place[key]): list(position(box)) for key, box in boxes.items()},
        "bends": [[number[step], *position(box)] for step, box in item.bends.items()],
    }


def _numbers(edges: Sequence[ViewEdge]) -> dict[Step, int]:
    return {(edge.source, edge.relation, edge.target): i for i, edge in enumerate(edges)}


def position(box: Box) -> tuple[float, float]:
    """The centre of a box in units of the page, whose y counts downwards."""
    return round(box.x * INCH, 1), round(-box.y * INCH, 1)
