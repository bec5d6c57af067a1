"""Draws an explanation: boxes by kind of node, curves as wide as the contribution over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path as Curve

from kgrec.explain.explanation import Explanation, signed
from kgrec.explain.render import layout
from kgrec.explain.render.as_graph import heading, summary
from kgrec.visualization.boxes import Box, Points, overlap
from kgrec.visualization.style import (
    AGAINST,
    FOR,
    INK,
    canvas,
    check_suffix,
    put_text,
    save,
    style,
    tint,
)
from kgrec.visualization.text_wrap import wrap

# Okabe and Ito's palette, safe for the colour-blind.
COLOURS = {
    layout.OWNER: ("#0072B2", "the user"),
    layout.HISTORY: ("#56B4E9", "chosen before"),
    layout.ENTITY_LINK: ("#E69F00", "entity in the graph"),
    layout.ITEM_LINK: ("#F0E442", "item in between"),
    layout.PERSON: ("#CC79A7", "people who chose both"),
    layout.LIKENESS: ("#8A8A8A", "fact or likeness between items"),
    layout.CANDIDATE: ("#009E73", "recommended"),
}
THIN, WIDE = 0.9, 6.0  # line widths in points
MARGIN, HEAD, FOOT = 0.35, 0.95, 0.75  # inches
CHAR, ROW = 0.064, 0.14  # inches per character and line of an edge's label


def draw_explanation(explanation: Explanation, path: Path, *, title: str | None = None) -> Path:
    """Save the picture as PNG, SVG or PDF, by the suffix; the same explanation gives the same file.

    Raises RequestError for another suffix.
    """
    check_suffix(path)
    graph = layout.picture_graph(explanation)
    boxes, width, height = layout.place(graph)
    with matplotlib.rc_context(style()):
        figure, axes = canvas((-MARGIN, width + MARGIN), (-FOOT, height + HEAD))
        labels: list[Box] = list(boxes.values())
        most = max((abs(data["amount"]) for _, _, data in graph.edges(data=True)), default=0.0)
        curves = layout.curves(graph, boxes)
        for a, b, data in graph.edges(data=True):
            _draw_edge(axes, curves[a, b], data, most)
        for a, b, data in graph.edges(data=True):
            final = graph.nodes[b]["kind"] == layout.CANDIDATE
            _label_edge(axes, curves[a, b], data, final, labels)
        for node, data in graph.nodes(data=True):
            _draw_box(axes, boxes[node], data)
        _words(axes, explanation, title, width, height)
        _legend(axes, graph)
        save(figure, path)
    return path


def _draw_box(axes: Axes, box: Box, data: dict[str, Any]) -> None:
    if data["kind"] == layout.PASSAGE:
        return
    colour = COLOURS[data["kind"]][0]
    likeness = data["kind"] == layout.LIKENESS
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.width / 2, box.y - box.height / 2),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.09",
            facecolor="white" if likeness else tint(colour),
            edgecolor=colour,
            linewidth=1.4,
            linestyle="--" if likeness and not data.get("solid") else "-",
            zorder=3,
        )
    )
    strong = data["kind"] in (layout.OWNER, layout.CANDIDATE)
    style = "italic" if likeness else "normal"
    text = "\n".join(data["lines"])
    weight = "bold" if strong else "normal"
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "linespacing": 1.15}
    put_text(axes, box.x, box.y, text, fontsize=9.5, fontweight=weight, fontstyle=style, **place)


def _draw_edge(axes: Axes, curve: Points, data: dict[str, Any], most: float) -> None:
    amount = data["amount"]
    width = THIN + (WIDE - THIN) * (abs(amount) / most if most else 0.0)
    straight = [Curve.MOVETO, Curve.LINETO][: len(curve) - 3]
    style = {(True, True): "<|-|>", (True, False): "-|>", (False, True): "<|-"}
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(curve, [*straight, *[Curve.CURVE4] * 3]),
            arrowstyle=style.get((data["forward"], data["backward"]), "-"),
            mutation_scale=7 + 2.2 * width,
            linewidth=width,
            linestyle="-" if data["stored"] else (0, (3, 1.5)),
            color=AGAINST if amount < 0 else FOR,
            zorder=2,
            capstyle="butt",
            joinstyle="miter",
        )
    )


def _label_edge(
    axes: Axes, curve: Points, data: dict[str, Any], final: bool, taken: list[Box]
) -> None:
    """The relation, and on the last step the contribution, where they cover nothing else."""
    lines = wrap(", ".join(data["words"]), 20, 2) if data["words"] else []
    if final:
        lines = [*lines, signed(data["amount"])]
    if not lines:
        return
    width, height = CHAR * max(map(len, lines)) + 0.06, ROW * len(lines) + 0.04
    # Curves run together at the item, so the last labels stand nearer to where they start.
    order = (0.2, 0.25, 0.3, 0.15, 0.36, 0.44, 0.52) if final else (0.5, 0.4, 0.6, 0.32, 0.68, 0.25)
    spots = [_at(curve, t) for t in order]
    boxes = [Box(x, y, width, height) for x, y in spots]
    best = min(boxes, key=lambda box: sum(overlap(box, other) for other in taken))
    taken.append(best)
    colour = AGAINST if data["amount"] < 0 else INK
    back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5, "linespacing": 1.1}
    put_text(axes, best.x, best.y, "\n".join(lines), fontsize=8, color=colour, bbox=back, **place)


def _at(points: Points, t: float) -> tuple[float, float]:
    points = points[-4:]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x = sum(w * p[0] for w, p in zip(weights, points, strict=True))
    return x, sum(w * p[1] for w, p in zip(weights, points, strict=True))


def _words(
    axes: Axes, explanation: Explanation, title: str | None, width: float, height: float
) -> None:
    lines = wrap(title or heading(explanation), 95, 2)
    top: dict[str, Any] = {"ha": "left", "va": "top"}
    put_text(axes, 0, height + HEAD - 0.2, "\n".join(lines), fontsize=13, fontweight="bold", **top)
    put_text(
        axes, 0, height + HEAD - 0.26 - 0.25 * len(lines), summary(explanation), fontsize=9, **top
    )
    if not explanation.paths:
        reason = "\n".join(wrap(" ".join(explanation.reasons), 60, 4))
        put_text(axes, 0, height / 2, reason, fontsize=10, ha="left", va="center")


def _legend(axes: Axes, graph: nx.DiGraph) -> None:
    kinds = {data["kind"] for _, data in graph.nodes(data=True)}
    handles: list[Any] = [
        Patch(facecolor=tint(colour), edgecolor=colour, label=name)
        for kind, (colour, name) in COLOURS.items()
        if kind in kinds
    ]
    edges = [data for _, _, data in graph.edges(data=True)]
    if edges:
        handles.append(Line2D([], [], color=FOR, lw=4, label="width: contribution"))
    if any(not data["stored"] for data in edges):
        dashes = (0, (3, 1.5))
        handles.append(
            Line2D([], [], color=FOR, lw=2, ls=dashes, label="likeness, no relationship")
        )
    if any(data["amount"] < 0 for data in edges):
        handles.append(Line2D([], [], color=AGAINST, lw=3, label="speaks against it"))
    columns = min(len(handles), 5)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.02, 0.0)}
    axes.legend(handles=handles, ncol=columns, fontsize=8.5, frameon=False, **place)
