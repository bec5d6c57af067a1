"""GraphView: what the nodes and edges of a graph look like, for the drawing and for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY, ITEM, USER
from kgrec.visualization.style import NEGATIVE, POSITIVE
from kgrec.visualization.text_wrap import clean, wrap

if TYPE_CHECKING:
    import networkx as nx

# Okabe and Ito's palette, safe for colour-blind readers. (colour, name in the legend) of a label,
# or of a node's attribute ``shown_as``, its role in an explanation, which comes first.
LOOKS: Mapping[str, tuple[str, str]] = {
    USER: ("#CC79A7", "user"),
    ITEM: ("#56B4E9", "item"),
    ENTITY: ("#E69F00", "entity"),
    "owner": ("#0072B2", "the user"),
    "history": ("#56B4E9", "chosen before"),
    "item between": ("#F0E442", "item in between"),
    "candidate": ("#009E73", "recommended"),
    "other item": ("#F0E442", "other item"),
    "people": ("#8A8A8A", "other people"),
}
UNKNOWN = ("#8A8A8A", "node")
# Seven colours and three kinds of line: 21 relations that also differ without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1A1A1A")
LINES = ("solid", "dashed", "dotted")
THIN, PLAIN, WIDE = 1.0, 1.5, 7.0  # line widths in points
CHARS = 20  # of a line in a box
# Attributes of nodes and edges that are shown otherwise, or not at all.
NODE_ATTRIBUTES = {"label", "id", "name", "kind", "focus", "shown_as", "derived", "total"}
EDGE_ATTRIBUTES = {"relation", "contribution", "stored"}
NodeKey = tuple[str, str]


@dataclass(frozen=True)
class ViewNode:
    """A box: ``lines`` of text; ``facts`` are the graph's further attributes as text, ``total`` the
    number of neighbours that the node has in the whole graph, where the view is a part of it."""

    key: NodeKey
    text: str
    lines: list[str]
    kind: str
    colour: str
    look: str
    focus: bool
    facts: dict[str, str] = field(default_factory=dict)
    total: int = 0


@dataclass(frozen=True)
class ViewEdge:
    """A line: all edges of one relation from one node to another.

    ``contribution`` is their sum, None where the graph has none; ``stored`` is False for a
    similarity that is no relationship of the graph.
    """

    source: NodeKey
    target: NodeKey
    relation: str
    count: int
    contribution: float | None
    stored: bool
    colour: str
    line: str
    width: float
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GraphView:
    """A whole graph; with ``by_contribution``, widths and colours of lines show contributions,
    else relations."""

    title: str
    note: str
    nodes: list[ViewNode]
    edges: list[ViewEdge]
    by_contribution: bool

    def relations(self) -> dict[str, ViewEdge]:
        """One edge of each relation, the most frequent relation first."""
        count = Counter(edge.relation for edge in self.edges)
        first = {edge.relation: edge for edge in reversed(self.edges)}
        return {name: first[name] for name in sorted(count, key=lambda n: (-count[n], n))}

    def has_negative(self) -> bool:
        """Whether any contribution is negative."""
        return any((edge.contribution or 0.0) < 0 for edge in self.edges)

    def has_unstored(self) -> bool:
        """Whether any edge is a similarity that is no relationship of the graph."""
        return any(not edge.stored for edge in self.edges)


def graph_view(graph: nx.MultiDiGraph[NodeKey], title: str | None = None) -> GraphView:
    """Make the view of a graph. Raises RequestError for a graph without nodes."""
    if not len(graph):
        raise RequestError("the graph is empty: there is nothing to draw")
    nodes = [_node(key, data) for key, data in graph.nodes(data=True)]
    edges = _edges(graph)
    by_contribution = any(edge.contribution is not None for edge in edges)
    note = _note(graph)
    return GraphView(clean(title or _title(nodes)), note, nodes, edges, by_contribution)


def _node(key: NodeKey, data: dict[str, Any]) -> ViewNode:
    label, node_id = key
    kind = str(data.get("kind") or label.lower())
    text = clean(str(data.get("name") or "")) or clean(f"{kind} {node_id}")
    colour, look = LOOKS.get(str(data.get("shown_as", label)), LOOKS.get(label, UNKNOWN))
    facts = {str(name): str(value) for name, value in data.items() if name not in NODE_ATTRIBUTES}
    lines = wrap(text, CHARS)
    focus, total = bool(data.get("focus")), int(data.get("total", 0))
    return ViewNode(key, text, lines, kind, colour, look, focus, facts, total)


def _edges(graph: nx.MultiDiGraph[NodeKey]) -> list[ViewEdge]:
    """One line for the parallel edges of each relation."""
    grouped: dict[tuple[NodeKey, NodeKey, str], list[dict[str, Any]]] = {}
    for a, b, data in graph.edges(data=True):
        grouped.setdefault((a, b, str(data.get("relation", ""))), []).append(data)
    looks = _line_looks(Counter(relation for _, _, relation in grouped))
    amounts = {key: _contribution(parts) for key, parts in grouped.items()}
    largest = max((abs(a) for a in amounts.values() if a is not None), default=0.0)
    by_contribution = any(amount is not None for amount in amounts.values())
    edges = []
    for key, parts in grouped.items():
        amount, stored = amounts[key], all(part.get("stored", True) for part in parts)
        colour, line = looks[key[2]]
        width = PLAIN
        if by_contribution:
            colour = NEGATIVE if (amount or 0.0) < 0 else POSITIVE
            line = "solid" if stored else "dashed"
            share = abs(amount or 0.0) / largest if largest else 0.0
            width = THIN + (WIDE - THIN) * share
        count, facts = len(parts), _facts(parts)
        edges.append(ViewEdge(*key, count, amount, stored, colour, line, width, facts))
    return edges


def _line_looks(count: Counter[str]) -> dict[str, tuple[str, str]]:
    """(colour, kind of line) of each relation, the most frequent relation first."""
    names = sorted(count, key=lambda name: (-count[name], name))
    return {name: (COLOURS[i % 7], LINES[i % 3]) for i, name in enumerate(names)}


def _contribution(parts: list[dict[str, Any]]) -> float | None:
    known = [float(part["contribution"]) for part in parts if "contribution" in part]
    return sum(known) if known else None


def _facts(parts: list[dict[str, Any]]) -> dict[str, str]:
    """Further attributes of the last, which is the latest, of parallel edges."""
    return {
        str(name): str(value) for name, value in parts[-1].items() if name not in EDGE_ATTRIBUTES
    }


def _title(nodes: list[ViewNode]) -> str:
    names = [f"“{node.text}”" for node in nodes if node.focus]
    if not names:
        return "A part of the graph"
    if len(names) <= 3:
        return "Around " + " and ".join(names)
    return f"Around {names[0]} and {len(names) - 1} others"


def _note(graph: nx.MultiDiGraph[NodeKey]) -> str:
    """How much is shown, and how much is not."""
    counts = f"{_counted(len(graph), 'node')}, {_counted(graph.number_of_edges(), 'edge')}"
    left_out = int(graph.graph.get("left_out", 0))
    return counts + (f"; {left_out:,} more nodes met are left out" if left_out else "")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
