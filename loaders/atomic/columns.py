"""The columns of an atomic file: typed headers, sequences, and what the types say of the values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import RequestError, SourceError
from graph_schema.frames import SPECS, FrameSpec
from loaders.atomic.histories import BAR
from loaders.builder import CatalogBuilder
from loaders.report import FileReport, Progress
from loaders.tables.cells import clean_table, without_joins
from loaders.tables.infer import absent_values, infer_types
from loaders.tables.tabular import CsvForm, read_csv

TAB: Final = "\t"
SPACE: Final = " "
_NAMES: Final = {"movie_title": "title", "class": "genres", "release_year": "year"}
_TYPES: Final = ("token", "token_seq", "float", "float_seq")
_SEPARATORS: Final = (",", ";", "|", SPACE, TAB)
# Published data sets declare these as token, and they are amounts: their order says something.
_AMOUNTS: Final = ("age", "year")


@dataclass(frozen=True)
class AtomicForm:
    """How the files of a data set are written."""

    separator: str = TAB
    sequences: str = SPACE
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        """Raises RequestError for what is no separator or encoding."""
        CsvForm(self.separator, self.encoding)
        given = self.sequences
        if not isinstance(given, str) or not given or given == self.separator:
            raise RequestError(
                f"sequence_separator is {given!r}; give a sign that separates no fields, such as "
                "'|'."
            )

    @property
    def csv(self) -> CsvForm:
        """Fields may be quoted where the separator is one that texts hold, as a comma is."""
        return CsvForm(self.separator, self.encoding, quoted=self.separator != TAB)


@dataclass(frozen=True)
class AtomicTable:
    """The rows of a file as text under kgrec's names; ``kinds``: the declared type of each column;
    ``rows`` int64 ``[n]``: the row of each in the file."""

    table: pa.Table
    kinds: dict[str, str]
    rows: np.ndarray

    def of(self, table: pa.Table, rows: np.ndarray) -> AtomicTable:
        return replace(self, table=table, rows=rows)


def read_atomic(
    path: Path,
    frame: str | None,
    form: AtomicForm,
    progress: Progress | None,
    builder: CatalogBuilder,
) -> AtomicTable:
    """Read one file, with sequences joined by "|". ``frame``: the table that it is, or None."""
    part = read_csv(path, form.csv, progress)
    file = builder.report_file(path, part)
    part = without_joins(part, file)
    kinds: dict[str, str] = {}
    for header in part.table.column_names:
        title, kind = _split_header(header, path, form)
        title = title if frame == "items" or title != "genres" else "class"
        if title in kinds:
            raise SourceError(f"{path}, row 1: two columns mean {title}. Cure: rename one of them.")
        kinds[title] = kind
    spec = SPECS[frame] if frame is not None else FrameSpec("links", ())
    named = replace(part, table=part.table.rename_columns(list(kinds)))
    part = clean_table(named, spec, file)
    table = part.table
    for place, (title, kind) in enumerate(kinds.items()):
        if kind.endswith("_seq") and not _is_text(title):
            joined = _joined(table.column(place), form.sequences)
            table = table.set_column(place, title, joined)
    return AtomicTable(table, kinds, part.rows)


def typed(part: AtomicTable, frame: str | None, file: FileReport) -> pa.Table:
    """The columns in the types that they are declared with."""
    table = part.table
    for place, name in enumerate(table.column_names):
        if part.kinds.get(name) == "float":
            table = table.set_column(place, name, _number(table.column(place)))
        elif name == "year":
            table = table.set_column(place, name, _years(table.column(place), file))
    known = {name for name in table.column_names if frame is None or name.endswith("_id")}
    known |= set() if frame is None else set(SPECS[frame].by_name)
    words = [
        name
        for name, kind in part.kinds.items()
        if kind.startswith("token") and name in table.column_names and name not in known
    ]
    table = _with_words(table, words, part.rows, file)
    return infer_types(table, {*known, *words}, file, part.rows)


def _with_words(table: pa.Table, names: list[str], rows: np.ndarray, file: FileReport) -> pa.Table:
    """The table with its tokens as text, with null for what stands for an absent value: a code of
    digits is a name, not an amount."""
    guessed = infer_types(table.select(names), ()) if names else table
    for name in names:
        place, given, values = table.column_names.index(name), table[name], guessed[name]
        absent = pc.fill_null(pc.and_(pc.is_null(values), pc.not_equal(given, "")), False)
        where = np.flatnonzero(absent.to_numpy())
        if len(where):
            word = given[int(where[0])].as_py()
            file.notes.append(absent_values(name, word, len(where), int(rows[where[0]])))
        if name in _AMOUNTS and not pa.types.is_string(values.type):
            file.notes.append(
                f"column {name} is declared token and read as numbers, which it holds; every other "
                "token is text."
            )
        else:
            empty = pc.or_(pc.fill_null(pc.equal(given, ""), True), absent)
            values = pc.if_else(empty, pa.scalar(None, pa.string()), given)
        table = table.set_column(place, name, values)
    return table


def _split_header(header: str, path: Path, form: AtomicForm) -> tuple[str, str]:
    title, _, kind = header.rpartition(":")
    if kind in _TYPES and title and ":" not in title:
        return _NAMES.get(title, title), kind
    other = next((one for one in _SEPARATORS if one in header and one != form.separator), None)
    cure = (
        f"write {'tab-separated columns' if form.separator == TAB else 'columns'} as name:type, "
        f"where the type is one of {', '.join(_TYPES)}"
    )
    if other is not None and header.count(":") > 1:
        shown_as = "tab" if other == TAB else other
        cure += (
            f"; or pass field_separator={other!r} (--field-separator {shown_as!r}) if that is what "
            "separates them"
        )
    raise SourceError(f"{path}, row 1: {header!r} is not a RecBole header. Cure: {cure}.")


def _number(column: Any) -> Any:
    """A column that is declared float as numbers, where every value is one; else as it is."""
    try:
        given = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        values = given.cast(pa.float64())
    except pa.ArrowInvalid:
        return column
    finite = pc.all(pc.is_finite(values)).as_py()
    return values if finite and given.null_count < len(given) else column


def _is_text(title: str) -> bool:
    """Whether a token sequence is one text: RecBole gives titles this type as well."""
    return any(word in title for word in ("title", "name", "text", "description"))


def _years(column: Any, file: FileReport) -> Any:
    """Replace text in a column of years by absent values, if at most a tenth of it is text."""
    number = pc.match_substring_regex(column, r"^(\d{1,4})?$")
    texts = len(column) - (pc.sum(number).as_py() or 0)
    if not texts or texts > len(column) / 10:
        return column
    example = column.filter(pc.invert(number))[0].as_py()
    file.notes.append(f"{texts} years are not numbers (such as {example!r}) and count as absent.")
    return pc.if_else(number, column, "")


def _joined(column: Any, separator: str) -> Any:
    words = pc.utf8_trim_whitespace(column)
    if separator == SPACE:
        return pc.replace_substring_regex(words, r"\s+", BAR)
    return pc.replace_substring(words, separator, BAR)
