"""What an update brings: checked against the graph, and in the types that the graph has.

A catalog is valid by itself and may yet not fit a graph: its column of prices may hold text where
the graph has numbers (``kgrec.stores.stored_types``), or its interactions may name an item that was
typed wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.conversion.columns import true_positions
from graph_schema.frames import SPECS, Kind
from graph_schema.names import ENTITY, ITEM, KEY_COLUMNS, LABEL_FRAMES, NODE_TYPES, SCENARIO, USER
from graph_schema.privacy.pseudonyms import check_same_key
from graph_schema.report import ProblemCollector, shown
from kgrec.graph.attributes import stored_type
from kgrec.graph.growth.plain_events import plain_events
from kgrec.graph.merge import MergedGraph, merged_graph
from kgrec.graph.snapshot import GraphSnapshot, NodeTable
from kgrec.graph.source import catalog_snapshot
from kgrec.stores.erasure import EmptyProperty, empty_properties
from kgrec.stores.stored_types import VECTORS, typed_tables

_LABELS = (USER, ITEM, ENTITY, SCENARIO)
_NAMED = 20  # ids that a message of unknown ids lists
# The columns of ids by frame, and the label of their nodes; those of facts depend on the row.
_ENDS = {
    "interactions": (("user_id", USER), ("item_id", ITEM), ("scenario", SCENARIO)),
    "reviews": (("user_id", USER), ("item_id", ITEM)),
    "queries": (("user_id", USER), ("item_id", ITEM), ("scenario", SCENARIO)),
}


def updated(
    graph: GraphSnapshot, news: Catalog, *, strict: bool = False, erase_empty: bool = False
) -> GraphSnapshot:
    """Return ``graph`` with what ``news`` says; see ``merged_news``."""
    return merged_news(graph, news, strict=strict, erase_empty=erase_empty).snapshot


def merged_events(graph: GraphSnapshot, news: object) -> MergedGraph | None:
    """Merge a small frame of interactions of what the graph has, which needs no catalog; the same
    as ``merged_news``. None for anything else."""
    plain = plain_events(graph, news)
    merged = None if plain is None else merged_graph(graph, plain)
    return None if merged is None or merged.placed is None else merged


def merged_news(
    graph: GraphSnapshot, news: Catalog, *, strict: bool = False, erase_empty: bool = False
) -> MergedGraph:
    """Merge what a catalog says into a graph; see ``Recommender.update``.

    Parameters
    ----------
    graph : GraphSnapshot
        The graph so far.
    news : Catalog
        What is new. Its edges may name nodes of the graph that its own tables leave out. Attributes
        are converted to the types that the graph has, as ``typed_tables`` says.
    strict : bool
        Refuse ids that neither the graph nor the tables of nodes that the caller gave hold.
    erase_empty : bool
        An empty attribute or vector in ``news`` erases that of the graph. Titles, names, kinds and
        descriptions stay: a catalog holds them as "" where nothing is known.

    Returns
    -------
    MergedGraph
        Both.

    Raises
    ------
    CatalogError
        Where the catalog is not valid, its users are not named as those of the graph are (one has
        pseudonyms), a value does not fit its column, a vector meets an attribute of the same name,
        or ``strict`` finds unknown ids. It lists all of these.
    """
    whole = _with_known_nodes(graph, news)
    whole.validate().raise_if_any()
    check_same_key(graph.users.ids[:1].tolist(), news, "the model's graph")
    collector = ProblemCollector(news.sources, news.rows)
    tables = typed_tables(whole.tables, _stored_kinds(graph), collector)
    if strict:
        _check_known(graph, news, collector)
    collector.report().raise_if_any()
    context = tuple(graph.interactions.context)
    fresh = catalog_snapshot(replace(whole, tables=tables), context=context)
    return merged_graph(_without_empty(graph, news) if erase_empty else graph, fresh)


def _with_known_nodes(graph: GraphSnapshot, news: Catalog) -> Catalog:
    """The catalog whose given tables of nodes also have those nodes of the graph that it names."""
    tables = dict(news.tables)
    for label in _LABELS:
        frame = LABEL_FRAMES[label]
        key = KEY_COLUMNS[frame]
        if frame in news.derived:
            continue
        named = [pc.unique(ids) for _, _, its, ids in _mentions(news) if its == label]
        ids = pc.unique(pa.chunked_array(named, pa.string()))
        stored = pa.array(graph.table(label).ids, pa.string())
        own = tables[frame].column(key).combine_chunks()
        known = pc.is_in(ids, value_set=stored)
        missing = ids.filter(pc.and_(known, pc.invert(pc.is_in(ids, value_set=own))))
        if len(missing):
            tables[frame] = _with_rows(frame, tables[frame], missing)
    return replace(news, tables=tables)


def _with_rows(frame: str, table: pa.Table, ids: pa.Array) -> pa.Table:
    """The table with a row for each of ``ids`` that says nothing else."""
    blank = {column.name for column in SPECS[frame].columns if column.kind is Kind.TEXT}
    columns = {
        field.name: pa.array([""] * len(ids))
        if field.name in blank
        else pa.nulls(len(ids), field.type)
        for field in table.schema
    }
    columns[KEY_COLUMNS[frame]] = ids
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)])


def _without_empty(graph: GraphSnapshot, news: Catalog) -> GraphSnapshot:
    """The graph without the attributes and vectors for which ``news`` has an empty value."""
    tables = {label: graph.table(label) for label in _LABELS}
    for empty in empty_properties(news):
        tables[empty.label] = _erased(tables[empty.label], empty)
    return replace(
        graph,
        users=tables[USER],
        items=tables[ITEM],
        entities=tables[ENTITY],
        scenarios=tables[SCENARIO],
    )


def _stored_kinds(graph: GraphSnapshot) -> dict[str, dict[str, str]]:
    """The kinds of the attributes and vectors of the graph's nodes."""
    found: dict[str, dict[str, str]] = {}
    for label in _LABELS:
        stored = graph.table(label)
        types = {name: stored_type(stored.attributes[name]) for name in stored.attributes.columns}
        kinds = {name: str(kind) for name, kind in types.items() if kind is not None}
        found[label] = kinds | dict.fromkeys(stored.vectors, VECTORS)
    return found


def _check_known(graph: GraphSnapshot, news: Catalog, collector: ProblemCollector) -> None:
    known = {label: _known_ids(graph, news, label) for label in _LABELS}
    for frame, column, label, values in _mentions(news):
        ids = values.cast(pa.string())
        fine = pc.or_(pc.is_in(ids, value_set=known[label]), pc.equal(pc.fill_null(ids, ""), ""))
        rows = true_positions(pc.invert(fine))
        if len(rows):
            collector.add(
                frame,
                column,
                _unknown(frame, label, ids, rows, collector),
                f"correct them, or add them to the {LABEL_FRAMES[label]} of the update.",
            )


def _known_ids(graph: GraphSnapshot, news: Catalog, label: str) -> pa.Array:
    frame = LABEL_FRAMES[label]
    stored = pa.array(graph.table(label).ids, pa.string())
    if frame in news.derived:
        return stored
    own = news.tables[frame].column(KEY_COLUMNS[frame]).combine_chunks()
    return pa.concat_arrays([stored, own])


def _mentions(news: Catalog) -> Iterator[tuple[str, str, str, pa.ChunkedArray]]:
    """(Frame, column, label, ids) of every column that names nodes; other labels' ids are null."""
    for frame, ends in _ENDS.items():
        table = news.tables[frame]
        for column, label in ends:
            if column in table.column_names:
                yield frame, column, label, table.column(column)
    facts = news.tables["facts"]
    for end in ("head", "tail"):
        for kind, label in NODE_TYPES.items():
            here = pc.equal(facts.column(f"{end}_type"), kind)
            yield (
                "facts",
                end,
                label,
                pc.if_else(here, facts.column(end), pa.scalar(None, pa.string())),
            )


def _unknown(
    frame: str, label: str, ids: pa.ChunkedArray, rows: np.ndarray, collector: ProblemCollector
) -> str:
    first: dict[str, int] = {}
    for row in rows.tolist():
        first.setdefault(ids[row].as_py(), row)
    listed = [
        f"{shown(one)} (row {collector.row(frame, row)})"
        for one, row in list(first.items())[:_NAMED]
    ]
    more = f" and {len(first) - _NAMED:,} more" if len(first) > _NAMED else ""
    return (
        f"neither the graph nor the update's own {LABEL_FRAMES[label]} hold "
        f"{', '.join(listed)}{more}."
    )


def _erased(stored: NodeTable, empty: EmptyProperty) -> NodeTable:
    rows = stored.rows(empty.ids)
    gone = np.zeros(len(stored), dtype=bool)
    gone[rows[rows >= 0]] = True
    attributes, vectors, name = stored.attributes, dict(stored.vectors), empty.name
    if name in vectors:
        vectors[name] = np.where(gone[:, None], np.float32(0), vectors[name])
    elif name in attributes.columns:
        attributes = attributes.assign(**{name: attributes[name].mask(pd.Series(gone))})
    return replace(stored, attributes=attributes, vectors=vectors)
