"""Places that remember people: what each knows, how people leave it, and how they are kept out."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq

from graph_schema.disk.scratch import remove_scratch
from graph_schema.names import QUERY, REVIEW, USER
from kgrec.device import choose_device
from kgrec.erasure.checkpoints import checkpoint_folders, remove_checkpoints
from kgrec.erasure.fitted import erased_state
from kgrec.erasure.receipt import ErasedPlace
from kgrec.errors import ErasureError
from kgrec.files import check_writable
from kgrec.persistence.model_folder import (
    MODEL,
    erased_of,
    read_manifest,
    read_state,
    saved_precision,
    write_state,
)
from kgrec.rules.folder import RuleFolder
from kgrec.stores import GraphStore
from kgrec.stores.people.erased_people import Tombstones
from kgrec.text.encoding.cache import EmbeddingCache

_BATCH = 10_000
_TEXTS = {
    REVIEW: "MATCH (u:User)-[:WROTE]->(t:Review) WHERE u.id IN $users RETURN t.text AS text",
    QUERY: "MATCH (u:User)-[:ISSUED]->(t:Query) WHERE u.id IN $users RETURN t.text AS text",
}


class Place(ABC):
    """One place: a store, a model's folder, a service, a log, a checkpoint."""

    kind: ClassVar[str]

    def __init__(self, name: str) -> None:
        self.name = name

    def alone(self) -> AbstractContextManager[object]:
        """Held while people are erased. Raises ErasureError where another process uses it."""
        return nullcontext()

    def users(self) -> set[str]:
        """The ids of the people whom it names."""
        return set()

    def tombstones(self) -> Tombstones | None:
        """The people who were erased from it; None where it keeps no list of them."""
        return None

    def keep_out(self, tombstones: Tombstones) -> None:
        """Leave these people out of what comes from now on."""
        return

    def texts(self, users: Sequence[str]) -> list[str]:
        """What these people wrote, as far as it may be in a cache of vectors."""
        return []

    def caches(self) -> list[Path]:
        """Folders of text vectors."""
        return []

    def files(self) -> list[Path]:
        """Files and folders that it consists of."""
        return []

    def lift(self, users: Sequence[str]) -> None:
        """Let these people come back."""
        return

    @abstractmethod
    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        """Remove these people, and what a writer that was killed has left; doing it twice changes
        nothing."""

    def _done(self, removed: dict[str, int], started: float, learned: str = "") -> ErasedPlace:
        found = {name: n for name, n in removed.items() if n}
        return ErasedPlace(self.kind, self.name, found, learned, _since(started))


class StorePlace(Place):
    """A graph store."""

    kind = "store"

    def __init__(self, store: GraphStore) -> None:
        super().__init__(store.uri)
        self.store = store
        if store.mapping is not None:
            raise ErasureError(
                f"{store.uri} is read through a mapping, and kgrec changes nothing there. Nobody "
                "was erased. Cure: erase people there by Cypher, and from models with kgrec."
            )

    def users(self) -> set[str]:
        return set(self.store.read_nodes(USER, ()).column("id").to_pylist())

    def tombstones(self) -> Tombstones | None:
        return Tombstones.read(self.store.tombstones)

    def keep_out(self, tombstones: Tombstones) -> None:
        if self.store.tombstones is not None:
            remove_scratch(self.store.tombstones.parent)
            tombstones.write(self.store.tombstones)

    def texts(self, users: Sequence[str]) -> list[str]:
        found: list[str] = []
        labels = self.store.node_counts()
        for label, statement in _TEXTS.items():
            for start in range(0, len(users) if label in labels else 0, _BATCH):
                batch = {"users": list(users[start : start + _BATCH])}
                found += [row["text"] for row in self.store.query(statement, batch) if row["text"]]
        return found

    def lift(self, users: Sequence[str]) -> None:
        found = self.tombstones()
        if found is not None:
            self.keep_out(found.without_users(users))

    def files(self) -> list[Path]:
        place = Path(self.name)
        if not place.exists():
            return []
        return sorted(one for one in place.parent.iterdir() if one.name.startswith(place.name))

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        report = self.store.remove(users=users, missing="ignore")
        return [self._done(dict(report.rows), started)]


class ModelPlace(Place):
    """The folder of a saved model."""

    kind = "model"

    def __init__(self, folder: Path) -> None:
        read_manifest(folder)
        super().__init__(str(folder))
        self.folder = folder

    def users(self) -> set[str]:
        return set(self._ids()) | RuleFolder(self.folder).held_users()

    def tombstones(self) -> Tombstones | None:
        found = erased_of(self.folder)
        return None if found is None else found.tombstones

    def texts(self, users: Sequence[str]) -> list[str]:
        erased = set(users)
        gone = {row for row, one in enumerate(self._ids()) if one in erased}
        found: list[str] = []
        for name in ("reviews", "queries"):
            table = pq.read_table(self.folder / f"{name}.parquet", columns=["user", "text"])
            pairs = zip(table["user"].to_pylist(), table["text"].to_pylist(), strict=True)
            found += [text for user, text in pairs if user in gone and text]
        return found

    def caches(self) -> list[Path]:
        given = read_manifest(self.folder)["config"].get("text", {}).get("cache_dir")
        return [EmbeddingCache(given).folder]

    def files(self) -> list[Path]:
        return [self.folder]

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        remove_scratch(self.folder)
        check_writable(self.folder, MODEL)  # removes what writers that were killed have left
        gone = set(users)
        held = RuleFolder(self.folder).forget_users(gone)
        before = erased_of(self.folder)
        known = before is not None and all(map(before.tombstones.covers, users))
        if known and not gone & self.users():
            return [self._done({"held items": held}, started, str(before))]
        state = read_state(self.folder, choose_device("cpu"))
        left, rows = erased_state(state, users, tombstones)
        write_state(left, self.folder, saved_precision(self.folder))
        learned = str(left.erased) if left.erased is not None else ""
        return [self._done({**rows, "held items": held}, started, learned)]

    def _ids(self) -> list[str]:
        """The ids of its users, by row."""
        table = pq.read_table(self.folder / "users.parquet", columns=["id"])
        found: list[str] = table.column("id").to_pylist()
        return found

    def lift(self, users: Sequence[str]) -> None:
        if erased_of(self.folder) is None:
            return
        state = read_state(self.folder, choose_device("cpu"))
        assert state.erased is not None  # its file is there
        left = replace(state.erased, tombstones=state.erased.tombstones.without_users(users))
        write_state(replace(state, erased=left), self.folder, saved_precision(self.folder))


class CheckpointPlace(Place):
    """A checkpoint of a training, with those of other fits and of the search beside it. What was
    trained with people can't be continued without them, so that it is removed as a whole."""

    kind = "checkpoint"

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder

    def files(self) -> list[Path]:
        return [path for path in checkpoint_folders(self.folder) if path.exists()]

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        return [self._done({"files": remove_checkpoints(self.folder)}, started)]


class CachePlace(Place):
    """A folder of text vectors."""

    kind = "text cache"

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        super().__init__(str(folder))
        self.folder, self._texts = folder, list(dict.fromkeys(texts))

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        try:
            removed = EmbeddingCache(self.folder).forget(self._texts)
        except OSError as error:
            raise ErasureError(
                f"{self.folder}: vectors of texts can't be removed ({error}); permit writing there."
            ) from error
        return [self._done({"vectors": removed}, started)]


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
