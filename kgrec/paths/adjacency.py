"""The graph as one adjacency with sorted neighbours, and one number for every node."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY, INTERACTED, ITEM, USER
from kgrec.arguments import as_id
from kgrec.arrays import offsets, ranges, row_numbers
from kgrec.graph.snapshot import Facts, GraphSnapshot, Ints

LABELS = (USER, ITEM, ENTITY)
_FEW = 200  # edges that are looked up one by one
NAME_COLUMNS = {USER: ("name", "title"), ITEM: ("title", "name"), ENTITY: ("name", "title")}


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Node ``v``'s edges are ``indptr[v]:indptr[v + 1]``, sorted by (neighbour, code).

    ``neighbour`` int64 ``[e]``; ``code`` int32 ``[e]`` is ``2 * edge kind + (1 if incoming)``.
    """

    indptr: Ints
    neighbour: Ints
    code: Ints

    @staticmethod
    def build(n: int, source: Ints, target: Ints, kind: Ints) -> Adjacency:
        """Build both directions of the edges ``source[i]`` → ``target[i]``, each edge once."""
        codes = 2 * (int(kind.max()) + 1) if len(kind) else 1
        if n * n * codes >= 2**63:
            raise RequestError(f"a graph of {n:,} nodes is too large for path search")
        # One integer per edge: a single sort orders by node, neighbour and code.
        key = np.concatenate([source, target]) * n + np.concatenate([target, source])
        key = key * codes + np.concatenate([2 * kind, 2 * kind + 1])
        key.sort()
        fresh = np.ones(len(key), dtype=bool)
        fresh[1:] = np.diff(key) != 0
        ends, code = np.divmod(key[fresh], codes)
        tail, head = np.divmod(ends, max(n, 1))
        counts = np.bincount(tail, minlength=n)
        indptr = offsets(counts)
        return Adjacency(indptr, head, code.astype(np.int32))

    def moved(self, places: Ints, n: int, codes: int) -> Adjacency:
        """The same edges among ``n`` nodes, in which node v is ``places[v]`` (-1: it had no edge
        and is not there), in the same order; ``codes`` is added to each code."""
        counts, there = np.zeros(n, dtype=np.int64), places >= 0
        counts[places[there]] = np.diff(self.indptr)[there]
        code = self.code if codes == 0 else self.code + np.int32(codes)
        return Adjacency(offsets(counts), places[self.neighbour], code)

    def with_edges(self, other: Adjacency) -> Adjacency:
        """These edges and others of the same nodes, none of which is here."""
        if not len(other.code):
            return self
        at = self._places(other)
        return Adjacency(
            self.indptr + other.indptr,
            np.insert(self.neighbour, at, other.neighbour),
            np.insert(self.code, at, other.code),
        )

    def _places(self, other: Adjacency) -> Ints:
        """int64: the edge here that each of the other edges comes before."""
        node = row_numbers(other.indptr)
        if len(node) <= _FEW:
            edges = zip(node.tolist(), other.neighbour.tolist(), other.code.tolist(), strict=True)
            return np.array([self._place(*edge) for edge in edges], dtype=np.int64)
        n = len(self.indptr) - 1
        width = int(max(self.code.max(initial=0), other.code.max(initial=0))) + 1
        keys, others = (
            (row_numbers(one.indptr) * n + one.neighbour) * width + one.code
            for one in (self, other)
        )
        return np.asarray(np.searchsorted(keys, others))

    def _place(self, node: int, neighbour: int, code: int) -> int:
        neighbours, codes = self.of(node)
        low, high = (int(neighbours.searchsorted(neighbour, side)) for side in ("left", "right"))
        return int(self.indptr[node]) + low + int(codes[low:high].searchsorted(code))

    def has(self, node: int, neighbour: int) -> bool:
        """Whether there is an edge between two nodes."""
        neighbours, _ = self.of(node)
        place = int(neighbours.searchsorted(neighbour))
        return place < len(neighbours) and int(neighbours[place]) == neighbour

    def degree(self, nodes: Ints) -> Ints:
        """Number of edges of each node, int64 ``[len(nodes)]``."""
        return np.asarray(self.indptr[nodes + 1] - self.indptr[nodes])

    def of(self, node: int) -> tuple[Ints, Ints]:
        """Neighbours (sorted) and codes of one node, as views."""
        part = slice(int(self.indptr[node]), int(self.indptr[node + 1]))
        return self.neighbour[part], self.code[part]

    def gather(self, nodes: Ints) -> tuple[Ints, Ints, Ints]:
        """All edges of some nodes: (position in ``nodes``, neighbour, code), one entry per edge."""
        counts = self.degree(nodes)
        owner = np.repeat(np.arange(len(nodes)), counts)
        edge = ranges(self.indptr[nodes], counts)
        return owner, self.neighbour[edge], self.code[edge]

    def edges_between(self, a: int, b: int) -> Ints:
        """Codes of the edges from ``a`` to ``b``, by binary search in the shorter list."""
        degree_a, degree_b = self.degree(np.array([a, b])).tolist()
        swap = degree_b < degree_a
        neighbours, codes = self.of(b if swap else a)
        wanted = a if swap else b
        low = int(neighbours.searchsorted(wanted, side="left"))
        high = int(neighbours.searchsorted(wanted, side="right"))
        return np.sort(codes[low:high] ^ 1) if swap else codes[low:high]


class NodeSpace:
    """One integer per node: users, then items, then entities, each in the snapshot's row order."""

    def __init__(self, snapshot: GraphSnapshot) -> None:
        self.snapshot = snapshot
        sizes = [len(snapshot.table(label)) for label in LABELS]
        self.offsets = dict(zip(LABELS, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        self.size = int(sum(sizes))
        self._starts = [self.offsets[label] for label in LABELS]

    def node(self, label: str, row: int) -> int:
        """The number of the node in this row of its label's table."""
        return int(self.offsets[label] + row)

    def label_row(self, node: int) -> tuple[str, int]:
        """The node's label and its row in that label's table."""
        position = bisect_right(self._starts, node) - 1
        # An empty table has the same start as the next one; the last label with it has the node.
        label = LABELS[position]
        return label, int(node - self.offsets[label])

    def id(self, node: int) -> str:
        """The node's id, unique within its label."""
        label, row = self.label_row(node)
        return str(self.snapshot.table(label).ids[row])

    def find(self, label: str, node_id: str) -> int:
        """The node with this label and id. Raises RequestError if there is none."""
        if not isinstance(label, str) or label not in LABELS:
            raise RequestError(f"unknown label {label!r}; choose one of {', '.join(LABELS)}")
        node_id = as_id(node_id, f"{label} id")
        row = int(self.snapshot.table(label).rows([node_id])[0])
        if row < 0:
            raise RequestError(f"unknown {label} id {node_id!r}: the graph has no such node")
        return self.node(label, row)

    @cached_property
    def _names(self) -> dict[str, np.ndarray | None]:
        return {label: _name_column(self.snapshot, label) for label in LABELS}

    def warm_up(self) -> None:
        """Compute now what the first look-up of a node or a name needs."""
        _ = (self._names, *(self.snapshot.table(label).index for label in LABELS))

    def names(self, label: str) -> np.ndarray | None:
        """Titles or names of a label's nodes, object ``[n]``; None if there is no such column."""
        return self._names[label]

    def name(self, node: int) -> str:
        """The node's title or name, "" if it has none."""
        label, row = self.label_row(node)
        column = self._names[label]
        value = None if column is None else column[row]
        return value if isinstance(value, str) else ""

    def display_name(self, node: int) -> str:
        """The node's title or name, else its label and id: "item 588"."""
        return self.name(node) or f"{self.label_row(node)[0].lower()} {self.id(node)}"


def _name_column(snapshot: GraphSnapshot, label: str) -> np.ndarray | None:
    frame = snapshot.table(label).attributes
    for column in NAME_COLUMNS[label]:
        if column in frame.columns:
            return frame[column].to_numpy(dtype=object)
    return None


def fact_edges(space: NodeSpace, facts: tuple[Facts, ...]) -> tuple[Ints, Ints, Ints]:
    """(source, target, kind) of all facts in the node space; kind is the position in ``facts``."""
    empty = np.empty(0, dtype=np.int64)
    heads, tails, kinds = [empty], [empty], [empty]
    for kind, part in enumerate(facts):
        heads.append(part.head + space.offsets[part.head_label])
        tails.append(part.tail + space.offsets[part.tail_label])
        kinds.append(np.full(len(part), kind, dtype=np.int64))
    return np.concatenate(heads), np.concatenate(tails), np.concatenate(kinds)


def interaction_edges(space: NodeSpace) -> tuple[Ints, Ints, Ints]:
    """(user, item, kind) of the interactions; their kind is the number of kinds of fact."""
    events = space.snapshot.interactions
    kind = np.full(len(events), len(space.snapshot.facts), dtype=np.int64)
    return events.user + space.offsets[USER], events.item + space.offsets[ITEM], kind


def edge_name(snapshot: GraphSnapshot, code: int) -> str:
    """The relationship type of an edge code."""
    kind = code >> 1
    return INTERACTED if kind == len(snapshot.facts) else snapshot.facts[kind].relation
