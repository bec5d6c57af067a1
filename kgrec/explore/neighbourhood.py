"""Edges around nodes in the order in which they are shown: kinds in turn, rare nodes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.index import PathIndex

BOTH, OUT, IN = "both", "out", "in"
DIRECTIONS = (BOTH, OUT, IN)
EDGE_BUDGET = 1_000_000  # edges examined per hop, besides those of the first node


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of some nodes in the order in which they are shown; all arrays ``[m]``.

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
        """The edges of a mask or of positions."""
        return Edges(self.owner[which], self.neighbour[which], self.code[which], self.event[which])


class Neighbourhoods:
    """Edges around nodes of one index; several events of a pair count as one edge."""

    def __init__(self, index: PathIndex) -> None:
        self.index = index

    def warm_up(self) -> None:
        """Compute now what the first call needs."""
        _ = self.index.pairs

    def edges(self, nodes: Ints, kinds: np.ndarray, direction: str = BOTH) -> Edges:
        """Edges of ``nodes`` whose kind is in ``kinds`` (bool ``[edge kinds]``).

        The first edge of every kind comes first, then the second of every kind, and so on. Within
        a kind, facts are sorted by the number of edges of the node at the other end, interactions
        from the latest to the earliest.
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
        """Positions of the edges in the order in which they are shown, int64 ``[m]``."""
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
        """Row of each pair's last interaction, int64 ``[m]``; -1 for a fact."""
        rows = np.full(len(nodes), -1, dtype=np.int64)
        events = np.flatnonzero(codes >> 1 == self.index.interacted)
        if not len(events):
            return rows
        outgoing = codes[events] & 1 == 0
        user = np.where(outgoing, nodes[events], neighbours[events])
        item = np.where(outgoing, neighbours[events], nodes[events])
        pairs, last, _ = self.index.pairs
        rows[events] = last[np.searchsorted(pairs, self._pair(user, item))]
        return rows

    def counts(self, events: Ints) -> Ints:
        """Number of events of the pair of each event row, int64 ``[m]``; 1 for facts (-1)."""
        pairs, _, count = self.index.pairs
        if not len(count):
            return np.ones(len(events), dtype=np.int64)
        stored = self.index.snapshot.interactions
        key = stored.user[events] * len(self.index.snapshot.items) + stored.item[events]
        return np.where(
            events < 0, 1, count[np.minimum(np.searchsorted(pairs, key), len(count) - 1)]
        )

    def _pair(self, user: Ints, item: Ints) -> Ints:
        offsets = self.index.space.offsets
        n_items = max(len(self.index.snapshot.items), 1)
        return np.asarray((user - offsets[USER]) * n_items + item - offsets[ITEM])

    def expand(
        self, start: list[int], hops: int, kinds: np.ndarray, most: int, *, people: bool = True
    ) -> tuple[list[int], int, Ints]:
        """Find the nodes within ``hops`` edges of ``start``, at most ``most`` of them.

        Every hop gets an equal share of the nodes that are still allowed. Without ``people`` no
        user but those of ``start`` is reached. Returns the nodes, how many more were reached but
        left out, and the nodes whose neighbours were looked at.
        """
        taken, reached = dict.fromkeys(start), set(start)
        looked = [np.empty(0, dtype=np.int64)]
        frontier = np.array(start, dtype=np.int64)
        for hop in range(hops):
            looked.append(self._within_budget(frontier))
            edges = self.edges(looked[-1], kinds)
            if not people:
                edges = edges.select(edges.neighbour >= self.index.space.offsets[ITEM])
            fresh = dict.fromkeys(n for n in edges.neighbour.tolist() if n not in taken)
            reached.update(fresh)
            room = -(-(most - len(taken)) // (hops - hop))
            frontier = np.array(list(fresh)[:room], dtype=np.int64)
            taken.update(dict.fromkeys(frontier.tolist()))
        return list(taken), len(reached) - len(taken), np.concatenate(looked)

    def _within_budget(self, nodes: Ints) -> Ints:
        """The nodes with the fewest edges whose edges fit the budget, at least one."""
        degree = self.index.whole.degree(nodes)
        order = np.argsort(degree, kind="stable")
        within = np.cumsum(degree[order]) <= EDGE_BUDGET
        within[:1] = True
        return np.asarray(nodes[np.sort(order[within])])
