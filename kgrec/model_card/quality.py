"""How good the lists are, over all and by group, without groups of a few people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kgrec.errors import RequestError
from kgrec.metrics.exposure import Estimate, ItemGroup, UserGroup
from kgrec.model_card.data_sheet import DataSheet
from kgrec.model_card.sections import Section, table
from kgrec.recommender import Recommender

MOST_VALUES = 20  # attributes with more distinct values make no groups unless they are named
LEAST_USERS = 5  # of a group that is shown


@dataclass(frozen=True)
class Quality:
    """Figures of the lists of ten items.

    Attributes
    ----------
    split : str
        The rows that were to be found: "test", or "valid" where there are no test rows; "" where
        nothing is held out.
    metrics : mapping of str to float
        Means over users, as ``Recommender.evaluate`` has them.
    users, items : mapping
        Figures by grouping and group, as ``Recommender.fairness`` has them.
    hidden : int
        Groups of fewer than five users, which are left out.
    """

    split: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, UserGroup]] = field(default_factory=dict)
    items: Mapping[str, Mapping[str, ItemGroup]] = field(default_factory=dict)
    hidden: int = 0

    def section(self) -> Section:
        """The figures in words."""
        if not self.split:
            return Section(
                "Quality",
                (
                    "No row is held out, so quality can't be measured. A model of `kgrec evaluate "
                    "DATA --model FOLDER`, or of data with a split, has test rows.",
                ),
            )
        said = [
            f"Full ranking of all items for every user with {self.split} rows; the interval is the "
            "95 % bootstrap interval over users.",
        ]
        if self.split == "valid":
            said.append("These rows also chose the settings, so the figures are too good.")
        if self.hidden:
            said.append(f"{self.hidden} groups of fewer than {LEAST_USERS} users are not shown.")
        tables = table(("metric", "mean"), [(k, f"{v:.4f}") for k, v in self.metrics.items()])
        for by, groups in self.users.items():
            rows = [
                (name, f"{one.users:,}", _shown(one.quality.get("ndcg")), _gap(one))
                for name, one in groups.items()
            ]
            tables += table((f"users by {by}", "users", "NDCG@10", "less the others'"), rows)
        for by, items in self.items.items():
            shares = [
                (name, f"{one.items:,}", f"{one.catalog:.1%}", f"{one.exposure:.1%}")
                for name, one in items.items()
            ]
            tables += table((f"items by {by}", "items", "of the catalog", "of exposure"), shares)
        return Section("Quality", tuple(said), tables)


def measured(model: Recommender, sheet: DataSheet, by: Sequence[str] | None) -> Quality:
    """Measure a model on its held-out rows.

    ``by``: attributes of users to group by; None takes those with at most ``MOST_VALUES`` values.
    Raises RequestError for an attribute that no user has.
    """
    known = {name: found["values"] for name, found in sheet.user_attributes.items()}
    for name in by or ():
        if name not in known:
            raise RequestError(
                f"users have no attribute {name!r}; they have: {', '.join(known) or 'none'}."
            )
    held = [name for name in ("test", "valid") if sheet.splits.get(name)]
    if not held:
        return Quality()
    split: Any = held[0]
    metrics = model.evaluate(split=split).metrics
    if split != "test":
        return Quality(split, metrics)
    chosen = [name for name, values in known.items() if values <= MOST_VALUES]
    report = model.fairness(by=chosen if by is None else list(by), explained=0)
    users = {
        grouping: {name: one for name, one in groups.items() if one.users >= LEAST_USERS}
        for grouping, groups in report.user_groups.items()
    }
    hidden = sum(map(len, report.user_groups.values())) - sum(map(len, users.values()))
    return Quality(split, metrics, users, report.item_groups, hidden)


def _shown(one: Estimate | None) -> str:
    return "-" if one is None else f"{one.mean:.4f} ({one.low:.4f} to {one.high:.4f})"


def _gap(group: UserGroup) -> str:
    one = group.gap
    return "-" if one is None else f"{one.mean:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
