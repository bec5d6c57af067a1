"""EmbeddedStore: a property graph in one local file, without a server."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import StoreError, StoreFileError
from graph_schema.migration import latest_version
from graph_schema.names import CHANGED, ITEM
from kgrec.stores.base import (
    EdgeType,
    GraphStore,
    Neighbour,
    NodeRef,
    Progress,
    StorePath,
    TextHit,
    WriteReport,
)
from kgrec.stores.embedded import queries
from kgrec.stores.embedded.client import Worker, WorkerGone, borrow, give_back
from kgrec.stores.erasure import empty_properties
from kgrec.stores.following.follow_queries import LABELS, FollowQueries
from kgrec.stores.fulltext import check_query
from kgrec.stores.people.erased_people import Tombstones, without_erased
from kgrec.stores.people.pseudonyms import FIRST_USER, check_same_key
from kgrec.stores.stored_types import attribute_kinds, with_stored_types
from kgrec.stores.tables import interaction_rows, node_rows, other_edges

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from kgrec.stores.removal import Removal, Removed

_ATTEMPTS: Final = 3  # to find a worker that has not ended in the meantime


@dataclass(frozen=True)
class Limits:
    """Sizes that decide how the graph is read and written, not what comes out.

    ``patch_rows``: up to this many interactions are merged or removed one by one; beyond it,
    building the graph anew is faster. ``page_edges``: about how many edges are read at once.
    """

    patch_rows: int = 20_000
    page_edges: int = 150_000


class EmbeddedStore(GraphStore):
    """A graph in the file ``path``, created by the first write.

    A process of its own holds the graph (see ``kgrec.stores.embedded.worker``): it starts with the
    first call and ends with ``close`` or with this process. Reads never block: they answer from
    the last complete write, also while another process or thread writes. A write replaces the file
    at once or not at all; one process writes at a time.

    Parameters
    ----------
    path : str or path
        The file; it need not exist.
    """

    limits: ClassVar[Limits] = Limits()

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = given_path(path, "the store's file")
        self.uri = str(self.path)
        self._reader = _Reader()
        self._had_file = False
        # Without close() the worker ends when the store is no longer referred to.
        self._finalizer = weakref.finalize(self, _Reader.end, self._reader)

    def __reduce__(self) -> tuple[type[EmbeddedStore], tuple[Path]]:
        return EmbeddedStore, (self.path,)

    @property
    def tombstones(self) -> Path | None:
        return super().tombstones or self.path.with_name(f"{self.path.name}.erased")

    def write(
        self,
        catalog: Catalog,
        *,
        replace: bool = False,
        erase_empty: bool = False,
        progress: Progress | None = None,
    ) -> WriteReport:
        started = time.perf_counter()
        if replace:
            self.check_replaceable()
        worker = borrow(writing=True)  # it starts while the catalog is validated
        try:
            catalog.validate().raise_if_any()
            if not replace:
                self._check_pseudonyms(worker, catalog)
            catalog = without_erased(catalog, Tombstones.read(self.tombstones), self.uri)
            call = self._write_call(catalog, erase_empty, progress)
            call[0].update({"replace": True, "kinds": {}} if replace else {})
        except BaseException:
            give_back(worker)
            raise
        found = self._change("write", *call, progress, worker)
        for _ in range(_ATTEMPTS):
            if found is None:
                rows = {name: table.num_rows for name, table in catalog.tables.items()}
                return WriteReport(rows, time.perf_counter() - started)
            fitted = with_stored_types(catalog, found)
            arguments, tables = self._write_call(fitted, erase_empty, progress)
            arguments |= {"kinds": attribute_kinds(catalog), "fitted": found}
            found = self._change("write", arguments, tables, progress)
        raise StoreError(
            f"{self.path}: another writer changes the types of its columns again and again. "
            "Cure: run the write again when it has finished."
        )

    def _check_pseudonyms(self, worker: Worker, catalog: Catalog) -> None:
        """Raise CatalogError where people of the catalog are named otherwise than those here."""
        if not os.path.exists(self.path):
            return
        try:
            arguments = {"cypher": FIRST_USER, "parameters": {}}
            found = self._call(worker, "query", arguments)
        except WorkerGone:
            found = self.query(FIRST_USER)
        check_same_key((str(row["id"]) for row in found), catalog, self.uri)

    def _write_call(
        self, catalog: Catalog, erase_empty: bool, progress: Progress | None
    ) -> tuple[dict[str, Any], list[pa.Table]]:
        """Arguments and tables of a write."""
        nodes = node_rows(catalog)
        edges = [interaction_rows(catalog), *other_edges(catalog)]
        empty = empty_properties(catalog) if erase_empty else []
        arguments: dict[str, Any] = {
            "labels": [part.label for part in nodes],
            "kinds": attribute_kinds(catalog),
            "fitted": {},
            "edges": [_plain(part.type) for part in edges],
            "erased": [[one.label, one.name, one.ids] for one in empty],
            "patch_rows": self.limits.patch_rows,
            "replace": False,
            "progress": progress is not None,
        }
        return arguments, [*(part.table for part in nodes), *(part.table for part in edges)]

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table:
        return self._read("read_nodes", label=label, columns=_listed(columns))

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table:
        return self._read(
            "read_edges", edge=_plain(edge), columns=_listed(columns), page=self.limits.page_edges
        )

    def edge_types(self) -> list[EdgeType]:
        return [EdgeType(*edge) for edge in self._read("edge_types")]

    def node_counts(self) -> dict[str, int]:
        return dict(self._read("node_counts"))

    def neighbours(
        self, node: NodeRef, *, relations: Sequence[str] | None = None, limit: int = 100
    ) -> list[Neighbour]:
        if relations is not None and not relations:
            return []
        rows = self._read(
            "neighbours", label=node.label, node=node.id, relations=_listed(relations), limit=limit
        )
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
        found = self._read(
            "paths",
            source=[source.label, source.id],
            target=[target.label, target.id],
            max_hops=max_hops,
            limit=limit,
        )
        return [
            StorePath(
                tuple(NodeRef(*node) for node in path["nodes"]),
                tuple(path["relations"]),
                tuple(path["outgoing"]),
            )
            for path in found
        ]

    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        rows: int | None = None,
        seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        limits = {"rows": rows, "seconds": seconds}
        found: list[dict[str, Any]] = self._read(
            "query", cypher=cypher, parameters=dict(parameters or {}), **limits
        )
        return found

    def follow_queries(self) -> FollowQueries:
        """The file has no indexes: where it was changed it is read anew, and looked through."""
        return FollowQueries(
            tuple(map(queries.interactions_since, ("timestamp", CHANGED))),
            {label: queries.nodes_since(label) for label in LABELS},
            {label: queries.facts_from(label) for label in LABELS},
        )

    def write_mark(self) -> object:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def search_text(self, text: str, *, label: str = ITEM, k: int = 10) -> list[TextHit]:
        words = check_query(text, label, k)
        found = self._read("search_text", text=words, label=label, k=k)
        return [TextHit(NodeRef(label, node), score) for node, score in found]

    def _remove(self, removal: Removal, strict: bool) -> Removed:
        from kgrec.stores.removal import Removed

        arguments = {
            "nodes": {frame: list(ids) for frame, ids in removal.nodes.items()},
            "strict": strict,
            "patch_rows": self.limits.patch_rows,
        }
        self._check_file()
        found = self._change("remove", arguments, [removal.interactions, removal.facts])
        return Removed(found["rows"], found["missing"])

    def schema_version(self) -> int:
        return int(self._read("schema_version"))

    def migrate(self) -> int:
        self._change("migrate", {})
        return latest_version()

    def close(self) -> None:
        """End the use of the process that holds the graph; a later call starts another one."""
        self._reader.replace(None)

    def _read(self, call: str, **arguments: Any) -> Any:
        self._check_file()
        for _ in range(_ATTEMPTS):
            try:
                return self._call(self._reader.worker(), call, arguments)
            except WorkerGone:
                continue
        raise self._no_worker()

    def _check_file(self) -> None:
        """Raise StoreFileError where the file was there before and is no more: to go on with an
        empty graph would look as if everything had been removed."""
        if os.path.exists(self.path):
            self._had_file = True
        elif self._had_file:
            raise StoreFileError(
                f"{self.path}: the file was there before; now it is moved or deleted. Cure: "
                "connect to the place where it is, or write the catalog again, which makes a new "
                "store here."
            )

    def _change(
        self,
        call: str,
        arguments: dict[str, Any],
        tables: Sequence[pa.Table] = (),
        progress: Progress | None = None,
        worker: Worker | None = None,
    ) -> Any:
        """Change the graph in a worker of its own, so that reading goes on meanwhile."""
        for _ in range(_ATTEMPTS):
            worker = worker or borrow()
            try:
                found = self._call(worker, call, arguments, tables, progress)
            except WorkerGone:
                worker.close()
                worker = None
                continue
            except BaseException:
                give_back(worker)
                raise
            self._reader.replace(worker)
            return found
        raise self._no_worker()

    def _no_worker(self) -> StoreError:
        return StoreError(
            f"{self.path}: the process that holds the graph ends as soon as it has started. "
            "Cure: see whether the machine has run out of memory, then run the call again."
        )

    def _call(
        self,
        worker: Worker,
        call: str,
        arguments: dict[str, Any],
        tables: Sequence[pa.Table] = (),
        progress: Progress | None = None,
    ) -> Any:
        try:
            return worker.call(call, self.path, arguments, tables, progress)
        except TypeError as error:
            raise StoreError(f"{self.path}: {error}") from error


class _Reader:
    """The worker that a store reads through, in the process that uses it."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._worker: Worker | None = None

    def worker(self) -> Worker:
        """A usable worker."""
        with self._guarded():
            if self._worker is not None and not self._worker.usable:
                self._worker.close()
                self._worker = None
            if self._worker is None:
                self._worker = borrow()
            return self._worker

    def replace(self, worker: Worker | None) -> None:
        """Read through another worker; None: through none until the next read."""
        with self._guarded():
            old, self._worker = self._worker, worker
        if old is not None:
            give_back(old)

    def end(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()

    def _guarded(self) -> threading.Lock:
        """The lock; in a forked child a new one, as a thread of the parent may have held it."""
        if self._owner != os.getpid():
            self._owner, self._lock = os.getpid(), threading.Lock()
        return self._lock


def _plain(edge: EdgeType) -> list[Any]:
    return [edge.source_label, edge.name, edge.target_label, edge.count]


def _listed(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)
