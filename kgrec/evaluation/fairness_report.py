"""FairnessReport: exposure and quality by group, as tables, JSON and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from graph_schema.disk.paths import given_path
from kgrec.evaluation.fairness_figures import ExposureCost, FairnessFigures
from kgrec.evaluation.fairness_plot import draw_fairness
from kgrec.metrics.evaluate import aligned
from kgrec.metrics.exposure import Estimate, ItemGroup, PathQuality, UserGroup
from kgrec.metrics.significance import Difference
from kgrec.visualization.notebook import fragment, html_table, paragraphs

Table: TypeAlias = list[list[str]]  # the first row is the head


@dataclass(frozen=True)
class FairnessReport(FairnessFigures):
    """Exposure and quality by group; ``str`` gives tables, ``draw`` a picture."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        return asdict(self)

    def draw(self, path: str | Path) -> Path:
        """Save a picture and return its path.

        Parameters
        ----------
        path : str or Path
            A file with the suffix .png, .svg or .pdf.

        Raises
        ------
        RequestError
            For another suffix.
        MissingExtraError
            Without the extra "plots".
        """
        return draw_fairness(self, given_path(path, "path"))

    def __str__(self) -> str:
        tables = ["\n".join(aligned(table)) for table in self._tables()]
        return "\n\n".join(["\n".join(self._heading()), *tables])

    def _repr_html_(self) -> str:
        """The same for notebooks."""
        heading, *facts = self._heading()
        return fragment(heading, paragraphs(facts), *map(html_table, self._tables()))

    def _tables(self) -> list[Table]:
        tables = [_items_table(by, groups, self.k) for by, groups in self.item_groups.items()]
        tables += [_users_table(by, groups, self.k) for by, groups in self.user_groups.items()]
        if self.costs:
            tables.append(_costs_table(self.favoured, self.costs, self.k))
        return tables

    def _heading(self) -> list[str]:
        line = f"lists of {self.k} for {self.users:,} users from {self.items:,} items"
        facts = [f"Gini of exposure {self.gini:.3f}", f"coverage {self.coverage:.1%}"]
        facts += [
            f"{_METRICS[name]}@{self.k} {_estimate(one)}" for name, one in self.quality.items()
        ]
        lines = [line, "; ".join(facts)]
        if not self.quality:
            lines.append("the catalog has no test rows, so quality can't be measured")
        if self.paths is not None:
            links = "" if self.paths.links is None else f", {self.paths.links:,.0f} links a node"
            lines.append(
                f"{self.paths.pairs:,} explanations: {self.paths.explained:.1%} with a path of 5 % "
                f"or more, the best path carries {self.paths.best:.1%}{links}"
            )
        return lines


_METRICS = {"ndcg": "NDCG", "recall": "Recall"}
_PATHS = ("pairs", "explained", "best path", "links")


def _items_table(by: str, groups: Mapping[str, ItemGroup], k: int) -> Table:
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
    return _filled(table)


def _users_table(by: str, groups: Mapping[str, UserGroup], k: int) -> Table:
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
    return _filled(table)


def _costs_table(favoured: str, costs: Sequence[ExposureCost], k: int) -> Table:
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
    return _filled(table)


def _filled(table: Table) -> Table:
    """The table without columns that have no value."""
    kept = [i for i in range(len(table[0])) if any(row[i] != "-" for row in table[1:])]
    return [[row[i] for i in kept] for row in table]


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
