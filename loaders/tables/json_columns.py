"""Columns of JSON objects: collected in batches, then brought to one type each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from graph_schema.disk.limits import COLUMNS
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS, Kind
from graph_schema.report import shown

_BATCH: Final = 65_536  # rows held as objects of Python
_IDS: Final = frozenset(
    column.name
    for spec in SPECS.values()
    for column in spec.columns
    if column.kind in (Kind.ID, Kind.OPTIONAL_ID)
)


class Number(str):
    """A number with a fraction or an exponent, as it is written."""

    __slots__ = ()


_NAMES: Final = {bool: "booleans", int: "numbers", Number: "numbers", str: "text", list: "lists"}
_TYPES: Final = {
    frozenset({bool}): pa.bool_(),
    frozenset({int}): pa.int64(),
    frozenset({Number}): pa.float64(),
    frozenset({int, Number}): pa.float64(),
    frozenset({str}): pa.string(),
}


class JsonColumns:
    """The columns of the objects added so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._most = COLUMNS.value()
        self._columns: dict[str, _Column] = {}
        self._sizes: list[int] = []  # rows of each batch that was put away
        self._rows: list[int] = []  # the rows of this batch

    def add(self, row: int, record: dict[str, Any]) -> None:
        """Add the object of a row of the file. Raises SourceError."""
        place = len(self._rows)
        self._rows.append(row)
        for name, value in record.items():
            self._put(place, name, value)
        if len(self._rows) == _BATCH:
            self._flush()

    def _put(self, place: int, name: str, value: Any) -> None:
        if type(value) is dict:
            for inner, one in value.items():
                self._put(place, f"{name}.{inner}", one)
            return
        if type(value) is list and value and set(map(type, value)) == {dict}:
            for inner in dict.fromkeys(key for one in value for key in one):
                self._put(place, f"{name}.{inner}", _side_by_side(value, inner))
            return
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._new(name)
        values = column.values
        if len(values) > place:
            raise SourceError(
                f"{self._path}, row {self._rows[place]}: two values are called {shown(name)}. "
                "Cure: rename one of them."
            )
        if len(values) < place:
            values.extend([None] * (place - len(values)))
        values.append(value)

    def _new(self, name: str) -> _Column:
        where = f"{self._path}, row {self._rows[-1]}"
        if len(self._columns) == self._most:
            raise SourceError(
                f"{where}: the objects have more than {self._most:,} names, such as {shown(name)}. "
                "Cure: write ids as values and not as names; where all are right, "
                f"{COLUMNS.cure()}."
            )
        if not name.isascii() and not _is_unicode(name):
            raise SourceError(f"{where}: the name {shown(name)} is no text. Cure: rename it.")
        return _Column(name, self._path)

    def _flush(self) -> None:
        for column in self._columns.values():
            column.flush(self._rows, len(self._sizes))
        self._sizes.append(len(self._rows))
        self._rows = []

    def finish(self) -> tuple[pa.Table, list[str]]:
        """The table, and notes on what was left out or is text for want of one type. Raises
        SourceError."""
        if self._rows:
            self._flush()
        arrays = {name: column.array(self._sizes) for name, column in self._columns.items()}
        found = {name: array for name, array in arrays.items() if array is not None}
        notes = [note for column in self._columns.values() for note in column.notes()]
        return pa.table(found), notes


@dataclass
class _Column:
    """One column. ``seen`` and ``inside`` are the first rows of each type of value, and of each
    type of value in its lists; ``chunks`` are the batches by their number."""

    name: str
    path: Path
    values: list[Any] = field(default_factory=list)
    seen: dict[type, int] = field(default_factory=dict)
    inside: dict[type, int] = field(default_factory=dict)
    left_out: int = 0
    first_left_out: int = 0
    chunks: dict[int, Any] = field(default_factory=dict)

    def flush(self, rows: list[int], batch: int) -> None:
        """Put the values of a batch away as an array."""
        values, self.values = self.values, []
        values.extend([None] * (len(rows) - len(values)))
        types = set(map(type, values))
        if list in types:
            values = [
                self._list(value, rows[place]) if type(value) is list else value
                for place, value in enumerate(values)
            ]
            types = set(map(type, values))
        types.discard(type(None))
        for kind in (one for one in _NAMES if one in types and one not in self.seen):
            self.seen[kind] = rows[next(i for i, one in enumerate(values) if type(one) is kind)]
        if types:
            self.chunks[batch] = self._chunk(values, types, rows)

    def _list(self, values: list[Any], row: int) -> list[Any] | None:
        """A list of plain values without absent ones; None for a list of objects or lists."""
        given = [value for value in values if value is not None]
        types = set(map(type, given))
        if types & {dict, list}:
            self.first_left_out = self.first_left_out or row
            self.left_out += 1
            return None
        if len({_NAMES[kind] for kind in types}) > 1:
            raise SourceError(
                f"{self.path}, row {row}, column {self.name}: a list of "
                f"{' and '.join(sorted({_NAMES[kind] for kind in types}))}: {shown(values)}. Cure: "
                "make the values of a list all text, or all numbers."
            )
        for kind in types:
            self.inside.setdefault(kind, row)
        return given

    def _chunk(self, values: list[Any], types: set[type], rows: list[int]) -> Any:
        """The values as an array: of their type where they have one, else texts as written."""
        try:
            if types == {bool} or types == {int}:
                return pa.array(values, _TYPES[frozenset(types)])
        except OverflowError:
            pass
        try:
            if list in types:
                lists = [None if one is None else _as_list(one) for one in values]
                return pa.array(lists, pa.list_(pa.string()))
            return pa.array([None if one is None else _text(one) for one in values], pa.string())
        except UnicodeEncodeError as error:
            place = next(i for i, one in enumerate(values) if not _is_unicode(one))
            raise SourceError(
                f"{self.path}, row {rows[place]}, column {self.name}: {shown(values[place])} is "
                "not valid Unicode text. Cure: decode the source with its real encoding."
            ) from error

    def array(self, sizes: list[int]) -> Any:
        """The whole column as one type; None where every value was left out."""
        kind = self._type()
        if kind is None:
            return None if self.left_out else pa.nulls(sum(sizes))
        try:
            return self._chunks_of(kind, sizes)
        except pa.ArrowInvalid:  # a number in a list has more digits than int64 holds
            return self._chunks_of(pa.list_(pa.string()), sizes)

    def _chunks_of(self, kind: pa.DataType, sizes: list[int]) -> Any:
        chunks = [
            _cast(self.chunks[batch], kind) if batch in self.chunks else pa.nulls(size, kind)
            for batch, size in enumerate(sizes)
        ]
        return pa.chunked_array(chunks, kind)

    def _type(self) -> Any:
        if not self.seen:
            return None
        if self.name in _IDS:
            return self._type_of_ids()
        if list not in self.seen:
            return self._plain_type(self.seen)
        kinds = {**self.seen, **self.inside}
        del kinds[list]
        return pa.list_(_TYPES.get(frozenset(kinds), pa.string()) if kinds else pa.string())

    def _plain_type(self, kinds: dict[type, int]) -> Any:
        kind = _TYPES.get(frozenset(kinds), pa.string())
        whole = kind == pa.int64()
        if whole and any(pa.types.is_string(chunk.type) for chunk in self.chunks.values()):
            return pa.string()  # a number has more digits than int64 holds
        return kind

    def _type_of_ids(self) -> Any:
        for kind in (bool, list):
            if kind in self.seen:
                raise SourceError(
                    f"{self.path}, row {self.seen[kind]}, column {self.name}: an id is text or a "
                    f"number, and these are {_NAMES[kind]}. Cure: write one id."
                )
        return pa.string()

    def notes(self) -> list[str]:
        """What was left out, and why a column is text."""
        found = []
        if self.left_out:
            found.append(
                f"column {self.name}: lists of objects or of lists were left out "
                f"({self.left_out:,} in all, the first in row {self.first_left_out})."
            )
        names: dict[str, int] = {}
        for kind, row in sorted(self.seen.items(), key=lambda one: one[1]):
            names.setdefault(_NAMES[kind], row)
        if len(names) > 1 and self.name not in _IDS:
            first = ", ".join(f"{word} first in row {row}" for word, row in names.items())
            what = "lists" if "lists" in names else "text"
            found.append(
                f"column {self.name} holds {' and '.join(names)}, and is read as {what}: {first}."
            )
        return found


def _side_by_side(objects: list[dict[str, Any]], name: str) -> list[Any]:
    """The values of a name in each of the objects; texts, "" where absent, if they are of several
    kinds or some are absent."""
    values = [one.get(name) for one in objects]
    kinds = {_NAMES.get(type(value), "") for value in values}
    if len(kinds) > 1 and not kinds & {_NAMES[list]} and dict not in map(type, values):
        return ["" if value is None else _text(value) for value in values]
    return values


def _as_list(value: Any) -> list[str]:
    return [_text(one) for one in value] if type(value) is list else [_text(value)]


def _text(value: Any) -> str:
    """A value as it is written in the file."""
    if isinstance(value, str):
        return value
    return ("true" if value else "false") if type(value) is bool else str(value)


def _cast(array: Any, kind: pa.DataType) -> Any:
    if array.type == kind:
        return array
    if pa.types.is_list(kind) and not pa.types.is_list(array.type):
        texts = array.cast(pa.string())
        lists = [None if one is None else [one] for one in texts.to_pylist()]
        array = pa.array(lists, pa.list_(pa.string()))
    return array.cast(kind, safe=not pa.types.is_floating(kind))


def _is_unicode(value: Any) -> bool:
    texts = value if type(value) is list else [value]
    try:
        "".join(one for one in texts if isinstance(one, str)).encode()
    except UnicodeEncodeError:
        return False
    return True
