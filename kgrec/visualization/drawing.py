"""Draw any part of the graph: boxes by label, lines by relation or as wide as contributions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graph_schema.errors import RequestError
from kgrec.visualization.canvas import (
    BoxStyle,
    Canvas,
    Dashes,
    LegendEntry,
    LineStyle,
    canvas,
)
from kgrec.visualization.graph_view import PLAIN, GraphView, ViewEdge, ViewNode, graph_view
from kgrec.visualization.layout import Box, Points, place_nodes
from kgrec.visualization.style import NEGATIVE, POSITIVE, check_suffix, tint
from kgrec.visualization.text_wrap import wrap

if TYPE_CHECKING:
    import networkx as nx

MAX_NODES = 80  # that a picture shows legibly
CHAR, LINE, PADDING = 0.083, 0.16, 0.17  # inches, at the size of the letters
MARGIN, HEAD = 0.35, 0.95
LEGEND_ROW = 0.21
BEND = 0.16  # distance between parallel lines, as a share of their length
DASHES: dict[str, Dashes] = {
    "solid": "-",
    "dashed": (0, (4, 1.6)),
    "dotted": (0, (1.2, 1.4)),
}


def draw_graph(
    graph: nx.MultiDiGraph[tuple[str, str]], path: Path, *, title: str | None = None
) -> Path:
    """Save a graph as PNG, SVG or PDF, by the suffix; the same graph gives the same file.

    Raises RequestError for another suffix, an empty graph, or one of more than MAX_NODES nodes.
    """
    check_suffix(path)
    view = graph_view(graph, title)
    if len(view.nodes) > MAX_NODES:
        raise RequestError(
            f"a picture of {len(view.nodes)} nodes can't be read; draw at most {MAX_NODES}, or "
            "write a page (.html)"
        )
    boxes, width, height = place_nodes(
        {node.key: _size(node) for node in view.nodes}, [(e.source, e.target) for e in view.edges]
    )
    legend = _legend(view)
    width = max(width, 6.0)
    columns = max(1, min(len(legend), int((width + MARGIN) / 2.3)))
    foot = LEGEND_ROW * -(-len(legend) // columns) + 0.35
    with canvas((-MARGIN, width + MARGIN), (-foot, height + HEAD)) as sheet:
        for edge, bend in _bends(view.edges):
            _draw_edge(sheet, boxes[edge.source], boxes[edge.target], edge, bend)
        for node in view.nodes:
            _draw_node(sheet, boxes[node.key], node)
        _draw_heading(sheet, view, width, height)
        sheet.legend(legend, columns=columns, size=9, corner=0.01)
        sheet.save(path)
    return path


def _size(node: ViewNode) -> tuple[float, float]:
    longest = max(map(len, node.lines))
    bold = 1.1 if node.focus else 1.0
    return max(0.6, CHAR * bold * longest + PADDING), LINE * len(node.lines) + PADDING


def _bends(edges: list[ViewEdge]) -> list[tuple[ViewEdge, float]]:
    """Every edge with its bend, so that several between the same two nodes are apart."""
    parallel: dict[frozenset[tuple[str, str]], list[ViewEdge]] = {}
    for edge in edges:
        parallel.setdefault(frozenset((edge.source, edge.target)), []).append(edge)
    found = []
    for group in parallel.values():
        for i, edge in enumerate(group):
            bend = BEND * (i - (len(group) - 1) / 2)
            same_way = edge.source == group[0].source
            found.append((edge, bend if same_way else -bend))
    return found


def _draw_edge(sheet: Canvas, a: Box, b: Box, edge: ViewEdge, bend: float) -> None:
    look = LineStyle(
        colour=edge.colour,
        width=edge.width,
        dashes=DASHES[edge.line],
        arrow="-|>" if edge.stored else "-",
        head=6 + 2.0 * edge.width,
        alpha=0.9,
    )
    sheet.curve(_loop(a) if edge.source == edge.target else _arc(a, b, bend), look)


def _loop(box: Box) -> Points:
    """A loop above the box."""
    top = box.y + box.height / 2
    left, right = (box.x - 0.15, top), (box.x + 0.15, top)
    return [left, (left[0], top + 0.4), (right[0], top + 0.4), right]


def _arc(a: Box, b: Box, bend: float) -> Points:
    start, end = np.array([a.x, a.y]), np.array([b.x, b.y])
    along = end - start
    middle = (start + end) / 2 + bend * np.array([-along[1], along[0]])
    return [_side(a, middle), (middle[0], middle[1]), _side(b, middle)]


def _side(box: Box, towards: np.ndarray) -> tuple[float, float]:
    """Where the line from a box's centre towards a point crosses its side."""
    away = towards - np.array([box.x, box.y])
    reach = np.array([box.width, box.height]) / 2 + 0.02
    share = min(1.0, float((reach / np.maximum(np.abs(away), 1e-9)).min()))
    return float(box.x + away[0] * share), float(box.y + away[1] * share)


def _draw_node(sheet: Canvas, box: Box, node: ViewNode) -> None:
    fill = tint(node.colour, 0.45 if node.focus else 0.28)
    sheet.box(box, BoxStyle(fill, node.colour, 2.6 if node.focus else 1.2, rounding=0.07))
    weight = "bold" if node.focus else "normal"
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "linespacing": 1.1}
    sheet.text(box.x, box.y, "\n".join(node.lines), fontsize=9, fontweight=weight, **place)


def _draw_heading(sheet: Canvas, view: GraphView, width: float, height: float) -> None:
    lines = wrap(view.title, max(30, int(width / 0.115)), 2)
    top: dict[str, Any] = {"ha": "left", "va": "top"}
    title = "\n".join(lines)
    sheet.text(0, height + HEAD - 0.15, title, fontsize=13, fontweight="bold", **top)
    sheet.text(0, height + HEAD - 0.2 - 0.23 * len(lines), view.note, fontsize=9, **top)


def _legend(view: GraphView) -> list[LegendEntry]:
    looks = dict.fromkeys((node.colour, node.look) for node in view.nodes)
    entries = [LegendEntry(look, colour) for colour, look in looks]
    if not view.by_contribution:
        return entries + [
            LegendEntry(_legend_text(name), edge.colour, PLAIN + 0.5, DASHES[edge.line])
            for name, edge in view.relations().items()
        ]
    entries.append(LegendEntry("width: contribution", POSITIVE, 4))
    if view.has_negative():
        entries.append(LegendEntry("lowers the score", NEGATIVE, 3))
    if view.has_unstored():
        entries.append(LegendEntry("similarity", POSITIVE, 2, DASHES["dashed"]))
    return entries


def _legend_text(relation: str) -> str:
    """A legend takes no formula, and leaves out a label that begins with "_"."""
    text = wrap(relation, 26, 1)[0].replace("$", "\\$")
    return f" {text}" if text.startswith("_") else text
