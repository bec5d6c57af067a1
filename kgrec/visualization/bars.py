"""Horizontal bars side by side, one group for each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgrec.extras import require
from kgrec.visualization.graph_view import COLOURS
from kgrec.visualization.style import INK, check_suffix, save, style
from kgrec.visualization.text_wrap import clean, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "+++")
BAR, MARGIN = 0.26, 1.5  # inches


@dataclass(frozen=True)
class Bars:
    """A bar chart: ``values`` (bars) and ``marks`` (ticks) have one number per label and series."""

    labels: list[str]
    values: dict[str, list[float]]
    marks: dict[str, list[float]]
    title: str
    axis: str


def draw_bars(bars: Bars, path: Path) -> Path:
    """Save the chart as PNG, SVG or PDF. Raises RequestError for another suffix."""
    check_suffix(path)
    height = BAR * max(len(bars.values), 1.4) * len(bars.labels) * 1.25 + MARGIN
    with require("matplotlib", extra="plots").rc_context(style()):
        figure = require("matplotlib.figure", extra="plots").Figure(
            figsize=(9.0, height), dpi=150, facecolor="white", layout="constrained"
        )
        axes = figure.add_subplot()
        rows = np.arange(len(bars.labels))[::-1].astype(np.float64)
        thickness = 0.8 / len(bars.values)
        for number, name in enumerate(bars.values):
            places = rows + 0.4 - thickness * (number + 0.5)
            _draw_series(axes, bars, name, number, places)
        _draw_axes(axes, bars, rows)
        save(figure, path)
    return path


def _draw_series(axes: Axes, bars: Bars, name: str, number: int, places: np.ndarray) -> None:
    thickness = 0.8 / len(bars.values) * 0.92
    look: dict[str, Any] = {"color": COLOURS[number % 7], "hatch": HATCHES[number % 7]}
    label = clean(name).replace("$", "\\$")
    axes.barh(places, bars.values[name], thickness, label=label, edgecolor="white", **look)
    axes.plot(bars.marks[name], places, "|", color=INK, markersize=9, markeredgewidth=2)
    for value, place in zip(bars.values[name], places, strict=True):
        beside: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points"}
        axes.annotate(f"{value:.2g}", (value, place), va="center", fontsize=8, **beside)


def _draw_axes(axes: Axes, bars: Bars, rows: np.ndarray) -> None:
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(rows)
    for text in axes.set_yticklabels(_wrapped(bars.labels), fontsize=9):
        text.set_parse_math(False)
    axes.set_ylim(-0.6, len(bars.labels) - 0.4)
    axes.set_xlabel(bars.axis, fontsize=9)
    axes.set_title(bars.title, fontsize=13, fontweight="bold", loc="left", parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if len(bars.values) > 1:
        axes.legend(fontsize=9, frameon=False, loc="lower right")


def _wrapped(labels: Sequence[str]) -> list[str]:
    return ["\n".join(wrap(label, 34, 2)) for label in labels]
