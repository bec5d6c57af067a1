"""The process that holds the graph of an embedded store, and answers its calls one by one.

kglite can't share a process with scikit-learn, torch and other libraries that bring their own
OpenMP: together they need more static thread-local storage than glibc reserves. So the process that
uses kgrec never loads kglite; it starts this one and talks to it through two pipes.

It ends when its pipe is closed, or when the process that started it has ended.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa

from graph_schema.errors import StoreError
from kgrec.stores.base import EdgeType
from kgrec.stores.embedded.file import SAVING, StoreFile
from kgrec.stores.embedded.graph import EmbeddedGraph
from kgrec.stores.embedded.messages import Message, receive, send
from kgrec.stores.erasure import EmptyProperty
from kgrec.stores.stored_types import Kinds
from kgrec.stores.tables import EdgeRows, NodeRows

CALLS: Final = frozenset(
    {
        "edge_types",
        "migrate",
        "neighbours",
        "node_counts",
        "paths",
        "query",
        "read_edges",
        "read_nodes",
        "schema_version",
        "search_text",
    }
)
WATCH_SECONDS: Final = 0.5  # between two looks at whether the parent process still runs


class Stopped(Exception):
    """The caller stopped a write that reported its progress."""


class Worker:
    """Holds the graph of the file that the last call named."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._graph: EmbeddedGraph | None = None

    def run(self) -> None:
        """Answer calls until the pipe is closed."""
        while True:
            request = receive(self._requests)
            try:
                answer = self._answer(request)
            except StoreError as error:
                send(self._answers, {"error": [type(error).__name__, str(error)]})
            except Stopped:
                send(self._answers, {"stopped": True})
            except Exception as error:
                text = f"{request.content['name']}: {type(error).__name__}: {error}"
                send(self._answers, {"error": ["StoreError", text]})
            else:
                tables = [answer] if isinstance(answer, pa.Table) else []
                send(self._answers, {"value": None if tables else answer}, tables)

    def _answer(self, request: Message) -> Any:
        call, arguments = request.content["call"], request.content["arguments"]
        if call == "release":
            self._graph = None
            return None
        graph = self._graph_of(request)
        if call == "write":
            return self._write(graph, request.tables, **arguments)
        if call == "remove":
            return self._remove(graph, request.tables, **arguments)
        if call not in CALLS:
            raise StoreError(f"{graph.file}: unknown call {call!r}")
        return getattr(graph, call)(**arguments)

    def _graph_of(self, request: Message) -> EmbeddedGraph:
        file = StoreFile(Path(request.content["path"]), request.content["name"])
        if self._graph is None or self._graph.file != file:
            self._graph = EmbeddedGraph(file)
        return self._graph

    def _write(
        self,
        graph: EmbeddedGraph,
        tables: tuple[pa.Table, ...],
        labels: list[str],
        edges: list[list[Any]],
        erased: list[list[Any]],
        kinds: Kinds,
        fitted: Kinds,
        patch_rows: int,
        replace: bool,
        progress: bool,
    ) -> Kinds | None:
        """None; or, with nothing written, the kinds that the tables must be converted to first."""
        nodes = [NodeRows(label, table) for label, table in zip(labels, tables, strict=False)]
        rows = [
            EdgeRows(EdgeType(*edge), table)
            for edge, table in zip(edges, tables[len(labels) :], strict=True)
        ]
        report = self._report if progress else None
        if replace:
            graph.replace(nodes, rows, report)
            return None
        empty = [EmptyProperty(*one) for one in erased]
        return graph.write(nodes, rows, empty, patch_rows, report, fits=(kinds, fitted))

    def _remove(
        self,
        graph: EmbeddedGraph,
        tables: tuple[pa.Table, ...],
        nodes: dict[str, list[str]],
        strict: bool,
        patch_rows: int,
    ) -> dict[str, Any]:
        from kgrec.stores.removal import Removal  # with pandas: reading starts faster without it

        ids = {frame: tuple(found) for frame, found in nodes.items()}
        done = graph.remove(Removal(ids, *tables), strict, patch_rows)
        return {"rows": done.rows, "missing": done.missing}

    def _report(self, what: str, done: int, total: int) -> None:
        """Send a step of the progress, and wait for the permission to go on."""
        send(self._answers, {"progress": [what, done, total]})
        if not receive(self._requests).content["continue"]:
            raise Stopped


def main(parent: int, writing: bool) -> None:
    """Run the worker on standard input and output, for the process ``parent``.

    ``writing``: load what a write needs while the caller prepares its data."""
    os.umask(0o077)  # the file, its locks and its folder hold people
    requests, answers = _pipes()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if writing:
        import_module("kgrec.stores.embedded.write")
    try:
        Worker(requests, answers).run()
    except (EOFError, BrokenPipeError):
        os._exit(0)  # at once: nothing is left to save


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output under numbers of their own, so that whatever a library prints does
    not get among the answers."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, even while another process holds the pipe."""
    if sys.platform == "win32":  # there the id of the parent never changes
        return
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    with SAVING:  # a file that is being replaced is finished
        os._exit(1)
