"""A picture of accuracy against seconds, a panel for each data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kgrec.visualization.graph_view import COLOURS
from kgrec.visualization.style import INK, save, style


def draw_efforts(datasets: dict[str, dict[str, Any]], path: Path) -> None:
    """Save the figures of ``benchmarks.effort``: NDCG@10 by the logarithm of the seconds."""
    with matplotlib.rc_context(style()):
        size = (0.6 + 4.4 * len(datasets), 4.0)
        figure = Figure(figsize=size, dpi=120, facecolor="white", layout="constrained")
        panels = figure.subplots(1, len(datasets), squeeze=False)[0]
        for axes, (name, part) in zip(panels, datasets.items(), strict=True):
            _panel(axes, name, part["models"])
        panels[0].set_ylabel("NDCG@10 on test rows")
        save(figure, path)


def _panel(axes: Axes, name: str, models: dict[str, dict[str, float]]) -> None:
    ours = {model: one for model, one in models.items() if model.startswith("kgrec")}
    axes.plot(
        [one["seconds"] for one in ours.values()],
        [one["ndcg@10"] for one in ours.values()],
        color=COLOURS[0],
        linewidth=1.0,
    )
    for model, one in models.items():
        colour = COLOURS[0] if model in ours else INK
        axes.plot(one["seconds"], one["ndcg@10"], "o", color=colour, markersize=5)
        axes.annotate(
            model,
            (one["seconds"], one["ndcg@10"]),
            xytext=(5, 5),
            textcoords="offset points",
            color=colour,
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    axes.set_title(name, fontsize=10)
    axes.set_xlabel("seconds to a model that answers")
    axes.spines[["top", "right"]].set_visible(False)
