"""Attributes of a catalog in the types that a graph has for them.

A catalog is valid by itself and may yet not fit a graph: its column of prices may hold text where
the graph has numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import pyarrow as pa

from graph_schema.frames import SPECS
from graph_schema.names import LABEL_FRAMES
from graph_schema.report import ProblemCollector, shown
from graph_schema.vectors import is_vector

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

# Label -> attribute -> the name of its Arrow type, or VECTORS.
Kinds: TypeAlias = Mapping[str, Mapping[str, str]]
VECTORS: Final = "vectors"
_TYPES: Final = {str(kind): kind for kind in (pa.bool_(), pa.int64(), pa.float64(), pa.string())}
_WORDS: Final = {"bool": "a boolean", "int64": "a number", "double": "a number", "string": "text"}


def kind_of(type_: pa.DataType) -> str | None:
    """What ``Kinds`` call an Arrow type; None for the type of a column without values."""
    if pa.types.is_null(type_):
        return None
    return VECTORS if is_vector(type_) else str(type_) if type_ in _TYPES.values() else "string"


def kind_of_column(column: pa.ChunkedArray) -> str | None:
    """What ``Kinds`` call the type of a column; None where it has no value."""
    return None if column.null_count == len(column) else kind_of(column.type)


def attribute_kinds(catalog: Catalog) -> dict[str, dict[str, str]]:
    """The kinds of the attributes for which a catalog has values, by the label of their nodes."""
    found: dict[str, dict[str, str]] = {}
    for label, frame in LABEL_FRAMES.items():
        table = catalog.tables[frame]
        for name in _attributes(frame, table):
            kind = kind_of_column(table.column(name))
            if kind is not None:
                found.setdefault(label, {})[name] = kind
    return found


def with_stored_types(catalog: Catalog, stored: Kinds) -> Catalog:
    """The catalog whose attributes have the types of ``stored``, as ``typed_tables`` says.

    Raises CatalogError, which lists every value that has no such form.
    """
    collector = ProblemCollector(catalog.sources, catalog.rows)
    tables = typed_tables(catalog.tables, stored, collector)
    collector.report().raise_if_any()
    return replace(catalog, tables=tables)


def typed_tables(
    tables: Mapping[str, pa.Table], stored: Kinds, collector: ProblemCollector
) -> dict[str, pa.Table]:
    """The tables of a catalog, with the attributes of nodes in the types that a graph has.

    Text such as "1990" is a number where the graph has numbers, 1 and "true" are booleans where it
    has booleans, anything is text where it has text. What has no such form is a problem.
    """
    typed = dict(tables)
    for label, kinds in stored.items():
        frame = LABEL_FRAMES[label]
        for name in _attributes(frame, typed[frame]):
            if name in kinds:
                typed[frame] = _column_as(frame, name, typed[frame], kinds[name], collector)
    return typed


def _attributes(frame: str, table: pa.Table) -> Iterator[str]:
    return (name for name in table.column_names if name not in SPECS[frame].by_name)


def _column_as(
    frame: str, name: str, table: pa.Table, kind: str, collector: ProblemCollector
) -> pa.Table:
    given = table.column(name).combine_chunks()
    if is_vector(given.type) != (kind == VECTORS):
        held = "vectors" if kind == VECTORS else "attributes"
        collector.add(
            frame, name, f"the graph has {held} of this name.", "give the column another name."
        )
    if is_vector(given.type) or kind == VECTORS:
        return table
    from graph_schema.conversion.attributes import as_stored  # with pandas, which reading needs not

    values, bad = as_stored(given, _TYPES[kind])
    word = _WORDS[kind]
    collector.add_rows(
        frame,
        name,
        bad,
        lambda row: (
            f"{shown(given[row].as_py())} is not {word}, which this column holds in the graph."
        ),
        f"give {word}, call the column something else, or leave the value empty.",
    )
    return table.set_column(table.column_names.index(name), name, values)
