"""One HTML file that shows a graph, to move, zoom, search and filter; it needs no network."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError
from graph_schema.names import INTERACTED
from kgrec.files import put_text
from kgrec.visualization.boxes import Box
from kgrec.visualization.graph_view import NodeKey, View, ViewEdge, ViewNode, view
from kgrec.visualization.layout import spread, step_aside
from kgrec.visualization.paths import PagePath
from kgrec.visualization.style import tint
from kgrec.visualization.text_wrap import wrap

if TYPE_CHECKING:
    import networkx as nx

INCH = 96.0  # units of the page
CHAR, LINE, PADDING = 7.6, 17.0, 16.0  # of its letters
LABELLED = 60  # up to so many lines, each is labelled; beyond, pointing at one tells


def write_page(
    graph: nx.MultiDiGraph[NodeKey],
    path: Path,
    *,
    title: str | None = None,
    note: str | None = None,
    paths: Sequence[PagePath] = (),
    boxes: Mapping[NodeKey, Box] | None = None,
) -> Path:
    """Save the page; ``boxes`` says where the nodes stand, about, in inches (None: as in pictures).

    Raises RequestError for a name that doesn't end in .html, or an empty graph.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"can't write a page to {path.name!r}: end its name in .html")
    seen = view(graph, title)
    told = _view_json(seen, paths, boxes)
    text = Template(_asset("assets/page.html")).substitute(
        title=html.escape(seen.title),
        note=html.escape(seen.note if note is None else note),
        style=_asset("assets/page.css"),
        view=_inside_script(json.dumps(told, ensure_ascii=False, allow_nan=False)),
        library=_asset("vendor/cytoscape.min.js"),
        program=_asset("assets/page.js"),
    )
    return put_text(path, text)


def _asset(name: str) -> str:
    return files("kgrec.visualization").joinpath(name).read_text(encoding="utf-8")


def _inside_script(text: str) -> str:
    """JSON that no HTML reader can take for markup: ``</script>`` in a name stays a name."""
    escaped = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
    return "".join(escaped.get(character, character) for character in text)


def _view_json(
    seen: View, paths: Sequence[PagePath], boxes: Mapping[NodeKey, Box] | None
) -> dict[str, Any]:
    sizes = {node.key: _size(node) for node in seen.nodes}
    inches = {key: (wide / INCH, tall / INCH) for key, (wide, tall) in sizes.items()}
    joined = [(edge.source, edge.target) for edge in seen.edges]
    if boxes is None:
        boxes, _, _ = spread(inches, joined)
    else:
        placed = {key: Box(boxes[key].x, boxes[key].y, *inches[key]) for key in inches}
        boxes = step_aside(placed, joined)
    place = {node.key: i for i, node in enumerate(seen.nodes)}
    # Where lines tell contributions, relations do without a colour, all but the plainest one.
    labelled = seen.weighed and len(seen.edges) <= LABELLED
    return {
        "nodes": [_node(node, sizes[node.key], boxes[node.key]) for node in seen.nodes],
        "edges": [_edge(edge, place, labelled) for edge in seen.edges],
        "relations": _relations(seen),
        "legend": _legend(seen),
        "lines": _lines(seen),
        "paths": [_path(path, place, seen.edges) for path in paths],
    }


def _size(node: ViewNode) -> tuple[float, float]:
    longest = max(map(len, node.lines))
    bold = 1.08 if node.focus else 1.0
    return max(50.0, CHAR * bold * longest + PADDING), LINE * len(node.lines) + PADDING


def _node(node: ViewNode, size: tuple[float, float], box: Box) -> dict[str, Any]:
    return {
        "label": node.key[0],
        "id": node.key[1],
        "text": node.text,
        "lines": node.lines,
        "kind": node.kind,
        "colour": node.colour,
        "fill": _hex(tint(node.colour)),
        "focus": node.focus,
        "facts": node.facts,
        "width": round(size[0], 1),
        "height": round(size[1], 1),
        "x": round(box.x * INCH, 1),
        "y": round(-box.y * INCH, 1),  # a screen counts downwards
    }


def _edge(edge: ViewEdge, place: Mapping[NodeKey, int], labelled: bool) -> dict[str, Any]:
    told = labelled and edge.relation != INTERACTED
    return {
        "source": place[edge.source],
        "target": place[edge.target],
        "relation": edge.relation,
        "label": wrap(edge.relation, 26, 1)[0] if told else "",
        "count": edge.count,
        "contribution": edge.contribution,
        "stored": edge.stored,
        "colour": edge.colour,
        "line": edge.line,
        "width": round(1.3 * edge.width, 2),
        "facts": edge.facts,
    }


def _relations(seen: View) -> list[dict[str, Any]]:
    counts = dict.fromkeys(seen.relations(), 0)
    for edge in seen.edges:
        counts[edge.relation] += 1
    return [
        {"name": name, "colour": edge.colour, "line": edge.line, "count": counts[name]}
        for name, edge in seen.relations().items()
    ]


def _legend(seen: View) -> list[dict[str, str]]:
    looks = dict.fromkeys((node.colour, node.look) for node in seen.nodes)
    return [{"colour": colour, "fill": _hex(tint(colour)), "look": look} for colour, look in looks]


def _lines(seen: View) -> list[str]:
    """What the lines tell where they stand for contributions."""
    if not seen.weighed:
        return []
    told = ["width of a line: contribution"]
    if any((edge.contribution or 0.0) < 0 for edge in seen.edges):
        told.append("orange line: speaks against it")
    if any(not edge.stored for edge in seen.edges):
        told.append("dashed line: a likeness, no relationship")
    return told


def _path(
    path: PagePath, place: Mapping[NodeKey, int], edges: Sequence[ViewEdge]
) -> dict[str, Any]:
    number = {(edge.source, edge.relation, edge.target): i for i, edge in enumerate(edges)}
    return {
        "sentence": path.sentence,
        "nodes": [place[node] for node in path.nodes],
        "edges": [number[step] for step in path.steps],
        "cypher": path.cypher,
        "parameters": dict(path.parameters),
        "contribution": path.contribution,
    }


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
