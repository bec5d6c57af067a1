"""Simple paths of one to four hops between two nodes, with bounded work on hubs.

Every length is a join of sorted neighbour arrays. Expansion starts at the nodes with the fewest
edges and stops at a budget of edges, so a hub costs one array operation and no Python loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kgrec.arrays import ranges
from kgrec.graph.snapshot import Ints
from kgrec.paths.adjacency import Adjacency

EDGE_BUDGET = 200_000  # edges examined per expansion
KEEP_PER_MIDDLE = 3  # half paths kept per middle node of a four-hop search


@dataclass(frozen=True, eq=False)
class Allowed:
    """What a path may use: ``kinds`` bool ``[edge kinds]``, and nodes it must not enter."""

    kinds: np.ndarray
    avoid: Ints

    def keep(self, neighbour: Ints, code: Ints) -> np.ndarray:
        """Mask of the edges that a path may use, bool ``[len(code)]``."""
        ok = self.kinds[code >> 1]
        if len(self.avoid):
            ok = ok & ~np.isin(neighbour, self.avoid)
        return np.asarray(ok)


@dataclass(frozen=True, eq=False)
class FoundPaths:
    """Paths of one length: ``nodes`` int64 ``[m, hops + 1]``, ``codes`` int32 ``[m, hops]``."""

    nodes: Ints
    codes: Ints

    def flipped(self) -> FoundPaths:
        """The same paths from the other end."""
        return FoundPaths(self.nodes[:, ::-1], self.codes[:, ::-1] ^ 1)

    def select(self, which: np.ndarray) -> FoundPaths:
        """The paths of a mask or of positions."""
        return FoundPaths(self.nodes[which], self.codes[which])


def join(keys: Ints, sorted_keys: Ints) -> tuple[Ints, Ints]:
    """All pairs (i, j) with ``keys[i] == sorted_keys[j]``."""
    low = np.searchsorted(sorted_keys, keys, side="left")
    count = np.searchsorted(sorted_keys, keys, side="right") - low
    left = np.repeat(np.arange(len(keys)), count)
    return left, ranges(low, count)


def intersect(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """All pairs (i, j) with ``a[i] == b[j]`` of two sorted arrays."""
    if len(a) <= len(b):
        return join(a, b)
    j, i = join(b, a)
    return i, j


def search(
    graph: Adjacency, source: int, target: int, hops: int, allowed: Allowed, budget: int
) -> FoundPaths:
    """Find simple paths of exactly ``hops`` (1–4) edges from ``source`` to ``target``."""
    if hops == 1:
        found = _one(graph, source, target, allowed)
    elif hops == 2:
        found = _two(graph, source, target, allowed)
    else:
        found = (_three if hops == 3 else _four)(graph, source, target, allowed, budget)
    return found.select(_simple(found.nodes))


def _simple(nodes: Ints) -> np.ndarray:
    """bool ``[m]``: whether no node comes twice in a row of ``nodes`` int64 ``[m, n]``."""
    different = np.ones(len(nodes), dtype=bool)
    for a, b in combinations(nodes.T, 2):
        different &= a != b
    return different


def _edges(graph: Adjacency, node: int, allowed: Allowed) -> tuple[Ints, Ints]:
    neighbour, code = graph.of(node)
    keep = allowed.keep(neighbour, code)
    return neighbour[keep], code[keep]


def _one(graph: Adjacency, source: int, target: int, allowed: Allowed) -> FoundPaths:
    codes = graph.edges_between(source, target)
    codes = codes[allowed.kinds[codes >> 1]]
    nodes = np.tile(np.array([source, target]), (len(codes), 1))
    return FoundPaths(nodes, codes[:, None])


def _two(graph: Adjacency, source: int, target: int, allowed: Allowed) -> FoundPaths:
    near, near_code = _edges(graph, source, allowed)
    far, far_code = _edges(graph, target, allowed)
    i, j = intersect(near, far)
    nodes = _columns(source, near[i], target)
    return FoundPaths(nodes, np.stack([near_code[i], far_code[j] ^ 1], axis=1))


def _three(graph: Adjacency, source: int, target: int, allowed: Allowed, budget: int) -> FoundPaths:
    near, near_code = _edges(graph, source, allowed)
    far, far_code = _edges(graph, target, allowed)
    if int(graph.degree(near).sum()) > int(graph.degree(far).sum()):
        return _three_from(graph, target, source, (far, far_code), allowed, budget).flipped()
    return _three_from(graph, source, target, (near, near_code), allowed, budget)


def _three_from(
    graph: Adjacency,
    source: int,
    target: int,
    near: tuple[Ints, Ints],
    allowed: Allowed,
    budget: int,
) -> FoundPaths:
    steps = _expand(graph, near, allowed, budget)
    far, far_code = _edges(graph, target, allowed)
    i, j = join(steps.nodes[:, 1], far)
    nodes = _columns(source, steps.nodes[i, 0], steps.nodes[i, 1], target)
    codes = np.column_stack([steps.codes[i], far_code[j] ^ 1])
    return FoundPaths(nodes, codes)


def _four(graph: Adjacency, source: int, target: int, allowed: Allowed, budget: int) -> FoundPaths:
    half = budget // 2
    ahead = _best_per_middle(
        graph, _expand(graph, _edges(graph, source, allowed), allowed, half), (source, target)
    )
    back = _best_per_middle(
        graph, _expand(graph, _edges(graph, target, allowed), allowed, half), (source, target)
    )
    i, j = intersect(ahead.nodes[:, 1], back.nodes[:, 1])
    nodes = _columns(source, ahead.nodes[i, 0], ahead.nodes[i, 1], back.nodes[j, 0], target)
    codes = np.column_stack([ahead.codes[i], back.codes[j][:, ::-1] ^ 1])
    return FoundPaths(nodes, codes)


def _columns(*columns: Ints | int) -> Ints:
    """Stack columns into ``[m, n]``; single nodes are repeated."""
    length = max(len(c) for c in columns if isinstance(c, np.ndarray))
    stacked = np.empty((length, len(columns)), dtype=np.int64)
    for place, column in enumerate(columns):
        stacked[:, place] = column
    return stacked


def _expand(graph: Adjacency, near: tuple[Ints, Ints], allowed: Allowed, budget: int) -> FoundPaths:
    """Second steps from ``near``, nodes with few edges first, at most ``budget`` edges in all.

    ``nodes`` of the result are (first, second), ``codes`` the two edges.
    """
    first, first_code = near
    order = np.argsort(graph.degree(first), kind="stable")
    order = order[np.cumsum(graph.degree(first)[order]) <= budget]
    first, first_code = first[order], first_code[order]
    owner, second, code = graph.gather(first)
    keep = allowed.keep(second, code)
    owner, second, code = owner[keep], second[keep], code[keep]
    return FoundPaths(
        np.stack([first[owner], second], axis=1), np.stack([first_code[owner], code], axis=1)
    )


def _best_per_middle(graph: Adjacency, steps: FoundPaths, ends: tuple[int, int]) -> FoundPaths:
    """KEEP_PER_MIDDLE half paths per middle node, those whose first node has the fewest edges."""
    steps = steps.select(np.asarray(~np.isin(steps.nodes, ends).any(axis=1)))
    first, middle = steps.nodes[:, 0], steps.nodes[:, 1]
    order = np.lexsort((first, graph.degree(first), middle))
    steps, middle = steps.select(order), middle[order]
    fresh = np.ones(len(middle), dtype=bool)
    fresh[1:] = np.diff(middle) != 0
    starts = np.flatnonzero(fresh)
    rank = np.arange(len(middle)) - starts[np.cumsum(fresh) - 1]
    return steps.select(rank < KEEP_PER_MIDDLE)
