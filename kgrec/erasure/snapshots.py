"""A folder of ``kgrec snapshot`` as a place that people leave."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from kgrec.erasure.places import Place
from kgrec.erasure.receipt import ErasedPlace
from kgrec.files import check_writable
from kgrec.graph.mapped.folder import SNAPSHOT, open_snapshot, save_snapshot
from kgrec.graph.removal import without
from kgrec.stores.people.erased_people import Tombstones
from kgrec.stores.removal import counts, read_removal


class SnapshotPlace(Place):
    """A mapped snapshot. It is written anew as a whole, and keeps no list of those who left: one
    that is made again of a store has nobody whom the store keeps out."""

    kind = "snapshot"

    def __init__(self, folder: Path) -> None:
        open_snapshot(folder)
        super().__init__(str(folder))
        self.folder = folder

    def users(self) -> set[str]:
        return set(open_snapshot(self.folder).users.ids.tolist())

    def texts(self, users: Sequence[str]) -> list[str]:
        snapshot = open_snapshot(self.folder)
        rows = snapshot.users.rows(users)
        gone = set(rows[rows >= 0].tolist())
        return [
            str(text)
            for texts in (snapshot.reviews, snapshot.queries)
            for user, text in zip(texts.user.tolist(), texts.text.tolist(), strict=True)
            if user in gone and text
        ]

    def files(self) -> list[Path]:
        return [self.folder]

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        check_writable(self.folder, SNAPSHOT)  # removes what writers that were killed have left
        removal = read_removal(users=users)
        left, done = without(open_snapshot(self.folder), removal, strict=False)
        removed, _ = counts(removal, done)
        if any(removed.values()):
            save_snapshot(left, self.folder)
        return [self._done(dict(removed), started)]
