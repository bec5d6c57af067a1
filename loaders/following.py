"""Following a file of JSON lines that another program writes: whole lines, each of them once.

A position says how far the file was read, and what stood there, so that a file that was cut or
replaced meanwhile is noticed. The caller keeps it where it keeps what it made of the lines.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.disk.files import put_text, read_json
from graph_schema.errors import CatalogError, SourceError
from graph_schema.report import shown
from loaders.tables.json_columns import JsonColumns
from loaders.tables.json_tables import json_object
from loaders.tables.streams import source_errors

_MARK: Final = 1_024  # bytes before the position that must be the same again
_LONGEST: Final = 16 << 20  # bytes of a line
_KEYS: Final = ("user_id", "item_id")


@dataclass(frozen=True)
class Position:
    """How far a file was read.

    Attributes
    ----------
    offset, line : int
        The bytes and the lines that were read.
    mark : str
        The digest of the last bytes before it.
    """

    offset: int = 0
    line: int = 0
    mark: str = ""

    @staticmethod
    def load(path: Path) -> Position | None:
        """The position in a file that ``save`` wrote; None without one. Raises SourceError."""
        try:
            found = read_json(path)
            return Position(int(found["offset"]), int(found["line"]), str(found["mark"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{path}: this is no position of a followed file. Cure: remove it, which reads the "
                "followed file from its start; nothing is doubled by that."
            ) from error

    def save(self, path: Path, followed: Path) -> None:
        """Write the position to a file, in one step. Raises OSError."""
        put_text(path, json.dumps({"file": str(followed.absolute()), **asdict(self)}))


class FollowedFile:
    """A file that grows. ``position``: how far it was read; ``notes``: what happened to it since
    they were last taken."""

    def __init__(self, path: Path, position: Position) -> None:
        self.path, self.position = path, position
        self.notes: list[str] = []
        with source_errors(path):
            if path.is_dir():
                raise IsADirectoryError(path)
            self._handle: BinaryIO = path.open("rb")
        if not self._is_where_it_was():
            self._restart(
                "it is shorter than what was read of it, or holds something else there: another "
                f"file has its name now. It is read from its start; what was written to the "
                f"earlier one after line {position.line:,} was not read"
            )

    def read(self, most: int) -> list[tuple[int, bytes]]:
        """At most so many whole lines that were not read yet, with their numbers from 1."""
        if not self._is_where_it_was():
            self._restart("it was cut meanwhile, and is read from its start")
        lines = self._whole_lines(most)
        if not lines and self._is_replaced():
            lines = self._whole_lines(most)
        return lines

    def give_back(self, lines: list[tuple[int, bytes]]) -> None:
        """Count the last lines that were read as not read yet."""
        offset = self.position.offset - sum(len(raw) for _, raw in lines)
        self.position = Position(offset, self.position.line - len(lines), self._mark(offset))

    def close(self) -> None:
        self._handle.close()

    def _whole_lines(self, most: int) -> list[tuple[int, bytes]]:
        offset, line = self.position.offset, self.position.line
        lines: list[tuple[int, bytes]] = []
        self._handle.seek(offset)
        while len(lines) < most:
            raw = self._handle.readline(_LONGEST)
            if not raw.endswith(b"\n"):
                if len(raw) >= _LONGEST:
                    raise SourceError(
                        f"{self.path}, row {line + 1}: the line is longer than {_LONGEST >> 20} "
                        "MiB. Cure: write one object a line."
                    )
                break
            offset, line = offset + len(raw), line + 1
            lines.append((line, raw))
        if lines:
            self.position = Position(offset, line, self._mark(offset))
        return lines

    def _is_replaced(self) -> bool:
        """Whether another file has the name now; then that one is read from its start."""
        with suppress(OSError):
            there, held = self.path.stat(), os.fstat(self._handle.fileno())
            if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino):
                return False
            fresh = self.path.open("rb")
            rest = held.st_size - self.position.offset
            self._handle.close()
            self._handle = fresh
            self._restart(
                "another file has its name now, which is read from its start; the earlier one was "
                "read to its end" + (f" but {rest:,} bytes without a line end" if rest else "")
            )
            return True
        return False  # it is moved away, and the next one has not come yet

    def _restart(self, why: str) -> None:
        self.position = Position()
        self.notes.append(f"{self.path}: {why}.")

    def _is_where_it_was(self) -> bool:
        """Whether the bytes before the position are those that were read."""
        offset = self.position.offset
        if os.fstat(self._handle.fileno()).st_size < offset:
            return False
        return not offset or self._mark(offset) == self.position.mark

    def _mark(self, offset: int) -> str:
        start = max(0, offset - _MARK)
        self._handle.seek(start)
        return hashlib.sha256(self._handle.read(offset - start)).hexdigest()


@dataclass(frozen=True)
class Events:
    """The events of some lines: a valid catalog, or None without any; and what is wrong with each
    of the other lines, by number."""

    catalog: Catalog | None
    bad: dict[int, str]


def events_of(lines: list[tuple[int, bytes]], path: Path) -> Events:
    """Read lines of events: objects with user_id, item_id and any columns of interactions.

    Blank lines are passed over. Raises CatalogError where lines that are right by themselves are
    not together.
    """
    records: list[tuple[int, dict[str, Any]]] = []
    bad: dict[int, str] = {}
    for number, raw in lines:
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.strip():
                records.append((number, _event(text, path, number)))
        except UnicodeDecodeError as error:
            bad[number] = f"{path}, row {number}: byte 0x{raw[error.start]:02x} is not UTF-8."
        except SourceError as error:
            bad[number] = str(error)
    if not records:
        return Events(None, bad)
    try:
        return Events(_catalog(records, path), bad)
    except (SourceError, CatalogError):
        wrong = _wrong(records, path)
        bad |= wrong
    kept = [(number, record) for number, record in records if number not in wrong]
    return Events(_catalog(kept, path) if kept else None, dict(sorted(bad.items())))


def _event(text: str, path: Path, number: int) -> dict[str, Any]:
    record = json_object(text, path, number)
    for name in _KEYS:
        if record.get(name) in (None, ""):
            raise SourceError(
                f"{path}, row {number}: there is no {name}: {shown(text.strip())}. Cure: write "
                "user_id and item_id in each line."
            )
    return record


def _catalog(records: list[tuple[int, dict[str, Any]]], path: Path) -> Catalog:
    columns = JsonColumns(path)
    for number, record in records:
        columns.add(number, record)
    table: pa.Table = columns.finish()[0]
    rows = {"interactions": np.array([number for number, _ in records], dtype=np.int64)}
    sources = {"interactions": str(path)}
    catalog = Catalog.from_frames(interactions=table, sources=sources, rows=rows)
    catalog.validate().raise_if_any()
    return catalog


def _wrong(records: list[tuple[int, dict[str, Any]]], path: Path) -> dict[int, str]:
    """The records that are refused by themselves, and why; halves are tried, then their halves."""
    try:
        _catalog(records, path)
    except (SourceError, CatalogError) as error:
        if len(records) == 1:
            return {records[0][0]: str(error)}
        half = len(records) // 2
        return {**_wrong(records[:half], path), **_wrong(records[half:], path)}
    return {}
