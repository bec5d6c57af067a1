"""Read JSON as tables: one object a line, or one array of objects. Lines may also be dictionaries
as Python writes them, which some published files have.

Each name of the objects is a column; those of an object inside an object are ``a.b``, and those of
a list of objects are lists. Values keep their types. Ids, and columns in which numbers and text
meet, are text exactly as it is written. Row numbers are those of the lines, or count the objects of
an array from 1.
"""

from __future__ import annotations

import ast
import io
import json
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from graph_schema.disk.limits import RECORD
from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.report import Progress
from loaders.tables.file_table import FileTable
from loaders.tables.json_columns import JsonColumns, Number
from loaders.tables.streams import CountingStream, open_bytes, text_lines, too_long

_BLOCK: Final = 1 << 20  # characters of an array read at once
_MOST_LITERAL: Final = 4 << 20  # characters of a Python dictionary that is parsed
_SHOWN: Final = 200
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_START: Final = b"\xef\xbb\xbf \t\r\n"  # what may stand before the first sign
_CURE: Final = "write one JSON object a line, or one array of objects."


def read_json(path: Path, progress: Progress | None = None, limit: int | None = None) -> FileTable:
    """Read a file of JSON objects, or its first ``limit`` objects. Raises SourceError with the row
    of what is no such object."""
    columns, blank = JsonColumns(path), 0
    rows = array("q")
    for row, record in (
        array_objects(path, progress, _decoder()) if is_array(path) else _lines(path, progress)
    ):
        if record is None:
            blank += 1
        else:
            rows.append(row)
            columns.add(row, record)
        if len(rows) == limit:
            break
    if not rows:
        raise SourceError(f"{path}: there is no object in this file. Cure: {_CURE}")
    table, notes = columns.finish()
    return FileTable(table, np.array(rows, dtype=np.int64), blank, tuple(notes), typed=True)


def is_array(path: Path) -> bool:
    """Whether the first sign of the file is that of an array."""
    with open_bytes(path) as stream:
        start = stream.read(1 << 10)
        while start and not start.lstrip(_START):
            start = stream.read(1 << 10)
    return start.lstrip(_START).startswith(b"[")


def _lines(path: Path, progress: Progress | None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield (line, object), or (line, None) for a blank line."""
    decode = _decoder().decode
    for number, line in text_lines(path, progress=progress):
        yield number, _record(decode, line, path, number) if line.strip() else None


def json_object(text: str, path: Path, row: int) -> dict[str, Any]:
    """The object of one line. Raises SourceError."""
    return _record(_decoder().decode, text, path, row)


def _record(decode: Callable[[str], Any], text: str, path: Path, row: int) -> dict[str, Any]:
    try:
        record = decode(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            found = json_of_python(text)
            if found is not None:
                return _record(decode, found, path, row)
        raise SourceError(
            f"{path}, row {row}: this is no JSON ({_problem(error)}): {shown(text)}. Cure: {_CURE}"
        ) from error
    if not isinstance(record, dict):
        raise SourceError(_no_object(path, row, text))
    return record


def json_of_python(line: str) -> str | None:
    """A dictionary as Python writes it, as JSON; None for anything else."""
    text = line.strip()
    if not (text.startswith("{") and text.endswith("}")) or len(line) > _MOST_LITERAL:
        return None
    try:
        return json.dumps(ast.literal_eval(text), default=str)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _no_object(path: Path, row: int, text: str) -> str:
    return f"{path}, row {row}: {shown(text)} is no JSON object. Cure: {_CURE}"


def _problem(error: Exception) -> str:
    """What is wrong, without a place that is none in the file."""
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def array_objects(
    path: Path, progress: Progress | None, decoder: json.JSONDecoder
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number from 1, object) of an array, reading a block at a time. Raises SourceError."""
    row = 0
    with open_bytes(path, progress) as stream:
        text = _ArrayText(stream)
        try:
            for row, record in enumerate(text.values(decoder), start=1):
                if not isinstance(record, dict):
                    raise SourceError(_no_object(path, row, str(record)))
                yield row, record
        except UnicodeDecodeError as error:
            raise SourceError(
                f"{path}: byte 0x{error.object[error.start]:02x} is not UTF-8. Cure: save the file "
                "as UTF-8."
            ) from error
        except _TooLongError:
            raise SourceError(f"{path}, row {row + 1} of the array: {too_long()}") from None
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{path}, row {row + 1} of the array: this is no JSON ({_problem(error)}): "
                f"{shown(text.here())}. Cure: {_CURE}"
            ) from error


class _TooLongError(Exception):
    """An object has more characters than it may."""


class _ArrayText:
    """The text of a JSON array, of which only a part is held."""

    def __init__(self, stream: CountingStream) -> None:
        self._text = io.TextIOWrapper(io.BufferedReader(stream), "utf-8-sig", newline="")
        self._held, self._at = "", 0

    def values(self, decoder: json.JSONDecoder) -> Iterator[Any]:
        """Yield the values of the array. Raises ValueError for what is no JSON array."""
        self._sign()
        self._at += 1  # the bracket
        sign = self._sign()
        while sign != "]":
            yield self._value(decoder)
            sign = self._sign()
            if sign not in (",", "]"):
                raise ValueError("a comma or ] is missing" if sign else "the array doesn't end")
            if sign == ",":
                self._at += 1
                self._sign()
        self._at += 1
        if self._sign():
            raise ValueError("text follows the array")

    def here(self) -> str:
        """The text at which reading stopped."""
        return self._held[self._at : self._at + _SHOWN]

    def _value(self, decoder: json.JSONDecoder) -> Any:
        while True:
            try:
                value, self._at = decoder.raw_decode(self._held, self._at)
                return value
            except ValueError:  # it may end in the next block
                if len(self._held) - self._at > RECORD.value():
                    raise _TooLongError from None
                if not self._more():
                    raise

    def _sign(self) -> str:
        """The next sign that is not blank, "" at the end of the text."""
        while True:
            self._at = _SPACE.match(self._held, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, and let go of what was read before."""
        self._held, self._at = self._held[self._at :], 0
        block = self._text.read(max(_BLOCK, len(self._held)))
        self._held += block
        return bool(block)


def _decoder() -> json.JSONDecoder:
    """Keeps numbers with a fraction as they are written, and refuses what is no JSON."""
    return json.JSONDecoder(
        parse_float=Number, parse_constant=_no_constant, object_pairs_hook=_object
    )


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no value of JSON, write null")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {shown(twice)} occurs twice in an object")
    return found
