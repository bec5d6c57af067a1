"""What the files of a folder hold: their columns, with kinds of values, counts and samples."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import parsed_numbers
from graph_schema.errors import SourceError
from loaders.graph_formats.rdf import is_rdf
from loaders.mapping import arrays
from loaders.mapping.draft.form import form_of_file
from loaders.recognition import NO_DATA, first_lines, plain_name
from loaders.tables.blocks import blocks_in
from loaders.tables.tabular import JSON, TEXTS, CsvForm, kind_of, read_csv, read_table

ROWS: Final = 50_000  # looked at of each file
_PASSED_OVER: Final = ("readme", "license", "licence", "changelog", "citation")
_LONG: Final = 60  # characters of a text on average
_ABSENT: Final = ("", "NULL", "null", "NA", "N/A", "None", "nan", "NaN", "\\N")
_DECIMAL_COMMA = r"^\s*-?[0-9.]*[0-9],[0-9]{2}\s*(€|EUR)?\s*$"  # such as 1.250,90 €: one number


@dataclass(frozen=True)
class Column:
    """The first values of a column: ``texts`` (of lists: the values in them)."""

    name: str
    texts: Any
    rows: int
    listed: bool = False

    @cached_property
    def values(self) -> Any:
        """The distinct values that are not absent."""
        found = pc.unique(self.texts)
        return found.filter(pc.invert(pc.is_in(found, value_set=pa.array(_ABSENT))))

    @cached_property
    def filled(self) -> int:
        """How many values are not absent."""
        absent = pc.is_in(self.texts, value_set=pa.array(_ABSENT))
        return len(self.texts) - int(pc.sum(absent).as_py() or 0)

    @cached_property
    def numbers(self) -> np.ndarray | None:
        """The distinct values as float64; None if one is no number."""
        written = self.values
        if self.decimal_comma:
            written, _ = arrays.with_decimal_points(written)
        found, bad = parsed_numbers(written)
        return None if len(bad) or not len(found) else np.asarray(found.to_numpy(False))

    @cached_property
    def decimal_comma(self) -> bool:
        """Whether the values are numbers such as 1.250,90."""
        found = pc.all(pc.match_substring_regex(self.values, _DECIMAL_COMMA)).as_py()
        return len(self.values) > 0 and bool(found)

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return not self.listed and len(self.values) == self.rows > 0

    @cached_property
    def length(self) -> float:
        """The characters of a value on average."""
        return float(pc.mean(pc.utf8_length(self.values)).as_py() or 0)

    @property
    def long(self) -> bool:
        """Whether the values are texts, and no names or numbers."""
        return self.length > _LONG

    @property
    def example(self) -> str:
        """The first value that is not absent."""
        return str(self.values[0].as_py()) if len(self.values) else ""

    @cached_property
    def separator(self) -> str | None:
        """What stands between several values in many of the texts."""
        if self.listed or not len(self.values):
            return None
        if pc.all(pc.match_substring_regex(self.values, r"^\s*\[.*\]\s*$")).as_py():
            return None if arrays.split_brackets(self.values)[1] else "[]"
        if pc.any(pc.match_substring_regex(self.values, r"^[(\[].*,.*[)\]]$")).as_py():
            return None  # such as (0,10]
        if self.decimal_comma:
            return None
        thousands = pc.match_substring_regex(self.values, r"[0-9],[0-9]{3}([^0-9]|$)")
        for separator in ("|", ";", ","):
            if separator == "," and pc.any(thousands).as_py():
                continue
            pattern = re.escape(separator) + (r"\s?\S" if separator != "," else r"\s\S|,\S")
            some = pc.sum(pc.match_substring_regex(self.values, pattern)).as_py() or 0
            if some >= 0.3 * len(self.values) or (separator == "|" and some):
                return separator
        return None


@dataclass(frozen=True)
class Table:
    """A file that was looked at, ``form`` for a delimited one. ``whole``: all its rows were."""

    name: str
    form: CsvForm | None
    columns: tuple[Column, ...]
    rows: int
    whole: bool
    first_row: tuple[str, ...] = ()

    @property
    def headerless(self) -> bool:
        """Whether the columns have no names in the file."""
        return self.form is not None and self.form.names is not None


@dataclass(frozen=True)
class Looked:
    """The tables of a folder, and the files that are none, each with the reason."""

    tables: tuple[Table, ...]
    others: dict[str, str] = field(default_factory=dict)


def look_at(folder: Path) -> Looked:
    """Look at every file of a folder. Raises SourceError if there is no such folder."""
    if folder.is_file():
        raise SourceError(f"{folder}: this is a file. Cure: give its folder, {folder.parent}.")
    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder. Cure: check the path.")
    tables: list[Table] = []
    others: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        reason = _no_table(path)
        if reason is None:
            try:
                table = _look(path)
            except SourceError as error:
                reason = " ".join(str(error).split())
            else:
                reason = None if table is not None else "no table is seen in it"
                if table is not None:
                    tables.append(table)
        if reason:
            others[path.name] = reason
    return Looked(tuple(tables), others)


def _no_table(path: Path) -> str | None:
    """Why a file is not looked at; "" for one that is not spoken of."""
    name = path.name.lower()
    if name[0] == "." or name in ("__macosx", "thumbs.db", "desktop.ini", "kgrec.toml"):
        return ""
    if path.is_dir() and path.suffix != ".parquet":
        return "a folder; give it by itself"
    if name.startswith(_PASSED_OVER) or path.suffix.lower() in NO_DATA:
        return "no data"
    if is_rdf(plain_name(name)):
        return "RDF, which kgrec load reads beside interactions.csv"
    return blocks_in(first_lines(path)) or None if kind_of(path) in TEXTS else None


def _look(path: Path) -> Table | None:
    kind, form = kind_of(path), None
    if kind in JSON or kind == ".parquet":
        part = read_table(path, CsvForm(), limit=ROWS)
    else:
        form = form_of_file(path)
        if form is None:
            return None
        part = read_csv(path, form, limit=ROWS)
    table = part.table
    columns = tuple(
        _column(name, arrays.one_array(table.column(name)))
        for name in table.column_names
        if arrays.can_be_text(table.schema.field(name).type)
    )
    if len(columns) < 2 or not table.num_rows:
        return None
    first = tuple(column.texts[0].as_py() if len(column.texts) else "" for column in columns)
    whole = table.num_rows < ROWS
    return Table(path.name, form, columns, table.num_rows, whole, first)


def _column(name: str, array: Any) -> Column:
    if arrays.is_list(array):
        return Column(name, arrays.texts(array.flatten()), len(array), listed=True)
    return Column(name, arrays.texts(array), len(array))
