"""EmbeddedGraph: the graph of one file, inside the process that holds it (kglite).

Arguments and answers are plain values and Arrow tables, because they cross to another process.
pandas is loaded by the first write alone: reading starts faster without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import kglite
import pyarrow as pa

from graph_schema.errors import QueryError, StoreError
from kgrec.stores.base import EdgeType, Progress
from kgrec.stores.cypher_quoting import names_load_csv
from kgrec.stores.embedded import queries
from kgrec.stores.embedded.file import (
    LoadedGraph,
    StoreFile,
    leased,
    load,
    prepare,
    rows_of,
    save,
)
from kgrec.stores.embedded.read import other_kinds, plain_value, read_edges, read_nodes
from kgrec.stores.erasure import EmptyProperty
from kgrec.stores.paths import simple_paths
from kgrec.stores.stored_types import Kinds
from kgrec.stores.tables import EdgeRows, NodeRows

if TYPE_CHECKING:
    from kgrec.stores.removal import Removal, Removed


class EmbeddedGraph:
    """Reads answer from the last complete write of the file, whoever wrote it.

    A write replaces the file at once or not at all, and then reading goes on from the new graph.
    """

    def __init__(self, file: StoreFile) -> None:
        self.file = file
        self._loaded: LoadedGraph | None = None
        self._seen: tuple[int, int, int] | None = None

    def read_nodes(self, label: str, columns: Sequence[str] | None) -> pa.Table:
        return read_nodes(self._reading(), label, columns)

    def read_edges(self, edge: list[Any], columns: Sequence[str] | None, page: int) -> pa.Table:
        """``page``: how many edges to read at once, about."""
        return read_edges(self._reading(), EdgeType(*edge), columns, page)

    def edge_types(self) -> list[tuple[str, str, str, int]]:
        found = self._reading().edge_types
        return [(edge.source_label, edge.name, edge.target_label, edge.count) for edge in found]

    def node_counts(self) -> dict[str, int]:
        counts = self._reading().graph.node_type_counts()
        return {label: n for label, n in sorted(counts.items()) if n}  # it keeps emptied labels

    def neighbours(
        self, label: str, node: str, relations: list[str] | None, limit: int
    ) -> list[dict[str, Any]]:
        return self._rows(queries.neighbours(label, limit), {"id": node, "relations": relations})

    def paths(
        self, source: list[str], target: list[str], max_hops: int, limit: int
    ) -> list[dict[str, Any]]:
        """Nodes as (label, id) pairs, relations and directions of each path."""

        def search(hops: int, most: int) -> list[dict[str, Any]]:
            statement = queries.paths(source[0], target[0], hops, most)
            return self._rows(statement, {"source": source[1], "target": target[1]})

        return [
            {
                "nodes": [(node.label, node.id) for node in path.nodes],
                "relations": path.relations,
                "outgoing": path.outgoing,
            }
            for path in simple_paths(search, max_hops, limit)
        ]

    def query(
        self,
        cypher: str,
        parameters: dict[str, Any],
        rows: int | None = None,
        seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """``rows``, ``seconds``: limits of a query; see ``GraphStore.query``."""
        if names_load_csv(cypher):  # the engine would read any file of the machine
            raise QueryError(
                "query() reads the graph alone, and LOAD CSV reads files. Cure: load files with "
                "kgrec load, and pass texts as parameters."
            )
        graph = self._reading().graph
        with self._query_errors():
            found = rows_of(graph, cypher, parameters, rows, seconds)
        return [{name: plain_value(value) for name, value in row.items()} for row in found]

    def search_text(self, text: str, label: str, k: int) -> list[tuple[str, float]]:
        """Ids and scores; ``text`` as ``check_query`` gives it."""
        scores: dict[str, float] = {}
        for index in self._reading().text_indexes(label):
            for row in self._rows(queries.SEARCH_TEXT, {"index": index, "text": text}):
                scores[row["id"]] = scores.get(row["id"], 0.0) + row["score"]
        return sorted(scores.items(), key=lambda hit: (-hit[1], hit[0]))[:k]

    def schema_version(self) -> int:
        return int(self._reading().graph.schema_version)

    def write(
        self,
        nodes: Sequence[NodeRows],
        edges: Sequence[EdgeRows],
        erased: Sequence[EmptyProperty],
        patch_rows: int,
        progress: Progress | None,
        fits: tuple[Kinds, Kinds],
    ) -> Kinds | None:
        """Merge nodes and edges, interactions first among the edges, into the graph, and remove the
        properties ``erased``.

        ``fits``: the kinds of the attributes as the caller was given them, and the stored ones that
        differ from them, to which they are converted. Where others differ now, nothing is written,
        and these are returned.
        """
        from kgrec.stores.embedded.write import erase, merged

        given, fitted = fits
        with self._changing() as graph:
            stored = other_kinds(LoadedGraph(graph), given)
            if stored != fitted:
                return stored
            prepare(graph)
            whole = merged(graph, nodes, edges, patch_rows, progress)
            erase(whole, erased)
            self._publish(whole)
        return None

    def replace(
        self, nodes: Sequence[NodeRows], edges: Sequence[EdgeRows], progress: Progress | None
    ) -> None:
        """Put a graph of these nodes and edges alone in the place of the stored one."""
        from kgrec.stores.embedded.write import build

        with self._changing():
            whole = kglite.KnowledgeGraph()
            prepare(whole)
            build(whole, nodes, edges, progress)
            self._publish(whole)

    def remove(self, removal: Removal, strict: bool, patch_rows: int) -> Removed:
        """Remove what is there; with ``strict`` nothing, if anything is missing."""
        from kgrec.stores.embedded.remove import removed

        with self._changing() as graph:
            changed, done = removed(graph, removal, strict, patch_rows)
            if done.rows:
                self._publish(changed)
        return done

    def migrate(self) -> None:
        with self._changing() as graph:
            if prepare(graph):
                self._publish(graph)

    def _changing(self) -> AbstractContextManager[kglite.KnowledgeGraph]:
        return leased(self.file)

    def _publish(self, graph: kglite.KnowledgeGraph) -> None:
        """Save the graph and go on reading from it."""
        self._loaded = self._seen = None
        save(graph, self.file)
        graph.read_only(True)
        self._seen = self.file.signature()
        self._loaded = LoadedGraph(graph)

    def _reading(self) -> LoadedGraph:
        """The graph as the file holds it now."""
        seen = self.file.signature()
        if self._loaded is None or seen != self._seen:
            self._loaded = LoadedGraph(load(self.file) if seen else kglite.KnowledgeGraph())
            self._seen = seen
        return self._loaded

    def _rows(self, cypher: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        graph = self._reading().graph
        with self._query_errors():
            return rows_of(graph, cypher, parameters)

    @contextmanager
    def _query_errors(self) -> Iterator[None]:
        try:
            yield
        except kglite.ReadOnlyError as error:
            raise QueryError(
                "query() only reads, and this Cypher would change the graph. "
                "Cure: use write() or remove()."
            ) from error
        except (kglite.CypherSyntaxError, kglite.SchemaError, kglite.ArgumentError) as error:
            raise QueryError(f"the Cypher is wrong: {error}") from error
        except kglite.CypherError as error:
            raise QueryError(
                f"the Cypher can't be run: {error} Cure: correct it, or narrow the search."
            ) from error
        except (kglite.KgError, ValueError, TypeError, OverflowError) as error:
            raise StoreError(f"{self.file}: {error}") from error
