"""ExplainedPath: one path by which the history changed a score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kgrec.paths.cypher import Parameter

Node = tuple[str, str, str]  # label, id, name ("" where it has none)
PathStep = tuple[tuple[str, str], str, tuple[str, str]]  # source, relation, target


@dataclass(frozen=True)
class ExplainedPath:
    """One path by which the history changed the score.

    Attributes
    ----------
    nodes : tuple of (label, id, name)
        The user first; name is "" where a node has none. ("People", …, "52 people") stands for
        other users, who are named for the operator alone (``kgrec.show_people``).
    relations : tuple of str
        ``relations[i]`` connects nodes i and i + 1.
    outgoing : tuple of bool
        Whether edge i leaves node i.
    contribution : float
        Part of the score, in its units.
    share : float
        contribution / |score − baseline|.
    sentence : str
        The path in words.
    cypher, parameters : str, dict
        A query that returns the path from either store; of a path through people, their number.
    kind : str
        "shared entity", "item fact", "collaborative", "graph neighbourhood", "text",
        "attributes", "repeat" or "other".
    stored : tuple of bool
        Whether edge i is a relationship of the graph; a similarity of texts or attributes is not.
    words : tuple of str
        The relations in words.
    people : int
        How many others chose both items (collaborative paths).
    note : str
        What the query had to leave out, and whether the path begins with a negative event; "" if
        nothing.
    parts : dict of str to float
        The contribution by part of the model: "match" comes from exactly this path, "knowledge"
        is the path's share of what the model computes from the graph around the two items.
    fall : float or None
        What the score loses when the path's events leave the history and the whole forward pass
        runs again; None: not computed. It differs from the contribution, because the weights of
        the other events then rise.
    negative : bool
        Whether the path begins with an item whose newest event is negative: then it is no reason
        for the item, whatever it contributed.
    expected : dict
        What the columns of the query hold: ``nodes`` and ``relations``, or ``nodes`` and
        ``people``.
    """

    nodes: tuple[Node, ...]
    relations: tuple[str, ...]
    outgoing: tuple[bool, ...]
    contribution: float
    share: float
    sentence: str
    cypher: str
    parameters: dict[str, Parameter]
    kind: str = ""
    stored: tuple[bool, ...] = ()
    words: tuple[str, ...] = ()
    people: int = 0
    note: str = ""
    parts: dict[str, float] = field(default_factory=dict)
    fall: float | None = None
    negative: bool = False
    expected: dict[str, list[str] | int] = field(default_factory=dict)

    @property
    def hops(self) -> int:
        """Steps from the user to the item."""
        return len(self.relations)

    @property
    def steps(self) -> tuple[PathStep, ...]:
        """(source, relation, target) of each step, in the direction of the edge."""
        return directed_steps(self.nodes, self.relations, self.outgoing)

    @property
    def confidence(self) -> float | None:
        """fall / contribution, limited to 0 to 1; None where ``fall`` was not computed.

        1: without the path's events the score loses all that the path contributes.
        """
        if self.fall is None or not self.contribution:
            return None
        return min(max(self.fall / self.contribution, 0.0), 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types; nodes are dicts with label, id and name."""
        return {
            "kind": self.kind,
            "nodes": [{"label": a, "id": b, "name": c} for a, b, c in self.nodes],
            "relations": list(self.relations),
            "outgoing": list(self.outgoing),
            "stored": list(self.stored),
            "contribution": self.contribution,
            "share": self.share,
            "fall": self.fall,
            "confidence": self.confidence,
            "parts": dict(self.parts),
            "people": self.people,
            "negative": self.negative,
            "sentence": self.sentence,
            "cypher": self.cypher,
            "parameters": dict(self.parameters),
            "note": self.note,
        }

    def __str__(self) -> str:
        text = _node_text(self.nodes[0])
        for i, node in enumerate(self.nodes[1:]):
            name = self.relations[i] if self.stored[i] else f"~{self.words[i]}~"
            arrow = f" -{name}-> " if self.outgoing[i] else f" <-{name}- "
            text += (f" {name} " if not self.stored[i] else arrow) + _node_text(node)
        return text


def directed_steps(
    nodes: tuple[Node, ...], relations: tuple[str, ...], outgoing: tuple[bool, ...]
) -> tuple[PathStep, ...]:
    """(source, relation, target) of each step of a path, in the direction of the edge."""
    steps: list[PathStep] = []
    for i, relation in enumerate(relations):
        a, b = nodes[i][:2], nodes[i + 1][:2]
        steps.append((a, relation, b) if outgoing[i] else (b, relation, a))
    return tuple(steps)


def signed(value: float) -> str:
    """Format with three decimals and a sign; what rounds to zero is +0.000."""
    shown = round(value, 3)
    return f"{'−' if shown < 0 else '+'}{abs(shown):.3f}"


def _node_text(node: Node) -> str:
    label, node_id, name = node
    return f"({name or f'{label} {node_id}'.strip()})"
