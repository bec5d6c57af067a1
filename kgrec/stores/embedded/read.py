"""Reading a kglite graph into Arrow: its CSV writer, parsed by Arrow, is the fastest way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import kglite
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from kgrec.stores.base import EdgeType
from kgrec.stores.columns import column_of, joined
from kgrec.stores.embedded import queries
from kgrec.stores.embedded.file import LoadedGraph
from kgrec.stores.stored_types import Kinds, kind_of, kind_of_column

PAGE_EDGES = 150_000  # edges to read at once
# kglite's names of property types -> Arrow's; any other type takes the slow way.
KINDS = {
    "String": pa.string(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
    "Boolean": pa.bool_(),
}

Parameters = dict[str, Any] | None


@dataclass(frozen=True)
class Column:
    """One column to read: its name, the Cypher expression (None: nothing has this property), and
    its Arrow type (None: unknown). ``key`` columns are strings that are never null.
    """

    name: str
    expression: str | None
    type: pa.DataType | None
    key: bool = False


def read_nodes(loaded: LoadedGraph, label: str, columns: Sequence[str] | None) -> pa.Table:
    """The nodes of a label; ``columns``: all properties if None."""
    kinds = loaded.node_properties(label)
    wanted = [Column("id", "n.id", pa.string(), key=True)]
    wanted += [
        _column(name, queries.node_property(name, label), kinds)
        for name in (kinds if columns is None else columns)
    ]
    known = label in loaded.graph.node_types
    return read_columns(loaded.graph, queries.match_nodes(label) if known else None, wanted)


def read_edges(
    loaded: LoadedGraph,
    edge: EdgeType,
    columns: Sequence[str] | None,
    page: int = PAGE_EDGES,
    sources: Sequence[str] | None = None,
) -> pa.Table:
    """The edges of one kind, read in parts of about ``page`` edges; ``sources``: those of these
    nodes alone."""
    kinds = loaded.edge_properties(edge.name)
    wanted = [
        Column("source", "a.id", pa.string(), key=True),
        Column("target", "b.id", pa.string(), key=True),
    ]
    wanted += [
        _column(name, queries.edge_property(name), kinds)
        for name in (kinds if columns is None else columns)
    ]
    same = [e for e in loaded.edge_types if e.name == edge.name]
    stored = [e for e in same if (e.source_label, e.target_label) == _ends(edge)]
    if not stored:
        return read_columns(loaded.graph, None, wanted)
    parameters: dict[str, Any] = {"relation": edge.name}
    if stored[0].count <= page and sources is None:
        return read_columns(loaded.graph, queries.match_edges(edge), wanted, parameters)
    # kglite holds every row of an answer before it writes them, so ask for a part of the sources.
    ids = sources or read_nodes(loaded, edge.source_label, ())["id"].to_pylist()
    size = max(1, loaded.graph.node_type_counts()[edge.source_label] * page // stored[0].count)
    match = queries.match_edges_of(edge, labels=len(same) > 1)
    pages = [
        read_columns(loaded.graph, match, wanted, {**parameters, "ids": list(ids[i : i + size])})
        for i in range(0, len(ids), size)
    ]
    return joined(pages)


def other_kinds(loaded: LoadedGraph, given: Kinds) -> dict[str, dict[str, str]]:
    """The kinds of those attributes of nodes for which the graph has values of another kind than
    ``given``. Only what the schema does not settle is read."""
    found: dict[str, dict[str, str]] = {}
    for label, kinds in given.items():
        types = loaded.node_properties(label)
        for name, kind in kinds.items():
            if name not in types or kind_of(KINDS.get(types[name], pa.null())) == kind:
                continue
            stored = kind_of_column(read_nodes(loaded, label, [name])[name])
            if stored is not None and stored != kind:
                found.setdefault(label, {})[name] = stored
    return found


def _ends(edge: EdgeType) -> tuple[str, str]:
    return edge.source_label, edge.target_label


def _column(name: str, expression: str, kinds: Mapping[str, str]) -> Column:
    if name not in kinds:
        return Column(name, None, pa.null())
    return Column(name, expression, KINDS.get(kinds[name]))


def read_columns(
    graph: kglite.KnowledgeGraph,
    match: str | None,
    columns: Sequence[Column],
    parameters: Parameters = None,
) -> pa.Table:
    """The rows of ``match`` (None: there are none) as a table with ``columns``."""
    present = [column for column in columns if column.expression is not None]
    if match is None:
        table = pa.table({column.name: pa.nulls(0, column.type or pa.null()) for column in present})
    else:
        table = _read(graph, match, present, parameters)
    absent = pa.nulls(table.num_rows)
    return pa.table({c.name: absent if c.expression is None else table[c.name] for c in columns})


def _read(
    graph: kglite.KnowledgeGraph, match: str, columns: Sequence[Column], parameters: Parameters
) -> pa.Table:
    if all(column.type is not None for column in columns):
        try:
            return _through_csv(graph, match, columns, parameters)
        except (pa.ArrowInvalid, kglite.CypherError):
            pass  # a property of several types: read its values one by one
    return _through_values(graph, match, columns, parameters)


def _through_csv(
    graph: kglite.KnowledgeGraph, match: str, columns: Sequence[Column], parameters: Parameters
) -> pa.Table:
    marked = _marked(graph, match, columns, parameters)
    wanted = [
        f"'.' + {column.expression} AS c{i}" if mark else f"{column.expression} AS c{i}"
        for i, (column, mark) in enumerate(zip(columns, marked, strict=True))
    ]
    text: Any = graph.cypher(
        f"{match} RETURN {', '.join(wanted)} FORMAT CSV",
        params=parameters,
        timeout_ms=0,
        hide_structural_keys=True,
    )
    table = pyarrow.csv.read_csv(
        pa.py_buffer(text.encode()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={f"c{i}": column.type for i, column in enumerate(columns)},
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=True,
        ),
    )
    found = {}
    for i, (column, mark) in enumerate(zip(columns, marked, strict=True)):
        values = table[f"c{i}"]
        found[column.name] = pc.utf8_slice_codeunits(values, 1) if mark else values
    return pa.table(found)


def _marked(
    graph: kglite.KnowledgeGraph, match: str, columns: Sequence[Column], parameters: Parameters
) -> list[bool]:
    """Which columns need a mark before every present string, since CSV can't tell null from "".

    Only those that hold a "" do: reading a marked column takes half as long again.
    """
    marked = []
    for column in columns:
        strings = column.type == pa.string() and not column.key
        empty = f"{match} WHERE {column.expression} = '' RETURN 1 AS c LIMIT 1"
        marked.append(
            strings and bool(graph.cypher(empty, params=parameters, hide_structural_keys=True))
        )
    return marked


def _through_values(
    graph: kglite.KnowledgeGraph, match: str, columns: Sequence[Column], parameters: Parameters
) -> pa.Table:
    wanted = [f"{column.expression} AS c{i}" for i, column in enumerate(columns)]
    rows: Any = graph.cypher(
        f"{match} RETURN {', '.join(wanted)}",
        params=parameters,
        timeout_ms=0,
        hide_structural_keys=True,
    )
    return pa.table(
        {column.name: column_of(rows.column(f"c{i}")) for i, column in enumerate(columns)}
    )


def plain_value(value: Any) -> Any:
    """A value of a query's answer in the form that every store gives."""
    if isinstance(value, list):
        return [plain_value(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"id", "labels", "properties"}:
        return {"labels": value["labels"], "properties": _stored(value)}
    if value.keys() == {"id", "start", "end", "type", "properties"}:
        return {"type": value["type"], "properties": value["properties"]}
    return {name: plain_value(part) for name, part in value.items()}


def _stored(node: dict[str, Any]) -> dict[str, Any]:
    """A node's properties without those that kglite makes up: its label, and a null title."""
    made_up = {**dict.fromkeys(queries.MADE_UP, node["labels"][0]), "title": None}
    return {
        name: plain_value(value)
        for name, value in node["properties"].items()
        if name not in made_up or value != made_up[name]
    }
