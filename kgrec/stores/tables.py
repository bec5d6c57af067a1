"""A catalog seen as a property graph: one table of nodes per label, one of edges per edge type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.frames import SPECS, Kind
from graph_schema.names import (
    ABOUT,
    CLICKED,
    INTERACTED,
    ISSUED,
    ITEM,
    KEY_COLUMNS,
    LABEL_FRAMES,
    NODE_TYPES,
    QUERY,
    REVIEW,
    USER,
    WROTE,
)
from kgrec.stores.base import EdgeType
from kgrec.stores.columns import plain_column

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

# The columns of reviews and queries that are edges in the graph, not properties of the node.
_LINKS = {
    "reviews": (("user_id", USER, WROTE, False), ("item_id", ITEM, ABOUT, True)),
    "queries": (("user_id", USER, ISSUED, False), ("item_id", ITEM, CLICKED, True)),
}
_FACT_KEYS = ("head", "head_type", "relation", "tail", "tail_type")


@dataclass(frozen=True)
class NodeRows:
    """Nodes of one label: column ``id`` (string), then the properties."""

    label: str
    table: pa.Table


@dataclass(frozen=True)
class EdgeRows:
    """Edges of one type: string columns ``source``, ``target``, then the properties."""

    type: EdgeType
    table: pa.Table


def node_rows(catalog: Catalog) -> list[NodeRows]:
    """The nodes of every label that the catalog holds, one row per id (the first one wins)."""
    found = []
    for label, frame in LABEL_FRAMES.items():
        table = catalog.tables[frame]
        if table.num_rows:
            links = [name for name, *_ in _LINKS.get(frame, ()) if name in table.column_names]
            renamed = rename(table.drop_columns(links), {KEY_COLUMNS[frame]: "id"})
            rows = _text_title(_without_empty(frame, plain(renamed)))
            found.append(NodeRows(label, without_nulls(rows)))
    return found


def interaction_rows(catalog: Catalog) -> EdgeRows:
    """The interactions as edges."""
    table = rename(catalog.tables["interactions"], {"user_id": "source", "item_id": "target"})
    return EdgeRows(EdgeType(USER, INTERACTED, ITEM, table.num_rows), plain(table))


def other_edges(catalog: Catalog) -> list[EdgeRows]:
    """Facts and the edges of reviews and queries: at most one edge of a type between two nodes."""
    return [*fact_rows(catalog.tables["facts"]), *_link_rows(catalog)]


def fact_rows(facts: pa.Table) -> Iterator[EdgeRows]:
    """Facts by (head label, relation, tail label)."""
    if not facts.num_rows:
        return
    facts = plain(facts)
    kinds = facts.select(["head_type", "relation", "tail_type"]).group_by(
        ["head_type", "relation", "tail_type"], use_threads=False
    )
    properties = [name for name in facts.column_names if name not in _FACT_KEYS]
    for kind in kinds.aggregate([]).to_pylist():
        mask = _equal(facts, kind)
        rows = rename(
            facts.filter(mask).select(["head", "tail", *properties]),
            {"head": "source", "tail": "target"},
        )
        head, tail = NODE_TYPES[kind["head_type"]], NODE_TYPES[kind["tail_type"]]
        yield EdgeRows(EdgeType(head, kind["relation"], tail, rows.num_rows), without_nulls(rows))


def _equal(table: pa.Table, values: dict[str, str]) -> pa.ChunkedArray:
    masks = [pc.equal(table[name], value) for name, value in values.items()]
    return pc.and_(pc.and_(masks[0], masks[1]), masks[2])


def _link_rows(catalog: Catalog) -> Iterator[EdgeRows]:
    for frame, links in _LINKS.items():
        table, label = catalog.tables[frame], REVIEW if frame == "reviews" else QUERY
        for column, end, name, outgoing in links:
            if not table.num_rows or column not in table.column_names:
                continue
            both = plain(table.select([KEY_COLUMNS[frame], column]).drop_null())
            node, other = both.column(0), both.column(1)
            ends = (label, end, node, other) if outgoing else (end, label, other, node)
            rows = pa.table({"source": ends[2], "target": ends[3]})
            if rows.num_rows:
                yield EdgeRows(EdgeType(ends[0], name, ends[1], rows.num_rows), rows)


def _without_empty(frame: str, table: pa.Table) -> pa.Table:
    """Without the "" that a catalog writes where nothing is known: no property rather than an empty
    one, so that a later catalog that doesn't know it either leaves the stored one alone."""
    filled = {c.name for c in SPECS[frame].columns if c.always and c.kind is Kind.TEXT}
    for place, name in enumerate(table.column_names):
        if name in filled:
            empty = pc.equal(table[name], "")
            values = pc.if_else(empty, pa.scalar(None, pa.string()), table[name])
            table = table.set_column(place, name, values)
    return table


def _text_title(table: pa.Table) -> pa.Table:
    """With ``title`` as text, whatever it is in the catalog: a node's title is shown to people, and
    the embedded store takes nothing else."""
    if "title" not in table.column_names:
        return table
    place = table.column_names.index("title")
    return table.set_column(place, "title", table["title"].cast(pa.string()))


def rename(table: pa.Table, names: dict[str, str]) -> pa.Table:
    """The table with some columns renamed."""
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def without_nulls(table: pa.Table) -> pa.Table:
    """The table without the columns that hold no value at all."""
    kept = [name for name in table.column_names if table[name].null_count < table.num_rows]
    return table.select(kept) if table.num_rows else table


def plain(table: pa.Table) -> pa.Table:
    """The table in the few types that a property may have: string, int64, float64, bool, and
    list<float64> for vectors.

    NaN becomes null, so that what is absent is an absent property; empty columns are dropped.
    """
    columns = {name: plain_column(table[name]) for name in table.column_names}
    return without_nulls(pa.table(columns))
