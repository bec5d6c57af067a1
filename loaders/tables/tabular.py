"""Read delimited files as tables, in blocks.

Every field is read as text, so that an id "007" stays "007"; ``loaders.tables.infer`` then converts
columns to numbers if no value changes. Row numbers are those of a spreadsheet: the header is row 1,
blank rows count, and a quoted newline doesn't start a row.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from graph_schema.disk.limits import RECORD
from graph_schema.disk.parquet_limits import check_columns
from graph_schema.errors import RequestError, SourceError
from graph_schema.frames import SPECS
from graph_schema.report import shown
from loaders.report import Progress
from loaders.tables.file_table import FileTable
from loaders.tables.json_tables import read_json
from loaders.tables.packing import PACKINGS, member_name
from loaders.tables.parquet_tables import read_parquet
from loaders.tables.streams import (
    UNIT,
    CountingStream,
    LentStream,
    check_whole,
    open_bytes,
    source_errors,
    too_long,
)

__all__ = [
    "JSON",
    "KINDS",
    "SUFFIXES",
    "TEXTS",
    "CsvForm",
    "FileTable",
    "delimiter_hint",
    "form_of",
    "kind_of",
    "looks_like_data",
    "read_csv",
    "read_first_row",
    "read_header",
    "read_table",
]

_RELEASE_SECONDS: Final = 1.0  # within which Arrow's thread lets go of a stream, mostly at once
TEXTS: Final = (".csv", ".tsv", ".txt", ".dat")  # delimited; .tsv by tabs
JSON: Final = (".jsonl", ".ndjson", ".json")
KINDS: Final = (*TEXTS, *JSON, ".parquet")
# The ends of the names of files that ``read_table`` reads.
SUFFIXES: Final = tuple(kind + end for kind in KINDS for end in ("", *PACKINGS))
_USUAL: Final = (",", ";", "\t", "|")
_DELIMITERS: Final = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "bar",
    "::": "double colon",
    ":": "colon",
    "^": "caret",
    "~": "tilde",
    " ": "blank",
}
_IDS: Final = frozenset(
    column.name for spec in SPECS.values() for column in spec.columns if column.required
)
_START: Final = 256  # bytes that tell what kind of file it is
# Files of other kinds by their first bytes: what they are, and what to do.
_OTHER_KINDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), what, cure)
    for pattern, what, cure in (
        (rb"<!doctype html|<html", "a web page", "download the file itself."),
        (rb"<\?xml", "XML", "write its table as .csv."),
        (rb"\[?\s*\{\s*[\"'}]", "JSON", "give it a name that ends in .json or .jsonl."),
        (rb"PAR1", "a Parquet file", "give it a name that ends in .parquet."),
        (rb"\xd0\xcf\x11\xe0", "a workbook of Excel", "write its table as .csv."),
        (rb"%PDF-", "a PDF document", "write its table as .csv."),
        (rb"SQLite format 3", "an SQLite database", "write its table as .csv."),
        (rb"\x1f\x9d|\x04\x22\x4d\x18", "a packed file", "unpack it, or pack it as .gz."),
    )
)


@dataclass(frozen=True)
class CsvForm:
    """The form of a delimited file. ``names`` are the columns of a file without a header;
    ``escape`` is the sign before a quote that is part of a field, where quotes aren't doubled."""

    delimiter: str = ","
    encoding: str = "utf-8"
    quoted: bool = True
    names: tuple[str, ...] | None = None
    escape: str | None = None

    def __post_init__(self) -> None:
        """Raises RequestError for what is no delimiter or encoding."""
        delimiter = self.delimiter
        if (
            not isinstance(delimiter, str)
            or len(set(delimiter)) != 1
            or not delimiter.isascii()
            or delimiter[0] in '"\r\n\0'
        ):
            raise RequestError(f"delimiter is {delimiter!r}; give one sign, such as ';' or '\\t'.")
        if self.escape is not None and (len(self.escape) != 1 or self.escape in '"\r\n\0'):
            raise RequestError(f"escape is {self.escape!r}; give one sign, such as a backslash.")
        try:
            codecs.lookup(self.encoding)
            "a".encode(self.encoding)  # base64 and the like are no encodings of text
        except (LookupError, TypeError, ValueError) as error:
            raise RequestError(
                f"encoding is {self.encoding!r}, which Python does not know; give one such as "
                "'latin-1', 'cp1252' or 'gbk'."
            ) from error


def read_table(
    path: Path, form: CsvForm, progress: Progress | None = None, limit: int | None = None
) -> FileTable:
    """Read the table of a file, packed or not: delimited text, JSON or Parquet, by its name; or its
    first ``limit`` rows.

    Raises SourceError.
    """
    kind = kind_of(path)
    if kind == ".parquet":
        return read_parquet(path, progress, limit)
    if kind in JSON:
        return read_json(path, progress, limit)
    return read_csv(path, form_of(path, form), progress, limit)


def kind_of(path: Path) -> str:
    """The end of a file's name that tells what it holds, such as ".csv" of "a.csv.gz", in small
    letters; of an archive a.zip that of the file in it. Raises SourceError for a damaged archive.
    """
    name = path.name.lower()
    packing = next((end for end in PACKINGS if name.endswith(end)), "")
    kind = Path(name.removesuffix(packing)).suffix
    if packing == ".zip" and kind not in KINDS and path.is_file():
        with source_errors(path):
            return Path(member_name(path).lower()).suffix
    return kind


def form_of(path: Path, form: CsvForm) -> CsvForm:
    """The form of a delimited file: that of .tsv files has tabs."""
    return replace(form, delimiter="\t") if kind_of(path) == ".tsv" else form


def read_csv(
    path: Path, form: CsvForm, progress: Progress | None = None, limit: int | None = None
) -> FileTable:
    """Read a delimited text file, or its first ``limit`` rows, every field as text.

    Raises SourceError if the file is missing, empty, damaged or of another encoding, a row has too
    many or too few fields, or a quote isn't closed.
    """
    header = form.names is None
    long = form.delimiter.encode() if len(form.delimiter) > 1 else None
    with open_bytes(path, progress, long, form.encoding) as stream:
        names = list(form.names) if form.names is not None else read_header(path, form)
        try:
            table = _parse(stream, form, names, limit)
        except (pa.ArrowException, UnicodeError) as error:
            hint = delimiter_hint(names, form.delimiter)
            if hint:
                raise SourceError(f"{path}, row 1: there is one column. Cure:{hint}") from error
            _raise_source_error(path, form, str(error), len(names))
        # A quote that is opened twice swallows rows: then there are more lines than rows.
        swallowed = stream.lines > table.num_rows + header
        odd = stream.quotes % 2 == 1 or stream.inside or (stream.quotes and swallowed)
    if form.quoted and odd and limit is None:
        _check_quotes(path, form)
    rows = np.arange(table.num_rows, dtype=np.int64) + (2 if header else 1)
    return _without_unnamed(_without_blank_rows(table, rows), path)


def _one_byte(delimiter: str) -> str:
    return delimiter if len(delimiter) == 1 else UNIT


def read_header(path: Path, form: CsvForm) -> list[str]:
    """Return the column names of a delimited file. Raises SourceError if names repeat or are all
    empty; several columns without a name are checked with their values."""
    names = read_first_row(path, form)
    check_columns(len(names), path)
    problem = _header_problem(names)
    if problem is not None:
        check_whole(path)
        raise SourceError(f"{path}{problem}")
    return names


def _header_problem(names: list[str]) -> str | None:
    """What is wrong with a header, after the file's name."""
    if names and names[0].lower().startswith("sep="):
        return (
            ", row 1: this line is for Excel alone. Cure: remove it, and pass the delimiter if it "
            "is no comma."
        )
    if not any(names):
        return (
            ", row 1: the header is empty. Cure: name the columns there, and remove blank lines "
            "above it."
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        return f", row 1: the header has {shown(twice[0])} twice. Cure: rename one of them."
    return None


def looks_like_data(names: list[str]) -> bool:
    """Whether a header has numbers among its names, as a first row of data has."""
    return any(one.strip().replace(".", "", 1).isdigit() for one in names)


def read_first_row(path: Path, form: CsvForm) -> list[str]:
    """The fields of the first row of a delimited file. Raises SourceError."""
    _check_is_text(path, form)
    with _open_text(path, form, "strict") as text:
        try:
            return next(_python_reader(text, form, path), [])
        except (UnicodeError, csv.Error) as error:
            _raise_source_error(path, form, str(error))


def delimiter_hint(names: list[str], delimiter: str, cure: str = "") -> str:
    """Return the cure for a missing column if the header was read as one field, else "".

    ``cure`` is that of a format without the option ``delimiter``; ``{}`` in it is the delimiter.
    """
    if len(names) != 1:
        return ""
    if delimiter in names[0]:
        return " Each row is one quoted field: remove the quotes around the rows."
    for other, word in _DELIMITERS.items():
        rare = other not in _USUAL
        if other == delimiter or (rare and not _IDS.intersection(names[0].split(other))):
            continue
        if other in names[0]:
            flag = "tab" if other == "\t" else other
            own = cure.replace("{}", json.dumps(other))
            own = own or f"pass delimiter={other!r} (--delimiter {flag!r})"
            return f" The header looks separated by {word}s: {own}."
    return ""


def _check_is_text(path: Path, form: CsvForm) -> None:
    """Raise SourceError for a file of another kind that has the name of a delimited one."""
    with open_bytes(path, encoding=form.encoding) as stream:
        start = stream.read(_START).removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what, cure in _OTHER_KINDS:
        if magic.match(start):
            raise SourceError(f"{path}: this is {what} and no delimited text. Cure: {cure}")


def _without_unnamed(part: FileTable, path: Path) -> FileTable:
    """The columns without those that have neither a name nor a value, as a delimiter at the end of
    each row makes them. Raises SourceError for one with values after the first column."""
    table = part.table
    unnamed = [place for place, name in enumerate(table.column_names) if not name]
    given = [place for place in unnamed if pc.any(pc.not_equal(table.column(place), "")).as_py()]
    if given and given[-1]:  # the first column may be the row numbers of a DataFrame
        raise SourceError(
            f"{path}, row 1: column {given[-1] + 1} has values and no name. Cure: name it there, "
            "or remove it."
        )
    empty = [place for place in unnamed if place not in given]
    if not empty:
        return part
    kept = [place for place in range(table.num_columns) if place not in empty]
    noun = "column" if len(empty) == 1 else "columns"
    note = f"without a name and without values, and so left out: {len(empty)} {noun}."
    return replace(part, table=table.select(kept), notes=(*part.notes, note))


def _skipping_bom(encoding: str) -> str:
    """Return an encoding that skips a byte order mark, if it is UTF-8."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _parse(stream: CountingStream, form: CsvForm, names: list[str], limit: int | None) -> pa.Table:
    """Read all rows. When this returns, no thread of Arrow holds an object of Python any more: one
    that lets go of it while the interpreter ends would abort the process."""
    failures: list[Exception] = []
    lent, failure = LentStream(stream, failures), None
    gone = weakref.ref(lent)
    try:
        table = _read_rows(lent, form, names, limit)
    except (pa.ArrowException, UnicodeError) as error:
        failure = error.with_traceback(None)  # its frames hold the stream
    del lent
    end = time.monotonic() + _RELEASE_SECONDS
    while gone() is not None and time.monotonic() < end:
        time.sleep(0.001)
    if failures:
        raise failures[0]
    if failure is not None:
        raise failure
    return table


def _read_rows(stream: LentStream, form: CsvForm, names: list[str], limit: int | None) -> pa.Table:
    with pv.open_csv(
        stream,
        read_options=pv.ReadOptions(
            block_size=RECORD.value(),  # a row must fit
            encoding=form.encoding,
            column_names=None if form.names is None else list(form.names),
        ),
        parse_options=pv.ParseOptions(
            delimiter=_one_byte(form.delimiter),
            quote_char='"' if form.quoted else False,
            escape_char=form.escape or False,
            newlines_in_values=form.quoted,
            ignore_empty_lines=False,
        ),
        convert_options=pv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        if limit is not None:
            return _first_rows(reader, limit)
        columns = reader.read_all().columns
    for place, column in enumerate(columns):  # one after another, which needs little memory
        columns[place] = column.combine_chunks()
        del column
    return pa.table(columns, reader.schema.names)


def _first_rows(reader: pv.CSVStreamingReader, limit: int) -> pa.Table:
    batches, rows = [], 0
    while rows < limit:
        try:
            batches.append(reader.read_next_batch())
        except StopIteration:
            break
        rows += batches[-1].num_rows
    return pa.Table.from_batches(batches, schema=reader.schema).slice(0, limit)


def _without_blank_rows(table: pa.Table, rows: np.ndarray) -> FileTable:
    blank = pc.equal(table.column(0), "")
    for column in table.columns[1:]:
        blank = pc.and_(blank, pc.equal(column, ""))
        if not pc.any(blank).as_py():
            return FileTable(table, rows)
    keep = ~blank.combine_chunks().to_numpy(zero_copy_only=False)
    return FileTable(table.filter(pa.array(keep)), rows[keep], int((~keep).sum()))


def _check_row_widths(path: Path, form: CsvForm, width: int) -> None:
    """Raise SourceError if a row has too many or too few fields; blank rows are allowed."""
    first: tuple[int, list[str]] | None = None
    header: list[str] = []
    widths: Counter[int] = Counter()
    with _open_text(path, form, "replace") as text:
        for number, fields in enumerate(_python_reader(text, form, path), start=1):
            header = header or fields
            widths[len(fields)] += bool(fields)
            if fields and len(fields) != width:
                first = first or (number, fields)
    if first is None:
        return
    number, fields = first
    count = widths.total() - widths[width]
    usual = widths.most_common(1)[0][0]
    if form.names is None and usual > width and (width == 1 or header[0].startswith("#")):
        raise SourceError(
            f"{path}, row 1: {shown(form.delimiter.join(header))} is no header, as most rows have "
            f"{usual} fields. Cure: remove the lines above the header, so that it is row 1."
        )
    more = f" {count - 1:,} more rows are like this." if count > 1 else ""
    sign = "tab" if form.delimiter == "\t" else f"delimiter {form.delimiter!r}"
    cure = (
        f"quote fields that hold the delimiter {form.delimiter!r}"
        if form.quoted
        else f"replace the {sign} inside of a value by a space"
    )
    text_of_row = form.delimiter.join(fields)
    if form.quoted and f'{form.delimiter} "' in text_of_row:
        cure = f'remove the blank between the delimiter {form.delimiter!r} and the quote (")'
    elif len(fields) == width + 1 and not fields[-1]:
        cure = f"remove the delimiter {form.delimiter!r} at the end of the row"
    raise SourceError(
        f"{path}, row {number}: {len(fields)} fields where there are {width} columns: "
        f"{shown(text_of_row)}.{more} Cure: {cure}, complete the row, or remove it."
    )


@contextmanager
def _open_text(path: Path, form: CsvForm, errors: str) -> Iterator[io.TextIOWrapper]:
    long = form.delimiter.encode() if len(form.delimiter) > 1 else None
    with open_bytes(path, None, long, form.encoding) as stream:
        buffered = io.BufferedReader(stream)
        yield io.TextIOWrapper(buffered, _skipping_bom(form.encoding), errors=errors, newline="")


def _python_reader(text: io.TextIOWrapper, form: CsvForm, path: Path) -> Iterator[list[str]]:
    options: dict[str, Any] = {"delimiter": _one_byte(form.delimiter)}
    if form.quoted:
        return bounded_rows(csv.reader(text, escapechar=form.escape, **options), path)
    return bounded_rows(csv.reader(text, quoting=csv.QUOTE_NONE, **options), path)


def bounded_rows(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    """The rows of a reader of ``csv``. Raises SourceError for one that is too long."""
    longest = RECORD.value()
    csv.field_size_limit(longest)
    number = 0
    while True:
        number += 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "field limit" not in str(error):
                raise
            raise SourceError(f"{path}, row {number}: {too_long()}") from error
        if fields is None:
            return
        if sum(map(len, fields)) > longest:
            raise SourceError(f"{path}, row {number}: {too_long()}")
        yield fields


def _check_quotes(path: Path, form: CsvForm) -> None:
    """Raise SourceError if a quoted field isn't closed, or something follows its closing quote;
    quotes inside a field without quotes are allowed."""
    with _open_text(path, form, "replace") as text:
        number = 0
        try:
            rows = csv.reader(text, delimiter=form.delimiter, strict=True, escapechar=form.escape)
            for _ in bounded_rows(rows, path):
                number += 1
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                raise SourceError(
                    f"{path}, row {number + 1}: text follows a closing quote, so that the field "
                    "ends elsewhere than meant. Cure: close each quote at the end of its field, "
                    'and double it ("") where it is part of the text; a backslash before it does '
                    "not do that."
                ) from error
            raise SourceError(
                f"{path}, row {number + 1}: a quote is opened and never closed. Cure: close it, "
                'or double it ("") where it is part of the text.'
            ) from error


def _raise_source_error(
    path: Path, form: CsvForm, reason: str, width: int | None = None
) -> NoReturn:
    """Raise SourceError with the row and reason of Arrow's error, found by reading again."""
    _check_encoding(path, form)
    if form.quoted:
        _check_quotes(path, form)
    if width is not None:
        _check_row_widths(path, form, width)
    if "straddl" in reason:  # of a row that is longer than a block of Arrow
        raise SourceError(f"{path}, row {_longest_row(path, form)}: {too_long()}")
    raise SourceError(
        f"{path}: the file can't be read as delimited text ({reason}). Cure: check its delimiter "
        f"({form.delimiter!r} now), its quotes and its encoding."
    )


def _longest_row(path: Path, form: CsvForm) -> int:
    with _open_text(path, form, "replace") as text:
        sizes = (sum(map(len, fields)) for fields in _python_reader(text, form, path))
        return max(enumerate(sizes, start=1), key=lambda row: row[1])[0]


def _check_encoding(path: Path, form: CsvForm) -> None:
    """Raise SourceError if a byte is not in the file's encoding."""
    cure = (
        "save the file as UTF-8, or pass its encoding (often encoding='latin-1', --encoding "
        "latin-1; for Chinese text gbk, of Windows cp1252)."
    )
    try:
        found = _first_odd_byte(path, form)
    except UnicodeError as error:
        raise SourceError(
            f"{path}: the file is not {form.encoding} ({error}). Cure: {cure}"
        ) from error
    if found is not None:
        number, byte = found
        raise SourceError(
            f"{path}, row {number}: byte 0x{byte:02x} is not {form.encoding}. Cure: {cure}"
        )


def _first_odd_byte(path: Path, form: CsvForm) -> tuple[int, int] | None:
    """The row and the first byte that is not in the file's encoding. Raises UnicodeError where the
    bytes can't be decoded at all."""
    with _open_text(path, form, "surrogateescape") as text:
        for number, fields in enumerate(_python_reader(text, form, path), start=1):
            for sign in "".join(fields):
                if "\udc80" <= sign <= "\udcff":
                    return number, ord(sign) - 0xDC00
    return None
