"""Draw an explanation: boxes by kind of node, curves as wide as their contribution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgrec.explain.explained_path import signed
from kgrec.explain.render import layout
from kgrec.explain.render.content import RenderContent
from kgrec.visualization.canvas import (
    BoxStyle,
    Canvas,
    Dashes,
    LegendEntry,
    LineStyle,
    canvas,
)
from kgrec.visualization.layout import Box, Points, overlap
from kgrec.visualization.style import INK, NEGATIVE, POSITIVE, check_suffix, tint
from kgrec.visualization.text_wrap import wrap

if TYPE_CHECKING:
    import networkx as nx

# Okabe and Ito's palette, safe for colour-blind readers.
COLOURS = {
    layout.OWNER: ("#0072B2", "the user"),
    layout.HISTORY: ("#56B4E9", "chosen before"),
    layout.ENTITY_LINK: ("#E69F00", "entity in the graph"),
    layout.ITEM_LINK: ("#F0E442", "item in between"),
    layout.PERSON: ("#CC79A7", "people who chose both"),
    layout.SIMILARITY: ("#8A8A8A", "fact or similarity between items"),
    layout.CANDIDATE: ("#009E73", "recommended"),
}
THIN, WIDE = 0.9, 6.0  # line widths in points
MARGIN, HEAD, FOOT = 0.35, 0.95, 0.75  # inches
CHAR, ROW = 0.064, 0.14  # inches per character and line of an edge's label
DASHED: Dashes = (0, (3, 1.5))


def draw_explanation(content: RenderContent, path: Path) -> Path:
    """Save the picture as PNG, SVG or PDF, by the suffix; equal explanations give equal files.

    Raises RequestError for another suffix.
    """
    check_suffix(path)
    graph = layout.picture_graph(content.paths, content.item_name)
    boxes, width, height = layout.place(graph)
    with canvas((-MARGIN, width + MARGIN), (-FOOT, height + HEAD)) as sheet:
        _draw_edges(sheet, graph, boxes)
        for node, data in graph.nodes(data=True):
            _draw_box(sheet, boxes[node], data)
        _draw_heading(sheet, content, height)
        entries = _legend(graph)
        sheet.legend(entries, columns=min(len(entries), 5), size=8.5, corner=0.02)
        sheet.save(path)
    return path


def _draw_edges(sheet: Canvas, graph: nx.DiGraph, boxes: dict[object, Box]) -> None:
    curves = layout.curves(graph, boxes)
    largest = max((abs(data["amount"]) for _, _, data in graph.edges(data=True)), default=0.0)
    for a, b, data in graph.edges(data=True):
        sheet.curve(curves[a, b], _line_style(data, largest))
    occupied: list[Box] = list(boxes.values())
    for a, b, data in graph.edges(data=True):
        final = graph.nodes[b]["kind"] == layout.CANDIDATE
        _label_edge(sheet, curves[a, b], data, final, occupied)


def _draw_box(sheet: Canvas, box: Box, data: dict[str, Any]) -> None:
    if data["kind"] == layout.PASSAGE:
        return
    colour = COLOURS[data["kind"]][0]
    between = data["kind"] == layout.SIMILARITY
    fill = "white" if between else tint(colour)
    dashes = "--" if between and not data.get("solid") else "-"
    sheet.box(box, BoxStyle(fill, colour, 1.4, rounding=0.09, dashes=dashes))
    strong = data["kind"] in (layout.OWNER, layout.CANDIDATE)
    look: dict[str, Any] = {
        "fontweight": "bold" if strong else "normal",
        "fontstyle": "italic" if between else "normal",
    }
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4, "linespacing": 1.15}
    sheet.text(box.x, box.y, "\n".join(data["lines"]), fontsize=9.5, **look, **place)


def _line_style(data: dict[str, Any], largest: float) -> LineStyle:
    amount = data["amount"]
    width = THIN + (WIDE - THIN) * (abs(amount) / largest if largest else 0.0)
    arrows = {(True, True): "<|-|>", (True, False): "-|>", (False, True): "<|-"}
    return LineStyle(
        colour=NEGATIVE if amount < 0 else POSITIVE,
        width=width,
        dashes="-" if data["stored"] else DASHED,
        arrow=arrows.get((data["forward"], data["backward"]), "-"),
        head=7 + 2.2 * width,
    )


def _label_edge(
    sheet: Canvas, curve: Points, data: dict[str, Any], final: bool, occupied: list[Box]
) -> None:
    """Write the relation, and on the last step the contribution, where they cover least."""
    lines = wrap(", ".join(data["words"]), 20, 2) if data["words"] else []
    if final:
        lines = [*lines, signed(data["amount"])]
    if not lines:
        return
    width, height = CHAR * max(map(len, lines)) + 0.06, ROW * len(lines) + 0.04
    # Curves meet at the item, so the last labels are nearer to where the curves start.
    order = (0.2, 0.25, 0.3, 0.15, 0.36, 0.44, 0.52) if final else (0.5, 0.4, 0.6, 0.32, 0.68, 0.25)
    spots = [_point_at(curve, t) for t in order]
    boxes = [Box(x, y, width, height) for x, y in spots]
    best = min(boxes, key=lambda box: sum(overlap(box, other) for other in occupied))
    occupied.append(best)
    colour = NEGATIVE if data["amount"] < 0 else INK
    back = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
    place: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5, "linespacing": 1.1}
    sheet.text(best.x, best.y, "\n".join(lines), fontsize=8, color=colour, bbox=back, **place)


def _point_at(points: Points, t: float) -> tuple[float, float]:
    """The point of a cubic Bézier curve at ``t`` from 0 to 1."""
    points = points[-4:]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x = sum(w * p[0] for w, p in zip(weights, points, strict=True))
    return x, sum(w * p[1] for w, p in zip(weights, points, strict=True))


def _draw_heading(sheet: Canvas, content: RenderContent, height: float) -> None:
    lines = wrap(content.title, 95, 2)
    top: dict[str, Any] = {"ha": "left", "va": "top"}
    title, below = "\n".join(lines), height + HEAD - 0.26 - 0.25 * len(lines)
    sheet.text(0, height + HEAD - 0.2, title, fontsize=13, fontweight="bold", **top)
    sheet.text(0, below, content.summary, fontsize=9, **top)
    if not content.paths:
        reason = "\n".join(wrap(" ".join(content.reasons), 60, 4))
        sheet.text(0, height / 2, reason, fontsize=10, ha="left", va="center")


def _legend(graph: nx.DiGraph) -> list[LegendEntry]:
    kinds = {data["kind"] for _, data in graph.nodes(data=True)}
    entries = [
        LegendEntry(name, colour) for kind, (colour, name) in COLOURS.items() if kind in kinds
    ]
    edges = [data for _, _, data in graph.edges(data=True)]
    if edges:
        entries.append(LegendEntry("width: contribution", POSITIVE, 4))
    if any(not data["stored"] for data in edges):
        entries.append(LegendEntry("similarity, no relationship", POSITIVE, 2, DASHED))
    if any(data["amount"] < 0 for data in edges):
        entries.append(LegendEntry("lowers the score", NEGATIVE, 3))
    return entries
