"""What the data is: counts, times, splits and attributes, without the id of anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from graph_schema.privacy.generalisation import group_sizes
from graph_schema.privacy.key import fingerprint_of
from kgrec.graph import GraphSnapshot
from kgrec.graph.columns import NO_TIME
from kgrec.graph.tables import NodeTable
from kgrec.model_card.sections import Section, share, table

FEW_EVENTS = 5


@dataclass(frozen=True)
class DataSheet:
    """What a graph holds.

    Attributes
    ----------
    rows : mapping of str to int
        Users, items, entities, interactions, facts, reviews, queries and scenarios.
    splits, events, relations : mapping of str to int
        Interactions by split and by kind of event, facts by relation.
    first, last : str or None
        The days (UTC) of the earliest and latest interaction; None without times.
    ratings : tuple of float or None
        Least and largest rating; None without ratings.
    user_attributes, item_attributes : mapping
        Of each attribute the share of rows that have it, and how many distinct values there are.
    short_histories : float
        Share of the users with fewer than five interactions.
    untrained_items : float
        Share of the items without a training interaction.
    unique_users : float or None
        Share of the users who are alone with their attributes; None without attributes.
    pseudonyms : str
        The fingerprint of the key of the users' ids; "" where they are no pseudonyms.
    """

    rows: Mapping[str, int]
    splits: Mapping[str, int]
    events: Mapping[str, int]
    relations: Mapping[str, int]
    first: str | None
    last: str | None
    ratings: tuple[float, float] | None
    user_attributes: Mapping[str, Mapping[str, float]]
    item_attributes: Mapping[str, Mapping[str, float]]
    short_histories: float
    untrained_items: float
    unique_users: float | None
    pseudonyms: str

    @staticmethod
    def of(graph: GraphSnapshot) -> DataSheet:
        """The sheet of a graph with its held-out rows."""
        events = graph.interactions
        trained = np.unique(events.item[~np.isin(np.asarray(events.split), ("valid", "test"))])
        length = np.bincount(events.user, minlength=len(graph.users))
        first, last = _days(np.asarray(events.timestamp))
        return DataSheet(
            rows=_rows(graph),
            splits=_counts(events.split, "train"),
            events=_counts(events.event, "without a kind"),
            relations={f"{f.head_label} {f.relation} {f.tail_label}": len(f) for f in graph.facts},
            first=first,
            last=last,
            ratings=_range(np.asarray(events.rating)),
            user_attributes=_attributes(graph.users),
            item_attributes=_attributes(graph.items),
            short_histories=share(int((length < FEW_EVENTS).sum()), len(length)),
            untrained_items=share(len(graph.items) - len(trained), len(graph.items)),
            unique_users=_unique(graph.users),
            pseudonyms=_pseudonyms(graph.users),
        )

    def section(self, sources: tuple[str, ...], licences: tuple[str, ...]) -> Section:
        """The sheet in words."""
        times = f"from {self.first} to {self.last} (UTC)" if self.first else "without times"
        said = [
            f"Sources: {', '.join(sources) or 'not given'}.",
            f"Licences: {', '.join(licences) or 'not given'}.",
            f"Interactions {times}.",
        ]
        if self.ratings is not None:
            said.append(f"Ratings from {self.ratings[0]:g} to {self.ratings[1]:g}.")
        tables = table(("kind", "rows"), [(k, f"{n:,}") for k, n in self.rows.items()])
        for head, counts in (
            ("split", self.splits),
            ("event", self.events),
            ("facts", self.relations),
        ):
            tables += table((head, "rows"), [(k, f"{n:,}") for k, n in counts.items()])
        for head, found in (("user", self.user_attributes), ("item", self.item_attributes)):
            rows = [(k, f"{v['known']:.1%}", f"{v['values']:,.0f}") for k, v in found.items()]
            tables += table((f"attribute of {head}s", "known", "distinct values"), rows)
        return Section("Data sheet", tuple(said), tables)


def _rows(graph: GraphSnapshot) -> dict[str, int]:
    names = ("users", "items", "entities", "interactions", "reviews", "queries", "scenarios")
    counts = {name: len(getattr(graph, name)) for name in names}
    return {**counts, "facts": sum(map(len, graph.facts))}


def _counts(words: np.ndarray, absent: str) -> dict[str, int]:
    found = pd.Series(np.asarray(words, dtype=object)).value_counts()
    return {str(word) or absent: int(count) for word, count in found.sort_index().items()}


def _days(times: np.ndarray) -> tuple[str | None, str | None]:
    known = times[times != NO_TIME]
    if not len(known):
        return None, None
    return _day(int(known.min())), _day(int(known.max()))


def _day(seconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


def _range(values: np.ndarray) -> tuple[float, float] | None:
    known = values[~np.isnan(values)]
    return (float(known.min()), float(known.max())) if len(known) else None


def _attributes(nodes: NodeTable) -> dict[str, dict[str, float]]:
    found = {}
    for name in nodes.attributes.columns:
        column: pd.Series[Any] = nodes.attributes[name]
        known = column.notna() & (column.astype(object) != "")
        texts = column[known].astype(str)
        found[str(name)] = {
            "known": share(int(known.sum()), len(known)),
            "values": float(texts.nunique()),
        }
    return found


def _unique(users: NodeTable) -> float | None:
    columns = [users.attributes[name] for name in users.attributes.columns]
    if not columns or not len(users):
        return None
    codes = [pd.factorize(one.astype(object).fillna("").astype(str))[0] for one in columns]
    return float(np.mean(group_sizes(codes) == 1))


def _pseudonyms(users: NodeTable) -> str:
    found = {fingerprint_of(str(one)) for one in users.ids}
    return found.pop() if len(found) == 1 else ""
