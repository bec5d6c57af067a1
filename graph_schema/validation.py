"""Checks of a whole catalog at once, vectorised: keys, ends, names, values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.frames import (
    ARROW_TYPES,
    FACT_KEY,
    MAX_ID_BYTES,
    MAX_NAME_BYTES,
    MAX_SECONDS,
    RESERVED_COLUMNS,
    SPECS,
    Kind,
)
from graph_schema.names import FRAMES, KEY_COLUMNS, NODE_TYPES, RESERVED_TYPES, SPLITS
from graph_schema.report import Collector, ValidationReport, shown

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

NODE_FRAMES = {"user": "users", "item": "items", "entity": "entities"}
_UNITS = ((1e17, "nanoseconds", "1,000,000,000"), (1e14, "microseconds", "1,000,000"))


def validate(catalog: Catalog) -> ValidationReport:
    """Every problem of the catalog, frame by frame."""
    found = Collector(catalog.sources, catalog.rows)
    tables = catalog.tables
    for name in FRAMES:
        _check_types(name, tables.get(name), found)
    if found.problems:  # nothing else can be looked at
        return found.report()
    for name in FRAMES:
        _check_columns(name, tables[name], found)
        _check_ids(name, tables[name], found)
        _check_times(name, tables[name], found)
    for name in KEY_COLUMNS:
        _check_unique(name, tables[name], found)
    _check_interactions(tables, found)
    _check_facts(tables, found)
    for name in ("reviews", "queries"):
        _check_end(name, "user_id", "users", tables, found)
        _check_end(name, "item_id", "items", tables, found)
    for name in ("interactions", "queries"):
        if "scenario" in tables[name].column_names:
            _check_end(name, "scenario", "scenarios", tables, found)
    return found.report()


def where(mask: Any) -> np.ndarray:
    """int64: the positions where a boolean Arrow mask holds (an absent value doesn't)."""
    if isinstance(mask, pa.ChunkedArray):
        mask = mask.combine_chunks()
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))


def _check_types(name: str, table: pa.Table | None, found: Collector) -> None:
    """A catalog that wasn't made by from_frames may hold anything."""
    cure = "build the catalog with Catalog.from_frames."
    if table is None:
        found.add(name, None, "the frame is missing.", cure)
        return
    for column in SPECS[name].columns:
        given = column.name in table.column_names
        expected = ARROW_TYPES[column.kind]
        if (column.required or column.always) and not given:
            found.add(name, column.name, "the column is missing.", cure)
        elif given and table.schema.field(column.name).type != expected:
            kind = table.schema.field(column.name).type
            found.add(name, column.name, f"the type is {kind}, not {expected}.", cure)


def _check_columns(name: str, table: pa.Table, found: Collector) -> None:
    for column in table.column_names:
        if column in SPECS[name].by_name:
            continue
        if column in RESERVED_COLUMNS[name]:
            found.add(
                name,
                column,
                "the graph uses this name itself.",
                f"call the column {name}_{column}.",
            )
        elif not column.strip() or "\0" in column or len(column.encode()) > MAX_NAME_BYTES:
            found.add(
                name,
                column,
                f"{shown(column)} can't be a property's name.",
                f"name the column with 1 to {MAX_NAME_BYTES:,} bytes of text.",
            )


def _check_ids(name: str, table: pa.Table, found: Collector) -> None:
    for column in SPECS[name].columns:
        if column.kind not in (Kind.ID, Kind.OPTIONAL_ID) or column.name not in table.column_names:
            continue
        if column.name in ("head_type", "tail_type", "relation"):
            continue
        values = table.column(column.name)
        if column.kind is Kind.ID:
            empty = pc.or_kleene(pc.is_null(values), pc.equal(values, ""))
            found.add_rows(
                name,
                column.name,
                where(empty),
                partial(_same, "the id is empty."),
                "give every row an id, or remove the row.",
            )
        long = where(pc.greater(pc.binary_length(values), MAX_ID_BYTES))
        found.add_rows(
            name,
            column.name,
            long,
            partial(_long_id, values),
            "use a shorter id, such as a hash of this one.",
        )


def _long_id(values: Any, row: int) -> str:
    return (
        f"the id {shown(values[row].as_py())} is longer than {MAX_ID_BYTES:,} bytes, more than a "
        "graph store's index can hold."
    )


def _check_times(name: str, table: pa.Table, found: Collector) -> None:
    if "timestamp" not in SPECS[name].by_name or "timestamp" not in table.column_names:
        return
    values = table.column("timestamp")
    late = where(pc.greater(pc.abs(values), MAX_SECONDS))
    if not len(late):
        return
    largest = abs(values[int(late[0])].as_py())
    unit, factor = next(
        ((unit, factor) for least, unit, factor in _UNITS if largest > least),
        ("milliseconds", "1,000"),
    )
    found.add_rows(
        name,
        "timestamp",
        late,
        lambda row: f"{values[row].as_py()} looks like {unit}; kgrec takes unix seconds.",
        f"divide the column by {factor}.",
    )


def _check_unique(name: str, table: pa.Table, found: Collector) -> None:
    key = KEY_COLUMNS[name]
    values = table.column(key)
    if pc.count_distinct(values, mode="all").as_py() == len(values):
        return
    repeats = _later_repeats(table.select([key]))
    full = [int(row) for row in repeats if values[int(row)].as_py()]
    found.add_rows(
        name,
        key,
        full,
        lambda row: f"the id {shown(values[row].as_py())} is there before, with other values.",
        "keep one row per id.",
    )


def _later_repeats(keys: pa.Table) -> np.ndarray:
    """int64: positions of the rows whose key stands in an earlier row as well."""
    numbered = keys.append_column("@row", pa.array(np.arange(keys.num_rows)))
    first = numbered.group_by(keys.column_names).aggregate([("@row", "min")])
    return np.setdiff1d(np.arange(keys.num_rows), first.column("@row_min").to_numpy())


def _check_end(
    name: str, column: str, node_frame: str, tables: Mapping[str, pa.Table], found: Collector
) -> None:
    values = tables[name].column(column)
    keys = tables[node_frame].column(KEY_COLUMNS[node_frame])
    unknown = pc.invert(pc.is_in(values, value_set=keys.combine_chunks()))
    present = pc.and_(pc.is_valid(values), pc.not_equal(values, ""))
    _report_dangling(name, column, node_frame, where(pc.and_(unknown, present)), values, found)


def _report_dangling(
    name: str, column: str, node_frame: str, rows: np.ndarray, values: Any, found: Collector
) -> None:
    found.add_rows(
        name,
        column,
        rows,
        lambda row: (
            f"{shown(values[row].as_py())} is not among the ids of {found.source(node_frame)}."
        ),
        f"add it to the {node_frame}, or remove the row.",
    )


def _check_interactions(tables: Mapping[str, pa.Table], found: Collector) -> None:
    _check_end("interactions", "user_id", "users", tables, found)
    _check_end("interactions", "item_id", "items", tables, found)
    table = tables["interactions"]
    if "split" not in table.column_names:
        return
    values = table.column("split")
    known = pc.is_in(values, value_set=pa.array(SPLITS))
    odd = where(pc.and_(pc.invert(known), pc.is_valid(values)))
    found.add_rows(
        "interactions",
        "split",
        odd,
        lambda row: f"{shown(values[row].as_py())} is not a split.",
        f"write {', '.join(SPLITS)} or nothing, or give the column another name.",
    )


def _check_facts(tables: Mapping[str, pa.Table], found: Collector) -> None:
    table = tables["facts"]
    if not table.num_rows:
        return
    _check_relations(table, found)
    for end in ("head", "tail"):
        _check_fact_end(end, tables, found)
    if not _all_different(table):
        found.add_rows(
            "facts",
            None,
            _later_repeats(table.select(list(FACT_KEY))),
            lambda row: "the same fact is there before, with other values.",
            "keep one row per head, relation and tail.",
        )


def _all_different(table: pa.Table) -> bool:
    keys = table.select(list(FACT_KEY))
    return bool(keys.group_by(list(FACT_KEY)).aggregate([]).num_rows == keys.num_rows)


def _check_relations(table: pa.Table, found: Collector) -> None:
    coded = table.column("relation").combine_chunks().dictionary_encode(null_encoding="encode")
    problems = [_relation_problem(value) for value in coded.dictionary.to_pylist()]
    for code, problem in enumerate(problems):
        if problem is None:
            continue
        rows = where(pc.equal(coded.indices, code))
        message, cure = problem
        found.add_rows("facts", "relation", rows, partial(_same, message), cure)


def _relation_problem(relation: str | None) -> tuple[str, str] | None:
    """Any text can be a relation (it is quoted in the graph), but for these."""
    if relation is None or not relation.strip():
        return "the relation is empty.", "name the relation, or remove the row."
    if relation in RESERVED_TYPES:
        return f"{relation} is a relationship type of kgrec itself.", "rename the relation."
    if "\0" in relation or len(relation.encode()) > MAX_NAME_BYTES:
        message = f"{shown(relation)} can't be the name of a relationship type."
        return message, f"use 1 to {MAX_NAME_BYTES:,} bytes of text without NUL."
    return None


def _same(message: str, row: int) -> str:
    return message


def _check_fact_end(end: str, tables: Mapping[str, pa.Table], found: Collector) -> None:
    table = tables["facts"]
    types = table.column(f"{end}_type")
    known = pc.is_in(types, value_set=pa.array(list(NODE_TYPES)))
    found.add_rows(
        "facts",
        f"{end}_type",
        where(pc.invert(known)),
        lambda row: f"{shown(types[row].as_py())} is not a type of node.",
        f"write one of {', '.join(NODE_TYPES)}.",
    )
    values = table.column(end)
    for kind, frame in NODE_FRAMES.items():
        keys = tables[frame].column(KEY_COLUMNS[frame]).combine_chunks()
        unknown = pc.invert(pc.is_in(values, value_set=keys))
        here = pc.and_(pc.equal(types, kind), pc.and_(unknown, pc.is_valid(values)))
        rows = where(pc.and_kleene(here, pc.not_equal(values, "")))
        _report_dangling("facts", end, frame, rows, values, found)
