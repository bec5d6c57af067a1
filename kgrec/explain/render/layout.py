"""Layout of an explanation's picture: user, history, nodes between and item, left to right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.explain.explained_path import ExplainedPath
from kgrec.paths.people import PEOPLE
from kgrec.visualization.layout import Box, Points
from kgrec.visualization.text_wrap import MAX_LINES, wrap

if TYPE_CHECKING:
    import networkx as nx

# Kinds of box.
OWNER, HISTORY, ENTITY_LINK, ITEM_LINK, PERSON, SIMILARITY, CANDIDATE, PASSAGE = (
    "user",
    "history",
    "entity",
    "item",
    "person",
    "similarity",
    "candidate",
    "passage",
)
_LINK_KINDS = {USER: PERSON, PEOPLE: PERSON, ITEM: ITEM_LINK, ENTITY: ENTITY_LINK}
COLUMN_WIDTH = {0: 1.25}  # inches; all others BOX_WIDTH
BOX_WIDTH, GAP, LINE, PADDING, SPACING, PORT = 2.25, 1.75, 0.175, 0.2, 0.2, 0.13
CHARS, BOLD_CHARS, OWNER_CHARS = 28, 24, 13
SWEEPS = 6


def picture_graph(paths: Sequence[ExplainedPath], item_name: str) -> nx.DiGraph:
    """Join paths to the graph that is drawn; without paths it has the item alone.

    Nodes have ``kind``, ``lines`` and ``column``; edges ``words``, ``amount`` (signed sum of the
    contributions), ``stored``, and ``forward``/``backward`` (which ends have an arrow).
    """
    import networkx as nx  # it takes half a second

    graph = nx.DiGraph()
    last = max([3, *(path.hops for path in paths)])
    for number, path in enumerate(paths):
        _add_path(graph, path, number, last)
    if not paths:
        lines = wrap(item_name, BOLD_CHARS, MAX_LINES + 2)
        graph.add_node("item", kind=CANDIDATE, lines=lines, column=last)
    return graph


def _add_path(graph: nx.DiGraph, path: ExplainedPath, number: int, last: int) -> None:
    keys = [_add_node(graph, path, i, last) for i in range(len(path.nodes))]
    for i, word in enumerate(path.words):
        a, b = keys[i], keys[i + 1]
        label = "" if i == 0 else word
        label = "chosen before" if path.hops == 1 else label
        if i > 0 and path.hops == 2:  # a fact or similarity between two items has its own box
            middle = ("step", number)
            lines, solid = wrap(word, CHARS), path.stored[i]
            graph.add_node(middle, kind=SIMILARITY, lines=lines, column=2, solid=solid)
            _add_edge(graph, a, middle, path, i, "")
            a, label = middle, ""
        a = _add_passages(graph, a, b, path, (number, i))
        _add_edge(graph, a, b, path, i, label)


def _add_passages(
    graph: nx.DiGraph, a: object, b: object, path: ExplainedPath, place: tuple[int, int]
) -> object:
    """Reserve space in every column that an edge crosses; returns where its last part starts.

    ``place`` is (number of the path, step).
    """
    number, step = place
    for column in range(graph.nodes[a]["column"] + 1, graph.nodes[b]["column"]):
        key = ("passage", number, step, column)
        graph.add_node(key, kind=PASSAGE, lines=[], column=column)
        _add_edge(graph, a, key, path, step, "")
        a = key
    return a


def _add_node(graph: nx.DiGraph, path: ExplainedPath, place: int, last: int) -> object:
    label, node_id, _ = path.nodes[place]
    column = last if place == len(path.nodes) - 1 else place
    # The number who chose both depends on the history item: one box for each.
    beside = path.nodes[1][1] if path.people and 1 < place < len(path.nodes) - 1 else ""
    key = (label, node_id, column, beside)
    if key in graph:
        return key
    kind, lines = _kind_and_lines(path, place, last=column == last)
    graph.add_node(key, kind=kind, lines=lines, column=column)
    return key


def _kind_and_lines(path: ExplainedPath, place: int, last: bool) -> tuple[str, list[str]]:
    """The kind of a path's node and the lines in its box."""
    label, node_id, name = path.nodes[place]
    text = name or f"{label.lower()} {node_id}"
    if place == 0:
        return OWNER, wrap(text if name or node_id else "You", OWNER_CHARS)
    if last:
        return CANDIDATE, wrap(text, BOLD_CHARS, MAX_LINES + 2)
    kind = HISTORY if place == 1 else _LINK_KINDS[label]
    if kind == ENTITY_LINK and not name:  # its relation says more than the word entity
        text = f"{path.words[place - 1]} {node_id}"
    if label == USER and kind == PERSON and path.people > 1:
        text += f" and {path.people - 1:,} other{'s' if path.people > 2 else ''}"
    return kind, wrap(text, CHARS)


def _add_edge(
    graph: nx.DiGraph, a: object, b: object, path: ExplainedPath, step: int, word: str
) -> None:
    if not graph.has_edge(a, b):
        graph.add_edge(a, b, words=[], amount=0.0, stored=False, forward=False, backward=False)
    edge = graph.edges[a, b]
    edge["amount"] += path.contribution
    edge["stored"] |= path.stored[step]
    forward, backward = path.outgoing[step], not path.outgoing[step]
    to_box, from_box = (graph.nodes[n]["kind"] != PASSAGE for n in (b, a))
    edge["forward"] |= path.stored[step] and forward and to_box
    edge["backward"] |= path.stored[step] and backward and from_box
    if word and word not in edge["words"] and path.kind != "collaborative":
        edge["words"].append(word)


def place(graph: nx.DiGraph) -> tuple[dict[object, Box], float, float]:
    """Give every node a box; returns also the width and height in inches. Deterministic."""
    columns = _ordered_columns(graph)
    height = max(sum(_height(graph, n) + SPACING for n in column) for column in columns.values())
    boxes: dict[object, Box] = {}
    x = 0.0
    for number in range(max(columns) + 1):
        width = COLUMN_WIDTH.get(number, BOX_WIDTH)
        nodes = columns.get(number, [])
        spare = height - sum(_height(graph, node) for node in nodes)
        gap = spare / len(nodes) if nodes else 0.0
        top = height - gap / 2
        for node in nodes:
            tall = _height(graph, node)
            boxes[node] = Box(x + width / 2, top - tall / 2, width, tall)
            top -= tall + gap
        x += width + GAP
    return boxes, x - GAP, height


def curves(graph: nx.DiGraph, boxes: Mapping[object, Box]) -> dict[tuple[object, object], Points]:
    """Control points of every edge, from the right side of one box to the left side of the next.

    The edges at one side are distributed in the order of their other ends. An edge out of a
    passage has one more point, before the others: where the line across the passage begins.
    """
    starts = {n: _ports(boxes[n], graph.successors(n), boxes) for n in graph}
    ends = {n: _ports(boxes[n], graph.predecessors(n), boxes) for n in graph}
    found = {}
    for a, b in graph.edges:
        left, right = boxes[a].x + boxes[a].width / 2, boxes[b].x - boxes[b].width / 2
        y, z, middle = starts[a][b], ends[b][a], (left + right) / 2
        curve = [(left, y), (middle, y), (middle, z), (right, z)]
        over = graph.nodes[a]["kind"] == PASSAGE
        found[a, b] = [(left - boxes[a].width, y), *curve] if over else curve
    return found


def _ports(box: Box, others: Iterable[object], boxes: Mapping[object, Box]) -> dict[object, float]:
    """y of the edge to each other box, on one side of ``box``."""
    order = sorted(others, key=lambda node: -boxes[node].y)
    step = 0.72 * box.height / len(order) if order else 0.0
    return {n: box.y + step * ((len(order) - 1) / 2 - i) for i, n in enumerate(order)}


def _height(graph: nx.DiGraph, node: object) -> float:
    busiest = max(graph.in_degree(node), graph.out_degree(node))
    return float(max(PADDING + LINE * max(len(graph.nodes[node]["lines"]), 1), PORT * busiest))


def _ordered_columns(graph: nx.DiGraph) -> dict[int, list[object]]:
    """Order the nodes of every column so that few edges cross (barycentre sweeps)."""
    columns: dict[int, list[object]] = {}
    for node, data in graph.nodes(data=True):  # insertion order: the paths' rank
        columns.setdefault(data["column"], []).append(node)
    numbers = sorted(columns)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for number in numbers if forward else reversed(numbers):
            near = graph.predecessors if forward else graph.successors
            rank = {n: i / len(c) for c in columns.values() for i, n in enumerate(c)}
            columns[number].sort(key=lambda n: _mean((rank[m] for m in near(n)), rank[n]))
    return columns


def _mean(values: Iterable[float], otherwise: float) -> float:
    known = list(values)
    return sum(known) / len(known) if known else otherwise
