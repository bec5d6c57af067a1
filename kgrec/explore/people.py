"""Other people in the graph that is explored: those who are joined to a node, and those on paths,
as one node with their number."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from kgrec.explore.neighbourhood import Edges
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Limits, Path, PathIndex, through
from kgrec.paths.people import ShownPeople, is_person, people_between
from kgrec.paths.search import EDGE_BUDGET, FoundPaths, search

SEVERAL = -1  # in place of a node: several people


@dataclass(frozen=True, eq=False)
class FoldedEdges:
    """Edges in which those of one kind from one node to other people are one.

    ``edges.neighbour`` is SEVERAL for them; ``people`` int64 ``[m]``: how many they are, 0 for
    other edges.
    """

    edges: Edges
    people: Ints

    @staticmethod
    def of(index: PathIndex, edges: Edges, own: AbstractSet[int]) -> FoldedEdges:
        """Fold the edges to users other than ``own``; the first edge of a kind has the place."""
        person = is_person(index, edges.neighbour, own)
        key = edges.owner * (2 * index.interacted + 2) + edges.code
        _, first, place = np.unique(key[person], return_index=True, return_inverse=True)
        rows = np.flatnonzero(person)
        people = np.zeros(len(edges), dtype=np.int64)
        people[rows[first]] = np.bincount(place, minlength=len(first))
        neighbour = np.where(person, SEVERAL, edges.neighbour)
        event = np.where(person, -1, edges.event)
        kept = ~person | (people > 0)
        return FoldedEdges(
            Edges(edges.owner, neighbour, edges.code, event).select(kept), people[kept]
        )

    def select(self, which: np.ndarray | Ints) -> FoldedEdges:
        """The edges of a mask or of positions."""
        return FoldedEdges(self.edges.select(which), self.people[which])


def shown_degree(index: PathIndex, nodes: Ints, shown: ShownPeople) -> Ints:
    """The number of edges of each node, int64 ``[n]``; without those to users where these are too
    few to be counted."""
    degree = index.whole.degree(nodes)
    if shown.named:
        return degree
    owner, neighbour, _ = index.whole.gather(nodes)
    people = np.bincount(owner[is_person(index, neighbour)], minlength=len(nodes))
    return np.asarray(degree - np.where(people < shown.fewest, people, 0))


def find_paths(
    index: PathIndex, start: int, end: int, limits: Limits, most: int, shown: ShownPeople
) -> list[tuple[Path, int]]:
    """``PathIndex.between`` with all paths that differ by one person as one, and their number.

    SEVERAL stands for the people, who are ``shown.fewest`` or more. Paths through two people are
    left out.
    """
    found: list[tuple[Path, int]] = []
    for hops in range(1, limits.max_hops + 1):
        if len(found) >= most or start == end:
            break
        raw = search(index.whole, start, end, hops, limits.allowed, EDGE_BUDGET)
        for path, people in _folded(index, through(raw, limits.via), {start, end}):
            if len(found) < most and (not people or people >= shown.fewest):
                found.append((path, people))
    return found


def _folded(
    index: PathIndex, found: FoundPaths, own: AbstractSet[int]
) -> Iterator[tuple[Path, int]]:
    """Paths with the number of people on each (0: none), through rare nodes first."""
    person = is_person(index, found.nodes, own)
    single = person.sum(axis=1) <= 1
    found, person = found.select(single), person[single]
    nodes = np.where(person, SEVERAL, found.nodes)
    width = nodes.shape[1]
    rows, count = np.unique(
        np.concatenate([nodes, found.codes], axis=1), axis=0, return_counts=True
    )
    inner = rows[:, 1 : width - 1]
    several = inner == SEVERAL
    degree = np.where(several, count[:, None], index.whole.degree(np.where(several, 0, inner)))
    for row in np.argsort(np.log1p(degree).sum(axis=1), kind="stable").tolist():
        path = Path(tuple(rows[row, :width].tolist()), tuple(rows[row, width:].tolist()))
        yield path, _people_on(index, path, own)


def _people_on(index: PathIndex, path: Path, own: AbstractSet[int]) -> int:
    if SEVERAL not in path.nodes:
        return 0
    place = path.nodes.index(SEVERAL)
    ends = path.nodes[place - 1], path.nodes[place + 1]
    return people_between(index, ends, path.codes[place - 1 : place + 1], own)  # type: ignore[arg-type]
