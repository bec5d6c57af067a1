"""Shortest simple paths from a store that can list paths of an exact length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kgrec.stores.base import NodeRef, StorePath

# (number of edges, most rows) -> rows with l0, i0, t0, o0, l1, i1, ...: label and id of each node,
# type and direction of each edge.
PathSearch = Callable[[int, int], list[dict[str, Any]]]
_MOST_ROWS = 1_000_000


def simple_paths(search: PathSearch, max_hops: int, limit: int) -> list[StorePath]:
    """Up to ``limit`` different simple paths of 1 to ``max_hops`` edges, shortest first."""
    found: list[StorePath] = []
    for hops in range(1, max_hops + 1):
        if len(found) < limit:
            found += _of_length(search, hops, limit - len(found))
    return found


def _of_length(search: PathSearch, hops: int, limit: int) -> list[StorePath]:
    """Rows repeat a path for each of its parallel edges, so ask for more until enough differ."""
    most = 2 * limit
    while True:
        rows = search(hops, most)
        paths = list(dict.fromkeys(_path(row, hops) for row in rows))
        simple = [path for path in paths if len(set(path.nodes)) == len(path.nodes)]
        if len(simple) >= limit or len(rows) < most or most >= _MOST_ROWS:
            return simple[:limit]
        most = min(8 * most, _MOST_ROWS)


def _path(row: dict[str, Any], hops: int) -> StorePath:
    return StorePath(
        nodes=tuple(NodeRef(row[f"l{i}"], row[f"i{i}"]) for i in range(hops + 1)),
        relations=tuple(row[f"t{i}"] for i in range(hops)),
        outgoing=tuple(row[f"o{i}"] for i in range(hops)),
    )
