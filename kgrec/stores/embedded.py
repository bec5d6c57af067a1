"""EmbeddedStore: a property graph in one local file, without a server (kglite)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kglite
import pyarrow as pa

from graph_schema.catalog import Catalog
from kgrec.stores import embedded_queries as queries
from kgrec.stores.base import (
    EdgeType,
    GraphStore,
    Neighbour,
    NodeRef,
    Progress,
    StorePath,
    WriteReport,
)
from kgrec.stores.embedded_read import KINDS, Column, read_columns
from kgrec.stores.embedded_write import build
from kgrec.stores.tables import interaction_rows, node_rows, other_edges

SCHEMA_VERSION = 1


class EmbeddedStore(GraphStore):
    """A graph in the file ``path``, made by the first write.

    Reads never block: they answer from the last complete write, also while another process
    writes. A write replaces the file atomically; one process writes at a time.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.uri = str(self.path)
        self._graph: kglite.KnowledgeGraph | None = None
        self._seen: tuple[int, int, int] | None = None

    def write(self, catalog: Catalog, *, progress: Progress | None = None) -> WriteReport:
        started = time.perf_counter()
        nodes, edges = node_rows(catalog), [interaction_rows(catalog), *other_edges(catalog)]
        with self._writing() as graph:
            build(graph, nodes, edges, progress)
            graph.set_schema_version(SCHEMA_VERSION)
        rows = {name: table.num_rows for name, table in catalog.tables.items()}
        return WriteReport(rows, time.perf_counter() - started)

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        graph = self._reading()
        kinds = graph.schema()["node_types"].get(label, {}).get("properties", {})
        if columns is None:
            columns = sorted(name for name in kinds if name != "id" and kinds[name] != "Unknown")
        wanted = [Column("id", "n.id", pa.string(), key=True)]
        wanted += [_column(name, queries.node_property(name), kinds) for name in columns]
        match = queries.match_nodes(label) if kinds else None
        return read_columns(graph, match, wanted)

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        graph = self._reading()
        kinds = graph.schema()["connection_types"].get(edge.name, {}).get("properties", {})
        if columns is None:
            columns = sorted(name for name in kinds if kinds[name] != "Unknown")
        wanted = [
            Column("source", "a.id", pa.string(), key=True),
            Column("target", "b.id", pa.string(), key=True),
        ]
        wanted += [_column(name, queries.edge_property(name), kinds) for name in columns]
        stored = {(e.source_label, e.name, e.target_label) for e in self.edge_types()}
        there = (edge.source_label, edge.name, edge.target_label) in stored
        return read_columns(graph, queries.match_edges(edge) if there else None, wanted)

    def edge_types(self) -> list[EdgeType]:
        found = [
            EdgeType(source, name, target, count)
            for source, name, target, count in self._reading().label_pair_counts()
            if count
        ]
        return sorted(found, key=lambda edge: (edge.name, edge.source_label, edge.target_label))

    def node_counts(self) -> dict[str, int]:
        return dict(sorted(self._reading().node_type_counts().items()))

    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        raise NotImplementedError

    def paths(
        self, source: NodeRef, target: NodeRef, *, max_hops: int = 3, limit: int = 10
    ) -> list[StorePath]:
        raise NotImplementedError

    def query(
        self, cypher: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        raise NotImplementedError

    def delete_user(self, user_id: str) -> bool:
        raise NotImplementedError

    def schema_version(self) -> int:
        return int(self._reading().schema_version)

    def migrate(self) -> int:
        with self._writing() as graph:
            graph.set_schema_version(SCHEMA_VERSION)
        return SCHEMA_VERSION

    def close(self) -> None:
        self._graph = None
        self._seen = None

    def _reading(self) -> kglite.KnowledgeGraph:
        """The graph as the file holds it now."""
        seen = self._signature()
        if self._graph is None or seen != self._seen:
            self._graph = kglite.load(self.uri) if seen else kglite.KnowledgeGraph()
            self._seen = seen
        return self._graph

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextmanager
    def _writing(self) -> Iterator[kglite.KnowledgeGraph]:
        """The graph to change; saved atomically at the end, dropped on any error."""
        self.close()
        with kglite.open(self.uri, durable="off") as graph:
            yield graph


def _column(name: str, expression: str, kinds: Mapping[str, str]) -> Column:
    if kinds.get(name, "Unknown") == "Unknown":
        return Column(name, None, pa.string())
    return Column(name, expression, KINDS.get(kinds[name]))
