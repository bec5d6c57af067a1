"""EventLog: an append-only file of records; an append is done when the disk has them.

Each line is the CRC-32 of a record as eight hexadecimal digits, a space, and the record as JSON. A
process that is killed while it writes leaves at most a broken tail, which was acknowledged to
nobody: it is cut off when the log is opened again. Records that wait at the same time are written
and flushed together, so that many small appends cost as much as a few large ones.
"""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from graph_schema.disk.files import flush, put_file
from graph_schema.disk.scratch import remove_scratch
from kgrec.errors import ServiceError, reason

_DIGITS = 8  # of a checksum
_NEAR = 1 << 16  # bytes that are read rather than searched
NOTHING = "nothing"  # the kind of a record that was erased
Record = dict[str, Any]
Keep = Callable[[Record], Record | None]
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Record).decode


@dataclass(frozen=True)
class LogPlace:
    """How far a reader has come in a log: the number of the last record that it read, and where the
    next one begins in the file of so many ``rewrites``."""

    number: int = 0
    offset: int = 0
    rewrites: int = 0


class EventLog:
    """An append-only log of records in one file. Every record gets the next number, from 1.

    Parameters
    ----------
    path : Path
        The file; it is made where there is none. One process may append at a time.

    Attributes
    ----------
    last : int
        The number of the last record; 0 without any.

    Raises
    ------
    ServiceError
        Where the file can't be read or written, or a line before the last ones is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._published: Callable[[int, int], None] = lambda size, rewrites: None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.fchmod(self._file, 0o600)  # also one that was copied here
            self.last = self._recover()
            flush(path.parent)
        except OSError as error:
            raise ServiceError(
                f"{path}: the log can't be opened ({reason(error)}); permit reading and writing it."
            ) from error
        self._size = os.fstat(self._file).st_size
        self._waiting: list[tuple[list[Record], Future[int]]] = []
        self._rewrites: list[tuple[Keep, Future[int]]] = []
        self._wake = threading.Condition()
        self._placing = threading.Lock()  # held while the file is replaced
        self._replaced = 0  # how often it was
        self._closed = False
        self._writer = threading.Thread(target=self._write_on, name="kgrec-log", daemon=True)
        self._writer.start()

    def publish(self, say: Callable[[int, int], None]) -> None:
        """Call ``say(bytes, rewrites)`` now, and from now on whenever the disk has more, before
        who appends learns of it."""
        with self._placing:
            self._published = say
            say(self._size, self._replaced)

    def append(self, records: Sequence[Record]) -> Future[int]:
        """Store records.

        Parameters
        ----------
        records : sequence of dict
            JSON values; ``number`` is added to each.

        Returns
        -------
        Future of int
            The number of the first one, once the disk has all of them. Its exception is a
            ServiceError where the disk refuses: then none of them is stored.
        """
        done: Future[int] = Future()
        with self._wake:
            if self._closed:
                raise ServiceError("the log is closed, as the service stops; try again later.")
            self._waiting.append((list(records), done))
            self._wake.notify()
        return done

    def rewrite(self, keep: Keep) -> Future[int]:
        """Keep a part of the records: the file is replaced by one without the others.

        Parameters
        ----------
        keep : callable
            ``keep(record)``: the record as it is to be kept, or None.

        Returns
        -------
        Future of int
            How many records left or changed, once the disk has the new file. Numbers stay; in
            place of the last record, where that leaves, one says nothing but its number. The
            exception is a ServiceError where the disk refuses: then the log is as it was.
        """
        done: Future[int] = Future()
        with self._wake:
            if self._closed:
                raise ServiceError("the log is closed, as the service stops; try again later.")
            self._rewrites.append((keep, done))
            self._wake.notify()
        return done

    def close(self) -> None:
        """Store what waits, and close the file."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._writer.join()
        os.close(self._file)

    def read(self, after: int = 0) -> Iterator[Record]:
        """The records so far with numbers above ``after``, oldest first. Raises ServiceError for
        one that is damaged."""
        return records_of(self.path, self._size, after)

    def after(self, place: LogPlace, most: int) -> tuple[list[Record], LogPlace]:
        """The next records after a place, at most so many, and the place after them.

        What comes before is not read again, unless the file was rewritten since. Raises
        ServiceError for a record that is damaged.
        """
        with self._placing:
            stream, end, rewrites = self.path.open("rb"), self._size, self._replaced
        with stream:
            offset = place.offset if place.rewrites == rewrites else 0
            stream.seek(offset)
            found: list[Record] = []
            for line in stream:
                if offset + len(line) > end or len(found) == most:
                    break
                record = record_of(line[:-1])
                if record is None:
                    raise ServiceError(
                        f"{self.path}: a record after number {place.number} is damaged; put back a "
                        "copy of the file."
                    )
                offset += len(line)
                if record["number"] > place.number:
                    found.append(record)
        number = found[-1]["number"] if found else place.number
        return found, LogPlace(number, offset, rewrites)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def _write_on(self) -> None:
        while True:
            with self._wake:
                while not (self._waiting or self._rewrites or self._closed):
                    self._wake.wait()
                waiting, self._waiting = self._waiting, []
                rewrites, self._rewrites = self._rewrites, []
                if not (waiting or rewrites):
                    return
            if waiting:
                self._write(waiting)
            for keep, done in rewrites:
                self._keep(keep, done)

    def _keep(self, keep: Keep, done: Future[int]) -> None:
        """Replace the file by one of the records that are kept."""
        try:
            remove_scratch(self.path.parent)
            changed = sum(keep(record) != record for record in self.read())
            if changed:
                with self._placing:
                    put_file(self.path, lambda name: self._write_kept(Path(name), keep))
                    self.path.chmod(0o600)
                    fresh = os.open(self.path, os.O_RDWR | os.O_APPEND)
                    os.close(self._file)
                    self._file, self._size = fresh, os.fstat(fresh).st_size
                    self._replaced += 1
                    self._published(self._size, self._replaced)
        except (OSError, ServiceError) as error:
            done.set_exception(
                ServiceError(f"{self.path}: the log can't be rewritten ({reason(error)}).")
            )
            return
        done.set_result(changed)

    def _write_kept(self, path: Path, keep: Keep) -> None:
        with path.open("wb") as stream:
            for record in self.read():
                kept = keep(record)
                if kept is None and record["number"] == self.last:
                    kept = {"number": self.last, "kind": NOTHING}
                if kept is not None:
                    stream.write(_line(kept))

    def _write(self, waiting: list[tuple[list[Record], Future[int]]]) -> None:
        """Write and flush records; all of them, or none."""
        firsts, lines, number = [], [], self.last
        for records, _ in waiting:
            firsts.append(number + 1)
            for record in records:
                number += 1
                lines.append(_line({"number": number, **record}))
        try:
            _write_all(self._file, b"".join(lines))
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            cure = "free some space, then send it again"
            refusal = ServiceError(
                f"{self.path}: the log can't be written ({reason(error)}); {cure}."
            )
            for _, done in waiting:
                done.set_exception(refusal)
            return
        with self._placing:
            self._size += sum(map(len, lines))
            self._published(self._size, self._replaced)
        self.last = number
        for first, (_, done) in zip(firsts, waiting, strict=True):
            done.set_result(first)

    def _recover(self) -> int:
        """The number of the last record; a broken tail is cut off."""
        last = place = row = 0
        with self.path.open("rb") as stream:
            for row, line in enumerate(stream, 1):
                record = record_of(line[:-1]) if line.endswith(b"\n") else None
                if record is None:
                    self._cut(place, row, stream)
                    break
                last, place = record["number"], place + len(line)
        return last

    def _cut(self, place: int, row: int, later: Iterable[bytes]) -> None:
        """Cut off a broken tail. Raises ServiceError where whole records follow."""
        if any(record_of(line[:-1]) is not None for line in later):
            raise ServiceError(
                f"{self.path}, line {row}: the record is damaged, and others follow it; put back a "
                "copy of the file, or delete this line if the loss of its record is accepted."
            )
        os.ftruncate(self._file, place)
        os.fsync(self._file)


def records_of(path: Path, end: int | None = None, after: int = 0) -> Iterator[Record]:
    """The records of a log with numbers above ``after``, oldest first, of the first ``end`` bytes;
    by default all, without a broken tail. Raises ServiceError for a damaged record among them."""
    left = path.stat().st_size if end is None else end
    with path.open("rb") as stream:
        start = _start_after(stream, left, after) if after else 0
        stream.seek(start)
        left -= start
        for row, line in enumerate(stream, 1):
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                return
            record = record_of(line[:-1])
            if record is None:
                from_there = f" after byte {start:,}" if start else ""
                raise ServiceError(
                    f"{path}, line {row}{from_there}: the record is damaged; put back a copy of "
                    "the file."
                )
            if record["number"] > after:
                yield record


def _start_after(stream: BinaryIO, end: int, after: int) -> int:
    """Where a line begins, at most _NEAR bytes before the first record with a number above
    ``after``: numbers ascend, so halves are looked at. 0 where a damaged line is met."""
    start = 0
    while end - start > _NEAR:
        middle = (start + end) // 2
        stream.seek(middle)
        begin = middle + len(stream.readline())  # of the next whole line
        record = record_of(stream.readline().rstrip(b"\n"))
        if begin >= end:
            break
        if record is None:
            return 0
        if record["number"] <= after:
            start = begin
        else:
            end = middle
    return start


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _line(record: Record) -> bytes:
    text = _encode(record)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def record_of(line: bytes) -> Record | None:
    """The record of a line; None where it is damaged."""
    try:
        checksum, text = int(line[:_DIGITS], 16), line[_DIGITS + 1 :]
        return _decode(text) if zlib.crc32(text) == checksum else None
    except (ValueError, msgspec.DecodeError):
        return None


def now() -> int:
    """Unix seconds."""
    return int(time.time())
