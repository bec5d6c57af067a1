"""View: how a graph's nodes and edges look and what they say, for the drawing and for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY, ITEM, USER
from kgrec.visualization.style import AGAINST, FOR
from kgrec.visualization.text_wrap import clean, wrap

if TYPE_CHECKING:
    import networkx as nx

# Okabe and Ito's palette, safe for the colour-blind; what it is in an explanation comes first.
LOOKS: Mapping[str, tuple[str, str]] = {
    USER: ("#CC79A7", "user"),
    ITEM: ("#56B4E9", "item"),
    ENTITY: ("#E69F00", "entity"),
    "owner": ("#0072B2", "the user"),
    "history": ("#56B4E9", "chosen before"),
    "item between": ("#F0E442", "item in between"),
    "candidate": ("#009E73", "recommended"),
}
UNKNOWN = ("#8A8A8A", "node")
# Seven colours and three kinds of line: 21 relations that also differ without colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1A1A1A")
LINES = ("solid", "dashed", "dotted")
THIN, PLAIN, WIDE = 1.0, 1.5, 7.0  # line widths in points
CHARS = 20
OWN = {"label", "id", "name", "kind", "focus", "shown_as", "derived"}  # no facts of a node
NodeKey = tuple[str, str]


@dataclass(frozen=True)
class ViewNode:
    """A box: ``lines`` of text; ``facts`` are further attributes by name, in words."""

    key: NodeKey
    text: str
    lines: list[str]
    kind: str
    colour: str
    look: str
    focus: bool
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ViewEdge:
    """A line: all edges of one relation from one node to another. ``contribution`` is None where
    the graph has none; ``stored`` is False for a likeness that is no relationship."""

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
class View:
    """A whole graph. ``weighed``: widths and colours of lines tell contributions, not relations."""

    title: str
    note: str
    nodes: list[ViewNode]
    edges: list[ViewEdge]
    weighed: bool

    def relations(self) -> dict[str, ViewEdge]:
        """One edge of each relation, the most frequent relation first."""
        count = Counter(edge.relation for edge in self.edges)
        first = {edge.relation: edge for edge in reversed(self.edges)}
        return {name: first[name] for name in sorted(count, key=lambda n: (-count[n], n))}


def view(graph: nx.MultiDiGraph[NodeKey], title: str | None = None) -> View:
    """The view of a graph as ``subgraph`` gives it. Raises RequestError for one without nodes."""
    if not len(graph):
        raise RequestError("the graph is empty: there is nothing to draw")
    nodes = [_node(key, data) for key, data in graph.nodes(data=True)]
    edges = _edges(graph)
    weighed = any(edge.contribution is not None for edge in edges)
    return View(clean(title or _title(nodes)), _note(graph, edges), nodes, edges, weighed)


def _node(key: NodeKey, data: dict[str, Any]) -> ViewNode:
    label, node_id = key
    kind = str(data.get("kind") or label.lower())
    text = clean(str(data.get("name") or "")) or clean(f"{kind} {node_id}")
    colour, look = LOOKS.get(str(data.get("shown_as", label)), LOOKS.get(label, UNKNOWN))
    facts = {str(name): str(value) for name, value in data.items() if name not in OWN}
    lines = wrap(text, CHARS)
    return ViewNode(key, text, lines, kind, colour, look, bool(data.get("focus")), facts)


def _edges(graph: nx.MultiDiGraph[NodeKey]) -> list[ViewEdge]:
    """Parallel edges of one relation become one line."""
    joined: dict[tuple[NodeKey, NodeKey, str], list[dict[str, Any]]] = {}
    for a, b, data in graph.edges(data=True):
        joined.setdefault((a, b, str(data.get("relation", ""))), []).append(data)
    looks = _line_looks(Counter(relation for _, _, relation in joined))
    amounts = {key: _amount(parts) for key, parts in joined.items()}
    most = max((abs(a) for a in amounts.values() if a is not None), default=0.0)
    weighed = any(amount is not None for amount in amounts.values())
    edges = []
    for key, parts in joined.items():
        amount, stored = amounts[key], all(part.get("stored", True) for part in parts)
        colour, line = looks[key[2]]
        if weighed:
            colour, line = AGAINST if (amount or 0.0) < 0 else FOR, "solid" if stored else "dashed"
        share = abs(amount or 0.0) / most if most else 0.0
        width = THIN + (WIDE - THIN) * share if weighed else PLAIN
        count = len(parts)
        edge = ViewEdge(*key, count, amount, stored, colour, line, width, _facts(parts))
        edges.append(edge)
    return edges


def _line_looks(count: Counter[str]) -> dict[str, tuple[str, str]]:
    names = sorted(count, key=lambda name: (-count[name], name))
    return {name: (COLOURS[i % 7], LINES[i % 3]) for i, name in enumerate(names)}


def _amount(parts: list[dict[str, Any]]) -> float | None:
    known = [float(part["contribution"]) for part in parts if "contribution" in part]
    return sum(known) if known else None


def _facts(parts: list[dict[str, Any]]) -> dict[str, str]:
    """Further attributes of the edges: the last one's, which is the latest."""
    spare = {"relation", "contribution", "stored"}
    return {str(name): str(value) for name, value in parts[-1].items() if name not in spare}


def _title(nodes: list[ViewNode]) -> str:
    names = [f"“{node.text}”" for node in nodes if node.focus]
    if not names:
        return "A part of the graph"
    if len(names) <= 3:
        return "Around " + " and ".join(names)
    return f"Around {names[0]} and {len(names) - 1} others"


def _note(graph: nx.MultiDiGraph[NodeKey], edges: list[ViewEdge]) -> str:
    """What is shown, and how much is not."""
    told = [_counted(len(graph), "node"), _counted(graph.number_of_edges(), "edge")]
    left_out = int(graph.graph.get("left_out", 0))
    rest = f"; {left_out:,} more nodes met are left out" if left_out else ""
    return ", ".join(told) + rest


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
