"""Messages between an embedded store and the process that holds its graph.

A message is JSON text after its length, then one Arrow stream for each table that belongs to it.
Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.ipc

_LENGTH: Final = struct.Struct("<Q")
_TYPE: Final = "\0type"  # the key that marks a value which JSON has no form for
_TIMES: Final[dict[str, type[datetime] | type[date] | type[time]]] = {
    "date": date,
    "datetime": datetime,
    "time": time,
}


@dataclass(frozen=True)
class Message:
    """Plain values, and the tables that belong to them."""

    content: dict[str, Any]
    tables: tuple[pa.Table, ...] = ()


def encoded(content: dict[str, Any], n_tables: int = 0) -> bytes:
    """The JSON part of a message. Raises TypeError for a value that has no plain form."""
    text = json.dumps([content, n_tables], default=_plain).encode()
    return _LENGTH.pack(len(text)) + text


def send(stream: BinaryIO, content: dict[str, Any], tables: Sequence[pa.Table] = ()) -> None:
    """Write a message. Raises TypeError before anything is written, OSError for a broken pipe."""
    stream.write(encoded(content, len(tables)))
    for table in tables:
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Read a message. Raises EOFError where the other end has gone."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    content, n_tables = json.loads(_exactly(stream, length), object_hook=_restored)
    try:
        tables = tuple(pa.ipc.open_stream(stream).read_all() for _ in range(n_tables))
    except pa.ArrowInvalid as error:
        raise EOFError from error
    return Message(content, tables)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _plain(value: Any) -> Any:
    """A value in JSON's types. Raises TypeError."""
    if type(value) in _TIMES.values():
        return {_TYPE: type(value).__name__, "text": value.isoformat()}
    if hasattr(value, "to_pydatetime"):  # pandas' Timestamp; NaT differs from itself
        return _plain(value.to_pydatetime(warn=False)) if value == value else None
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return value.tolist()
    raise TypeError(
        f"a parameter has the type {type(value).__name__!r}; use text, numbers, booleans, dates, "
        "lists or maps"
    )


def _restored(found: dict[str, Any]) -> Any:
    kind = _TIMES.get(found.get(_TYPE, ""))
    return found if kind is None else kind.fromisoformat(found["text"])
