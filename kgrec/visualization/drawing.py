"""Draws any part of the graph: boxes by label, lines by relation or as wide as contributions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path as Curve

from graph_schema.errors import RequestError
from kgrec.visualization.boxes import Box
from kgrec.visualization.graph_view import PLAIN, View, ViewEdge, ViewNode, view
from kgrec.visualization.layout import spread
from kgrec.visualization.style import (
    AGAINST,
    FOR,
    canvas,
    check_suffix,
    put_text,
    save,
    style,
    tint,
)
from kgrec.visualization.text_wrap import wrap

if TYPE_CHECKING:
    import networkx as nx

MOST = 80  # nodes that a picture shows legibly
CHAR, LINE, PADDING = 0.083, 0.16, 0.17  # inches, at the size of the letters
MARGIN, HEAD = 0.35, 0.95
LEGEND_ROW = 0.21
BEND = 0.16  # how far parallel lines bend apart, as a share of their length


def draw_graph(
    graph: nx.MultiDiGraph[tuple[str, str]], path: Path, *, title: str | None = None
) -> Path:
    """Save the picture as PNG, SVG or PDF, by the suffix; the same graph gives the same file.

    Raises RequestError for another suffix, an empty graph, or one of more than MOST nodes.
    """
    check_suffix(path)
    seen = view(graph, title)
    if len(seen.nodes) > MOST:
        raise RequestError(
            f"a picture of {len(seen.nodes)} nodes can't be read; draw at most {MOST}, or write a "
            "page (.html)"
        )
    boxes, width, height = spread(
        {node.key: _size(node) for node in seen.nodes}, [(e.source, e.target) for e in seen.edges]
    )
    with matplotlib.rc_context(style()):
        handles = _handles(seen)
        width = max(width, 6.0)
        columns = max(1, min(len(handles), int((width + MARGIN) / 2.3)))
        foot = LEGEND_ROW * -(-len(handles) // columns) + 0.35
        figure, axes = canvas((-MARGIN, width + MARGIN), (-foot, height + HEAD))
        for edge, bend in _bends(seen.edges):
            _draw_edge(axes, boxes[edge.source], boxes[edge.target], edge, bend)
        for node in seen.nodes:
            _draw_node(axes, boxes[node.key], node)
        _heading(axes, seen, width, height)
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.01, 0.0)}
        axes.legend(handles=handles, ncol=columns, fontsize=9, frameon=False, **place)
        save(figure, path)
    return path


def _size(node: ViewNode) -> tuple[float, float]:
    longest = max(map(len, node.lines))
    bold = 1.1 if node.focus else 1.0
    return max(0.6, CHAR * bold * longest + PADDING), LINE * len(node.lines) + PADDING


def _bends(edges: list[ViewEdge]) -> list[tuple[ViewEdge, float]]:
    """Every edge with its bend: several between the same two nodes part from one another."""
    beside: dict[frozenset[tuple[str, str]], list[ViewEdge]] = {}
    for edge in edges:
        beside.setdefault(frozenset((edge.source, edge.target)), []).append(edge)
    found = []
    for group in beside.values():
        for i, edge in enumerate(group):
            bend = BEND * (i - (len(group) - 1) / 2)
            first = edge.source == group[0].source
            found.append((edge, bend if first else -bend))
    return found


def _draw_edge(axes: Axes, a: Box, b: Box, edge: ViewEdge, bend: float) -> None:
    start, end = np.array([a.x, a.y]), np.array([b.x, b.y])
    if edge.source == edge.target:  # a loop above the box
        top = a.y + a.height / 2
        left, right = (a.x - 0.15, top), (a.x + 0.15, top)
        points = [left, (left[0], top + 0.4), (right[0], top + 0.4), right]
        codes = [Curve.MOVETO, *[Curve.CURVE4] * 3]
    else:
        along = end - start
        middle = (start + end) / 2 + bend * np.array([-along[1], along[0]])
        points = [_leave(a, middle), tuple(middle), _leave(b, middle)]
        codes = [Curve.MOVETO, Curve.CURVE3, Curve.CURVE3]
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(points, codes),
            arrowstyle="-|>" if edge.stored else "-",
            mutation_scale=6 + 2.0 * edge.width,
            linewidth=edge.width,
            linestyle=_dashes(edge.line),
            color=edge.colour,
            alpha=0.9,
            zorder=2,
            capstyle="butt",
            joinstyle="miter",
        )
    )


def _dashes(line: str) -> Any:
    return {"solid": "-", "dashed": (0, (4, 1.6)), "dotted": (0, (1.2, 1.4))}[line]


def _leave(box: Box, towards: np.ndarray) -> tuple[float, float]:
    """Where the line from a box's centre crosses its side."""
    away = towards - np.array([box.x, box.y])
    reach = np.array([box.width, box.height]) / 2 + 0.02
    share = min(1.0, float((reach / np.maximum(np.abs(away), 1e-9)).min()))
    return float(box.x + away[0] * share), float(box.y + away[1] * share)


def _draw_node(axes: Axes, box: Box, node: ViewNode) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.width / 2, box.y - box.height / 2),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=tint(node.colour, 0.45 if node.focus else 0.28),
            edgecolor=node.colour,
            linewidth=2.6 if node.focus else 1.2,
            zorder=3,
        )
    )
    text, weight = "\n".join(node.lines), "bold" if node.focus else "normal"
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "linespacing": 1.1}
    put_text(axes, box.x, box.y, text, fontsize=9, fontweight=weight, **place)


def _heading(axes: Axes, seen: View, width: float, height: float) -> None:
    lines = wrap(seen.title, max(30, int(width / 0.115)), 2)
    top: dict[str, Any] = {"ha": "left", "va": "top"}
    put_text(axes, 0, height + HEAD - 0.15, "\n".join(lines), fontsize=13, fontweight="bold", **top)
    put_text(axes, 0, height + HEAD - 0.2 - 0.23 * len(lines), seen.note, fontsize=9, **top)


def _handles(seen: View) -> list[Any]:
    looks = dict.fromkeys((node.colour, node.look) for node in seen.nodes)
    handles: list[Any] = [
        Patch(facecolor=tint(colour), edgecolor=colour, label=look) for colour, look in looks
    ]
    if seen.weighed:
        handles.append(Line2D([], [], color=FOR, lw=4, label="width: contribution"))
        if any((edge.contribution or 0.0) < 0 for edge in seen.edges):
            handles.append(Line2D([], [], color=AGAINST, lw=3, label="speaks against it"))
        if any(not edge.stored for edge in seen.edges):
            dashes = _dashes("dashed")
            handles.append(Line2D([], [], color=FOR, lw=2, ls=dashes, label="likeness"))
        return handles
    for name, edge in seen.relations().items():
        line = Line2D([], [], color=edge.colour, lw=PLAIN + 0.5, ls=_dashes(edge.line))
        line.set_label(_legend_text(name))
        handles.append(line)
    return handles


def _legend_text(relation: str) -> str:
    """A legend takes no formula, and leaves out a label that begins with "_"."""
    text = wrap(relation, 26, 1)[0].replace("$", "\\$")
    return f" {text}" if text.startswith("_") else text
