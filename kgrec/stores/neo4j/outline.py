"""The outline of a Neo4j graph that has its own names."""

from __future__ import annotations

from typing import Any

from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.read import Known, known
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.neo4j.values import plain_value
from kgrec.stores.outline.graph import GraphOutline, LabelOutline, TypeOutline


def graph_outline(connection: Connection, sample: int) -> GraphOutline:
    """Count labels and relationship types, and read ``sample`` of each."""
    present = known(connection)
    unique = _unique(connection)
    labels = []
    for name in sorted(present.labels):
        count = int(connection.rows(queries.count_nodes(name))[0]["n"])
        if count:
            nodes = _sample(connection, queries.sample_nodes(name), sample)
            labels.append(LabelOutline(name, count, unique.get(name, ()), nodes))
    labels.sort(key=lambda one: (-one.count, one.label))
    types = []
    for source, name, target, count in _pairs(connection, present):
        edges = _sample(connection, queries.sample_edges(source, name, target), sample)
        types.append(TypeOutline(source, name, target, count, edges))
    return GraphOutline(tuple(labels), tuple(types))


def _unique(connection: Connection) -> dict[str, tuple[str, ...]]:
    """The properties of each label that a constraint keeps unique."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.rows(queries.UNIQUE):
        label, name = row["labels"][0], row["properties"][0]
        found[label] = (*found.get(label, ()), name)
    return found


def _pairs(connection: Connection, present: Known) -> list[tuple[str, str, str, int]]:
    """(label, type, label, count) of the relationships there are."""

    def count(source: str | None, name: str, target: str | None) -> int:
        return int(connection.rows(queries.count_edges(source, name, target))[0]["n"])

    found = []
    for name in present.types:
        sources = [label for label in sorted(present.labels) if count(label, name, None)]
        targets = [label for label in sorted(present.labels) if count(None, name, label)]
        for source in sources:
            for target in targets:
                n = count(source, name, target)
                if n:
                    found.append((source, name, target, n))
    return found


def _sample(connection: Connection, statement: str, limit: int) -> tuple[dict[str, Any], ...]:
    rows = connection.rows(statement, {"limit": limit})
    return tuple(
        {name: plain_value(value) for name, value in row["properties"].items()} for row in rows
    )
