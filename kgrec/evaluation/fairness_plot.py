"""The picture of a fairness report: a row of panels for each grouping, and the cost of exposure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgrec.evaluation.fairness_figures import ExposureCost, FairnessFigures
from kgrec.extras import require
from kgrec.metrics.exposure import Estimate, ItemGroup, PathQuality, UserGroup
from kgrec.visualization.style import check_suffix, save, style
from kgrec.visualization.text_wrap import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, safe for the colour-blind.
GREY, SKY, ORANGE, BLUE, GREEN, INK = (
    "#8A8A8A",
    "#56B4E9",
    "#E69F00",
    "#0072B2",
    "#009E73",
    "#1A1A1A",
)
_WIDTH, _LINE, _FRAME = 12.0, 0.26, 1.15  # inches: width, height of a group, margins of a row
_LONGEST = 26  # characters of a group's name
Figures = ItemGroup | UserGroup


def draw_fairness(report: FairnessFigures, path: Path) -> Path:
    """Save the picture as PNG, SVG or PDF, by the suffix. Raises RequestError for another one."""
    check_suffix(path)
    kinds: list[tuple[str, Mapping[str, Figures]]] = [
        *((f"items by {by}", groups) for by, groups in report.item_groups.items()),
        *((f"users by {by}", groups) for by, groups in report.user_groups.items()),
    ]
    heights = [_FRAME + _LINE * max(len(groups), 3) for _, groups in kinds]
    heights += [3.2] if report.costs else []
    with require("matplotlib", extra="plots").rc_context({**style(), "font.size": 9}):
        figure = require("matplotlib.figure", extra="plots").Figure(
            figsize=(_WIDTH, sum(heights) + 0.6), dpi=130, layout="constrained"
        )
        figure.suptitle(
            f"Lists of {report.k} for {report.users:,} users from {report.items:,} items: "
            f"Gini of exposure {report.gini:.2f}, coverage {report.coverage:.0%}",
            fontweight="bold",
        )
        grid = figure.add_gridspec(len(heights), 3, height_ratios=heights, width_ratios=(1.3, 1, 1))
        for row, (title, groups) in enumerate(kinds):
            panels = [figure.add_subplot(grid[row, column]) for column in range(3)]
            _row(panels, title, groups, report)
        if report.costs:
            _costs(figure.add_subplot(grid[len(kinds), :]), report)
        save(figure, path)
    return path


def _row(
    panels: Sequence[Axes], title: str, groups: Mapping[str, Figures], report: FairnessFigures
) -> None:
    first, second, third = panels
    shown = list(groups.values())
    _names(first, title, groups)
    items = [one for one in shown if isinstance(one, ItemGroup)]
    users = [one for one in shown if isinstance(one, UserGroup)]
    if items:
        _shares(first, items)
        _quality(second, [one.quality.get("ndcg") for one in items], None)
        second.set_title(f"NDCG@{report.k} of their held-out pairs")
    else:
        overall = report.quality.get("ndcg")
        _quality(first, [one.quality.get("ndcg") for one in users], overall)
        first.set_xlabel(f"NDCG@{report.k}, 95 % interval; line: all users")
        first.set_xlim(0, _highest(report))
        _head(second, users)
    _explained(third, [one.paths for one in shown])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(axis="y", length=0)
    for panel in (second, third):
        panel.set_yticks(range(len(shown)), [""] * len(shown))
        panel.set_ylim(len(shown) - 0.4, -0.6)


def _names(axes: Axes, title: str, groups: Mapping[str, Figures]) -> None:
    axes.set_title(title, fontweight="bold", loc="left", parse_math=False)
    names = [n if len(n) <= _LONGEST else f"{n[: _LONGEST - 1]}…" for n in map(clean, groups)]
    # Names come from data: "$" must not start a formula.
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _shares(axes: Axes, groups: Sequence[ItemGroup]) -> None:
    columns: dict[str, tuple[str, list[float | None]]] = {
        "of the catalog": (GREY, [one.catalog for one in groups]),
        "of training interactions": (SKY, [one.interactions for one in groups]),
        "of held-out pairs": (ORANGE, [one.targets for one in groups]),
        "of exposure": (BLUE, [one.exposure for one in groups]),
    }
    known = {name: pair for name, pair in columns.items() if None not in pair[1]}
    height = 0.8 / len(known)
    for i, (name, (colour, values)) in enumerate(known.items()):
        places = np.arange(len(groups)) - 0.4 + height * (i + 0.5)
        widths = [100 * (value or 0.0) for value in values]
        axes.barh(places, widths, height * 0.92, color=colour, label=name)
    axes.set_xlabel("share, %")
    axes.legend(frameon=False, fontsize=8, loc="best")


def _quality(axes: Axes, values: Sequence[Estimate | None], overall: Estimate | None) -> None:
    if not any(values):
        _nothing(axes, "no held-out pairs")
        return
    if overall is not None:
        axes.axvline(overall.mean, color=GREY, lw=1, zorder=0)
    for place, one in enumerate(values):
        if one is not None:
            axes.plot([one.low, one.high], [place, place], color=BLUE, lw=2, solid_capstyle="butt")
            axes.plot(one.mean, place, "o", color=BLUE, ms=5)
    axes.set_xlim(left=0)


def _highest(report: FairnessFigures) -> float:
    """The right end of all panels with users' NDCG, so that they can be compared."""
    groups = [one for kind in report.user_groups.values() for one in kind.values()]
    highest = max((one.quality["ndcg"].high for one in groups if one.quality), default=0.0)
    return 1.03 * highest or 1.0


def _head(axes: Axes, groups: Sequence[UserGroup]) -> None:
    """Shares of head items in the users' histories and in the exposure of their lists."""
    for place, one in enumerate(groups):
        ends = [100 * one.head_history, 100 * one.head_shown]
        axes.plot(ends, [place, place], color=GREY, lw=1.2, zorder=0)
    places = range(len(groups))
    mark: dict[str, Any] = {"ls": "", "ms": 6, "mec": BLUE}
    chosen = [100 * one.head_history for one in groups]
    axes.plot(chosen, places, marker="o", mfc="white", label="of their history", **mark)
    shown = [100 * one.head_shown for one in groups]
    axes.plot(shown, places, marker="o", mfc=BLUE, label="of their exposure", **mark)
    axes.set_xlim(0, 104)
    axes.set_title("share of head items")
    axes.set_xlabel("%")
    axes.legend(frameon=False, fontsize=8, loc="best")


def _explained(axes: Axes, paths: Sequence[PathQuality | None]) -> None:
    if not any(paths):
        _nothing(axes, "nothing explained")
        return
    for place, one in enumerate(paths):
        if one is None:
            axes.text(1, place, "none in the sample", color=GREY, va="center", fontsize=8)
            continue
        axes.barh(place, 100 * one.explained, 0.62, color=GREEN, alpha=0.5)
        text = f"{one.explained:.0%} of {one.pairs:,}; best path {one.best:.0%}"
        axes.text(2, place, text, color=INK, va="center", fontsize=8)
    axes.set_xlim(0, 104)
    axes.set_title("explained by a path of 5 % or more")
    axes.set_xlabel("% of recommendations")


def _nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, color=GREY, ha="center", va="center", transform=axes.transAxes)
    axes.set_xticks([])


def _costs(axes: Axes, report: FairnessFigures) -> None:
    """NDCG (without held-out rows, the score) against the exposure of the favoured group."""
    costs = sorted(report.costs, key=lambda one: one.share)
    shares = [100 * one.share for one in costs]
    title = f"what exposure of {report.favoured} costs"
    axes.set_title(title, fontweight="bold", loc="left", parse_math=False)
    axes.set_xlabel("its share of the exposure, %", parse_math=False)
    quality = [one.quality["ndcg"] for one in costs if one.quality]
    if quality:
        low, high = [one.low for one in quality], [one.high for one in quality]
        axes.fill_between(shares, low, high, color=BLUE, alpha=0.15, lw=0, label="95 % interval")
        axes.plot(shares, [one.mean for one in quality], "o-", color=BLUE, label=f"NDCG@{report.k}")
        axes.set_ylim(0, 1.1 * max(high))
        axes.legend(frameon=False, loc="lower left")
    else:
        axes.plot(shares, [one.score_loss for one in costs], "o-", color=BLUE)
        axes.set_ylabel("score lost")
    _boosts(axes, costs, shares)
    axes.spines[["top", "right"]].set_visible(False)


def _boosts(axes: Axes, costs: Sequence[ExposureCost], shares: Sequence[float]) -> None:
    """Write the boost at each point."""
    where: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
    for one, share in zip(costs, shares, strict=True):
        height = one.quality["ndcg"].mean if one.quality else one.score_loss
        axes.annotate(f"boost {one.boost:+.2f}", (share, height), xytext=(0, 7), **where)
