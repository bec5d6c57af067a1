"""EventIndex: the interactions of a snapshot by pair, by item and as edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.arrays import offsets
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.paths.adjacency import LABELS, Adjacency, NodeSpace, interaction_edges


@dataclass(frozen=True, eq=False)
class EventIndex:
    """What path search and exploring read of the interactions.

    Attributes
    ----------
    space : NodeSpace
        The numbers of the snapshot's nodes.
    adjacency : Adjacency
        The interactions in both directions; several events of a pair are one edge.
    by_item : three int64 arrays
        Interaction rows sorted by item, user and timestamp; first position of each item; users of
        these rows.
    """

    space: NodeSpace
    adjacency: Adjacency
    by_item: tuple[Ints, Ints, Ints]

    @staticmethod
    def build(space: NodeSpace) -> EventIndex:
        """Index the interactions of the snapshot that ``space`` numbers."""
        events, n_items = space.snapshot.interactions, len(space.snapshot.items)
        order = np.argsort(events.item, kind="stable")  # rows already follow (user, timestamp)
        starts = offsets(np.bincount(events.item, minlength=n_items))
        adjacency = Adjacency.build(space.size, *interaction_edges(space))
        return EventIndex(space, adjacency, (order, starts, events.user[order]))

    @cached_property
    def pairs(self) -> tuple[Ints, Ints, Ints]:
        """(Sorted user–item pairs, user row · number of items + item row; row of the last event;
        number of events)."""
        snapshot = self.space.snapshot
        events = snapshot.interactions
        key = events.user * max(len(snapshot.items), 1) + events.item
        order = np.argsort(key, kind="stable")  # rows of a pair are sorted by time
        pairs, starts, count = np.unique(key[order], return_index=True, return_counts=True)
        return pairs, order[starts + count - 1], count

    def moved(self, space: NodeSpace) -> EventIndex | None:
        """The index of a later snapshot with the same interactions; None for other ones.

        Rows of nodes may differ, but not their order.
        """
        old, new = self.space.snapshot, space.snapshot
        rows = {label: new.table(label).rows(old.table(label).ids) for label in LABELS}
        users, items = rows[USER], rows[ITEM]
        if not _same_events(old.interactions, new.interactions, users, items):
            return None
        places = np.concatenate(
            [np.where(rows[label] < 0, -1, rows[label] + space.offsets[label]) for label in LABELS]
        )
        order, starts, owners = self.by_item
        counts = np.zeros(len(new.items), dtype=np.int64)
        counts[items[items >= 0]] = np.diff(starts)[items >= 0]
        kinds = len(new.facts) - len(old.facts)
        adjacency = self.adjacency.moved(places, space.size, 2 * kinds)
        found = EventIndex(space, adjacency, (order, offsets(counts), users[owners]))
        if "pairs" in vars(self):
            pairs, last, count = self.pairs
            user, item = np.divmod(pairs, max(len(old.items), 1))
            moved = users[user] * max(len(new.items), 1) + items[item]
            vars(found)["pairs"] = moved, last, count
        return found


def _same_events(one: Interactions, other: Interactions, users: Ints, items: Ints) -> bool:
    """Whether ``other`` has the events of ``one``; ``users`` and ``items`` are the rows there of
    the rows here, -1 for none."""
    if len(one) != len(other):
        return False
    return np.array_equal(users[one.user], other.user) and np.array_equal(
        items[one.item], other.item
    )
