"""FileMapping: which files, and which of their columns, are kgrec's tables.

It is the twin of ``graph_schema.mapping``, which says so of a graph. ``docs/file-mapping.md`` shows
every field.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from graph_schema.conversion.number_ranges import bounds
from graph_schema.errors import RequestError
from graph_schema.mapping import Name
from graph_schema.mapping_file import MappingFile
from graph_schema.names import FRAMES
from graph_schema.settings import Settings
from loaders.tables.tabular import CsvForm

Unit = Literal["s", "ms", "us", "ns"]
Scalar = bool | int | float | str
BRACKETS = "[]"  # the separator of lists that are written as JSON and Python write them


def _as_tuple(value: Any) -> Any:
    """One value in place of a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _as_value(value: Any) -> Any:
    """A column's name in place of a table with it."""
    return {"column": value} if isinstance(value, str) else value


def _as_condition(value: Any) -> Any:
    """A value or a list of values in place of a table with them."""
    return value if isinstance(value, dict | Condition) else {"is": value}


class _Strict(Settings):
    model_config = ConfigDict(populate_by_name=True)


class Form(_Strict):
    """How delimited files are written. What is absent is as in ``[files]``, and there as in the CSV
    layout: commas (tabs in .tsv files), UTF-8, double quotes."""

    delimiter: str | None = None
    encoding: str | None = None
    quoted: bool | None = Field(default=None, description="whether double quotes enclose fields")
    escape: str | None = Field(
        default=None, description="the sign before a quote that is part of a text: a backslash"
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        try:
            self.csv_form(self, tabs=False, names=None)
        except RequestError as error:
            raise ValueError(str(error)) from error
        return self

    def csv_form(self, default: Form, *, tabs: bool, names: tuple[str, ...] | None) -> CsvForm:
        """The form of a file, whose name says whether it is separated by ``tabs``."""
        own = {name: getattr(self, name) for name in Form.model_fields}
        others = {name: getattr(default, name) for name in Form.model_fields}
        usual: dict[str, Any] = {"delimiter": "\t"} if tabs else {}
        given = {name: value for name, value in others.items() if value is not None}
        given |= usual | {name: value for name, value in own.items() if value is not None}
        return CsvForm(names=names, **given)


class Value(_Strict):
    """Where a value comes from, and how it is written there.

    Exactly one of ``column``, ``columns``, ``flags`` and ``value`` is given. In TOML a text alone
    is a column.
    """

    column: Name | None = None
    columns: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="several values, or with ``join`` one text"
    )
    flags: dict[Name, str] | None = Field(
        default=None, description="columns of 0 and 1: the values are the names of those with 1"
    )
    value: Scalar | None = Field(default=None, description="the same value in every row")
    join: str | None = Field(default=None, description="text between the values of ``columns``")
    separator: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="between several values; '[]' where they are written as a list"
    )
    words: dict[str, str] = Field(default_factory=dict, description="value in the file → value")
    decimal: Literal[","] | None = Field(
        default=None, description="',' where numbers are written as 1.250,90"
    )
    ranges: dict[str, str] = Field(
        default_factory=dict,
        description="range of numbers → value, such as '<10' or '10..60'; the first that holds",
    )
    prefix: str = Field(default="", description="put before each value")
    format: Name | None = Field(default=None, description="of a time, as in strptime")
    unit: Unit | None = Field(default=None, description="of a time that is a number")

    @model_validator(mode="before")
    @classmethod
    def _flags_by_name(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("flags"), list | tuple):
            return {**values, "flags": {name: name for name in values["flags"]}}
        return values

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = [n for n in ("column", "columns", "flags", "value") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                "give exactly one of column, columns, flags and value"
                + (f"; {' and '.join(given)} are given" if given else "")
            )
        if self.join is not None and self.columns is None:
            raise ValueError("join is for columns")
        if self.separator is not None and self.column is None:
            raise ValueError("separator is for column")
        if self.format is not None and self.unit is not None:
            raise ValueError("give format or unit; a time is text or a number")
        if self.ranges and (self.words or self.several):
            raise ValueError("ranges are for the numbers of one column, without words")
        if self.decimal is not None and self.several:
            raise ValueError("decimal is for the numbers of one column, one in each row")
        for text in self.ranges:
            bounds(text)
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the file that it reads."""
        if self.column is not None:
            return (self.column,)
        return self.columns or tuple(self.flags or ())

    @property
    def several(self) -> bool:
        """Whether a row has several values."""
        listed = self.columns is not None and self.join is None
        return self.separator is not None or self.flags is not None or listed


class Condition(_Strict):
    """Which values a column has in the rows that are read. In TOML a value or a list is ``is``."""

    one_of: Annotated[tuple[Scalar, ...], BeforeValidator(_as_tuple)] | None = Field(
        default=None, alias="is"
    )
    none_of: Annotated[tuple[Scalar, ...], BeforeValidator(_as_tuple)] | None = Field(
        default=None, alias="not"
    )
    min: float | None = None
    max: float | None = None


class Join(Form):
    """Columns of another file, found by a key that both have.

    ``on`` is the key's column in both files, or {column here = column there}. ``prefix`` is put
    before the names of the other file's columns.
    """

    file: Name
    names: tuple[Name, ...] | None = None
    on: Name | dict[Name, Name]
    prefix: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """Column here → column there."""
        return {self.on: self.on} if isinstance(self.on, str) else self.on


class TableMapping(Form):
    """One table of kgrec from one file, or from several that are read one after another.

    ``columns`` maps kgrec's columns (and attributes, by the names they get) to where their values
    are. ``attributes`` are further columns of the file that are kept under their names.
    """

    file: Annotated[tuple[Name, ...], BeforeValidator(_as_tuple)] = Field(
        min_length=1, description="names in the folder, or patterns such as part-*.csv"
    )
    names: tuple[Name, ...] | None = Field(
        default=None, min_length=1, description="the columns of a file without a header"
    )
    columns: dict[Name, Annotated[Value, BeforeValidator(_as_value)]]
    attributes: Literal["all"] | tuple[Name, ...] = ()
    where: dict[Name, Annotated[Condition, BeforeValidator(_as_condition)]] = Field(
        default_factory=dict
    )
    join: Annotated[tuple[Join, ...], BeforeValidator(_as_tuple)] = ()
    listed: bool = Field(
        default=False, description="only rows whose users, items and entities are listed are read"
    )
    first: bool = Field(
        default=False, description="only the first row of each id is read (users, items, …)"
    )


Tables = Annotated[tuple[TableMapping, ...], BeforeValidator(_as_tuple)]


class FileMapping(MappingFile):
    """How the files of a folder become kgrec's tables.

    Attributes
    ----------
    files : Form
        How delimited files are written, where a table says nothing else.
    users, items, entities, interactions, facts, reviews, queries, scenarios : tuple of TableMapping
        The files of each table. In TOML ``[items]`` is one, ``[[items]]`` one of several.
    """

    cure: ClassVar[str] = (
        f"[{'], ['.join(FRAMES)}] each give a file and its columns (docs/file-mapping.md)"
    )

    version: Literal[1] = 1
    files: Form = Form()
    users: Tables = ()
    items: Tables = ()
    entities: Tables = ()
    interactions: Tables = ()
    facts: Tables = ()
    reviews: Tables = ()
    queries: Tables = ()
    scenarios: Tables = ()

    @model_validator(mode="after")
    def _has_a_table(self) -> Self:
        if not any(self.tables()):
            raise ValueError(f"no table is mapped; give one of {', '.join(FRAMES)}")
        return self

    def tables(self) -> dict[str, tuple[TableMapping, ...]]:
        """Return the mappings of the tables.

        Returns
        -------
        dict of str to tuple of TableMapping
            By the names of kgrec's tables, those that are mapped.
        """
        return {name: getattr(self, name) for name in FRAMES if getattr(self, name)}


FileMapping.models = (FileMapping, TableMapping, Join, Value, Condition, Form)
