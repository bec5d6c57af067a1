"""EventIndex: the interactions of a snapshot by pair, by item and as edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.arrays import offsets
from kgrec.graph.snapshot import Ints
from kgrec.paths.adjacency import Adjacency, NodeSpace, interaction_edges
from kgrec.paths.index_growth import IndexGrowth


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

    def grown(self, growth: IndexGrowth) -> tuple[EventIndex | None, Adjacency | None]:
        """The index of a later graph: of the same interactions and a few more, whatever the rows of
        their nodes; and the edges of new pairs. None where some have left or many have come."""
        added = growth.added_events
        if added is None:
            return None, None
        found = self._moved(growth)
        events = found.space.snapshot.interactions
        edges = found._new_edges(np.asarray(events.user[added]), np.asarray(events.item[added]))
        return (found._with_added(added, edges) if len(added) else found), edges

    def _moved(self, growth: IndexGrowth) -> EventIndex:
        """The same interactions among the later nodes."""
        old, new = self.space.snapshot, growth.after.snapshot
        users, items = growth.rows[USER], growth.rows[ITEM]
        order, starts, owners = self.by_item
        counts = np.zeros(len(new.items), dtype=np.int64)
        if items is None:
            counts[: len(starts) - 1] = np.diff(starts)
        else:
            counts[items[items >= 0]] = np.diff(starts)[items >= 0]
        adjacency = growth.moved(self.adjacency, 2 * (len(new.facts) - len(old.facts)))
        owners = owners if users is None else users[owners]
        found = EventIndex(growth.after, adjacency, (order, offsets(counts), owners))
        if "pairs" in vars(self):
            pairs, last, count = self.pairs
            if len(old.items) != len(new.items) or users is not None or items is not None:
                user, item = np.divmod(pairs, max(len(old.items), 1))
                user = user if users is None else users[user]
                item = item if items is None else items[item]
                pairs = user * max(len(new.items), 1) + item
            vars(found)["pairs"] = pairs, last, count
        return found

    def _with_added(self, rows: Ints, edges: Adjacency) -> EventIndex:
        """The index with the interactions in these rows of the snapshot, int64 ascending, which it
        does not have yet; ``edges`` are those of new pairs."""
        events = self.space.snapshot.interactions
        users, items = np.asarray(events.user[rows]), np.asarray(events.item[rows])
        later = np.delete(np.arange(len(events)), rows)  # of each row that is here
        order, starts, owners = self.by_item
        order = later[order]
        by_item = np.lexsort((rows, items))
        at = np.array(
            [
                starts[item] + np.searchsorted(order[starts[item] : starts[item + 1]], row)
                for item, row in zip(items[by_item], rows[by_item], strict=True)
            ]
        )
        more = offsets(np.bincount(items, minlength=len(starts) - 1))
        indexed = (
            np.insert(order, at, rows[by_item]),
            starts + more,
            np.insert(owners, at, users[by_item]),
        )
        found = EventIndex(self.space, self.adjacency.with_edges(edges), indexed)
        if "pairs" in vars(self):
            key = users * max(len(self.space.snapshot.items), 1) + items
            vars(found)["pairs"] = _with_pairs(self.pairs, later, key, rows)
        return found

    def _new_edges(self, users: Ints, items: Ints) -> Adjacency:
        """The pairs of user and item rows that have no edge here, each once."""
        nodes = (users + self.space.offsets[USER]).tolist(), (items + self.space.offsets[ITEM])
        pairs = set(zip(nodes[0], nodes[1].tolist(), strict=True))
        new = sorted(pair for pair in pairs if not self.adjacency.has(*pair))
        ends = np.array(new, dtype=np.int64).reshape(-1, 2).T
        kind = np.full(ends.shape[1], len(self.space.snapshot.facts), dtype=np.int64)
        return Adjacency.build(self.space.size, ends[0], ends[1], kind)


def _with_pairs(
    known: tuple[Ints, Ints, Ints], later: Ints, keys: Ints, rows: Ints
) -> tuple[Ints, Ints, Ints]:
    """``EventIndex.pairs`` with more events: their pairs ``keys`` and ``rows``; ``later``: the row
    now of each row in ``known``."""
    pairs, last, count = known
    last, count = later[last], count.copy()
    fresh, number = np.unique(keys, return_counts=True)
    latest = np.zeros(len(fresh), dtype=np.int64)
    np.maximum.at(latest, np.searchsorted(fresh, keys), rows)
    at = np.searchsorted(pairs, fresh)
    here = at < len(pairs)
    here[here] = pairs[at[here]] == fresh[here]
    last[at[here]] = np.maximum(last[at[here]], latest[here])
    count[at[here]] += number[here]
    new = ~here
    return (
        np.insert(pairs, at[new], fresh[new]),
        np.insert(last, at[new], latest[new]),
        np.insert(count, at[new], number[new]),
    )
