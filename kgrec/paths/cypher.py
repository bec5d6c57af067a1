"""The Cypher of a path: parameters for every id, quoted names, one row that is exactly the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgrec.paths.graph_names import GraphNames, NodeName
from kgrec.stores.cypher import quote

TYPED_IN = (
    "The history was given with the request and is not in the graph, so the query starts at the "
    "history item."
)
LIKENESS = (
    "The last step is a likeness that the model saw, not a relationship, so the query returns its "
    "two items side by side."
)
Parameter = str | int | list[str | int]


@dataclass(frozen=True)
class Step:
    """An edge of a path; ``stored`` is False for a likeness that is no relationship."""

    relation: str
    outgoing: bool
    stored: bool = True


@dataclass(frozen=True)
class CypherQuery:
    """``text`` with ``parameters`` n0, n1, …; its row is ``nodes``, ``relations``."""

    text: str
    parameters: dict[str, Parameter]
    nodes: tuple[str, ...]
    relations: tuple[str, ...]


def path_query(
    nodes: Sequence[tuple[str, str]],
    steps: Sequence[Step],
    when: int | None = None,
    graph_names: GraphNames | None = None,
) -> CypherQuery:
    """The query that returns one path; at most its last step may be a likeness.

    ``nodes`` are (label, id). ``when`` (unix seconds) pins the first edge to the event then.
    ``graph_names`` has the graph's own names. The query returns columns ``nodes`` (keys),
    ``relations`` (types) and, where there is an edge, the path ``p``; parallel edges of the same
    type give one row.
    """
    words = graph_names or GraphNames()
    stored = [step for step in steps if step.stored]
    names = [words.node(*node) for node in nodes]
    patterns = [_node(i, name, mapped=words.mapping is not None) for i, name in enumerate(names)]
    pattern = patterns[0]
    for i, step in enumerate(stored):
        pattern += _edge(i, step, words) + patterns[i + 1]
    lines = [f"MATCH p = {pattern}" if stored else f"MATCH {pattern}"]
    lines += [f"MATCH {loose}" for loose in patterns[len(stored) + 1 :]]
    parameters, conditions = _parameters(names, words)
    time = words.timestamp()
    if when is not None and stored and time is not None:
        conditions.append(f"r0.{quote(time)} = $when")
        parameters["when"] = when
    lines += [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    ids = ", ".join(f"n{i}.{quote(name.key)}" for i, name in enumerate(names))
    types = ", ".join(f"type(r{i})" for i in range(len(stored)))
    shown = "p, " if stored else ""
    lines.append(f"RETURN {shown}[{ids}] AS nodes, [{types}] AS relations LIMIT 1")
    relations = tuple(step.relation for step in stored)
    return CypherQuery("\n".join(lines), parameters, tuple(n for _, n in nodes), relations)


def _parameters(
    names: Sequence[NodeName], words: GraphNames
) -> tuple[dict[str, Parameter], list[str]]:
    """One parameter a node; in a mapped graph also the condition that compares its key."""
    if words.mapping is None:
        return {f"n{i}": name.values[0] for i, name in enumerate(names)}, []
    parameters: dict[str, Parameter] = {f"n{i}": list(name.values) for i, name in enumerate(names)}
    return parameters, [f"n{i}.{quote(name.key)} IN $n{i}" for i, name in enumerate(names)]


def _node(number: int, name: NodeName, *, mapped: bool) -> str:
    if mapped:
        return f"(n{number}:{quote(name.label)})"
    return f"(n{number}:{quote(name.label)} {{{quote(name.key)}: $n{number}}})"


def _edge(number: int, step: Step, words: GraphNames) -> str:
    name = words.edge(step.relation, step.outgoing)
    body = f"[r{number}:{'|'.join(map(quote, name.types))}]"
    if name.outgoing is None:
        return f"-{body}-"
    return f"-{body}->" if name.outgoing else f"<-{body}-"
