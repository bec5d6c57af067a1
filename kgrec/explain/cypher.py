"""The Cypher of a path: parameters for every id, quoted names, one row that is exactly the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgrec.stores.cypher import quote

TYPED_IN = (
    "The history was given with the request and is not in the graph, so the query starts at the "
    "history item."
)
LIKENESS = (
    "The last step is a likeness that the model saw, not a relationship, so the query returns its "
    "two items side by side."
)


@dataclass(frozen=True)
class Step:
    """An edge of a path; ``stored`` is False for a likeness that is no relationship."""

    relation: str
    outgoing: bool
    stored: bool = True


@dataclass(frozen=True)
class CypherQuery:
    """``text`` with ``parameters`` n0, n1, …; ``nodes``, ``relations``: its row."""

    text: str
    parameters: dict[str, str | int]
    nodes: tuple[str, ...]
    relations: tuple[str, ...]


def path_query(
    nodes: Sequence[tuple[str, str]], steps: Sequence[Step], when: int | None = None
) -> CypherQuery:
    """The query that returns one path; at most its last step may be a likeness.

    ``nodes`` are (label, id). ``when`` (unix seconds) pins the first edge to the event then.
    The query returns columns ``nodes`` (ids), ``relations`` (types) and, where there is an edge,
    the path ``p``; parallel edges of the same type give one row.
    """
    stored = [step for step in steps if step.stored]
    pattern = _node(0, nodes[0])
    for i, step in enumerate(stored):
        pattern += _edge(i, step) + _node(i + 1, nodes[i + 1])
    lines = [f"MATCH p = {pattern}" if stored else f"MATCH {pattern}"]
    if when is not None and stored:
        lines.append("WHERE r0.timestamp = $when")
    loose = range(len(stored) + 1, len(nodes))
    lines += [f"MATCH {_node(i, nodes[i])}" for i in loose]
    ids = ", ".join(f"n{i}.id" for i in range(len(nodes)))
    types = ", ".join(f"type(r{i})" for i in range(len(stored)))
    shown = "p, " if stored else ""
    lines.append(f"RETURN {shown}[{ids}] AS nodes, [{types}] AS relations LIMIT 1")
    parameters: dict[str, str | int] = {f"n{i}": node_id for i, (_, node_id) in enumerate(nodes)}
    if when is not None and stored:
        parameters["when"] = when
    names = tuple(node_id for _, node_id in nodes)
    return CypherQuery("\n".join(lines), parameters, names, tuple(s.relation for s in stored))


def _node(number: int, node: tuple[str, str]) -> str:
    return f"(n{number}:{quote(node[0])} {{id: $n{number}}})"


def _edge(number: int, step: Step) -> str:
    body = f"[r{number}:{quote(step.relation)}]"
    return f"-{body}->" if step.outgoing else f"<-{body}-"
