"""EmbeddedStore: a property graph in one local file, without a server (kglite)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import kglite
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.errors import QueryError, StoreError
from graph_schema.migration import latest_version, migrations
from graph_schema.names import INTERACTED, ITEM, USER
from kgrec.progress import Progress
from kgrec.stores import embedded_queries as queries
from kgrec.stores.base import (
    EdgeType,
    GraphStore,
    Neighbour,
    NodeRef,
    StorePath,
    TextHit,
    WriteReport,
)
from kgrec.stores.embedded_file import LoadedGraph, leased, load, rows_of, save
from kgrec.stores.embedded_read import KINDS, Column, plain_value, read_columns
from kgrec.stores.embedded_write import build, patch_interactions
from kgrec.stores.fulltext import check_query
from kgrec.stores.merge import Merged, joined, merge_interactions
from kgrec.stores.paths import simple_paths
from kgrec.stores.tables import EdgeRows, NodeRows, interaction_rows, node_rows, other_edges

# Up to this many interactions are merged one by one; beyond it, building the graph anew is faster.
PATCH_ROWS = 20_000
PAGE_EDGES = 150_000  # edges to read at once
_INTERACTIONS = EdgeType(USER, INTERACTED, ITEM)


class EmbeddedStore(GraphStore):
    """A graph in the file ``path``, made by the first write.

    Reads never block: they answer from the last complete write, also while another process
    writes. A write replaces the file at once or not at all; one process writes at a time.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.uri = str(self.path)
        self._loaded: LoadedGraph | None = None
        self._seen: tuple[int, int, int] | None = None

    def write(self, catalog: Catalog, *, progress: Progress | None = None) -> WriteReport:
        catalog.validate().raise_if_any()
        started = time.perf_counter()
        nodes, events, edges = node_rows(catalog), interaction_rows(catalog), other_edges(catalog)
        with leased(self.path) as graph:
            _prepare(graph)
            loaded = LoadedGraph(graph)
            if _count(loaded, _INTERACTIONS):
                graph = _merge(loaded, nodes, events, edges, progress)
            else:
                build(graph, nodes, [events, *edges], progress)
            self._publish(graph)
        rows = {name: table.num_rows for name, table in catalog.tables.items()}
        return WriteReport(rows, time.perf_counter() - started)

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        return _read_nodes(self._reading(), label, columns)

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        return _read_edges(self._reading(), edge, columns)

    def edge_types(self) -> list[EdgeType]:
        return list(self._reading().edge_types)

    def node_counts(self) -> dict[str, int]:
        return dict(sorted(self._reading().graph.node_type_counts().items()))

    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        if relations is not None and not relations:
            return []
        asked = None if relations is None else list(relations)
        parameters = {"id": node.id, "relations": asked}
        rows = self._rows(queries.neighbours(node.label, limit), parameters)
        return [
            Neighbour(
                NodeRef(row["label"], row["id"]),
                row["relation"],
                row["outgoing"],
                row["properties"],
            )
            for row in rows
        ]

    def paths(
        self, source: NodeRef, target: NodeRef, *, max_hops: int = 3, limit: int = 10
    ) -> list[StorePath]:
        def search(hops: int, most: int) -> list[dict[str, Any]]:
            statement = queries.paths(source.label, target.label, hops, most)
            return self._rows(statement, {"source": source.id, "target": target.id})

        return simple_paths(search, max_hops, limit)

    def query(
        self, cypher: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        rows = self._rows(cypher, dict(parameters or {}))
        return [{name: plain_value(value) for name, value in row.items()} for row in rows]

    def search_text(self, text: str, *, label: str = ITEM, k: int = 10) -> list[TextHit]:
        asked = check_query(text, label, k)
        scores: dict[str, float] = {}
        for index in self._reading().text_indexes(label):
            for row in self._rows(queries.SEARCH_TEXT, {"index": index, "text": asked}):
                scores[row["id"]] = scores.get(row["id"], 0.0) + row["score"]
        best = sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))[:k]
        return [TextHit(NodeRef(label, node), score) for node, score in best]

    def delete_user(self, user_id: str) -> bool:
        with leased(self.path) as graph:
            if not rows_of(graph, queries.USER_EXISTS, {"id": user_id}):
                return False
            for statement in (queries.DELETE_REVIEWS, queries.DELETE_QUERIES, queries.DELETE_USER):
                graph.cypher(statement, params={"id": user_id}, timeout_ms=0)
            self._publish(graph)
        return True

    def schema_version(self) -> int:
        return int(self._reading().graph.schema_version)

    def migrate(self) -> int:
        with leased(self.path) as graph:
            if _prepare(graph):
                self._publish(graph)
        return latest_version()

    def close(self) -> None:
        self._loaded = None
        self._seen = None

    def _publish(self, graph: kglite.KnowledgeGraph) -> None:
        """Save the graph and go on reading from it."""
        self.close()
        save(graph, self.path)
        graph.read_only(True)
        self._seen = self._signature()
        self._loaded = LoadedGraph(graph)

    def _reading(self) -> LoadedGraph:
        """The graph as the file holds it now."""
        seen = self._signature()
        if self._loaded is None or seen != self._seen:
            self._loaded = LoadedGraph(load(self.path) if seen else kglite.KnowledgeGraph())
            self._seen = seen
        return self._loaded

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _rows(self, cypher: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        graph = self._reading().graph
        try:
            return rows_of(graph, cypher, parameters)
        except kglite.ReadOnlyError as error:
            raise QueryError(
                "query() only reads, and this Cypher would change the graph. "
                "Cure: use write() or delete_user()."
            ) from error
        except (kglite.CypherSyntaxError, kglite.SchemaError, kglite.ArgumentError) as error:
            raise QueryError(f"the Cypher is wrong: {error}") from error
        except kglite.CypherError as error:
            raise QueryError(
                f"the Cypher can't be run: {error} Cure: correct it, or narrow the search."
            ) from error
        except (kglite.KgError, ValueError, TypeError) as error:
            raise StoreError(f"{self.path}: {error}") from error


def _merge(
    loaded: LoadedGraph,
    nodes: list[NodeRows],
    events: EdgeRows,
    edges: list[EdgeRows],
    progress: Progress | None,
) -> kglite.KnowledgeGraph:
    """The graph with a catalog merged into it: changed in place, or built anew."""
    merged = merge_interactions(_read_edges(loaded, _INTERACTIONS, None), events.table)
    if merged.work > PATCH_ROWS:
        return _rebuilt(loaded, nodes, merged, edges, progress)
    build(loaded.graph, nodes, edges, progress)
    patch_interactions(loaded.graph, merged)
    return loaded.graph


def _rebuilt(
    loaded: LoadedGraph,
    nodes: list[NodeRows],
    merged: Merged,
    edges: list[EdgeRows],
    progress: Progress | None,
) -> kglite.KnowledgeGraph:
    graph = kglite.KnowledgeGraph()
    _prepare(graph)
    old_nodes = [NodeRows(n, _read_nodes(loaded, n, None)) for n in loaded.graph.node_types]
    old_edges = [
        EdgeRows(edge, _read_edges(loaded, edge, None))
        for edge in loaded.edge_types
        if edge.name != INTERACTED
    ]
    build(graph, old_nodes, old_edges)
    build(graph, nodes, [EdgeRows(_INTERACTIONS, merged.rows), *edges], progress)
    return graph


def _prepare(graph: kglite.KnowledgeGraph) -> bool:
    """Run the migrations that the graph lacks; True if there were any."""
    lacking = [step for step in migrations("kglite") if step.version > graph.schema_version]
    for step in lacking:
        for statement in step.statements:
            graph.cypher(statement, timeout_ms=0)
        graph.set_schema_version(step.version)
    return bool(lacking)


def _count(loaded: LoadedGraph, edge: EdgeType) -> int:
    kind = loaded.graph.schema()["connection_types"].get(edge.name, {})
    return int(kind.get("count", 0))


def _read_nodes(loaded: LoadedGraph, label: str, columns: Sequence[str] | None) -> pa.Table:
    kinds = loaded.node_properties(label)
    wanted = [Column("id", "n.id", pa.string(), key=True)]
    wanted += [
        _column(name, queries.node_property(name), kinds)
        for name in (kinds if columns is None else columns)
    ]
    known = label in loaded.graph.node_types
    return read_columns(loaded.graph, queries.match_nodes(label) if known else None, wanted)


def _read_edges(loaded: LoadedGraph, edge: EdgeType, columns: Sequence[str] | None) -> pa.Table:
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
    if stored[0].count <= PAGE_EDGES:
        return read_columns(loaded.graph, queries.match_edges(edge), wanted, parameters)
    # kglite holds every row of an answer before it writes them, so ask for a part of the sources.
    ids = _read_nodes(loaded, edge.source_label, ())["id"].to_pylist()
    size = max(1, len(ids) * PAGE_EDGES // stored[0].count)
    match = queries.match_edges_of(edge, labels=len(same) > 1)
    pages = [
        read_columns(loaded.graph, match, wanted, {**parameters, "ids": ids[i : i + size]})
        for i in range(0, len(ids), size)
    ]
    return joined(pages)


def _ends(edge: EdgeType) -> tuple[str, str]:
    return edge.source_label, edge.target_label


def _column(name: str, expression: str, kinds: Mapping[str, str]) -> Column:
    if name not in kinds:
        return Column(name, None, pa.null())
    return Column(name, expression, KINDS.get(kinds[name]))
