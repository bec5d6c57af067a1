"""The Cypher query that returns exactly one path: ids as parameters, names quoted.

Of a path through several people it returns how many they are, and names none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graph_schema.names import INTERACTED, USER
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
class People:
    """The people on a path: their place among its nodes, and the id of the user who asks, who is
    not counted (None: nobody of the graph)."""

    place: int
    asker: str | None = None


@dataclass(frozen=True)
class CypherQuery:
    """``text`` with ``parameters`` n0, n1, …; it returns one row with ``nodes`` and ``relations``,
    or with ``nodes``, the people left out, and ``people``, their number."""

    text: str
    parameters: dict[str, Parameter]
    nodes: tuple[str, ...]
    relations: tuple[str, ...]

    def expected(self, people: int | None = None) -> dict[str, list[str] | int]:
        """What the columns of the row hold, for so many people (None: a path without any)."""
        if people is None:
            return {"nodes": list(self.nodes), "relations": list(self.relations)}
        return {"nodes": list(self.nodes), "people": people}


def path_query(
    nodes: Sequence[tuple[str, str]],
    steps: Sequence[Step],
    when: int | None = None,
    graph_names: GraphNames | None = None,
    people: People | None = None,
) -> CypherQuery:
    """Make the query that returns one path; only its last step may be a similarity.

    Parameters
    ----------
    nodes : sequence of (label, id)
        At least one node; that of ``people`` is ("User", anything).
    steps : sequence of Step
        ``steps[i]`` connects nodes i and i + 1.
    when : int, optional
        Unix seconds: the first edge is the event at this time.
    graph_names : GraphNames, optional
        The names in a graph that kgrec did not write.
    people : People, optional
        The node that stands for several people, whom the query counts.

    Returns
    -------
    CypherQuery
        Its columns are ``nodes`` (keys), ``relations`` (types) and, if there is an edge, the path
        ``p``; with people, ``nodes`` (keys of the others) and ``people`` (int). Parallel edges of
        one type give one row.
    """
    graph_names = graph_names or GraphNames()
    stored = [step for step in steps if step.stored]
    named = [place for place in range(len(nodes)) if people is None or place != people.place]
    names = [graph_names.node(*node) for node in nodes]
    mapped = graph_names.mapping is not None
    patterns = [_node(i, name, inline=i in named and not mapped) for i, name in enumerate(names)]
    pattern = patterns[0]
    for i, step in enumerate(stored):
        pattern += _edge(i, step, graph_names) + patterns[i + 1]
    lines = [f"MATCH p = {pattern}" if stored and people is None else f"MATCH {pattern}"]
    lines += [f"MATCH {single}" for single in patterns[len(stored) + 1 :]]
    parameters, conditions = _parameters({i: names[i] for i in named}, graph_names)
    time = graph_names.property_of_events("timestamp")
    if when is not None and stored and time is not None:
        conditions.append(f"r0.{quote(time)} = $when")
        parameters["when"] = when
    if people is not None:
        conditions += _of_people(people, names[people.place], stored, graph_names, parameters)
    lines += [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    ids = ", ".join(f"n{i}.{quote(names[i].key)}" for i in named)
    types = ", ".join(f"type(r{i})" for i in range(len(stored)))
    shown = "p, " if stored else ""
    if people is None:
        lines.append(f"RETURN {shown}[{ids}] AS nodes, [{types}] AS relations LIMIT 1")
    else:
        lines.append(f"RETURN [{ids}] AS nodes, count(DISTINCT n{people.place}) AS people")
    relations = tuple(step.relation for step in stored)
    return CypherQuery("\n".join(lines), parameters, tuple(nodes[i][1] for i in named), relations)


def _of_people(
    people: People,
    name: NodeName,
    stored: Sequence[Step],
    graph_names: GraphNames,
    parameters: dict[str, Parameter],
) -> list[str]:
    """The conditions on the people who are counted: not the one who asks, and by no event that is
    held out for testing, which the model never saw. The asker's parameter is added."""
    conditions = []
    if people.asker is not None:
        asker = graph_names.node(USER, people.asker)
        parameters["asker"] = list(asker.values)
        conditions.append(f"NOT n{people.place}.{quote(name.key)} IN $asker")
    split = graph_names.property_of_events("split")
    beside = range(people.place - 1, people.place + 1)
    if split is not None:
        conditions += [
            f"coalesce(r{i}.{quote(split)}, '') <> 'test'"
            for i in beside
            if stored[i].relation == INTERACTED
        ]
    return conditions


def _parameters(
    names: Mapping[int, NodeName], graph_names: GraphNames
) -> tuple[dict[str, Parameter], list[str]]:
    """One parameter per node; in a mapped graph also the conditions that compare the keys."""
    if graph_names.mapping is None:
        return {f"n{i}": name.values[0] for i, name in names.items()}, []
    parameters: dict[str, Parameter] = {f"n{i}": list(name.values) for i, name in names.items()}
    return parameters, [f"n{i}.{quote(name.key)} IN $n{i}" for i, name in names.items()]


def _node(number: int, name: NodeName, *, inline: bool) -> str:
    if not inline:
        return f"(n{number}:{quote(name.label)})"
    return f"(n{number}:{quote(name.label)} {{{quote(name.key)}: $n{number}}})"


def _edge(number: int, step: Step, graph_names: GraphNames) -> str:
    name = graph_names.edge(step.relation, step.outgoing)
    body = f"[r{number}:{'|'.join(map(quote, name.types))}]"
    if name.outgoing is None:
        return f"-{body}-"
    return f"-{body}->" if name.outgoing else f"<-{body}-"
