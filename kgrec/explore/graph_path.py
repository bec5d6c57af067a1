"""GraphPath: a way between two nodes of the graph, with names, a sentence and Cypher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kgrec.explain.explained_path import Node
from kgrec.explain.text.writer import Writer
from kgrec.explore.path_sentence import path_sentence
from kgrec.paths.cypher import Parameter, Step, path_query
from kgrec.paths.graph_names import GraphNames
from kgrec.paths.index import Path, PathIndex
from kgrec.visualization.html_page import PagePath


@dataclass(frozen=True)
class GraphPath:
    """A simple path of the graph.

    ``nodes`` are (label, id, name); ``relations[i]`` joins nodes i and i + 1, ``outgoing[i]`` says
    whether it leaves node i. ``cypher`` with ``parameters`` returns the path from either store;
    ``expected`` is what its columns ``nodes`` and ``relations`` hold.
    """

    nodes: tuple[Node, ...]
    relations: tuple[str, ...]
    outgoing: tuple[bool, ...]
    sentence: str
    cypher: str
    parameters: dict[str, Parameter]
    expected: dict[str, list[str]] = field(default_factory=dict)

    @property
    def hops(self) -> int:
        """Steps from one end to the other."""
        return len(self.relations)

    @property
    def steps(self) -> tuple[tuple[tuple[str, str], str, tuple[str, str]], ...]:
        """(source, relation, target) of each step, as the edges of the graph are directed."""
        found = []
        for place, relation in enumerate(self.relations):
            a, b = self.nodes[place][:2], self.nodes[place + 1][:2]
            found.append((a, relation, b) if self.outgoing[place] else (b, relation, a))
        return tuple(found)

    def on_page(self) -> PagePath:
        """The path as a page lists it."""
        nodes = tuple(node[:2] for node in self.nodes)
        return PagePath(self.sentence, nodes, self.steps, self.cypher, self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-safe values."""
        return {
            "nodes": [{"label": a, "id": b, "name": c} for a, b, c in self.nodes],
            "relations": list(self.relations),
            "outgoing": list(self.outgoing),
            "sentence": self.sentence,
            "cypher": self.cypher,
            "parameters": dict(self.parameters),
        }

    def __str__(self) -> str:
        text = f"({_shown(self.nodes[0])})"
        for node, relation, outgoing in zip(
            self.nodes[1:], self.relations, self.outgoing, strict=True
        ):
            text += f" -{relation}-> " if outgoing else f" <-{relation}- "
            text += f"({_shown(node)})"
        return text


class GraphPathDescriber:
    """Tells found paths of one index; ``graph_names`` has the graph's own names."""

    def __init__(self, index: PathIndex, writer: Writer, graph_names: GraphNames) -> None:
        self.index, self.writer, self.graph_names = index, writer, graph_names

    def describe(self, path: Path) -> GraphPath:
        """The path with its names, its sentence and its Cypher."""
        nodes = [self._node(node) for node in path.nodes]
        steps = [Step(self.index.relation(code), code & 1 == 0) for code in path.codes]
        query = path_query([node[:2] for node in nodes], steps, None, self.graph_names)
        return GraphPath(
            nodes=tuple(nodes),
            relations=tuple(step.relation for step in steps),
            outgoing=tuple(step.outgoing for step in steps),
            sentence=path_sentence(_quoted(nodes), steps, self.writer),
            cypher=query.text,
            parameters=query.parameters,
            expected={"nodes": list(query.nodes), "relations": list(query.relations)},
        )

    def _node(self, node: int) -> Node:
        space = self.index.space
        return space.label_row(node)[0], space.id(node), space.name(node)


def _quoted(nodes: Sequence[Node]) -> list[str]:
    return [f"“{name}”" if name else f"{label.lower()} {key}" for label, key, name in nodes]


def _shown(node: Node) -> str:
    label, key, name = node
    return name or f"{label} {key}"
