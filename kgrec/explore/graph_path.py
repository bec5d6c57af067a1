"""GraphPath: a path between two nodes of the graph, with names, a sentence and Cypher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graph_schema.names import USER
from kgrec.explain.explained_path import Node, PathStep, directed_steps
from kgrec.explain.text.path_sentence import path_sentence
from kgrec.explain.text.writer import Writer
from kgrec.paths.cypher import Parameter, People, Step, path_query
from kgrec.paths.graph_names import GraphNames
from kgrec.paths.index import Path, PathIndex
from kgrec.paths.people import PEOPLE, people_id
from kgrec.visualization.page_list import PagePath


@dataclass(frozen=True)
class GraphPath:
    """A simple path of the graph.

    Attributes
    ----------
    nodes : tuple of (label, id, name)
        name is "" where a node has none. ("People", …, "52 people") stands for users who are at
        no end of the path.
    relations : tuple of str
        ``relations[i]`` connects nodes i and i + 1.
    outgoing : tuple of bool
        Whether edge i leaves node i.
    sentence : str
        The path in words.
    cypher, parameters : str, dict
        A query that returns the path from either store; of a path through people, their number.
    expected : dict
        What the columns of the query hold: ``nodes`` and ``relations``, or ``nodes`` and
        ``people``.
    people : int
        How many people the node of the label "People" stands for; 0 without one.
    """

    nodes: tuple[Node, ...]
    relations: tuple[str, ...]
    outgoing: tuple[bool, ...]
    sentence: str
    cypher: str
    parameters: dict[str, Parameter]
    expected: dict[str, list[str] | int] = field(default_factory=dict)
    people: int = 0

    @property
    def hops(self) -> int:
        """Steps from one end to the other."""
        return len(self.relations)

    @property
    def steps(self) -> tuple[PathStep, ...]:
        """(source, relation, target) of each step, in the direction of the edge."""
        return directed_steps(self.nodes, self.relations, self.outgoing)

    def on_page(self) -> PagePath:
        """Return the path as ``kgrec.explore.draw`` lists it on a page."""
        nodes = tuple(node[:2] for node in self.nodes)
        return PagePath(self.sentence, nodes, self.steps, self.cypher, self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return all values but ``expected`` as JSON-safe types."""
        return {
            "nodes": [{"label": a, "id": b, "name": c} for a, b, c in self.nodes],
            "relations": list(self.relations),
            "outgoing": list(self.outgoing),
            "people": self.people,
            "sentence": self.sentence,
            "cypher": self.cypher,
            "parameters": dict(self.parameters),
        }

    def __str__(self) -> str:
        text = f"({_node_text(self.nodes[0])})"
        for node, relation, outgoing in zip(
            self.nodes[1:], self.relations, self.outgoing, strict=True
        ):
            text += f" -{relation}-> " if outgoing else f" <-{relation}- "
            text += f"({_node_text(node)})"
        return text


class GraphPathDescriber:
    """Makes GraphPaths of the paths that an index found."""

    def __init__(self, index: PathIndex, writer: Writer, graph_names: GraphNames) -> None:
        self.index, self.writer, self.graph_names = index, writer, graph_names

    def describe(self, path: Path, people: int = 0) -> GraphPath:
        """Make the path with names, sentence and Cypher; ``people`` are on it in place of its node
        that is no node of the graph."""
        nodes = self._nodes(path, people)
        steps = [Step(self.index.relation(code), code & 1 == 0) for code in path.codes]
        keys = [(USER, "") if node[0] == PEOPLE else node[:2] for node in nodes]
        counted = None
        if people:
            asker = [key for label, key, _ in (nodes[0], nodes[-1]) if label == USER]
            place = [node[0] for node in nodes].index(PEOPLE)
            counted = People(place, asker[0] if asker else None)
        query = path_query(keys, steps, None, self.graph_names, counted)
        return GraphPath(
            nodes=tuple(nodes),
            relations=tuple(step.relation for step in steps),
            outgoing=tuple(step.outgoing for step in steps),
            sentence=path_sentence(_quoted(nodes), steps, self.writer),
            cypher=query.text,
            parameters=query.parameters,
            expected=query.expected(people or None),
            people=people,
        )

    def _nodes(self, path: Path, people: int) -> list[Node]:
        """The nodes with their names; those who are counted by their number."""
        nodes = [
            (PEOPLE, "", self.writer.people(people)) if node < 0 else self._node(node)
            for node in path.nodes
        ]
        names = [f"{label}:{key}" for label, key, _ in nodes]
        for place, (label, _, name) in enumerate(nodes):
            if label == PEOPLE:
                ways = [self.index.relation(code) for code in path.codes[place - 1 : place + 1]]
                nodes[place] = label, people_id(names[place - 1], *ways, names[place + 1]), name
        return nodes

    def _node(self, node: int) -> Node:
        space = self.index.space
        return space.label_row(node)[0], space.id(node), space.name(node)


def _quoted(nodes: Sequence[Node]) -> list[str]:
    return [
        name if label == PEOPLE else f"“{name}”" if name else f"{label.lower()} {key}"
        for label, key, name in nodes
    ]


def _node_text(node: Node) -> str:
    label, key, name = node
    return name or f"{label} {key}"
