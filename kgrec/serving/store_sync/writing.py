"""StoreWriter: writes the records of a log into a store, batch by batch, each record once.

A batch is written, then its last number is noted. A process that is killed in between writes it
again, which changes nothing: nodes and facts are merged by their ids, and events by their records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pandas as pd

from graph_schema import Catalog
from kgrec.errors import (
    CatalogError,
    StoreAuthError,
    StoreBusyError,
    StoreConnectionError,
    StoreError,
    StoreFileError,
)
from kgrec.serving.event_log import EventLog, LogPlace, Record, now
from kgrec.serving.fold import runs
from kgrec.serving.live_graph import TAKEN_BACK, allowed
from kgrec.serving.store_sync.batch import (
    FROM_STORE,
    REMOVALS,
    stored_catalog,
    stored_removal,
)
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.store_sync.position import Position, Positions
from kgrec.serving.store_sync.refused import RefusedRecords
from kgrec.stores.base import GraphStore
from kgrec.stores.people.erased_people import Tombstones
from kgrec.stores.people.pseudonyms import FIRST_USER

MOST: Final = 2_000  # records in a batch
_ATTEMPTS: Final = 3  # before a record counts as refused
# The store itself is away, whatever is written.
_AWAY: Final = (StoreConnectionError, StoreAuthError, StoreBusyError, StoreFileError)


class StoreWriter:
    """Writes a log into a store; one at a time may do so for a service's folder.

    Parameters
    ----------
    log : EventLog
        The log.
    store : OpenedStore
        The store.
    place : Path
        The file of the positions.
    refused : RefusedRecords
        Takes the records that the store refuses.
    tombstones : callable
        Who was erased, now.

    Attributes
    ----------
    positions : Positions
        As the file has them.

    Raises
    ------
    ServiceError
        Where the file of the positions can't be read or written.
    """

    def __init__(
        self,
        log: EventLog,
        store: OpenedStore,
        place: Path,
        refused: RefusedRecords,
        tombstones: Callable[[], Tombstones | None],
    ) -> None:
        self.log, self.store, self.refused = log, store, refused
        self._place, self._tombstones = place, tombstones
        self.positions = Positions.read(place)
        if self.position.written_until > log.last:  # an older log was put in the place of this one
            again = replace(self.position, written_until=0)  # what the store has is found there
            self.positions = self.positions.moved(store.address, again)
        self.positions.write(place)
        self._read = LogPlace(self.position.written_until)

    @property
    def position(self) -> Position:
        """How far the store is."""
        return self.positions.of(self.store.address)

    def move(self, position: Position) -> None:
        """Note how far the store is. Raises ServiceError."""
        if position != self.position:
            self.positions = self.positions.moved(self.store.address, position)
            self.positions.write(self._place)

    def step(self) -> int:
        """Write the next records, and note it; returns how many they were.

        Raises StoreError where the store can't be written now, and ServiceError; then the same
        records are written the next time.
        """
        records, after = self.log.after(self._read, MOST)
        if not records:
            return 0
        own = [one for one in records if FROM_STORE not in one]
        store = self.store.get()
        store.schema_version()  # raises for a file that is gone, where a write would make a new one
        self._write(store, list(allowed(own, self._tombstones())))
        self.move(replace(self.position, written_until=after.number))
        self._read = after
        return len(records)

    def _write(self, store: GraphStore, records: Sequence[Record]) -> None:
        for removes, part in runs(records, REMOVALS):
            work = self._remove if removes else self._add
            self._apart(store, part, work)

    def _apart(
        self,
        store: GraphStore,
        records: list[Record],
        work: Callable[[GraphStore, list[Record]], None],
        attempts: int = _ATTEMPTS,
    ) -> None:
        """Write records; where one of them is refused, the others without it.

        Raises StoreError where the store can't be written, whatever the records say."""
        try:
            work(store, records)
        except _AWAY:
            raise
        except Exception as error:  # of any kind: one record must not hold up those behind it
            middle, certain = len(records) // 2, isinstance(error, CatalogError)
            if not certain:
                _check_writable(store, error)
            if middle:
                self._apart(store, records[:middle], work)
                self._apart(store, records[middle:], work)
            elif certain or attempts == 1:
                self.refused.add(records[0], str(error))
            else:  # the store may have been away for that moment
                self._apart(store, records, work, attempts - 1)

    def _add(self, store: GraphStore, records: list[Record]) -> None:
        store.write(stored_catalog(records, self.positions.service, now()))

    def _remove(self, store: GraphStore, records: list[Record]) -> None:
        numbers = {one["of"] for one in records if one["kind"] == TAKEN_BACK}
        taken_back = [one for one in self.log.read() if one["number"] in numbers] if numbers else []
        removal = stored_removal(records, self.positions.service, taken_back)
        store.remove(**removal, missing="ignore")


def _check_writable(store: GraphStore, error: Exception) -> None:
    """Raise ``error`` where the store can't even be written what it has: it is locked, full or
    read-only, and the records are not to blame."""
    try:
        first = store.query(FIRST_USER)
        if not first:
            store.migrate()
            return
        store.write(Catalog.from_frames(users=pd.DataFrame([{"user_id": str(first[0]["id"])}])))
    except StoreError:
        raise error from None
