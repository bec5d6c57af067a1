"""The folder of a service: its log of events, and all models of its registry."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from graph_schema.disk.locks import held
from graph_schema.disk.scratch import remove_scratch
from kgrec.erasure.places import ModelPlace, Place
from kgrec.erasure.receipt import ErasedPlace
from kgrec.errors import ErasureError
from kgrec.serving.event_log import EventLog, records_of
from kgrec.serving.live_graph import keeps, users_of
from kgrec.serving.registry import Root
from kgrec.serving.store_sync.refused import RefusedRecords
from kgrec.stores.people.erased_people import Tombstones


class ServicePlace(Place):
    """The folder of a service.

    Parameters
    ----------
    root : Root
        The folder.
    served : bool
        Whether the service itself asks, which holds the folder and erases from its log: then the
        models alone are changed.
    """

    kind = "service log"

    def __init__(self, root: Root, *, served: bool = False) -> None:
        super().__init__(str(root.log))
        self.root, self.served = root, served
        entries = root.read().models.values()
        folders = dict.fromkeys(root.folder_of(entry).resolve() for entry in entries)
        self.models = [ModelPlace(folder) for folder in folders if folder.exists()]

    def alone(self) -> AbstractContextManager[object]:
        return nullcontext() if self.served else _alone(self.root.folder)

    def users(self) -> set[str]:
        found = set[str]().union(*(model.users() for model in self.models))
        if self.root.log.exists():
            for record in records_of(self.root.log):
                found |= users_of(record)
        return found

    def tombstones(self) -> Tombstones | None:
        return Tombstones.read(self.root.tombstones)

    def keep_out(self, tombstones: Tombstones) -> None:
        remove_scratch(self.root.folder)
        tombstones.write(self.root.tombstones)

    def lift(self, users: Sequence[str]) -> None:
        found = self.tombstones()
        if found is not None:
            self.keep_out(found.without_users(users))
        for model in self.models:
            model.lift(users)

    def texts(self, users: Sequence[str]) -> list[str]:
        return [text for model in self.models for text in model.texts(users)]

    def caches(self) -> list[Path]:
        return [folder for model in self.models for folder in model.caches()]

    def files(self) -> list[Path]:
        return [self.root.folder, *(model.folder for model in self.models)]

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        done = [] if self.served or not self.root.log.exists() else [self._erase_records(users)]
        return done + [one for model in self.models for one in model.erase(users, tombstones)]

    def _erase_records(self, users: Sequence[str]) -> ErasedPlace:
        started, gone = time.perf_counter(), set(users)
        log = EventLog(self.root.log)
        try:
            removed = log.rewrite(keeps(log.read(), gone.__contains__)).result()
        finally:
            log.close()
        RefusedRecords(self.root.refused).keep(keeps((), gone.__contains__))
        return self._done({"records": removed}, started)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder as a service does."""
    try:
        with held(folder):
            yield
    except BlockingIOError as error:
        raise ErasureError(
            f"{folder}: a service runs on this folder, and nobody was erased. Ask the service: "
            "POST /v1/erase; or stop it first."
        ) from error
