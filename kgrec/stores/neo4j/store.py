"""Neo4jStore: a property graph on a Neo4j server, through the official driver."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import neo4j
import neo4j.graph
import neo4j.time
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.errors import QueryError, StoreError
from graph_schema.mapping import GraphMapping
from graph_schema.migration import READ_VERSION, RECORD_VERSION, latest_version, migrations
from graph_schema.names import CHANGED, INTERACTED, ITEM
from kgrec.progress import Progress
from kgrec.stores.base import (
    EdgeType,
    GraphStore,
    Neighbour,
    NodeRef,
    StorePath,
    TextHit,
    WriteReport,
)
from kgrec.stores.erasure import empty_properties
from kgrec.stores.following.follow_queries import LABELS, FollowQueries
from kgrec.stores.fulltext import check_query
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j import read as reading
from kgrec.stores.neo4j import remove as removing
from kgrec.stores.neo4j import replace as replacing
from kgrec.stores.neo4j import search as searching
from kgrec.stores.neo4j import write as writing
from kgrec.stores.neo4j.check import mapping_problems
from kgrec.stores.neo4j.names import Names, NodeSource
from kgrec.stores.neo4j.outline import graph_outline
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.neo4j.values import plain_value, reads_files
from kgrec.stores.outline.graph import GraphOutline
from kgrec.stores.paths import simple_paths
from kgrec.stores.people.erased_people import Tombstones, without_erased
from kgrec.stores.people.pseudonyms import check_pseudonyms
from kgrec.stores.removal import Removal, Removed
from kgrec.stores.stored_types import attribute_kinds, with_stored_types
from kgrec.stores.tables import interaction_rows, node_rows, other_edges

VERSION_LABEL = "SchemaVersion"


class Neo4jStore(GraphStore):
    """A graph on the server ``uri`` (bolt://, neo4j://; +s and +ssc for TLS).

    ``driver``: one of the caller's, who also closes it. ``mapping``: kgrec's names for a graph that
    has its own; such a graph is only read. Raises StoreAuthError, StoreConnectionError or
    StoreError at once if the server can't be used.
    """

    def __init__(
        self,
        uri: str,
        *,
        auth: tuple[str, str] | neo4j.Auth | None = None,
        driver: neo4j.Driver | None = None,
        database: str | None = None,
        mapping: GraphMapping | None = None,
    ) -> None:
        self.mapping = mapping
        self._names = Names(mapping)
        self._followed = False
        self._connection = Connection(uri, auth, driver, database)
        self.uri = self._connection.uri

    def write(
        self,
        catalog: Catalog,
        *,
        replace: bool = False,
        erase_empty: bool = False,
        progress: Progress | None = None,
    ) -> WriteReport:
        self._refuse_if_mapped("write()")
        catalog.validate().raise_if_any()
        catalog = without_erased(catalog, Tombstones.read(self.tombstones), self.uri)
        started = time.perf_counter()
        if replace:
            self.check_replaceable()
            self.migrate()
            replacing.replace(self._connection, self._names, catalog, progress)
        else:
            check_pseudonyms(self, catalog)
            self._merge(catalog, erase_empty, progress)
        counts = {name: table.num_rows for name, table in catalog.tables.items()}
        return WriteReport(counts, time.perf_counter() - started)

    def _merge(self, catalog: Catalog, erase_empty: bool, progress: Progress | None) -> None:
        stored = reading.other_kinds(self._connection, self._names, attribute_kinds(catalog))
        catalog = with_stored_types(catalog, stored)
        self.migrate()
        nodes, events, edges = node_rows(catalog), interaction_rows(catalog), other_edges(catalog)
        writing.declare_names(self._connection, nodes, [events, *edges])
        for rows in nodes:
            writing.write_nodes(self._connection, rows, progress)
        if erase_empty:
            writing.erase(self._connection, empty_properties(catalog))
        searching.index_texts(self._connection, nodes)
        writing.write_interactions(self._connection, events, progress)
        for group in edges:
            writing.write_edges(self._connection, group, progress)

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        return reading.read_nodes(self._connection, self._names, label, columns)

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        return reading.read_edges(self._connection, self._names, edge, columns)

    def edge_types(self) -> list[EdgeType]:
        return reading.edge_types(self._connection, self._names)

    def problems(self, *, values: bool = False) -> list[str]:
        if self._names.own:
            return []
        found = mapping_problems(self._connection, self._names)
        return found + (reading.value_problems(self._connection, self._names) if values else [])

    def outline(self, sample: int = 1_000) -> GraphOutline:
        return graph_outline(self._connection, sample)

    def node_counts(self) -> dict[str, int]:
        present = reading.known(self._connection).labels - {VERSION_LABEL}
        mapped = [(node.kgrec, node.label) for node in self._names.nodes if node.label in present]
        if self._names.own:
            mapped += [(label, label) for label in present - {label for _, label in mapped}]
        counts: dict[str, int] = {}
        for kgrec, label in sorted(mapped):
            n = int(self._connection.rows(queries.count_nodes(label))[0]["n"])
            if n:
                counts[kgrec] = counts.get(kgrec, 0) + n
        return counts

    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        present = reading.known(self._connection)
        types = self._names.types_of(relations, present.types)
        if types is not None and not types:
            return []
        found = []
        for source in self._sources(node, present):
            rows = self._connection.rows(
                queries.neighbours(self._names, source, types, limit),
                {"keys": source.keys([node.id])},
            )
            found += [self._neighbour(row) for row in rows]
        found.sort(key=lambda n: (n.relation, n.node.label, n.node.id, n.outgoing))
        return found[:limit]

    def paths(
        self, source: NodeRef, target: NodeRef, *, max_hops: int = 3, limit: int = 10
    ) -> list[StorePath]:
        present = reading.known(self._connection)
        types = self._names.types_of(None, present.types)
        ends = [
            (a, b) for a in self._sources(source, present) for b in self._sources(target, present)
        ]

        def search(hops: int, most: int) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            for pair in ends:
                statement = queries.paths(self._names, pair, types, hops, most)
                keys = {"source": pair[0].keys([source.id]), "target": pair[1].keys([target.id])}
                rows += self._connection.rows(statement, keys)
            return [self._kgrec_path(row, hops) for row in rows]

        return simple_paths(search, max_hops, limit)

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        rows: int | None = None,
        seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        values = dict(parameters or {})

        @neo4j.unit_of_work(timeout=seconds)
        def work(tx: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            # The server refuses writes in this transaction, but not every call with an effect.
            if not re.match(r"\s*EXPLAIN\b", cypher, re.IGNORECASE):
                summary = tx.run("EXPLAIN " + cypher, values).consume()
                if reads_files(summary.plan):
                    raise QueryError(
                        "query() reads the graph alone, and LOAD CSV reads files. "
                        "Cure: load files with kgrec load."
                    )
                if summary.query_type != "r":
                    raise QueryError(
                        "query() only reads the graph, and this Cypher would change it or its "
                        "schema. Cure: use write(), remove() or migrate()."
                    )
            found = islice(tx.run(cypher, values), rows)
            return [
                {name: plain_value(value) for name, value in dict(row).items()} for row in found
            ]

        return self._connection.read(work)

    def follow_queries(self) -> FollowQueries:
        self._refuse_if_mapped("following")
        if not self._followed:
            self.migrate()
            writing.declare(self._connection, queries.FOLLOW_PROPERTIES, (INTERACTED,))
            for statement in (*queries.FOLLOW_INDEXES, queries.AWAIT_INDEXES):
                self._connection.run(statement)
            self._followed = True
        return FollowQueries(
            tuple(map(queries.interactions_since, ("timestamp", CHANGED))),
            {label: queries.nodes_since(label) for label in LABELS},
            {label: queries.facts_from(label) for label in LABELS},
        )

    def search_text(self, text: str, *, label: str = ITEM, k: int = 10) -> list[TextHit]:
        words = check_query(text, label, k)
        present = reading.known(self._connection).labels
        hits: dict[str, float] = {}
        for source in self._names.of_label(label):
            if source.label in present:
                hits.update(searching.search(self._connection, source, words, k))
        best = sorted(hits.items(), key=lambda hit: (-hit[1], hit[0]))[:k]
        return [TextHit(NodeRef(label, node), score) for node, score in best]

    def _remove(self, removal: Removal, strict: bool) -> Removed:
        self._refuse_if_mapped("remove()")
        present = reading.known(self._connection)
        return self._connection.write(lambda tx: removing.remove(tx, removal, strict, present))

    def schema_version(self) -> int:
        if VERSION_LABEL not in reading.known(self._connection).labels:
            return 0
        rows = self._connection.rows(READ_VERSION)
        return int(rows[0]["version"]) if rows else 0

    def migrate(self) -> int:
        self._refuse_if_mapped("migrate()")
        version = self.schema_version()
        if version > latest_version():
            raise StoreError(
                f"{self.uri}: the graph has schema version {version}, this kgrec knows up to "
                f"{latest_version()}. Cure: install the newest kgrec."
            )
        for step in migrations(queries.DIALECT):
            if step.version <= version:
                continue
            for statement in step.statements:
                self._connection.run(statement)
            self._record(step.version)
        return latest_version()

    def close(self) -> None:
        self._connection.close()

    def _record(self, version: int) -> None:
        self._connection.write(lambda tx: tx.run(RECORD_VERSION, version=version).consume())

    def _refuse_if_mapped(self, what: str) -> None:
        if not self._names.own:
            raise StoreError(
                f"{self.uri}: {what} would change a graph that is read through a mapping. Cure: "
                "connect without a mapping, to a database that kgrec may write in."
            )

    def _sources(self, node: NodeRef, present: reading.Known) -> list[NodeSource]:
        found = self._names.of_label(node.label)
        return [one for one in found if one.label in present.labels and one.keys([node.id])]

    def _neighbour(self, row: dict[str, Any]) -> Neighbour:
        relation, along = self._names.edge_of(row["type"])
        properties = {name: plain_value(value) for name, value in row["properties"].items()}
        outgoing = row["outgoing"] == along
        return Neighbour(NodeRef(row["label"], row["id"]), relation, outgoing, properties)

    def _kgrec_path(self, row: dict[str, Any], hops: int) -> dict[str, Any]:
        for i in range(hops):
            row[f"t{i}"], along = self._names.edge_of(row[f"t{i}"])
            row[f"o{i}"] = row[f"o{i}"] == along
        return row
