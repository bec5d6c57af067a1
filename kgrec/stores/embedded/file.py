"""The file of an embedded store: opening, leasing and replacing it, and what can go wrong."""

from __future__ import annotations

import errno
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import kglite

from graph_schema.errors import StoreBusyError, StoreError, StoreFileError, reason
from graph_schema.migration import latest_version, migrations
from kgrec.stores.base import EdgeType
from kgrec.stores.fulltext import indexed

REBUILD = (
    "Cure: give another path if this is not a kgrec store, install the newest kgrec if a newer one "
    "wrote it; otherwise move the file away and write the catalog again (Catalog.read_parquet "
    "reads a saved one)."
)


SAVING = threading.Lock()  # held while the file is replaced
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")  # in the engine's messages
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_TEMPORARY = re.compile(r"\.tmp\.\d+\.\d+")  # at the end of the names of unfinished files
_TEXT_KINDS = ("str", "String")


@dataclass(frozen=True)
class StoreFile:
    """A store's file: its absolute path, and the name that messages give it."""

    path: Path
    name: str

    def __str__(self) -> str:
        return self.name

    def signature(self) -> tuple[int, int, int] | None:
        """What changes with every write of the file; None if there is no file."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


@dataclass(frozen=True)
class LoadedGraph:
    """A graph in memory and what reading needs to know of it."""

    graph: kglite.KnowledgeGraph

    @cached_property
    def _schema(self) -> dict[str, Any]:
        return self.graph.schema()

    @cached_property
    def edge_types(self) -> list[EdgeType]:
        found = [EdgeType(a, name, b, n) for a, name, b, n in self.graph.label_pair_counts() if n]
        return sorted(found, key=lambda edge: (edge.name, edge.source_label, edge.target_label))

    def had_edges(self, relation: str) -> bool:
        """Whether the graph has edges of a type, or had some that were removed."""
        return relation in self._schema["connection_types"]

    def node_properties(self, label: str) -> dict[str, str]:
        """Property names of a label and kglite's names of their types, without the key."""
        found: dict[str, Any] = self._schema["node_types"].get(label, {})
        return _known({k: v for k, v in found.get("properties", {}).items() if k != "id"})

    def edge_properties(self, relation: str) -> dict[str, str]:
        found: dict[str, Any] = self._schema["connection_types"].get(relation, {})
        return _known(found.get("properties", {}))

    @cached_property
    def _indexed(self) -> dict[str, list[str]]:
        return {}

    def text_indexes(self, label: str) -> list[str]:
        """Names of BM25 indexes over a label's texts, made at the first search; they live as long
        as this graph is in memory. An index in the file would not cover what is written later."""
        if label not in self._indexed:
            kinds = self.node_properties(label)
            texts = indexed(label, (name for name, kind in kinds.items() if kind in _TEXT_KINDS))
            for name in texts:
                self.graph.build_text_index(label, name)
            self._indexed[label] = [f"{label}.{name}" for name in texts]
        return self._indexed[label]


def _known(kinds: dict[str, str]) -> dict[str, str]:
    """Without the properties that no node has a value of."""
    return {name: kinds[name] for name in sorted(kinds) if kinds[name] != "Unknown"}


def load(file: StoreFile) -> kglite.KnowledgeGraph:
    """The graph of a file, to read. Raises StoreFileError if it can't be read."""
    graph = _opened(file, kglite.load)
    graph.read_only(True)
    return graph


@contextmanager
def leased(file: StoreFile) -> Iterator[kglite.KnowledgeGraph]:
    """The graph of a file, to change, while no other process may; nothing is saved by itself."""
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{file}: its folder can't be made ({reason(error)}). Cure: give a path in a folder "
            "that you may write in."
        ) from error
    if file.path.is_file() and not os.access(file.path, os.W_OK):
        # The engine would replace the file, whatever its mode says.
        raise _read_only(file)
    graph = _opened(file, lambda name: kglite.open(name, durable="off"), writing=True)
    _remove_unfinished(file)
    try:
        yield graph
    except (kglite.KgError, ValueError) as error:
        raise StoreError(
            f"{file}: the write failed ({_words(error)}); the file is as it was."
        ) from error
    finally:
        # An exit with an error releases the lease without saving; saving is done by save().
        graph.__exit__(StoreError, StoreError(), None)


def _remove_unfinished(file: StoreFile) -> None:
    """Remove what writers that were killed have left; the lease says that nobody writes now."""
    unfinished = re.compile(re.escape(file.path.name) + _TEMPORARY.pattern)
    for path in file.path.parent.iterdir():
        if unfinished.fullmatch(path.name):
            path.unlink(missing_ok=True)


def rows_of(
    graph: kglite.KnowledgeGraph,
    cypher: str,
    parameters: dict[str, Any] | None = None,
    most: int | None = None,
    seconds: float | None = None,
) -> list[dict[str, Any]]:
    """The rows of a query as dicts, at most ``most``, within so many seconds."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Result truncated by row_limit")
        found: Any = graph.cypher(
            cypher,
            params=parameters,
            row_limit=most,
            timeout_ms=None if seconds is None else max(int(seconds * 1_000), 1),
            hide_structural_keys=True,
        )
    rows: list[dict[str, Any]] = found.to_list()
    return rows


def save(graph: kglite.KnowledgeGraph, file: StoreFile) -> None:
    """Replace the file by the graph at once, or leave it as it was. Raises StoreError."""
    try:
        with SAVING:
            graph.save(str(file.path))
    except (kglite.KgError, OSError, ValueError) as error:
        if _code(error) == errno.EBUSY:
            raise StoreError(
                f"{file}: the file is mounted alone, so it can't be replaced; it is as it was "
                "before. Cure: mount its folder, not the file."
            ) from error
        raise StoreError(
            f"{file}: the graph can't be saved ({_words(error)}). The file is as it was before. "
            "Cure: check the free space and the rights on its folder, then run the write again."
        ) from error


def _opened(
    file: StoreFile, opener: Callable[[str], kglite.KnowledgeGraph], *, writing: bool = False
) -> kglite.KnowledgeGraph:
    try:
        graph = opener(str(file.path))
    except kglite.WriterLeaseHeldError as error:
        holder = _user_of(error.holder.get("pid")) or "unknown"
        raise StoreBusyError(
            f"{file}: another writer has the store open (process {holder}). "
            "Cure: wait until it has finished, then run the write again; reading is possible now."
        ) from error
    except (kglite.KgError, OSError, ValueError, RuntimeError) as error:
        raise _refused(file, error, writing) from error
    version = graph.schema_version
    if version > latest_version():
        raise StoreFileError(
            f"{file}: the graph has schema version {version}, this kgrec knows up to "
            f"{latest_version()}. {REBUILD}"
        )
    return graph


def _read_only(file: StoreFile, why: str = "") -> StoreError:
    return StoreError(
        f"{file}: the store can't be written: it is read-only here{why}. Cure: give a store "
        "that you may write to, or permit writing in its folder, to the file and to its "
        f"{_locks(file)}."
    )


def _locks(file: StoreFile) -> str:
    return f"lock files ({file.path.name}.lock, {file.path.name}.lock-owner)"


def _code(error: Exception) -> int:
    """The system's number of an error of the engine; 0 for other errors."""
    found = _SYSTEM_ERROR.search(str(error))
    return int(found[1]) if found else 0


def _refused(file: StoreFile, error: Exception, writing: bool) -> StoreError:
    """The error of a file that can't be opened, with the cure of its cause."""
    code = _code(error)
    readable = not file.path.exists() or os.access(file.path, os.R_OK)
    if code in _REFUSED and writing and readable:
        return _read_only(file, f" ({os.strerror(code)})")
    if code in _REFUSED:
        return StoreFileError(
            f"{file}: you may not read this file ({os.strerror(code)}). Cure: permit reading it."
        )
    if code == errno.EISDIR and writing and not file.path.is_dir():
        return StoreError(
            f"{file}: a folder has the name of one of its {_locks(file)}. Cure: move it away."
        )
    if code in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{file}: {os.strerror(code)}. Cure: free some space, then run the call again."
        )
    return StoreFileError(f"{file}: this file can't be opened ({_words(error)}). {REBUILD}")


def _words(error: Exception) -> str:
    """What the engine says, with the store's own name for its unfinished files."""
    return _TEMPORARY.sub("", str(error))


def _user_of(pid: int | None) -> int | None:
    """The process that uses kgrec, where ``pid`` is a worker of it; else ``pid`` itself."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return pid
    starts = [place for place, part in enumerate(command) if b"embedded.worker import" in part]
    return int(command[starts[0] + 1]) if starts else pid


def prepare(graph: kglite.KnowledgeGraph) -> bool:
    """Run the migrations that the graph lacks; True if there were any."""
    lacking = [step for step in migrations() if step.version > graph.schema_version]
    for step in lacking:
        for statement in step.statements:
            graph.cypher(statement, timeout_ms=0)
        graph.set_schema_version(step.version)
    return bool(lacking)
