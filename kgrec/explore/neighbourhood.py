"""What lies around nodes, the telling edges first: each kind of edge in turn, rare nodes first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.index import PathIndex

BOTH, OUT, IN = "both", "out", "in"
DIRECTIONS = (BOTH, OUT, IN)
EDGE_BUDGET = 1_000_000  # edges looked at per hop, beyond the first node's own


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of some nodes, the telling ones first; all arrays ``[m]``.

    ``owner`` int64 position in the list of nodes; ``neighbour`` int64 node number; ``code`` int32
    edge code owner → neighbour; ``event`` int64 row of the pair's last interaction, -1 for a fact.
    """

    owner: Ints
    neighbour: Ints
    code: Ints
    event: Ints

    def __len__(self) -> int:
        return len(self.owner)

    def select(self, which: np.ndarray | Ints) -> Edges:
        return Edges(self.owner[which], self.neighbour[which], self.code[which], self.event[which])


class Neighbourhoods:
    """The edges around nodes of one index; several events of a pair count as one edge."""

    def __init__(self, index: PathIndex) -> None:
        self.index = index

    def edges(self, nodes: Ints, kinds: np.ndarray, direction: str = BOTH) -> Edges:
        """The edges of ``nodes`` whose kind is in ``kinds`` (bool ``[edge kinds]``).

        Every node's kinds of edge take turns. Within a kind, facts go by how few edges the node at
        the other end has, interactions by how late they are.
        """
        owner, neighbour, code = self.index.whole.gather(nodes)
        keep = kinds[code >> 1]
        if direction != BOTH:
            keep = keep & (code & 1 == (direction == IN))
        owner, neighbour, code = owner[keep], neighbour[keep], code[keep]
        event = self._last_events(nodes[owner], neighbour, code)
        found = Edges(owner, neighbour, code, event)
        return found.select(self._order(found))

    def _order(self, edges: Edges) -> Ints:
        """Positions in the order in which the edges are shown."""
        degree = self.index.whole.degree(edges.neighbour)
        times = self.index.snapshot.interactions.timestamp
        is_event = edges.event >= 0
        key = degree
        if is_event.any():
            late = times[np.maximum(edges.event, 0)]
            key = np.where(is_event, -np.maximum(late, NO_TIME + 1), degree)
        order = np.lexsort((edges.neighbour, key, edges.code, edges.owner))
        owner, code = edges.owner[order], edges.code[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (np.diff(owner) != 0) | (np.diff(code) != 0)
        starts = np.flatnonzero(fresh)
        turn = np.arange(len(order)) - starts[np.cumsum(fresh) - 1]
        return np.asarray(order[np.lexsort((code, owner, is_event[order], turn))])

    def _last_events(self, nodes: Ints, neighbours: Ints, codes: Ints) -> Ints:
        """int64: the row of each pair's last interaction, -1 where the edge is a fact."""
        rows = np.full(len(nodes), -1, dtype=np.int64)
        asked = np.flatnonzero(codes >> 1 == self.index.interacted)
        if not len(asked):
            return rows
        outgoing = codes[asked] & 1 == 0
        user = np.where(outgoing, nodes[asked], neighbours[asked])
        item = np.where(outgoing, neighbours[asked], nodes[asked])
        pairs, last, _ = self._pairs
        rows[asked] = last[np.searchsorted(pairs, self._pair(user, item))]
        return rows

    def counts(self, events: Ints) -> Ints:
        """int64: how many events the pair behind each event row has; 1 for facts (-1)."""
        pairs, _, count = self._pairs
        told = self.index.snapshot.interactions
        n_items = max(len(self.index.snapshot.items), 1)
        key = told.user[events] * n_items + told.item[events] if len(told) else events
        found = np.searchsorted(pairs, key)
        return np.where(
            events < 0, 1, count[np.minimum(found, len(count) - 1)] if len(count) else 1
        )

    def _pair(self, user: Ints, item: Ints) -> Ints:
        offsets = self.index.space.offsets
        n_items = max(len(self.index.snapshot.items), 1)
        return np.asarray((user - offsets[USER]) * n_items + item - offsets[ITEM])

    @cached_property
    def _pairs(self) -> tuple[Ints, Ints, Ints]:
        """Sorted (user, item) pairs as one number, the row of each one's last event, its events."""
        events = self.index.snapshot.interactions
        key = events.user * max(len(self.index.snapshot.items), 1) + events.item
        order = np.argsort(key, kind="stable")  # rows of a pair are in the order of time
        pairs, starts, count = np.unique(key[order], return_index=True, return_counts=True)
        return pairs, order[starts + count - 1], count

    def spread(
        self, start: list[int], hops: int, kinds: np.ndarray, most: int
    ) -> tuple[list[int], int]:
        """The nodes within ``hops`` edges of ``start``, at most ``most``, and how many were met but
        left out. Every hop gets an equal part of the places left."""
        taken, met = dict.fromkeys(start), set(start)
        frontier = np.array(start, dtype=np.int64)
        for hop in range(hops):
            edges = self.edges(self._affordable(frontier), kinds)
            fresh = dict.fromkeys(n for n in edges.neighbour.tolist() if n not in taken)
            met.update(fresh)
            room = -(-(most - len(taken)) // (hops - hop))
            frontier = np.array(list(fresh)[:room], dtype=np.int64)
            taken.update(dict.fromkeys(frontier.tolist()))
        return list(taken), len(met) - len(taken)

    def _affordable(self, nodes: Ints) -> Ints:
        """The nodes with few edges first, as far as the budget goes; always one."""
        degree = self.index.whole.degree(nodes)
        order = np.argsort(degree, kind="stable")
        within = np.cumsum(degree[order]) <= EDGE_BUDGET
        within[:1] = True
        return np.asarray(nodes[np.sort(order[within])])
