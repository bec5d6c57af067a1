"""Where the nodes of any graph stand: near what they are joined to, and never on one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import networkx as nx
import numpy as np

from kgrec.visualization.boxes import Box

CAREFUL = 120  # up to so many nodes, all distances are kept, which takes time as their square
ROOM = 4.2  # square inches of paper per square inch of box
ASPECT = 1.45
GAP = (0.22, 0.2)  # inches between two boxes, across and up
ROUNDS, FEW = 400, 5
SWEEPS = 60  # in which boxes step aside from lines that would run under them
CLEAR = 0.08  # inches between a line and a box it passes
Key = tuple[str, str]


def spread(
    sizes: Mapping[Key, tuple[float, float]], joined: Sequence[tuple[Key, Key]]
) -> tuple[dict[Key, Box], float, float]:
    """A box for every node, and the width and height of the whole. All in inches; deterministic.

    ``sizes`` are widths and heights; ``joined`` the pairs of nodes that an edge joins.
    """
    names, edges = list(sizes), _numbered(sizes, joined)
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(names)))
    graph.add_edges_from(edges.tolist())
    size = np.array([sizes[name] for name in names], dtype=np.float64)
    at = _apart(_fitted(_places(graph), size), size)
    if len(names) <= CAREFUL:
        at = _settled(at, size, edges)
    low, high = (at - size / 2).min(axis=0), (at + size / 2).max(axis=0)
    return _boxes(names, at - low, size), float(high[0] - low[0]), float(high[1] - low[1])


def step_aside(boxes: Mapping[Key, Box], joined: Sequence[tuple[Key, Key]]) -> dict[Key, Box]:
    """The boxes near where they are, but not on one another, nor on lines that end elsewhere."""
    at = np.array([(box.x, box.y) for box in boxes.values()], dtype=np.float64)
    size = np.array([(box.width, box.height) for box in boxes.values()], dtype=np.float64)
    return _boxes(list(boxes), _settled(at, size, _numbered(boxes, joined)), size)


def _numbered(names: Iterable[Key], joined: Sequence[tuple[Key, Key]]) -> np.ndarray:
    """int64 ``[e, 2]``: the pairs by the places of their names, each pair once, no loops."""
    place = {name: i for i, name in enumerate(names)}
    pairs = {(place[a], place[b]) for a, b in joined if a != b}
    return np.array(sorted({(min(pair), max(pair)) for pair in pairs}), np.int64).reshape(-1, 2)


def _boxes(names: list[Key], at: np.ndarray, size: np.ndarray) -> dict[Key, Box]:
    return {
        name: Box(float(x), float(y), float(w), float(h))
        for name, (x, y), (w, h) in zip(names, at, size, strict=True)
    }


def _settled(at: np.ndarray, size: np.ndarray, edges: np.ndarray) -> np.ndarray:
    for _ in range(SWEEPS):
        at = _apart(_beside_lines(at, size, edges), size, FEW)
    return _apart(at, size)


def _places(graph: nx.Graph[int]) -> np.ndarray:
    """float64 ``[n, 2]``: places without sizes; what is joined is near."""
    n = len(graph)
    if n == 1:
        return np.zeros((1, 2))
    if n > CAREFUL:
        found = nx.spring_layout(graph, seed=0, iterations=80, method="force")
    else:
        steps = dict(nx.all_pairs_shortest_path_length(graph))
        far = 1.5 + max(max(row.values()) for row in steps.values())
        distance = {a: {b: steps[a].get(b, far) for b in graph} for a in graph}
        found = nx.kamada_kawai_layout(graph, dist=distance, pos=nx.circular_layout(graph))
    return np.array([found[i] for i in range(n)], dtype=np.float64)


def _fitted(at: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The places stretched over a sheet with room for the boxes."""
    area = ROOM * float((size + GAP).prod(axis=1).sum())
    sheet = np.array([np.sqrt(area * ASPECT), np.sqrt(area / ASPECT)])
    span = np.ptp(at, axis=0)
    stretched: np.ndarray = (at - at.min(axis=0)) / np.where(span > 1e-9, span, 1.0) * sheet
    return stretched


def _apart(at: np.ndarray, size: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
    """Boxes that touch step aside, the shorter way, until none does."""
    reach = (size[:, None] + size[None]) / 2 + GAP
    for _ in range(rounds):
        away = at[:, None] - at[None]
        inside = reach - np.abs(away)
        touching = (inside > 1e-6).all(axis=2)
        np.fill_diagonal(touching, False)
        if not touching.any():
            break
        across = inside[..., 0] < inside[..., 1]
        # Two boxes on one spot part by their order.
        order = np.sign(np.arange(len(at))[:, None] - np.arange(len(at))[None])
        for axis, chosen in ((0, across), (1, ~across)):
            way = np.where(away[..., axis] == 0, order, np.sign(away[..., axis]))
            step = np.where(touching & chosen, way * inside[..., axis] * 0.52, 0.0)
            at[:, axis] += step.sum(axis=1) / np.maximum((step != 0).sum(axis=1), 1)
    return at


def _beside_lines(at: np.ndarray, size: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Every box a little further from the lines under it that end at other boxes."""
    start, end = at[edges[:, 0]], at[edges[:, 1]]
    along = end - start
    length = np.maximum(np.hypot(*along.T), 1e-9)
    unit = along / length[:, None]
    normal = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
    away = at[None] - start[:, None]  # [edges, boxes, 2]
    beyond = (away * unit[:, None]).sum(axis=2)
    off = (away * normal[:, None]).sum(axis=2)
    reach = (np.abs(normal) @ size.T) / 2 + CLEAR
    half = (np.abs(unit) @ size.T) / 2
    under = (np.abs(off) < reach) & (beyond > -half) & (beyond < length[:, None] + half)
    for side in (0, 1):
        under[np.arange(len(edges)), edges[:, side]] = False
    push = np.where(under, np.where(off < 0, -1.0, 1.0) * (reach - np.abs(off)), 0.0)
    moved: np.ndarray = at + 0.35 * (push[..., None] * normal[:, None]).sum(axis=0)
    return moved
