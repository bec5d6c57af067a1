"""GraphSnapshot: the graph as arrays, read once, in an order that depends on the ids alone.

Rows of every node table follow ``canonical_order`` of the ids, and a user's interactions follow
(timestamp, item row, event), so equal graphs give equal snapshots whatever store or row order
they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.arrays import distinct
from kgrec.graph import interop
from kgrec.graph.columns import NO_TIME, among
from kgrec.graph.tables import (
    COLUMNS,
    TEXT_COLUMNS,
    WORDS,
    Facts,
    Floats,
    Interactions,
    Ints,
    NodeTable,
    Strings,
    Texts,
    canonical_order,
    no_scenarios,
    rows_in,
    with_named,
)

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import HeteroData

    from kgrec.stores.base import NodeRef

__all__ = [
    "COLUMNS",
    "NO_TIME",
    "TEXT_COLUMNS",
    "WORDS",
    "Facts",
    "Floats",
    "GraphSnapshot",
    "Interactions",
    "Ints",
    "NodeTable",
    "Strings",
    "Texts",
    "canonical_order",
    "no_scenarios",
    "rows_in",
    "with_named",
]


@dataclass(frozen=True, eq=False)
class GraphSnapshot:
    """One state of the graph; ``splits``: the splits whose interactions it holds (None: all).

    ``scenarios`` has a row for each that interactions name, and for those that have none yet.
    ``integer_ids``: the labels whose ids were integers in the frames of the catalog; answers have
    integers too as long as all ids of the label are whole numbers.
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
    integer_ids: frozenset[str] = frozenset()

    def answers_integers(self, label: str, given: bool | None) -> bool:
        """Whether an answer has the ids of a label as integers.

        ``given``: whether the ids of the request were integers; None for a request without ids."""
        return (given or label in self.integer_ids) and self.table(label).whole_numbers

    @property
    def seen_until(self) -> int | None:
        """Unix seconds of the latest interaction in this snapshot."""
        return self.interactions.seen_until

    def table(self, label: str) -> NodeTable:
        tables = {USER: self.users, ITEM: self.items, ENTITY: self.entities}
        return {**tables, SCENARIO: self.scenarios}[label]

    def to_pyg(self) -> HeteroData:
        """As PyG's HeteroData; see kgrec.graph.interop.to_pyg."""
        return interop.to_pyg(self)

    def to_networkx(
        self, *, center: NodeRef | None = None, hops: int = 2
    ) -> nx.MultiDiGraph[tuple[str, str]]:
        """As a networkx graph, whole or around a node; see kgrec.graph.interop.to_networkx."""
        return interop.to_networkx(self, center=center, hops=hops)

    def restricted(self, splits: Sequence[str]) -> GraphSnapshot:
        """The snapshot with only the interactions of these splits, and without any review or query
        that belongs to an interaction left out (leakage)."""
        return self.without(~among(self.interactions.split, splits), tuple(splits))

    def without_splits(self, hidden: Sequence[str]) -> GraphSnapshot:
        """The snapshot without the interactions of these splits."""
        kept = tuple(split for split in ("train", "valid", "test") if split not in hidden)
        return self.without(among(self.interactions.split, hidden), kept)

    def without(self, held_out: np.ndarray, splits: tuple[str, ...] | None = None) -> GraphSnapshot:
        """The snapshot without the interactions where ``held_out`` (bool ``[n]``) holds.

        Reviews and queries of a held-out (user, item) pair leave with it, and scenarios that only
        held-out rows name and of which nothing is said."""
        if not held_out.any():
            return replace(self, splits=splits if splits is not None else self.splits)
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
    """Drop scenarios that only ``held_out`` names and that have no description or attribute."""
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
    """Which texts are of these pairs, which are sorted and at least one."""
    wanted = texts.user * n_items + texts.item
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    return np.asarray((texts.user >= 0) & (texts.item >= 0) & (pairs[place] == wanted))
