"""Whatever holds a graph, read as a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.disk.paths import given_path
from kgrec.errors import RequestError
from kgrec.graph.context_columns import with_context_columns
from kgrec.graph.mapped import is_snapshot, open_snapshot
from kgrec.graph.read import read_snapshot
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.stores.base import EdgeType, GraphStore, Progress
from kgrec.stores.tables import interaction_rows, node_rows, other_edges


def read_source(
    source: GraphStore | Catalog | GraphSnapshot | str | Path,
    progress: Progress | None = None,
    context: Sequence[str] = (),
) -> GraphSnapshot:
    """Read the snapshot of a store or of a catalog, or map that of a folder.

    Parameters
    ----------
    source : GraphStore, Catalog, GraphSnapshot or path
        A snapshot is returned as it is; a path is that of a folder that ``kgrec snapshot`` wrote.
    progress : callable, optional
        Called with (label or relation, rows done, rows in all).
    context : sequence of str
        Columns of interactions to read beside those that all interactions have.

    Returns
    -------
    GraphSnapshot
        The same for a catalog and for a store that holds just this catalog, but for ``uri``.

    Raises
    ------
    RequestError
        For anything else, and for a column of ``context`` that is not there.
    CatalogError
        If the catalog breaks the schema.
    StoreError
        If the store can't be read.
    SourceError
        If the snapshot in the folder can't be read.
    """
    if isinstance(source, GraphSnapshot):
        return with_context_columns(source, context)
    if isinstance(source, Catalog):
        return with_context_columns(catalog_snapshot(source, progress, context), context)
    if isinstance(source, GraphStore):
        read = read_snapshot(source, progress=progress, context=context)
        return with_context_columns(read, context)
    what = type(source).__name__
    if isinstance(source, str | Path):
        if is_snapshot(given_path(source, "source")):
            return with_context_columns(open_snapshot(given_path(source, "source")), context)
        what = f"{str(source)[:200]!r}, which holds none"
    raise RequestError(
        f"kgrec takes a GraphStore, a Catalog or the folder of a snapshot, not {what}; see "
        "kgrec.connect(), loaders.load(...).catalog and kgrec snapshot."
    )


def catalog_snapshot(
    catalog: Catalog, progress: Progress | None = None, context: Sequence[str] = ()
) -> GraphSnapshot:
    """The snapshot of a valid catalog, without any store. Raises CatalogError."""
    catalog.validate().raise_if_any()
    snapshot = read_snapshot(_CatalogGraph(catalog), progress=progress, context=context)
    return replace(snapshot, integer_ids=catalog.integer_ids)


class _CatalogGraph:
    """A catalog in memory, read as a store that holds just this catalog would be."""

    uri = ""

    def __init__(self, catalog: Catalog) -> None:
        self._nodes = {rows.label: rows.table for rows in node_rows(catalog)}
        edges = [interaction_rows(catalog), *other_edges(catalog)]
        self._edges = {_key(rows.type): rows for rows in edges if rows.table.num_rows}

    def problems(self) -> list[str]:
        return []

    def edge_types(self) -> list[EdgeType]:
        return [rows.type for rows in self._edges.values()]

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        table = self._nodes.get(label, _without_rows("id"))
        return _select(table, ("id",), columns)

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        rows = self._edges.get(_key(edge))
        table = _without_rows("source", "target") if rows is None else rows.table
        return _select(table, ("source", "target"), columns)


def _key(edge: EdgeType) -> tuple[str, str, str]:
    return edge.source_label, edge.name, edge.target_label


def _without_rows(*keys: str) -> pa.Table:
    return pa.table({key: pa.nulls(0, pa.string()) for key in keys})


def _select(table: pa.Table, keys: Iterable[str], columns: Sequence[str] | None) -> pa.Table:
    """``keys`` and ``columns`` (None: all), of which absent ones hold nulls."""
    if columns is None:
        return table
    absent = pa.nulls(table.num_rows)
    return pa.table(
        {name: table[name] if name in table.column_names else absent for name in (*keys, *columns)}
    )
