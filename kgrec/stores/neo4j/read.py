"""Reading a Neo4j graph into Arrow: few records, each a list for every column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import neo4j
import pyarrow as pa

from graph_schema.errors import StoreError
from graph_schema.names import INTERACTED, ITEM, QUERY, REVIEW
from kgrec.stores.base import EdgeType
from kgrec.stores.columns import column_of, joined, with_columns
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.names import EdgeSource, Names, NodeSource
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.neo4j.values import (
    examples,
    number_column,
    property_column,
    time_column,
    word_column,
)
from kgrec.stores.stored_types import Kinds, kind_of, kind_of_column

_KEYS = ("id", "source", "target")
_TIMED = (INTERACTED, REVIEW, QUERY)  # labels and relations with a time and a rating
_WORDS = ("event", "scenario", "split")


@dataclass(frozen=True)
class Known:
    """The labels, relationship types and property names that exist in a database."""

    labels: frozenset[str]
    types: tuple[str, ...]
    properties: frozenset[str]


def known(connection: Connection) -> Known:
    names: dict[str, list[str]] = {"label": [], "type": [], "property": []}
    for row in connection.rows(queries.KNOWN):
        names[row["kind"]].append(row["name"])
    return Known(
        frozenset(names["label"]), tuple(sorted(names["type"])), frozenset(names["property"])
    )


def read_nodes(
    connection: Connection, names: Names, label: str, columns: Sequence[str] | None
) -> pa.Table:
    """Nodes of one of kgrec's labels, from every label of the graph that stands for it."""
    present = known(connection)
    parts = []
    for node in names.of_label(label):
        if node.label not in present.labels:
            continue
        wanted = columns
        if wanted is None:
            there = [row["name"] for row in connection.rows(queries.node_keys(node))]
            wanted = _named(there, node)
        stored = [name for name in wanted if node.properties.get(name, name) in present.properties]
        part = _read(connection, queries.read_nodes(node, stored), ["id", *stored], where=node)
        if node.kind is not None and (columns is None or "kind" in columns):
            part = _with_kind(part, node.kind)
        parts.append(with_columns(part, ["id", *wanted]))
    return _joined(parts, ["id", *(columns or ())])


def other_kinds(connection: Connection, names: Names, given: Kinds) -> dict[str, dict[str, str]]:
    """The kinds of those attributes of nodes for which the graph has values of another kind than
    ``given``. A whole column is read only where one of its values is of another kind."""
    present = known(connection)
    found: dict[str, dict[str, str]] = {}
    for label, kinds in given.items():
        for name, kind in kinds.items():
            if label not in present.labels or name not in present.properties:
                continue
            rows = connection.rows(queries.any_value(label, name))
            values = [row["value"] for row in rows]
            if kind_of(property_column(values, vectors=True).type) in (None, kind):
                continue
            stored = kind_of_column(read_nodes(connection, names, label, [name])[name])
            if stored is not None and stored != kind:
                found.setdefault(label, {})[name] = stored
    return found


def read_edges(
    connection: Connection, names: Names, edge: EdgeType, columns: Sequence[str] | None
) -> pa.Table:
    """Edges of one of kgrec's edge types, from every relationship type that stands for it."""
    present = known(connection)
    parts = []
    for source in edge_sources(names, present, edge):
        wanted = columns
        if wanted is None:
            there = [row["name"] for row in connection.rows(queries.edge_keys(source))]
            wanted = _named(there, source)
        stored = [
            name
            for name in wanted
            if (name == "event" and source.event is not None)
            or source.properties.get(name, name) in present.properties
        ]
        part = _read(
            connection,
            queries.read_edges(source, stored),
            ["source", "target", *stored],
            where=source,
        )
        parts.append(with_columns(part, ["source", "target", *wanted]))
    return _joined(parts, ["source", "target", *(columns or ())])


def edge_sources(names: Names, present: Known, edge: EdgeType) -> list[EdgeSource]:
    """Where in the graph the edges of one of kgrec's edge types are."""
    found = [one for one in (*names.interactions(), *names.links()) if one.kgrec == edge.name]
    types = [name for name in present.types if names.fact_relation(name) == edge.name]
    for source in names.of_label(edge.source_label):
        for target in names.of_label(edge.target_label):
            found += [EdgeSource(edge.name, name, source, target, True, {}) for name in types]
    return [
        one
        for one in found
        if one.type in present.types
        and (one.source.kgrec, one.target.kgrec) == (edge.source_label, edge.target_label)
        and {one.source.label, one.target.label} <= present.labels
    ]


def edge_types(connection: Connection, names: Names) -> list[EdgeType]:
    """Every edge type with its count."""
    present = known(connection)
    counts: dict[tuple[str, str, str], int] = {}
    fixed = (*names.interactions(), *names.links())
    for type_name in present.types:
        sources = [one for one in fixed if one.type == type_name]
        relation = names.fact_relation(type_name)
        if relation is not None:
            sources += _fact_sources(connection, names, present, type_name, relation)
        for one in sources:
            n = _count(connection, one, present)
            key = (one.kgrec, one.source.kgrec, one.target.kgrec)
            counts[key] = counts.get(key, 0) + n
    return [EdgeType(a, name, b, n) for (name, a, b), n in sorted(counts.items()) if n]


def _fact_sources(
    connection: Connection, names: Names, present: Known, type_name: str, relation: str
) -> list[EdgeSource]:
    """The label pairs that a type may join: only those with edges of it on either side."""
    nodes = list(names.nodes)
    if names.own:
        mapped = {node.label for node in nodes}
        others = sorted(present.labels - mapped)
        nodes += [NodeSource(label, label, "id", "", {}, own=True) for label in others]
    nodes = [node for node in nodes if node.label in present.labels]

    def count(source: str | None, target: str | None) -> int:
        rows = connection.rows(queries.count_edges(source, type_name, target))
        return int(rows[0]["n"])

    sources = [node for node in nodes if count(node.label, None)]
    targets = [node for node in nodes if count(None, node.label)]
    return [EdgeSource(relation, type_name, a, b, True, {}) for a in sources for b in targets]


def _count(connection: Connection, edge: EdgeSource, present: Known) -> int:
    if not {edge.source.label, edge.target.label} <= present.labels:
        return 0
    ends = (edge.source.label, edge.target.label)
    left, right = ends if edge.outgoing else ends[::-1]
    counts = [
        int(connection.rows(queries.count_edges(*pattern))[0]["n"])
        for pattern in ((left, edge.type, None), (None, edge.type, right), (None, edge.type, None))
    ]
    if counts[0] == counts[1] == counts[2] or not counts[0] or not counts[1]:
        return min(counts)
    return int(connection.rows(queries.count_edges(left, edge.type, right))[0]["n"])


def _named(there: Iterable[str], where: NodeSource | EdgeSource) -> list[str]:
    """kgrec's names of the graph's properties, without the key, and without those that kgrec gives
    to the ids themselves."""
    back = {own: name for name, own in where.properties.items()}
    found = {back.get(name, name) for name in there}
    found -= set(_KEYS[:1] if isinstance(where, NodeSource) else _KEYS[1:])
    if isinstance(where, NodeSource):
        found -= {back.get(where.key, where.key)}
    elif where.event is not None:
        found.add("event")
    return sorted(found)


def _read(
    connection: Connection,
    cypher: str,
    names: Sequence[str],
    *,
    where: NodeSource | EdgeSource,
) -> pa.Table:
    """The records of ``where``: the first column is one value a record for edges, a list for
    nodes; the others are lists."""
    single = isinstance(where, EdgeSource)

    def collect(tx: neo4j.ManagedTransaction) -> list[list[Any]]:
        columns: list[list[Any]] = [[] for _ in names]
        for record in tx.run(cypher):
            values = record.values()
            if single:
                columns[0] += [values[0]] * len(values[1])
            else:
                columns[0] += values[0]
            for column, part in zip(columns[1:], values[1:], strict=True):
                column += [None] * len(values[1]) if part is None else part
        return columns

    columns = connection.read(collect)
    return pa.table(
        {name: _column(connection, where, name, values)
         for name, values in zip(names, columns, strict=True)}
    )  # fmt: skip


def _column(
    connection: Connection, where: NodeSource | EdgeSource, name: str, values: list[Any]
) -> pa.Array:
    """One column of a read, in the type that kgrec has for it. Raises StoreError."""
    if name in _KEYS or all(value is None for value in values):
        return column_of(values)
    if name == "timestamp" and where.kgrec in _TIMED:
        array, bad = time_column(values, where.time_unit)
        cure = (
            "make it unix seconds, a date with a time or ISO 8601 text; for other units set "
            'time_unit in the mapping ("ms", "us", "ns").'
        )
    elif name == "rating" and where.kgrec in _TIMED:
        array, bad = number_column(values)
        cure = "make it a finite number, or map another property."
    elif name in _WORDS and where.kgrec == INTERACTED:
        array, bad = word_column(values)
        cure = "make it text or a whole number, or map another property."
    else:
        return property_column(values, vectors=where.kgrec == ITEM)
    if len(bad):
        odd = examples([values[row] for row in bad.tolist()])
        raise StoreError(
            f"{connection.uri}: {place_of(where)}, property {where.properties.get(name, name)!r}: "
            f"{len(bad):,} of {len(values):,} values are no {name}: {odd}. Cure: {cure}"
        )
    return array


def value_problems(connection: Connection, names: Names) -> list[str]:
    """What is wrong with the times, ratings and words of interactions and texts, all of it."""
    present, found = known(connection), []
    timed: list[NodeSource | EdgeSource] = [
        *(edge for edge in names.interactions() if edge.type in present.types),
        *(n for n in names.nodes if n.kgrec in (REVIEW, QUERY) and n.label in present.labels),
    ]
    for where in timed:
        keys = ["source", "target"] if isinstance(where, EdgeSource) else ["id"]
        for name in ("timestamp", "rating", "scenario", "split"):
            if where.properties.get(name, name) not in present.properties:
                continue
            query = (
                queries.read_edges(where, [name])
                if isinstance(where, EdgeSource)
                else queries.read_nodes(where, [name])
            )
            try:
                _read(connection, query, [*keys, name], where=where)
            except StoreError as error:
                found.append(str(error).removeprefix(f"{connection.uri}: "))
    return found


def place_of(where: NodeSource | EdgeSource) -> str:
    """What messages call a label or a relationship type."""
    return f"(:{where.label})" if isinstance(where, NodeSource) else f"[:{where.type}]"


def _with_kind(part: pa.Table, kind: str) -> pa.Table:
    constant = pa.array([kind] * part.num_rows, pa.string())
    if "kind" not in part.column_names:
        return part.append_column("kind", constant)
    place = part.column_names.index("kind")
    return part.set_column(place, "kind", part["kind"].fill_null(kind))


def _joined(parts: list[pa.Table], names: Sequence[str]) -> pa.Table:
    if not parts:
        key = {"id", "source", "target"}
        return pa.table({n: pa.array([], pa.string() if n in key else pa.null()) for n in names})
    return joined(parts)
