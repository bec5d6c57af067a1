"""Records of JSON files: one object a line, or one array of objects.

Lines that are dictionaries as Python writes them are read too: some published files have these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.report import FileReport, Progress
from loaders.tables.json_tables import array_objects, is_array, json_of_python
from loaders.tables.streams import open_bytes, text_lines

_SMALL: Final = 1 << 16  # bytes of a file that is one object


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file. ``row`` is its line, or its number in a file of another form."""

    values: dict[str, Any]
    path: Path
    row: int

    def word(self, key: str) -> str | None:
        """A value as text; None where it is absent. Raises SourceError for a list or an object, and
        for text that is no valid Unicode."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, dict | list):
            raise self.error(f"{key} is a list or an object: {shown(value)}")
        return self.valid(str(value), f"the value of {key}")

    def valid(self, text: str, what: str) -> str:
        """The text. Raises SourceError where half of a character is missing."""
        if _is_cut(text):
            raise self.error(f"{what} {shown(text)} is not valid Unicode text")
        return text

    def text(self, key: str) -> str:
        """Free text on one line or several, without halves of characters; "" for anything else."""
        return plain(self.values.get(key))

    def objects(self, key: str) -> list[dict[str, Any]]:
        """The objects of a list; those of other kinds are left out."""
        value = self.values.get(key)
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    def texts(self, key: str) -> list[str]:
        """The texts of a list, each once, without empty ones."""
        value = self.values.get(key)
        found = map(plain, value) if isinstance(value, list) else ()
        return list(dict.fromkeys(filter(None, found)))

    def digest(self) -> bytes:
        """16 bytes that are equal for equal records, in any order of their fields."""
        text = json.dumps(self.values, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def error(self, what: str, cure: str = "repair or remove the line.") -> SourceError:
        """An error that names the file and the row."""
        return SourceError(f"{self.path}, row {self.row}: {what}. Cure: {cure}")


def plain(value: Any) -> str:
    """Text without halves of characters and outer blanks; "" for anything but text."""
    if not isinstance(value, str):
        return ""
    return (value if value.isascii() else value.encode("utf-8", "ignore").decode()).strip()


class FieldNotes:
    """What the report says of the fields of records: which a loader doesn't read, and texts that
    had halves of characters, which are removed."""

    def __init__(self, *known: str) -> None:
        self._known = frozenset(known)
        self._unread: dict[str, None] = {}
        self._cut: list[int] = []  # rows

    def see(self, record: Record) -> None:
        """Look at the fields of a record."""
        if not record.values.keys() <= self._known:
            others = (key for key in record.values if key not in self._known)
            self._unread.update(dict.fromkeys(others))
        if any(isinstance(one, str) and _is_cut(one) for one in record.values.values()):
            self._cut.append(record.row)

    def note(self, file: FileReport) -> None:
        """Add the notes, if there is something to say."""
        if self._unread:
            names = ", ".join(plain(name)[:40] for name in self._unread)
            file.notes.append(f"fields that were not read: {names}.")
        if self._cut:
            file.notes.append(
                f"halves of characters were removed from texts ({len(self._cut):,} rows, the first "
                f"is row {self._cut[0]})."
            )


def _is_cut(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def records(path: Path, progress: Progress | None = None) -> Iterator[Record]:
    """Yield the objects of a file, without blank lines. Raises SourceError that names the row."""
    if is_array(path):
        for row, values in array_objects(path, progress, json.JSONDecoder()):
            yield Record(values, path, row)
        return
    for row, line in text_lines(path, progress=progress):
        if line.strip():
            yield Record(_parse(line, path, row), path, row)


def first_fields(path: Path, count: int = 20) -> frozenset[str]:
    """The fields of the first records, or of a small file that is one object; empty for a file that
    has none or can't be read."""
    found: set[str] = set()
    try:
        for number, record in enumerate(records(path), start=1):
            found.update(record.values)
            if number == count:
                break
    except SourceError:
        return frozenset(found or _one_object(path))
    return frozenset(found)


def _one_object(path: Path) -> dict[str, Any]:
    """The object that a small file consists of, such as a description of data; else {}."""
    try:
        with open_bytes(path) as stream:
            start = stream.read(_SMALL)
        values = json.loads(start) if len(start) < _SMALL else {}
    except (SourceError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _parse(line: str, path: Path, row: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = _python_literal(line)
    if isinstance(values, dict):
        return values
    raise SourceError(
        f"{path}, row {row}: the line is not a JSON object: {shown(line)}. Cure: give the file as "
        "published, with one object a line or as one array of objects, or repair the line."
    )


def _python_literal(line: str) -> Any:
    """Parse a Python dictionary; None for anything else."""
    found = json_of_python(line)
    # Through JSON, so that keys are text and values are plain, as in the other files.
    return None if found is None else json.loads(found)
