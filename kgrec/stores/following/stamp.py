"""``stamped``: a catalog whose rows say when they were written, so that services follow them."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema import Catalog
from graph_schema.names import CHANGED, KEY_COLUMNS, LABEL_FRAMES, NODE_TYPES
from kgrec.stores.following.follow_queries import LABELS


def stamped(catalog: Catalog, at: int) -> Catalog:
    """A catalog with the time ``at`` (unix seconds) in ``kgrec_changed``, which models don't read:
    of its interactions, of the nodes that it was given, and of those at the heads of its facts."""
    tables = dict(catalog.tables)
    for label in LABELS:
        frame = LABEL_FRAMES[label]
        table = tables[frame]
        marked: pa.Array | pa.ChunkedArray = pa.array([True] * len(table), pa.bool_())
        if frame in catalog.derived:  # others name these nodes, and say nothing of most
            ids = table.column(KEY_COLUMNS[frame])
            marked = pc.is_in(ids, value_set=_heads(tables["facts"], label))
        tables[frame] = _with_time(table, marked, at)
    events = tables["interactions"]
    tables["interactions"] = _with_time(events, pa.array([True] * len(events), pa.bool_()), at)
    return replace(catalog, tables=tables)


def _heads(facts: pa.Table, label: str) -> pa.Array:
    """The ids of the nodes with a label that facts have as heads."""
    if not len(facts):
        return pa.array([], pa.string())
    names = [name for name, one in NODE_TYPES.items() if one == label]
    chosen = pc.is_in(facts.column("head_type"), value_set=pa.array(names, pa.string()))
    return pc.unique(facts.column("head").filter(chosen)).cast(pa.string())


def _with_time(table: pa.Table, marked: pa.Array | pa.ChunkedArray, at: int) -> pa.Table:
    if not len(table):
        return table
    if CHANGED in table.column_names:
        table = table.drop_columns([CHANGED])
    times = pc.if_else(marked, pa.scalar(at, pa.int64()), pa.scalar(None, pa.int64()))
    return table.append_column(CHANGED, times)
