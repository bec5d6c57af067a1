"""The Cypher query that returns exactly one path: ids as parameters, names quoted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kgrec.paths.graph_names import GraphNames, NodeName
from kgrec.stores.cypher_quoting import quote

# Notes on what a query leaves out.
HISTORY_GIVEN = (
    "The history was given with the request and is not in the graph, so the query starts at the "
    "history item."
)
SIMILARITY = (
    "The last step is a similarity that the model computed, not a relationship, so the query "
    "returns its two items side by side."
)
Parameter = str | int | list[str | int]


@dataclass(frozen=True)
class Step:
    """An edge of a path; ``stored`` is False for a similarity that is no relationship."""

    relation: str
    outgoing: bool
    stored: bool = True


@dataclass(frozen=True)
class CypherQuery:
    """``text`` with ``parameters`` n0, n1, …; it returns one row with ``nodes``, ``relations``."""

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
    """Make the query that returns one path; only its last step may be a similarity.

    Parameters
    ----------
    nodes : sequence of (label, id)
        At least one node.
    steps : sequence of Step
        ``steps[i]`` connects nodes i and i + 1.
    when : int, optional
        Unix seconds: the first edge is the event at this time.
    graph_names : GraphNames, optional
        The names in a graph that kgrec did not write.

    Returns
    -------
    CypherQuery
        Its columns are ``nodes`` (keys), ``relations`` (types) and, if there is an edge, the path
        ``p``. Parallel edges of one type give one row.
    """
    graph_names = graph_names or GraphNames()
    stored = [step for step in steps if step.stored]
    names = [graph_names.node(*node) for node in nodes]
    patterns = [
        _node(i, name, mapped=graph_names.mapping is not None) for i, name in enumerate(names)
    ]
    pattern = patterns[0]
    for i, step in enumerate(stored):
        pattern += _edge(i, step, graph_names) + patterns[i + 1]
    lines = [f"MATCH p = {pattern}" if stored else f"MATCH {pattern}"]
    lines += [f"MATCH {single}" for single in patterns[len(stored) + 1 :]]
    parameters, conditions = _parameters(names, graph_names)
    time = graph_names.timestamp()
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
    names: Sequence[NodeName], graph_names: GraphNames
) -> tuple[dict[str, Parameter], list[str]]:
    """One parameter per node; in a mapped graph also the conditions that compare the keys."""
    if graph_names.mapping is None:
        return {f"n{i}": name.values[0] for i, name in enumerate(names)}, []
    parameters: dict[str, Parameter] = {f"n{i}": list(name.values) for i, name in enumerate(names)}
    return parameters, [f"n{i}.{quote(name.key)} IN $n{i}" for i, name in enumerate(names)]


def _node(number: int, name: NodeName, *, mapped: bool) -> str:
    if mapped:
        return f"(n{number}:{quote(name.label)})"
    return f"(n{number}:{quote(name.label)} {{{quote(name.key)}: $n{number}}})"


def _edge(number: int, step: Step, graph_names: GraphNames) -> str:
    name = graph_names.edge(step.relation, step.outgoing)
    body = f"[r{number}:{'|'.join(map(quote, name.types))}]"
    if name.outgoing is None:
        return f"-{body}-"
    return f"-{body}->" if name.outgoing else f"<-{body}-"
