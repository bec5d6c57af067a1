"""How a delimited file is written: encoding, delimiter, quotes, and whether it has a header."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.limits import RECORD
from loaders.mapping.draft.names import is_known
from loaders.tables.streams import open_bytes
from loaders.tables.tabular import CsvForm, looks_like_data

_START: Final = 1 << 18  # bytes
_SCANNED: Final = 1 << 28  # bytes of a file whose encoding and quotes are looked at
_LINES: Final = 200
_TEXT_LINES: Final = 30  # of a text in quotes
_DELIMITERS: Final = (",", "\t", ";", "|", "::", " ")
_UNIT: Final = "\x1f"
_NUMBER: Final = re.compile(r"-?[0-9]+([.,][0-9]+)?")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass
class _Scanned:
    """The first whole lines of a file, and what its first bytes hold."""

    start: bytes = b""
    utf8: bool = True
    escaped: bool = False


def _scan(path: Path) -> _Scanned:
    """Raises SourceError for a file that can't be read."""
    found, seen, last = _Scanned(), 0, b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as stream:
        while seen < _SCANNED:
            block = stream.read(1 << 20)
            if not block:
                break
            if len(found.start) < _START:
                found.start += block
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                found.utf8 = False
                decoder.reset()
            found.escaped = found.escaped or b'\\"' in last[-1:] + block
            seen, last = seen + len(block), block
            if b"\0" in found.start[:4096]:
                break
    found.start = found.start[: found.start.rfind(b"\n") + 1] or found.start
    return found


def form_of_file(path: Path) -> CsvForm | None:
    """The form of a delimited file; ``names`` are col_1, col_2 … where there is no header. None for
    what is no table. Raises SourceError for a file that can't be read."""
    scanned = _scan(path)
    if b"\0" in scanned.start[:4096]:
        return None
    encoding = "utf-8" if scanned.utf8 else "latin-1"
    text = scanned.start.decode("utf-8-sig" if scanned.utf8 else encoding, "replace")
    lines = [line for line in text.splitlines() if line.strip()][:_LINES]
    if not lines:
        return None
    delimiter = _delimiter(lines)
    if delimiter is None:
        return None
    quoted = _is_quoted(lines, delimiter)
    escape = "\\" if quoted and scanned.escaped else None
    rows = _fields(lines, delimiter, quoted, escape)
    names = None
    if not has_header(rows):
        names = tuple(f"col_{place}" for place in range(1, len(rows[0]) + 1))
    return CsvForm(delimiter, encoding, quoted, names, escape)


def _delimiter(lines: list[str]) -> str | None:
    """The delimiter that gives most lines the same count of fields, of two at least."""
    best: tuple[float, int, str] | None = None
    for delimiter, quoted in product(_DELIMITERS, (True, False)):
        width, found = _widths(lines, delimiter, quoted).most_common(1)[0]
        share = found / len(lines)
        if width < 2 or share < 0.8:
            continue
        if delimiter == " " and (share < 1 or (best is not None and best[0] == 1)):
            continue  # blanks are in texts too
        if best is None or (share, width) > best[:2]:
            best = share, width, delimiter
    return None if best is None else best[2]


def _widths(lines: list[str], delimiter: str, quoted: bool) -> Counter[int]:
    """How many lines are in rows of each count of fields. A text in quotes may have a few lines; a
    quote that is never closed swallows all."""
    reader = _reader(lines, delimiter, quoted, None)
    found: Counter[int] = Counter()
    before = 0
    for row in reader:
        taken = reader.line_num - before
        found[len(row) if taken <= _TEXT_LINES else 0] += taken
        before = reader.line_num
    return found


def _is_quoted(lines: list[str], delimiter: str) -> bool:
    """Whether quotes enclose fields."""
    text = "\n".join(lines)
    if '"' not in text:
        return len(delimiter) == 1
    edge = re.escape(delimiter)
    opened = len(re.findall(rf'(?:^|{edge})"', text, re.MULTILINE))
    closed = len(re.findall(rf'"(?={edge}|$)', text, re.MULTILINE))
    return bool(opened and closed and len(delimiter) == 1)


def _fields(lines: list[str], delimiter: str, quoted: bool, escape: str | None) -> list[list[str]]:
    return list(_reader(lines, delimiter, quoted, escape))


def _reader(lines: list[str], delimiter: str, quoted: bool, escape: str | None) -> Any:
    if len(delimiter) > 1:
        lines, delimiter = [line.replace(delimiter, _UNIT) for line in lines], _UNIT
    csv.field_size_limit(RECORD.value())
    if not quoted:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, escapechar=escape)


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names: known ones, or words above numbers, and no data."""
    first, others = rows[0], rows[1:]
    if len(set(first)) < len(first) or not any(first):
        return False
    if any(is_known(name) for name in first) and not any(map(_is_data, first)):
        return True
    if looks_like_data(first) or any(map(_is_data, first)):
        return False
    columns = list(zip(*(row for row in others if len(row) == len(first)), strict=True))
    above_numbers = any(all(_NUMBER.fullmatch(one) for one in column) for column in columns)
    again = any(name in column for name, column in zip(first, columns, strict=False))
    return above_numbers or not again


def _is_data(text: str) -> bool:
    """Whether a field is a number, a time or a code, and no name of a column."""
    digits = sum(sign.isdigit() for sign in text)
    return bool(_NUMBER.fullmatch(text) or _TIME.match(text)) or digits >= 5
