"""Canvas: boxes, curves and texts at places in inches, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgrec.extras import require
from kgrec.visualization.layout import Box, Points
from kgrec.visualization.style import INK, fonts, save, style, tint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Colour = str | tuple[float, float, float]
Dashes = str | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class BoxStyle:
    """How a box looks; ``width`` of the edge in points, ``rounding`` of the corners in inches."""

    fill: Colour
    edge: Colour
    width: float
    rounding: float
    dashes: Dashes = "-"


@dataclass(frozen=True)
class LineStyle:
    """How a curve looks; ``width`` in points, ``arrow`` in matplotlib's notation, as in "-|>"."""

    colour: Colour
    width: float
    dashes: Dashes
    arrow: str
    head: float
    alpha: float | None = None


@dataclass(frozen=True)
class LegendEntry:
    """A line of the legend: a filled box, or with ``width`` (points) a line."""

    label: str
    colour: str
    width: float | None = None
    dashes: Dashes = "-"


class Canvas:
    """An empty sheet whose coordinates are inches, x to the right and y upwards."""

    def __init__(self, figure: Figure, axes: Axes) -> None:
        self._figure, self._axes = figure, axes
        self._patches = require("matplotlib.patches", extra="plots")

    def box(self, box: Box, look: BoxStyle) -> None:
        """A box with round corners."""
        self._axes.add_patch(
            self._patches.FancyBboxPatch(
                (box.x - box.width / 2, box.y - box.height / 2),
                box.width,
                box.height,
                boxstyle=f"round,pad=0,rounding_size={look.rounding}",
                facecolor=look.fill,
                edgecolor=look.edge,
                linewidth=look.width,
                linestyle=look.dashes,
                zorder=3,
            )
        )

    def rectangle(self, corner: tuple[float, float], size: tuple[float, float], fill: Any) -> None:
        """A filled rectangle from its lower left corner, without an edge."""
        self._axes.add_patch(self._patches.Rectangle(corner, *size, facecolor=fill, lw=0))

    def underline(self, start: float, end: float, y: float, colour: str) -> None:
        """A level line."""
        self._axes.plot([start, end], [y, y], color=colour, linewidth=1.5, solid_capstyle="butt")

    def curve(self, points: Points, look: LineStyle) -> None:
        """A Bézier curve: of 3 points (quadratic), of 4 (cubic), or a line before 4 points."""
        path = require("matplotlib.path", extra="plots").Path
        if len(points) == 3:
            codes = [path.MOVETO, path.CURVE3, path.CURVE3]
        else:
            straight = [path.MOVETO, path.LINETO][: len(points) - 3]
            codes = [*straight, *[path.CURVE4] * 3]
        self._axes.add_patch(
            self._patches.FancyArrowPatch(
                path=path(points, codes),
                arrowstyle=look.arrow,
                mutation_scale=look.head,
                linewidth=look.width,
                linestyle=look.dashes,
                color=look.colour,
                alpha=look.alpha,
                zorder=2,
                capstyle="butt",
                joinstyle="miter",
            )
        )

    def text(self, x: float, y: float, text: str, **look: Any) -> None:
        """A text; names come from data, so "$" must not start a formula."""
        self._axes.text(x, y, text, parse_math=False, **{"color": INK, **look})

    def legend(
        self, entries: Sequence[LegendEntry], *, columns: int, size: float, corner: float
    ) -> None:
        """The legend at the lower left; ``corner`` is its distance from the left, as a share."""
        lines = require("matplotlib.lines", extra="plots")
        handles = [
            self._patches.Patch(
                facecolor=tint(entry.colour), edgecolor=entry.colour, label=entry.label
            )
            if entry.width is None
            else lines.Line2D(
                [], [], color=entry.colour, lw=entry.width, ls=entry.dashes, label=entry.label
            )
            for entry in entries
        ]
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (corner, 0.0)}
        self._axes.legend(handles=handles, ncol=columns, fontsize=size, frameon=False, **place)

    def save(self, path: Path) -> None:
        """Save as PNG, SVG or PDF."""
        save(self._figure, path)


@contextmanager
def canvas(across: tuple[float, float], up: tuple[float, float]) -> Iterator[Canvas]:
    """An empty canvas from left to right and from bottom to top; save it within the block."""
    with require("matplotlib", extra="plots").rc_context(style()):
        size = (across[1] - across[0], up[1] - up[0])
        figure = require("matplotlib.figure", extra="plots").Figure(
            figsize=size, dpi=150, facecolor="white"
        )
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(*across)
        axes.set_ylim(*up)
        axes.axis("off")
        yield Canvas(figure, axes)


def text_widths(words: Sequence[str], size: float) -> list[float]:
    """Inches that each word takes at a font size in points."""
    font = require("matplotlib.font_manager", extra="plots").FontProperties(
        family=fonts(), size=size
    )
    measure = require("matplotlib.textpath", extra="plots").text_to_path
    return [measure.get_text_width_height_descent(word, font, False)[0] / 72 for word in words]
