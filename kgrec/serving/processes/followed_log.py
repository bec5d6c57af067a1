"""FollowedLog: a log that another process writes, read as far as the disk has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kgrec.errors import ServiceError, reason
from kgrec.serving.event_log import Record, record_of, records_of
from kgrec.serving.processes.shared_memory import SharedNumbers


class FollowedLog:
    """See the module.

    Parameters
    ----------
    path : Path
        The file of an ``EventLog``.
    shared : SharedNumbers
        How far the log is.

    Attributes
    ----------
    last : int
        The number of the last record that was read.

    Raises
    ------
    ServiceError
        Where the file can't be read.
    """

    def __init__(self, path: Path, shared: SharedNumbers) -> None:
        self.path, self._shared = path, shared
        self.last = self._offset = 0
        self._rewrites = shared.rewrites
        self._file = self._opened()

    @property
    def size(self) -> int:
        """Bytes of the file that the disk has."""
        return self._shared.log_bytes

    def new_records(self) -> list[Record]:
        """The records since the last call, oldest first. Raises ServiceError for one that is
        damaged."""
        end, rewrites = self._shared.log_bytes, self._shared.rewrites
        if rewrites != self._rewrites:
            os.close(self._file)
            self._file, self._offset, self._rewrites = self._opened(), 0, rewrites
        if end <= self._offset:
            return []
        found = []
        for line in self._lines(end):
            record = record_of(line)
            if record is None:
                raise ServiceError(
                    f"{self.path}: a record after number {self.last} is damaged; put back a copy "
                    "of the file."
                )
            if record["number"] > self.last:
                found.append(record)
                self.last = record["number"]
        return found

    def read(self, after: int = 0) -> Iterator[Record]:
        """See ``EventLog``."""
        while True:
            end, rewrites = self._shared.log_bytes, self._shared.rewrites
            records = records_of(self.path, end, after)
            first = next(records, None)  # opens the file
            if rewrites == self._shared.rewrites:
                break
        if first is not None:
            yield first
            yield from records

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _lines(self, end: int) -> list[bytes]:
        """The lines between what was read and the byte ``end``."""
        parts = []
        while self._offset < end:
            part = os.pread(self._file, end - self._offset, self._offset)
            if not part:  # somebody else has cut the file
                break
            parts.append(part)
            self._offset += len(part)
        return b"".join(parts).split(b"\n")[:-1]

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise ServiceError(
                f"{self.path}: the log can't be read ({reason(error)}); permit reading it."
            ) from error
