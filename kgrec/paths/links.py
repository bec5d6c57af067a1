"""Short fact paths from history items to a candidate, for a whole history at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import Floats, Ints
from kgrec.paths.adjacency import Adjacency
from kgrec.paths.search import intersect, join

HUB = 4096  # an item with more facts is searched separately, by binary search


@dataclass(frozen=True, eq=False)
class Links:
    """Short fact paths item → candidate, all arrays ``[m]``.

    ``item`` position in the list of items; ``link`` the node between (-1: a direct fact);
    ``near`` the edge code item → link (or → candidate); ``far`` link → candidate (-1 for a direct
    fact); ``weight`` float64 > 0: log(1 + items / facts of the link), larger for rarer links.
    """

    item: Ints
    link: Ints
    near: Ints
    far: Ints
    weight: Floats


def find_links(graph: Adjacency, items: Ints, candidate: int, n_items: int) -> Links:
    """Find the neighbours that items share with the candidate, and direct facts between them.

    ``items`` int64 node numbers, none equal to ``candidate``.
    """
    target, target_code = graph.of(candidate)
    item, place, near = _shared_neighbours(graph, items, target)
    link, far = target[place], target_code[place] ^ 1
    between = (link != items[item]) & (link != candidate)  # an edge to itself gives no link
    item, link, near, far = item[between], link[between], near[between], far[between]
    keep = _same_relation_first(item * (len(graph.indptr) - 1) + link, near >> 1 == far >> 1)
    item, link, near, far = item[keep], link[keep], near[keep], far[keep]
    weight = np.log1p(n_items / graph.degree(link))
    direct_item, direct_code = _direct(items, target, target_code)
    highest = np.full(len(direct_item), np.log1p(float(n_items)))
    none = np.full(len(direct_item), -1, dtype=np.int64)
    return Links(
        np.concatenate([item, direct_item]),
        np.concatenate([link, none]),
        np.concatenate([near, direct_code]).astype(np.int64),
        np.concatenate([far, none]).astype(np.int64),
        np.concatenate([weight, highest]),
    )


def _shared_neighbours(graph: Adjacency, items: Ints, target: Ints) -> tuple[Ints, Ints, Ints]:
    """(item position, place in ``target``, code item → link) of every shared neighbour."""
    hubs = np.flatnonzero(graph.degree(items) > HUB)
    plain = np.flatnonzero(graph.degree(items) <= HUB)
    owner, neighbour, code = graph.gather(items[plain])
    i, place = join(neighbour, target)
    found = [(plain[owner[i]], place, code[i])]
    for position in hubs.tolist():
        near, near_code = graph.of(int(items[position]))
        i, place = intersect(near, target)
        found.append((np.full(len(i), position), place, near_code[i]))
    item, at, codes = (np.concatenate(column) for column in zip(*found, strict=True))
    return item.astype(np.int64), at, codes


def _same_relation_first(pair: Ints, same: np.ndarray) -> np.ndarray:
    """Mask of pairs to keep: mixed relations only if no relation is the same on both sides."""
    unique, inverse = np.unique(pair, return_inverse=True)
    has_same = np.zeros(len(unique), dtype=bool)
    has_same[inverse[same]] = True
    return np.asarray(same | ~has_same[inverse])


def _direct(items: Ints, target: Ints, target_code: Ints) -> tuple[Ints, Ints]:
    """(item position, code item → candidate) of the facts between an item and the candidate."""
    i, place = join(items, target)
    return i, target_code[place] ^ 1
