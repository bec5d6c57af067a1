"""Writing a catalog to Neo4j: batches grouped by node, each in a transaction that may run twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import neo4j
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgrec.progress import Progress
from kgrec.stores.base import EdgeType
from kgrec.stores.columns import column_of, one_chunk
from kgrec.stores.erasure import EmptyProperty
from kgrec.stores.merge import IDENTITY, Merged, merge_interactions
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.tables import EdgeRows, NodeRows

BATCH = 10_000  # rows in one transaction
SESSIONS = 2  # transactions at once, where they don't wait for one another's locks
ELEMENT = queries.ELEMENT

Work = Callable[[neo4j.ManagedTransaction], None]


def declare_names(connection: Connection, nodes: list[NodeRows], edges: list[EdgeRows]) -> None:
    """Make types and property names known, so that a query that names them gives no warning."""
    tables = [part.table for part in nodes] + [part.table for part in edges]
    properties = {name for table in tables for name in table.column_names} | set(IDENTITY)
    declare(connection, properties - {"source", "target"}, {part.type.name for part in edges})


def declare(connection: Connection, properties: Iterable[str], types: Iterable[str]) -> None:
    """The same for these names."""

    def work(tx: neo4j.ManagedTransaction) -> None:
        for name in sorted(properties):
            tx.run(queries.CREATE_PROPERTY, name=name).consume()
        for name in sorted(types):
            tx.run(queries.CREATE_TYPE, name=name).consume()

    connection.write(work)


def write_nodes(
    connection: Connection, rows: NodeRows, progress: Progress | None, *, replaced: bool = False
) -> None:
    """Insert nodes, or update the properties that the rows give, by id; ``replaced``: nodes that
    are there lose all other properties."""
    statement = (queries.replace_nodes if replaced else queries.merge_nodes)(rows.label)

    def batch(part: pa.Table) -> Work:
        properties = [_present(row) for row in part.to_pylist()]
        return lambda tx: _run(tx, statement, properties)

    parts = [rows.table.slice(i, BATCH) for i in range(0, rows.table.num_rows, BATCH)]
    _run_all(connection, rows.label, parts, batch, progress, sessions=SESSIONS)


def erase(connection: Connection, empty: Sequence[EmptyProperty]) -> None:
    """Remove properties of nodes; what is not there is no error."""

    def batch(statement: str, ids: list[str]) -> Work:
        def work(tx: neo4j.ManagedTransaction) -> None:
            tx.run(statement, ids=ids).consume()

        return work

    for one in empty:
        statement = queries.erase_property(one.label, one.name)
        for start in range(0, len(one.ids), BATCH):
            connection.write(batch(statement, one.ids[start : start + BATCH]))


def write_edges(connection: Connection, rows: EdgeRows, progress: Progress | None) -> None:
    """Insert edges of a type that has at most one between two nodes, or update their properties.

    Source by source, as interactions: what is there is read under a lock, and only what is missing
    is created, which takes no locks that two transactions wait for in turn, as MERGE does.
    """

    def batch(part: pa.Table) -> Work:
        return lambda tx: complete(tx, rows.type, part)

    # Where sources are targets too, two transactions would wait for each other's locked sources.
    alike = rows.type.source_label == rows.type.target_label
    sessions = 1 if alike else SESSIONS
    _run_all(connection, rows.type.name, batches(rows.table), batch, progress, sessions=sessions)


def complete(tx: neo4j.ManagedTransaction, edge: EdgeType, incoming: pa.Table) -> None:
    sources = pc.unique(incoming["source"]).to_pylist()
    tx.run(queries.lock_nodes(edge.source_label), ids=sources).consume()
    there = {
        (record["id"], target)
        for record in tx.run(queries.targets_of(edge), ids=sources)
        for target in record["targets"]
    }
    pairs = list(zip(incoming["source"].to_pylist(), incoming["target"].to_pylist(), strict=True))
    fresh = np.zeros(len(pairs), dtype=bool)
    for place, pair in enumerate(pairs):
        fresh[place] = pair not in there
        there.add(pair)
    create(tx, edge, incoming.filter(pa.array(fresh)))
    rest = incoming.filter(pa.array(~fresh))
    if rest.num_rows and rest.num_columns > 2:
        properties = rest.drop_columns(["source", "target"]).to_pylist()
        maps = pa.array([json.dumps(_present(row)) for row in properties], pa.string())
        both = rest.select(["source", "target"]).append_column("properties", maps)
        rows, targets = _groups(both)
        for row in rows:
            row["properties"] = [json.loads(text) for text in row["properties"]]
        tx.run(queries.merge_edges(edge), rows=rows, targets=targets).consume()


def write_interactions(connection: Connection, rows: EdgeRows, progress: Progress | None) -> None:
    """Merge interactions user by user: what a user has is read and completed in one transaction."""

    def batch(part: pa.Table) -> Work:
        return lambda tx: _merge(tx, rows.type, part)

    parts = batches(rows.table)
    _run_all(connection, rows.type.name, parts, batch, progress, sessions=SESSIONS)


def _merge(tx: neo4j.ManagedTransaction, edge: EdgeType, incoming: pa.Table) -> None:
    users = pc.unique(incoming["source"]).to_pylist()
    tx.run(queries.lock_nodes(edge.source_label), ids=users).consume()
    # What identifies an interaction must be read even where the incoming ones lack it.
    columns = sorted({*incoming.column_names, *IDENTITY} - {"source", "target"})
    stored = stored_interactions(tx, users, columns, elements=False)
    if stored is None:
        create(tx, edge, incoming)
        return
    merged = merge_interactions(stored, incoming)
    if merged.changed.any():
        stored = stored_interactions(tx, users, columns, elements=True)
        merged = merge_interactions(stored, incoming)
        _update(tx, merged)
    create(tx, edge, merged.added.select(incoming.column_names))


def stored_interactions(
    tx: neo4j.ManagedTransaction, users: list[str], columns: Sequence[str], *, elements: bool
) -> pa.Table | None:
    """The interactions that the users have, with their element ids if asked; None: none."""
    names = ["source", "target", *columns, *([ELEMENT] if elements else [])]
    values: dict[str, list[Any]] = {name: [] for name in names}
    for record in tx.run(queries.interactions_of_users(columns, elements), ids=users):
        values["source"] += [record["source"]] * len(record["target"])
        for name in names[1:]:
            values[name] += record[name]
    if not values["source"]:
        return None
    return pa.table({name: column_of(column) for name, column in values.items()})


def _update(tx: neo4j.ManagedTransaction, merged: Merged) -> None:
    rows = merged.rows.slice(0, merged.stored).filter(pa.array(merged.changed))
    elements = rows[ELEMENT].to_pylist()
    properties = rows.drop_columns(["source", "target", ELEMENT]).to_pylist()
    changes = [
        {"element": element, "properties": _present(row)}
        for element, row in zip(elements, properties, strict=True)
    ]
    _run(tx, queries.UPDATE_EDGES, changes)


def create(tx: neo4j.ManagedTransaction, edge: EdgeType, rows: pa.Table) -> None:
    """``rows`` sorted by source."""
    if rows.num_rows:
        columns = [name for name in rows.column_names if name not in ("source", "target")]
        groups, targets = _groups(rows)
        tx.run(queries.create_edges(edge, columns), rows=groups, targets=targets).consume()


def _run(tx: neo4j.ManagedTransaction, statement: str, rows: list[dict[str, Any]]) -> None:
    tx.run(statement, rows=rows).consume()


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _groups(table: pa.Table) -> tuple[list[dict[str, Any]], list[str]]:
    """One dict a source: its id, and a list for every other column; and the distinct targets, whose
    places in that list stand for them."""
    lists = {name: table[name].to_pylist() for name in table.column_names if name != "target"}
    coded = pc.dictionary_encode(one_chunk(table["target"]))
    lists["target"] = coded.indices.to_pylist()
    sources = lists.pop("source")
    starts = _starts(table).tolist()
    groups = [
        {"source": sources[a], **{name: values[a:b] for name, values in lists.items()}}
        for a, b in zip(starts, [*starts[1:], len(sources)], strict=True)
    ]
    return groups, coded.dictionary.to_pylist()


def _sorted(table: pa.Table) -> pa.Table:
    return table.take(pc.sort_indices(table, [("source", "ascending"), ("target", "ascending")]))


def batches(table: pa.Table) -> list[pa.Table]:
    """The rows by source in parts of about BATCH rows; all rows of a source are in one part."""
    if not table.num_rows:
        return []
    table = _sorted(table).combine_chunks()
    starts = _starts(table)
    cuts = [0]
    for start in starts[1:]:
        if start - cuts[-1] >= BATCH:
            cuts.append(int(start))
    ends = [*cuts[1:], table.num_rows]
    return [table.slice(a, b - a) for a, b in zip(cuts, ends, strict=True)]


def _starts(table: pa.Table) -> np.ndarray:
    """The first row of each source in a table sorted by it."""
    codes = pc.dictionary_encode(one_chunk(table["source"])).indices.to_numpy(zero_copy_only=False)
    return np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))


def _run_all(
    connection: Connection,
    what: str,
    parts: Sequence[pa.Table],
    batch: Callable[[pa.Table], Work],
    progress: Progress | None,
    *,
    sessions: int,
) -> None:
    """A transaction for each part, ``sessions`` at once; the first error stops the rest."""

    def one(part: pa.Table) -> None:
        connection.write(batch(part))

    total, done = sum(part.num_rows for part in parts), 0
    with ThreadPoolExecutor(sessions) as pool:
        running = {pool.submit(one, part): part for part in parts}
        try:
            for finished in as_completed(running):
                finished.result()
                done += running[finished].num_rows
                if progress:
                    progress(what, done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
