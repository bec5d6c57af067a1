"""AuditLog: a line of JSON for each request that changes something, is refused or shows people.

An entry has the name of the key and the route, and neither key, body nor address: no ids of
people. Each has the hash of the one before, so that a changed, moved or removed line is found. A
file that is full becomes ``audit.log.1``, and so on; the oldest is deleted. The next entry follows
the last of the file before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from kgrec.errors import ServiceError, reason
from kgrec.rules.log import hash_of

_REFUSED_EVERY = 1.0  # seconds between two entries of requests without a key
_NO_KEY: Final = 401


@dataclass(frozen=True)
class Entry:
    """One request.

    Attributes
    ----------
    number : int
        From 1.
    time : int
        Unix seconds.
    who : str
        Name of the key; "local" without keys, "" where none or an unknown one was given.
    method, route : str
        What was asked for; ids in the address are names in braces.
    status : int
        Of the answer.
    request : str
        The id of the request.
    of : str
        The model that the address names.
    people : bool
        Whether other people were asked for by id.
    left_out : int
        Refused requests without a key since the entry before, which have none of their own.
    before : str
        The hash of the entry before, "" for the first of all.
    """

    number: int
    time: int
    who: str
    method: str
    route: str
    status: int
    request: str
    of: str = ""
    people: bool = False
    left_out: int = 0
    before: str = ""

    @property
    def hash(self) -> str:
        """sha256 of the other fields, in hexadecimal."""
        return hash_of(asdict(self))

    @property
    def line(self) -> bytes:
        """The entry as a line of the file."""
        return msgspec.json.encode({**asdict(self), "hash": self.hash}) + b"\n"


class AuditLog:
    """The audit log of a service, which one process writes.

    Parameters
    ----------
    path : Path
        The file; older ones lie beside it.
    most_bytes : int
        Size at which the next file begins.
    files : int
        How many files are kept.

    Raises
    ------
    ServiceError
        Where the file can't be opened, or its last line is damaged.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        self.path, self.most_bytes, self.files = path, most_bytes, files
        self.lost = 0  # entries that the disk refused
        self._refused_at, self._left_out = -_REFUSED_EVERY, 0
        self._file = -1
        self._open()
        found = next(entries_of(path), None)
        self._number, self._before = (found.number, found.hash) if found else (0, "")

    def add(
        self,
        who: str,
        method: str,
        route: str,
        status: int,
        request: str,
        of: str = "",
        *,
        people: bool = False,
    ) -> None:
        """Write an entry. Of many requests without a key one a second has its own; where the disk
        refuses, ``lost`` counts it, and the request is answered all the same."""
        if status == _NO_KEY and self._too_many():
            return
        entry = Entry(
            number=self._number + 1,
            time=int(time.time()),
            who=who,
            method=method,
            route=route,
            status=status,
            request=request,
            of=of,
            people=people,
            left_out=self._left_out,
            before=self._before,
        )
        try:
            self._write(entry.line)
        except OSError:
            self.lost += 1
            return
        self._number, self._before, self._left_out = entry.number, entry.hash, 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _too_many(self) -> bool:
        at = time.monotonic()
        if at - self._refused_at < _REFUSED_EVERY:
            self._left_out += 1
            return True
        self._refused_at = at
        return False

    def _write(self, line: bytes) -> None:
        """Append a line, whole or not at all. Raises OSError."""
        size = os.fstat(self._file).st_size
        if size and size + len(line) > self.most_bytes:
            self._rotate()
            size = 0
        try:
            if os.write(self._file, line) < len(line):
                raise OSError("No space left on device")
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def _rotate(self) -> None:
        for number in range(self.files - 1, 0, -1):
            older = _place(self.path, number - 1)
            if older.exists():
                older.replace(_place(self.path, number))
        if self.files == 1:
            self.path.unlink(missing_ok=True)
        os.close(self._file)
        self._open()

    def _open(self) -> None:
        """Open the file; a broken end, of a process that was killed, is cut off."""
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.fchmod(self._file, 0o600)
            text = self.path.read_bytes()
            if text and not text.endswith(b"\n"):
                os.ftruncate(self._file, text.rfind(b"\n") + 1)
        except OSError as error:
            raise ServiceError(
                f"{self.path}: the audit log can't be opened ({reason(error)}); permit reading and "
                "writing it."
            ) from error


def entries_of(path: Path) -> Iterator[Entry]:
    """The entries of all files, the latest first.

    Raises ServiceError that names the first place, from the end, where a line was changed, added,
    moved or removed. Lines that were removed from the end can't be found here.
    """
    after: Entry | None = None
    for file in _files(path):
        lines = file.read_bytes().split(b"\n")
        for row in range(len(lines), 0, -1):
            if not lines[row - 1] or (row == len(lines) and file == path):
                continue  # the end of the file, or a line that is not complete yet
            entry = _entry(lines[row - 1], f"{file}, line {row}")
            if after is not None and (after.before, after.number) != (entry.hash, entry.number + 1):
                raise ServiceError(
                    f"{file}, line {row}: the entry after it does not follow: a line was removed, "
                    "added or moved here; compare with a copy of the file."
                )
            yield entry
            after = entry


def _files(path: Path) -> Iterator[Path]:
    number = 0
    while _place(path, number).exists():
        yield _place(path, number)
        number += 1


def _place(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _entry(line: bytes, place: str) -> Entry:
    try:
        values: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        said = values.pop("hash")
        entry = Entry(**values)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ServiceError(f"{place} is no entry of an audit log; compare with a copy.") from error
    if entry.hash != said:
        raise ServiceError(f"{place} was changed: its hash differs; compare with a copy.")
    return entry
