"""GraphSnapshot: the graph as arrays, read once, in an order that depends on the ids alone.

Rows of every node table follow ``canonical_order`` of the ids, and a user's interactions follow
(timestamp, item row, event), so equal graphs give equal snapshots whatever store or row order
they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.arrays import distinct

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import HeteroData

    from kgrec.stores.base import NodeRef

NO_TIME = np.iinfo(np.int64).min  # timestamp of an interaction that has none
# Attributes that every row of a label has: "" where nothing is known.
TEXT_COLUMNS = {USER: (), ITEM: ("title",), ENTITY: ("name", "kind"), SCENARIO: ("description",)}

Strings = np.ndarray  # 1-D object array of str
Ints = np.ndarray
Floats = np.ndarray


def canonical_order(ids: Sequence[str] | Strings) -> Ints:
    """Rows that sort ids by length, then by code point, so that "9" comes before "10".

    Returns int64 ``[n]``.
    """
    array = np.asarray(ids, dtype=object)
    if len(array) == 0:
        return np.empty(0, dtype=np.int64)
    frame = pd.DataFrame({"length": [len(text) for text in array], "id": array})
    return frame.sort_values(["length", "id"], kind="stable").index.to_numpy(dtype=np.int64)


@dataclass(frozen=True, eq=False)
class NodeTable:
    """The nodes of one label: ``ids`` object ``[n]`` in canonical order, attributes row by row."""

    label: str
    ids: Strings
    attributes: pd.DataFrame

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index(self) -> pd.Index[Any]:
        index: pd.Index[Any] = pd.Index(self.ids, dtype=object)
        return index

    def rows(self, ids: Sequence[str] | Strings) -> Ints:
        """int64 ``[len(ids)]``: the row of each id, -1 where it is unknown."""
        return self.index.get_indexer(pd.Index(np.asarray(ids, dtype=object), dtype=object)).astype(
            np.int64
        )


def no_scenarios() -> NodeTable:
    """An empty table of scenarios."""
    columns = {name: np.empty(0, dtype=object) for name in TEXT_COLUMNS[SCENARIO]}
    return NodeTable(SCENARIO, np.empty(0, dtype=object), pd.DataFrame(columns))


def with_named(scenarios: NodeTable, named: Strings) -> NodeTable:
    """``scenarios`` with a row of its own for every other name in ``named`` but "", of which
    nothing else is known."""
    missing = sorted(set(pd.unique(named)) - {"", *scenarios.ids})
    if not missing:
        return scenarios
    ids = np.array([*scenarios.ids, *missing], dtype=object)
    attributes = scenarios.attributes.reindex(range(len(ids)))
    filled = {name: attributes[name].fillna("") for name in TEXT_COLUMNS[SCENARIO]}
    order = canonical_order(ids)
    ordered = attributes.assign(**filled).iloc[order].reset_index(drop=True)
    return NodeTable(SCENARIO, ids[order], ordered)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interactions sorted by (user, timestamp, item, event); all arrays ``[n]``.

    ``user`` and ``item`` int64 rows; ``timestamp`` int64 unix seconds, NO_TIME if absent;
    ``rating`` float32, NaN if absent; ``event``, ``scenario``, ``split`` object, "" if absent.
    """

    user: Ints
    item: Ints
    timestamp: Ints
    rating: Floats
    event: Strings
    scenario: Strings
    split: Strings

    def __len__(self) -> int:
        return len(self.user)

    def select(self, mask: np.ndarray) -> Interactions:
        """The interactions where ``mask`` (bool ``[n]``) holds, order kept."""
        columns = (
            self.user,
            self.item,
            self.timestamp,
            self.rating,
            self.event,
            self.scenario,
            self.split,
        )
        return Interactions(*(column[mask] for column in columns))

    def indptr(self, n_users: int) -> Ints:
        """int64 ``[n_users + 1]``: user u's interactions are rows ``indptr[u]:indptr[u + 1]``."""
        counts = np.bincount(self.user, minlength=n_users)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @property
    def seen_until(self) -> int | None:
        """The latest timestamp (unix seconds), or None where no interaction has one."""
        known = self.timestamp[self.timestamp != NO_TIME]
        return int(known.max()) if len(known) else None


@dataclass(frozen=True, eq=False)
class Facts:
    """The facts of one relation between two labels: row ``head[i]`` → row ``tail[i]``, sorted."""

    head_label: str
    relation: str
    tail_label: str
    head: Ints
    tail: Ints

    def __len__(self) -> int:
        return len(self.head)


@dataclass(frozen=True, eq=False)
class Texts:
    """Reviews or queries: ``text`` object ``[n]``; ``user``, ``item`` int64 rows (-1: none).

    ``timestamp`` int64 (NO_TIME: none), ``rating`` float32 (NaN: none), ``id`` object.
    """

    id: Strings
    text: Strings
    user: Ints
    item: Ints
    timestamp: Ints
    rating: Floats

    def __len__(self) -> int:
        return len(self.id)

    def select(self, mask: np.ndarray) -> Texts:
        return Texts(
            *(
                c[mask]
                for c in (self.id, self.text, self.user, self.item, self.timestamp, self.rating)
            )
        )


@dataclass(frozen=True, eq=False)
class GraphSnapshot:
    """One state of the graph; ``splits``: the splits whose interactions it holds (None: all).

    ``scenarios`` has a row for each that interactions name, and for those that have none yet.
    """

    users: NodeTable
    items: NodeTable
    entities: NodeTable
    interactions: Interactions
    facts: tuple[Facts, ...]
    reviews: Texts
    queries: Texts
    scenarios: NodeTable = field(default_factory=no_scenarios)
    splits: tuple[str, ...] | None = None
    uri: str = ""

    @property
    def seen_until(self) -> int | None:
        """Unix seconds of the latest interaction in this snapshot."""
        return self.interactions.seen_until

    def table(self, label: str) -> NodeTable:
        tables = {USER: self.users, ITEM: self.items, ENTITY: self.entities}
        return {**tables, SCENARIO: self.scenarios}[label]

    def to_pyg(self) -> HeteroData:
        """As PyG's HeteroData; see kgrec.graph.interop.to_pyg."""
        from kgrec.graph.interop import to_pyg

        return to_pyg(self)

    def to_networkx(
        self, *, center: NodeRef | None = None, hops: int = 2
    ) -> nx.MultiDiGraph[tuple[str, str]]:
        """As a networkx graph, whole or around a node; see kgrec.graph.interop.to_networkx."""
        from kgrec.graph.interop import to_networkx

        return to_networkx(self, center=center, hops=hops)

    def restricted(self, splits: Sequence[str]) -> GraphSnapshot:
        """The snapshot with only the interactions of these splits, and without any review or query
        that belongs to an interaction left out (leakage)."""
        keep = pd.Series(self.interactions.split).isin(list(splits)).to_numpy(dtype=bool)
        return self.without(~keep, tuple(splits))

    def without_splits(self, hidden: Sequence[str]) -> GraphSnapshot:
        """The snapshot without the interactions of these splits."""
        kept = tuple(split for split in ("train", "valid", "test") if split not in hidden)
        held = pd.Series(self.interactions.split).isin(list(hidden)).to_numpy(dtype=bool)
        return self.without(held, kept)

    def without(self, held_out: np.ndarray, splits: tuple[str, ...] | None = None) -> GraphSnapshot:
        """The snapshot without the interactions where ``held_out`` (bool ``[n]``) holds.

        Reviews and queries of a held-out (user, item) pair leave with it, and scenarios that only
        held-out rows name and of which nothing is said."""
        out, left = self.interactions.select(held_out), self.interactions.select(~held_out)
        n_items = max(len(self.items), 1)
        pairs = distinct(out.user * n_items + out.item)
        return replace(
            self,
            interactions=left,
            scenarios=_still_known(self.scenarios, left.scenario, out.scenario),
            reviews=self.reviews.select(~_in_pairs(self.reviews, pairs, n_items)),
            queries=self.queries.select(~_in_pairs(self.queries, pairs, n_items)),
            splits=splits if splits is not None else self.splits,
        )


def _still_known(scenarios: NodeTable, named: Strings, held_out: Strings) -> NodeTable:
    """Without those that only ``held_out`` names, unless something is said of them."""
    gone = set(pd.unique(held_out)) - set(pd.unique(named))
    if not gone.intersection(scenarios.ids):
        return scenarios
    said = scenarios.attributes.notna() & (scenarios.attributes != "")
    kept = said.to_numpy(dtype=bool).any(axis=1) | ~np.isin(scenarios.ids, sorted(gone))
    if kept.all():
        return scenarios
    attributes = scenarios.attributes[kept].reset_index(drop=True)
    return NodeTable(scenarios.label, scenarios.ids[kept], attributes)


def _in_pairs(texts: Texts, pairs: Ints, n_items: int) -> np.ndarray:
    return np.asarray(
        (texts.user >= 0) & (texts.item >= 0) & np.isin(texts.user * n_items + texts.item, pairs)
    )
