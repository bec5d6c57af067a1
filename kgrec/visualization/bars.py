"""Bars side by side, one group for each label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kgrec.visualization.graph_view import COLOURS
from kgrec.visualization.style import INK, check_suffix, save, style
from kgrec.visualization.text_wrap import wrap

HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "+++")
BAR, MARGIN, LABEL = 0.26, 1.5, 0.085  # inches


@dataclass(frozen=True)
class Bars:
    """``values`` and ``marks`` hold one number per label for each series: a bar and its tick."""

    labels: list[str]
    values: dict[str, list[float]]
    marks: dict[str, list[float]]
    title: str
    axis: str


def draw_bars(bars: Bars, path: Path) -> Path:
    """Save horizontal bars as PNG, SVG or PDF. Raises RequestError for another suffix."""
    check_suffix(path)
    series, count = list(bars.values), len(bars.labels)
    labels = ["\n".join(wrap(label, 34, 2)) for label in bars.labels]
    tall = BAR * max(len(series), 1.4) * count * 1.25 + MARGIN
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(9.0, tall), dpi=150, facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        spots = np.arange(count)[::-1].astype(np.float64)
        thick = 0.8 / len(series)
        for i, name in enumerate(series):
            at = spots + 0.4 - thick * (i + 0.5)
            look: dict[str, Any] = {"color": COLOURS[i % 7], "hatch": HATCHES[i % 7]}
            shown = name.replace("$", "\\$")
            axes.barh(at, bars.values[name], thick * 0.92, label=shown, edgecolor="white", **look)
            axes.plot(bars.marks[name], at, "|", color=INK, markersize=9, markeredgewidth=2)
            for value, spot in zip(bars.values[name], at, strict=True):
                near: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points"}
                axes.annotate(f"{value:.2g}", (value, spot), va="center", fontsize=8, **near)
        axes.axvline(0.0, color=INK, linewidth=0.8)
        axes.set_yticks(spots)
        for words in axes.set_yticklabels(labels, fontsize=9):
            words.set_parse_math(False)
        axes.set_ylim(-0.6, count - 0.4)
        axes.set_xlabel(bars.axis, fontsize=9)
        axes.set_title(bars.title, fontsize=13, fontweight="bold", loc="left", parse_math=False)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            axes.legend(fontsize=9, frameon=False, loc="lower right")
        save(figure, path)
    return path
