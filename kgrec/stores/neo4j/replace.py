"""Replacing what a Neo4j graph of kgrec's own holds by a catalog, in transactions of their own.

The nodes of the catalog are written first, then the edges, all of a source in one transaction, and
last the nodes leave that the catalog lacks. A reader meanwhile finds old and new rows. Each step
gives the same if it is run again, so that a write that was cut off is completed by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as with_values
from typing import TYPE_CHECKING

import neo4j
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.names import INTERACTED, LABEL_FRAMES
from kgrec.progress import Progress
from kgrec.stores.base import EdgeType
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j import read as reading
from kgrec.stores.neo4j.names import Names
from kgrec.stores.neo4j.search import index_texts
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.neo4j.write import (
    BATCH,
    Work,
    batches,
    complete,
    create,
    declare_names,
    write_nodes,
)
from kgrec.stores.tables import interaction_rows, node_rows, other_edges

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

_NOTHING = pa.table({name: pa.array([], pa.string()) for name in ("source", "target")})


def replace(
    connection: Connection, names: Names, catalog: Catalog, progress: Progress | None
) -> None:
    """Leave exactly the catalog in the graph."""
    nodes, edges = node_rows(catalog), [interaction_rows(catalog), *other_edges(catalog)]
    declare_names(connection, nodes, edges)
    for rows in nodes:
        write_nodes(connection, rows, progress, replaced=True)
    index_texts(connection, nodes)
    given = {with_values(part.type, count=0): part.table for part in edges}
    stored = {with_values(kind, count=0) for kind in reading.edge_types(connection, names)}
    for kind in sorted({*given, *stored}, key=str):
        there = reading.read_edges(connection, names, kind, []) if kind in stored else _NOTHING
        _replace_edges(connection, kind, there, given.get(kind, _NOTHING), progress)
    kept = {rows.label: rows.table["id"] for rows in nodes}
    for label in LABEL_FRAMES:
        _remove_others(connection, names, label, kept.get(label))


def _replace_edges(
    connection: Connection,
    kind: EdgeType,
    stored: pa.Table,
    given: pa.Table,
    progress: Progress | None,
) -> None:
    """Write the edges of a type anew, source by source."""
    done = 0
    for sources, rows in _parts(stored, given):
        connection.write(_work(kind, sources, rows))
        done += rows.num_rows
        if progress and rows.num_rows:
            progress(kind.name, done, given.num_rows)


def _work(kind: EdgeType, sources: list[str], rows: pa.Table) -> Work:
    def work(tx: neo4j.ManagedTransaction) -> None:
        tx.run(queries.lock_nodes(kind.source_label), ids=sources).consume()
        tx.run(queries.delete_edges(kind), ids=sources).consume()
        if kind.name == INTERACTED:
            create(tx, kind, rows)
        elif rows.num_rows:
            complete(tx, kind, rows)

    return work


def _parts(stored: pa.Table, given: pa.Table) -> Iterator[tuple[list[str], pa.Table]]:
    """Sources with their new edges, then those that have none any more."""
    for rows in batches(given):
        yield pc.unique(rows["source"]).to_pylist(), rows
    left = pc.unique(stored["source"])
    left = left.filter(pc.invert(pc.is_in(left, value_set=pc.unique(given["source"])))).to_pylist()
    for start in range(0, len(left), BATCH):
        yield left[start : start + BATCH], _NOTHING


def _remove_others(
    connection: Connection, names: Names, label: str, kept: pa.ChunkedArray | None
) -> None:
    """Remove the nodes of a label that are not among ``kept``."""
    stored = reading.read_nodes(connection, names, label, [])["id"]
    if kept is not None:
        stored = stored.filter(pc.invert(pc.is_in(stored, value_set=pc.unique(kept))))
    ids = stored.to_pylist()
    for start in range(0, len(ids), BATCH):
        connection.write(_removal(label, ids[start : start + BATCH]))


def _removal(label: str, ids: list[str]) -> Work:
    def work(tx: neo4j.ManagedTransaction) -> None:
        tx.run(queries.delete_nodes(label), rows=ids).consume()

    return work
