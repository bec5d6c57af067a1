"""Draw ``docs/pictures/flow.svg``: the four flows of kgrec. Run: ``python docs/_site/flow.py``.

Letters are drawn as shapes on a light panel, so that the picture looks the same everywhere: without
network or fonts, on light and on dark pages.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

PICTURE = Path(__file__).resolve().parents[1] / "pictures" / "flow.svg"
VALUE, STATE, INK, ARROW, PANEL = "#dbeafe", "#fde68a", "#111827", "#374151", "#f8fafc"
WIDTH, HEIGHT, STEP = 2.35, 0.8, 3.85  # of a box; from one box to the next


@dataclass(frozen=True)
class Lane:
    """One flow: values from left to right, and the package of the step between two of them."""

    name: str
    values: tuple[str, ...]
    rooms: tuple[str, ...]


LANES = (
    Lane(
        "load",
        ("files,\nDataFrames", "Catalog", "graph store\n(file or Neo4j)"),
        ("loaders", "stores"),
    ),
    Lane(
        "fit",
        (
            "graph store\n(file or Neo4j)",
            "GraphSnapshot",
            "features\nand texts",
            "model",
            "FittedState",
        ),
        ("graph", "features\ntext", "training\nnn", "fitting"),
    ),
    Lane(
        "recommend",
        ("Query,\nConstraints", "histories,\nscenarios", "scores", "ranked lists", "DataFrame"),
        ("query\nscenarios", "scoring", "ranking", "recommender"),
    ),
    Lane(
        "explain",
        (
            "Query,\nitem",
            "score\nbreakdown",
            "paths with\ncontributions",
            "Explanation",
            "text, Cypher,\npicture, page",
        ),
        ("scoring", "explain\npaths", "explain", "explain\nvisualization"),
    ),
)
NOTE = (
    "Boxes are values that you can print. The names on arrows are packages. "
    "recommend and explain read a FittedState."
)
SETTINGS = {"svg.fonttype": "path", "svg.hashsalt": "kgrec", "font.family": "DejaVu Sans"}
SHARED = {"graph store\n(file or Neo4j)", "FittedState"}


def draw(path: Path = PICTURE) -> None:
    """Write the picture; the same bytes each time."""
    figure = Figure(figsize=(13.5, 4.8), facecolor=PANEL)
    axes = figure.add_subplot()
    for row, lane in enumerate(LANES):
        draw_lane(axes, lane, y=-1.55 * row)
    axes.text(0, -5.35, NOTE, fontsize=10, color=INK)
    axes.set_xlim(-2.8, 4 * STEP + WIDTH + 0.1)
    axes.set_ylim(-5.5, 1.0)
    axes.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(SETTINGS):
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})


def draw_lane(axes: Axes, lane: Lane, y: float) -> None:
    """One row of boxes with arrows between them."""
    middle = y + HEIGHT / 2
    axes.text(-2.7, middle, lane.name, fontsize=12, weight="bold", va="center", color=INK)
    for place, value in enumerate(lane.values):
        left = place * STEP
        colour = STATE if value in SHARED else VALUE
        box = FancyBboxPatch(
            (left, y), WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=colour, edgecolor=ARROW,
        )  # fmt: skip
        axes.add_patch(box)
        axes.text(left + WIDTH / 2, middle, value, ha="center", va="center", fontsize=10, color=INK)
    for place, room in enumerate(lane.rooms):
        start, end = place * STEP + WIDTH, (place + 1) * STEP
        axes.annotate(
            "", (end, middle), (start, middle), arrowprops={"arrowstyle": "->", "color": ARROW}
        )
        axes.text(
            (start + end) / 2,
            middle + 0.09,
            room,
            ha="center",
            va="bottom",
            fontsize=7.8,
            color=INK,
        )


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
