"""FairnessReport: exposure and quality by group, as values, tables, JSON and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kgrec.metrics.evaluate import aligned
from kgrec.metrics.exposure import Estimate, ItemGroup, PathQuality, UserGroup
from kgrec.metrics.significance import Difference


@dataclass(frozen=True)
class ExposureCost:
    """What it costs to give a group of items ``share`` of the exposure.

    ``boost`` is added to the score of each of its items. ``place_score`` is the mean score of a
    place, each weighing its exposure, ``score_loss`` how much that is below the plain lists'.
    ``quality`` holds the metrics on held-out pairs, ``change`` how they differ from the plain
    lists' (paired by user); both are empty without held-out pairs. ``coverage`` is the share of the
    items that are in any list.
    """

    share: float
    boost: float
    place_score: float
    score_loss: float
    coverage: float
    quality: dict[str, Estimate] = field(default_factory=dict)
    change: dict[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True)
class FairnessReport:
    """Exposure and quality of the lists of ``k`` items that ``users`` users get.

    ``item_groups`` and ``user_groups`` hold, by what the groups are made of ("popularity",
    "history", "taste" or an attribute), each group's figures. ``gini`` and ``coverage`` are of the
    items' exposure. ``paths`` are the figures of all explanations that were made (None: none).
    ``costs`` tells, for the group ``favoured``, what shares of exposure cost; the first entry is
    the lists as they are.
    """

    k: int
    users: int
    items: int
    gini: float
    coverage: float
    quality: dict[str, Estimate]
    item_groups: dict[str, dict[str, ItemGroup]]
    user_groups: dict[str, dict[str, UserGroup]]
    paths: PathQuality | None = None
    favoured: str = ""
    costs: list[ExposureCost] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return asdict(self)

    def draw(self, path: str | Path) -> Path:
        """Save a picture (.png, .svg or .pdf); returns its path. Raises RequestError."""
        from kgrec.evaluation.fairness_plot import (
            draw_fairness,  # matplotlib only when it is wanted
        )

        return draw_fairness(self, Path(path))

    def __str__(self) -> str:
        blocks = [self._heading()]
        blocks += [_items_table(by, groups, self.k) for by, groups in self.item_groups.items()]
        blocks += [_users_table(by, groups, self.k) for by, groups in self.user_groups.items()]
        if self.costs:
            blocks.append(_costs_table(self.favoured, self.costs, self.k))
        return "\n\n".join(blocks)

    def _heading(self) -> str:
        line = f"lists of {self.k} for {self.users:,} users from {self.items:,} items"
        facts = [f"Gini of exposure {self.gini:.3f}", f"coverage {self.coverage:.1%}"]
        facts += [
            f"{_METRICS[name]}@{self.k} {_estimate(one)}" for name, one in self.quality.items()
        ]
        lines = [line, "; ".join(facts)]
        if not self.quality:
            lines.append("the catalog holds no test rows, so quality can't be told")
        if self.paths is not None:
            links = "" if self.paths.links is None else f", {self.paths.links:,.0f} links a node"
            lines.append(
                f"{self.paths.pairs:,} explanations: {self.paths.explained:.1%} with a path of 5 % "
                f"or more, the best path carries {self.paths.best:.1%}{links}"
            )
        return "\n".join(lines)


_METRICS = {"ndcg": "NDCG", "recall": "Recall"}
_PATHS = ("pairs", "explained", "best path", "links")


def _items_table(by: str, groups: Mapping[str, ItemGroup], k: int) -> str:
    head = [f"items by {by}", "items", "catalog", "training", "held out", "exposure"]
    table = [[*head, f"NDCG@{k}", *_PATHS]]
    table += [
        [
            name,
            f"{one.items:,}",
            *map(_percent, (one.catalog, one.interactions, one.targets, one.exposure)),
            _estimate(one.quality.get("ndcg")),
            *_path_cells(one.paths),
        ]
        for name, one in groups.items()
    ]
    return _table(table)


def _users_table(by: str, groups: Mapping[str, UserGroup], k: int) -> str:
    head = [f"users by {by}", "users", f"NDCG@{k}", "less the others'"]
    table = [[*head, "head chosen", "head shown", *_PATHS]]
    table += [
        [
            name,
            f"{one.users:,}",
            _estimate(one.quality.get("ndcg")),
            _change(one.gap),
            _percent(one.head_history),
            _percent(one.head_shown),
            *_path_cells(one.paths),
        ]
        for name, one in groups.items()
    ]
    return _table(table)


def _costs_table(favoured: str, costs: Sequence[ExposureCost], k: int) -> str:
    metric = (f"NDCG@{k}", "change")
    table = [
        [f"exposure of {favoured}", "boost", "score of a place", "lost", *metric, "coverage"],
    ]
    table += [
        [
            _percent(one.share),
            f"{one.boost:+.4f}",
            f"{one.place_score:.4f}",
            f"{one.score_loss:.4f}",
            _estimate(one.quality.get("ndcg")),
            _change(one.change.get("ndcg")),
            _percent(one.coverage),
        ]
        for one in costs
    ]
    return _table(table)


def _table(table: Sequence[Sequence[str]]) -> str:
    """Without the columns that nobody has a value for."""
    kept = [i for i in range(len(table[0])) if any(row[i] != "-" for row in table[1:])]
    return "\n".join(aligned([[row[i] for i in kept] for row in table]))


def _path_cells(paths: PathQuality | None) -> list[str]:
    if paths is None:
        return ["-"] * len(_PATHS)
    links = "-" if paths.links is None else f"{paths.links:,.0f}"
    return [f"{paths.pairs:,}", _percent(paths.explained), _percent(paths.best), links]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _estimate(one: Estimate | None) -> str:
    return "-" if one is None else f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _change(one: Difference | None) -> str:
    return "-" if one is None else f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
