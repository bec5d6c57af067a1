"""A store's whole graph as a catalog."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.names import (
    ABOUT,
    CLICKED,
    INTERACTED,
    ISSUED,
    KEY_COLUMNS,
    LABEL_FRAMES,
    NODE_TYPES,
    QUERY,
    RESERVED_TYPES,
    REVIEW,
    WROTE,
)
from kgrec.graph.read import check_readable
from kgrec.progress import Progress
from kgrec.stores.base import EdgeType, GraphStore
from kgrec.stores.merge import first_of_each

TYPE_NAMES = {label: name for name, label in NODE_TYPES.items()}


def read_catalog(store: GraphStore, progress: Progress) -> Catalog:
    """Everything in the store, with the columns of the CSV layout.

    Raises StoreError for a graph that does not fit its mapping, and CatalogError for one that no
    loader would take again.
    """
    check_readable(store)
    edges = store.edge_types()
    steps = len(LABEL_FRAMES) + 2
    frames: dict[str, pa.Table] = {}
    for step, (label, name) in enumerate(LABEL_FRAMES.items(), start=1):
        frames[name] = _renamed(store.read_nodes(label), {"id": KEY_COLUMNS[name]})
        progress("reading the graph", step, steps)
    frames["reviews"] = _with_ends(store, edges, frames["reviews"], REVIEW)
    frames["queries"] = _with_ends(store, edges, frames["queries"], QUERY)
    frames["interactions"] = _interactions(store, edges)
    progress("reading the graph", steps - 1, steps)
    frames["facts"] = _facts(store, edges)
    progress("reading the graph", steps, steps)
    scenarios = frames["scenarios"]
    if len(scenarios):  # a graph may name others: one written long ago, or read through a mapping
        frames["scenarios"] = _joined([scenarios, _unlisted(scenarios, frames)])
    found = Catalog.from_frames(**{name: table for name, table in frames.items() if len(table)})
    found.validate().raise_if_any()
    return found


def _unlisted(scenarios: pa.Table, frames: dict[str, pa.Table]) -> pa.Table:
    """The scenarios that interactions and queries name and that have no node."""
    named = [frames[name] for name in ("interactions", "queries")]
    names = [table["scenario"].cast(pa.string()) for table in named if _has(table, "scenario")]
    ids = pa.chunked_array([chunk for part in names for chunk in part.chunks], pa.string())
    ids = pc.unique(ids.drop_null())
    unlisted = pc.invert(pc.is_in(ids, value_set=pc.unique(scenarios["scenario_id"])))
    return pa.table({"scenario_id": ids.filter(unlisted)})


def _has(table: pa.Table, column: str) -> bool:
    return column in table.column_names


def _renamed(table: pa.Table, names: dict[str, str]) -> pa.Table:
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _joined(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})


def _interactions(store: GraphStore, edges: list[EdgeType]) -> pa.Table:
    parts = [store.read_edges(edge) for edge in edges if edge.name == INTERACTED]
    return _renamed(_joined(parts), {"source": "user_id", "target": "item_id"})


def _facts(store: GraphStore, edges: list[EdgeType]) -> pa.Table:
    parts = []
    for edge in edges:
        known = edge.source_label in TYPE_NAMES and edge.target_label in TYPE_NAMES
        if edge.name in RESERVED_TYPES or not known:
            continue
        part = _renamed(first_of_each(store.read_edges(edge)), {"source": "head", "target": "tail"})
        words = {
            "head_type": TYPE_NAMES[edge.source_label],
            "relation": edge.name,
            "tail_type": TYPE_NAMES[edge.target_label],
        }
        for place, (name, word) in enumerate(words.items()):
            column = pa.repeat(pa.scalar(word), len(part))
            part = part.add_column((1, 2, 4)[place], name, column)
        parts.append(part)
    return _joined(parts)


def _with_ends(store: GraphStore, edges: list[EdgeType], texts: pa.Table, label: str) -> pa.Table:
    """Reviews or queries with the user and the item at the other ends of their edges."""
    key = KEY_COLUMNS[LABEL_FRAMES[label]]
    for edge in edges:
        if edge.name in (WROTE, ISSUED) and edge.target_label == label:
            names = {"source": "user_id", "target": key}
        elif edge.name in (ABOUT, CLICKED) and edge.source_label == label:
            names = {"source": key, "target": "item_id"}
        else:
            continue
        ends = _renamed(store.read_edges(edge, []), names).select(list(names.values()))
        texts = texts.join(ends, key, join_type="left outer")
    return texts.sort_by(key) if len(texts) else texts
