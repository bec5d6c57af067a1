"""A picture of the markets' figures: what each model gains in each market, and transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kgrec.visualization.graph_view import COLOURS
from kgrec.visualization.style import INK, save, style

_BLUE: Final = COLOURS[0]
_LINE: Final = 0.3  # inches
Result = dict[str, Any]


def draw_markets(result: Result, path: Path) -> None:
    """Save ``result`` of ``benchmarks.markets``: NDCG@10 gained on the model without a head, with
    95 % intervals; and NDCG@10 of models of one market (rows) in all markets (columns), beside
    the joint control's."""
    models = [name for name in result["kgrec"]["by_head"] if name != "none"]
    markets = list(result["transfer"])
    tall = 1.6 + _LINE * max(len(models) * 1.2, len(markets) * 1.5)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(13.0, tall), dpi=120, facecolor="white", layout="constrained")
        panels = figure.subplots(1, len(markets) + 1, width_ratios=[1.0] * len(markets) + [5.0])
        for axes, market in zip(panels, markets, strict=False):
            _gains(axes, result, models, market)
        panels[0].set_yticks(range(len(models)), models, fontsize=9)
        _matrix(panels[-1], result, markets)
        seeds = len(result["seeds"])
        figure.suptitle(
            "NDCG@10: thousandths gained on the joint model without a head, by market; and what "
            "models of one market reach "
            f"({seeds} seed{'s' if seeds > 1 else ''})",
            fontsize=11,
        )
        save(figure, path)


def _gains(axes: Axes, result: Result, models: list[str], market: str) -> None:
    for place, name in enumerate(models):
        gap = result["kgrec"]["by_head"][name][market]["over_none"]
        low, mean, high = (1_000 * gap[part] for part in ("low", "mean", "high"))
        axes.plot([low, high], [place, place], color=_BLUE, linewidth=2)
        axes.plot(mean, place, "o", color=_BLUE, markersize=4)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_title(market, fontsize=10)
    axes.set_yticks([])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.locator_params(axis="x", nbins=2, integer=True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _matrix(axes: Axes, result: Result, markets: list[str]) -> None:
    """Colours tell a model's share of what the market's own model reaches."""
    joint = result["kgrec"]["by_head"]["none"]
    rows = [[result["transfer"][of][market] for market in markets] for of in markets]
    rows.append([joint[market]["ndcg@10"] for market in markets])
    values = np.array(rows)
    own = np.maximum(np.diag(values), 1e-9)
    axes.imshow(values / own, cmap="RdBu", vmin=0.0, vmax=2.0, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        text = f"{values[row, column]:.3f}".lstrip("0")
        colour = "white" if values[row, column] < 0.25 * own[column] else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(markets)), [f"in {name}" for name in markets], fontsize=8)
    labels = [*(f"{name} alone" for name in markets), "all together"]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.tick_params(length=0)
