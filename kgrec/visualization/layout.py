"""Places of a graph's nodes: connected nodes near each other, no box over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SMALL = 120  # nodes of a graph that is laid out by all its distances, in quadratic time
AREA = 4.2  # square inches of paper per square inch of box
ASPECT = 1.45
GAP = (0.22, 0.2)  # inches between two boxes, across and up
ROUNDS, FEW = 400, 5
SWEEPS = 60  # in which boxes move away from lines that would run under them
CLEARANCE = 0.08  # inches between a line and a box that it passes
Key = tuple[str, str]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """A node's place in inches: centre, width and height."""

    x: float
    y: float
    width: float
    height: float


def overlap(a: Box, b: Box) -> float:
    """Square inches that two boxes share."""
    width = min(a.x + a.width / 2, b.x + b.width / 2) - max(a.x - a.width / 2, b.x - b.width / 2)
    height = min(a.y + a.height / 2, b.y + b.height / 2) - max(
        a.y - a.height / 2, b.y - b.height / 2
    )
    return max(width, 0.0) * max(height, 0.0)


def place_nodes(
    sizes: Mapping[Key, tuple[float, float]], pairs: Sequence[tuple[Key, Key]]
) -> tuple[dict[Key, Box], float, float]:
    """Lay out a graph: a box per node, and the width and height of the whole, in inches.

    ``sizes`` are (width, height) in inches; ``pairs`` the nodes that edges connect. Deterministic.
    """
    names, edges = list(sizes), _numbered(sizes, pairs)
    size = np.array([sizes[name] for name in names], dtype=np.float64)
    at = _without_overlaps(_scaled(_positions(len(names), edges), size), size)
    if len(names) <= SMALL:
        at = _beside_all_lines(at, size, edges)
    low, high = (at - size / 2).min(axis=0), (at + size / 2).max(axis=0)
    return _boxes(names, at - low, size), float(high[0] - low[0]), float(high[1] - low[1])


def separate(boxes: Mapping[Key, Box], pairs: Sequence[tuple[Key, Key]]) -> dict[Key, Box]:
    """Move boxes a little, so that none overlaps another or a line between two others."""
    at = np.array([(box.x, box.y) for box in boxes.values()], dtype=np.float64)
    size = np.array([(box.width, box.height) for box in boxes.values()], dtype=np.float64)
    return _boxes(list(boxes), _beside_all_lines(at, size, _numbered(boxes, pairs)), size)


def _numbered(names: Iterable[Key], pairs: Sequence[tuple[Key, Key]]) -> np.ndarray:
    """int64 ``[e, 2]``: positions of the names of each pair, each pair once, no loops."""
    place = {name: i for i, name in enumerate(names)}
    found = {(place[a], place[b]) for a, b in pairs if a != b}
    return np.array(sorted({(min(pair), max(pair)) for pair in found}), np.int64).reshape(-1, 2)


def _boxes(names: list[Key], at: np.ndarray, size: np.ndarray) -> dict[Key, Box]:
    return {
        name: Box(float(x), float(y), float(w), float(h))
        for name, (x, y), (w, h) in zip(names, at, size, strict=True)
    }


def _beside_all_lines(at: np.ndarray, size: np.ndarray, edges: np.ndarray) -> np.ndarray:
    for _ in range(SWEEPS):
        at = _without_overlaps(_beside_lines(at, size, edges), size, FEW)
    return _without_overlaps(at, size)


def _positions(n: int, edges: np.ndarray) -> np.ndarray:
    """float64 ``[n, 2]``: positions of nodes without size, connected ones near each other."""
    import networkx as nx  # it takes half a second

    if n == 1:
        return np.zeros((1, 2))
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges.tolist())
    if n > SMALL:
        found = nx.spring_layout(graph, seed=0, iterations=80, method="force")
    else:
        steps = dict(nx.all_pairs_shortest_path_length(graph))
        far = 1.5 + max(max(row.values()) for row in steps.values())
        distance = {a: {b: steps[a].get(b, far) for b in graph} for a in graph}
        found = nx.kamada_kawai_layout(graph, dist=distance, pos=nx.circular_layout(graph))
    return np.array([found[i] for i in range(n)], dtype=np.float64)


def _scaled(at: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Stretch the positions over a sheet that has space for the boxes."""
    area = AREA * float((size + GAP).prod(axis=1).sum())
    sheet = np.array([np.sqrt(area * ASPECT), np.sqrt(area / ASPECT)])
    span = np.ptp(at, axis=0)
    stretched: np.ndarray = (at - at.min(axis=0)) / np.where(span > 1e-9, span, 1.0) * sheet
    return stretched


def _without_overlaps(at: np.ndarray, size: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """Move boxes that overlap apart, along the shorter axis, until none does."""
    reach = (size[:, None] + size[None]) / 2 + GAP
    for _ in range(rounds):
        away = at[:, None] - at[None]
        inside = reach - np.abs(away)
        touching = (inside > 1e-6).all(axis=2)
        np.fill_diagonal(touching, False)
        if not touching.any():
            break
        across = inside[..., 0] < inside[..., 1]
        # Two boxes at one position are moved apart by their order.
        order = np.sign(np.arange(len(at))[:, None] - np.arange(len(at))[None])
        for axis, chosen in ((0, across), (1, ~across)):
            sign = np.where(away[..., axis] == 0, order, np.sign(away[..., axis]))
            step = np.where(touching & chosen, sign * inside[..., axis] * 0.52, 0.0)
            at[:, axis] += step.sum(axis=1) / np.maximum((step != 0).sum(axis=1), 1)
    return at


def _beside_lines(at: np.ndarray, size: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Move every box a little away from lines under it that end at other boxes."""
    start, end = at[edges[:, 0]], at[edges[:, 1]]
    along = end - start
    length = np.maximum(np.hypot(*along.T), 1e-9)
    unit = along / length[:, None]
    normal = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
    away = at[None] - start[:, None]  # [edges, boxes, 2]
    beyond = (away * unit[:, None]).sum(axis=2)
    off = (away * normal[:, None]).sum(axis=2)
    reach = (np.abs(normal) @ size.T) / 2 + CLEARANCE
    half = (np.abs(unit) @ size.T) / 2
    under = (np.abs(off) < reach) & (beyond > -half) & (beyond < length[:, None] + half)
    for side in (0, 1):
        under[np.arange(len(edges)), edges[:, side]] = False
    push = np.where(under, np.where(off < 0, -1.0, 1.0) * (reach - np.abs(off)), 0.0)
    moved: np.ndarray = at + 0.35 * (push[..., None] * normal[:, None]).sum(axis=0)
    return moved
