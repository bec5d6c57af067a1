"""Checks of a whole catalog: types, ids, ends of edges, times, relations and repeats."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import MAX_SECONDS, true_positions, unit_of
from graph_schema.frames import (
    ARROW_TYPES,
    FACT_KEY,
    MAX_ID_BYTES,
    MAX_NAME_BYTES,
    RESERVED_COLUMNS,
    SPECS,
    Kind,
)
from graph_schema.names import FRAMES, KEY_COLUMNS, NODE_TYPES, RESERVED_TYPES, SPLITS
from graph_schema.report import ProblemCollector, ValidationReport, shown

_LEFTOVER = re.compile(r"(Unnamed: [0-9]+)?")  # what pandas calls a column without a name
_PADDED = re.compile(r"0*([0-9]+)(?:\.0+)?")  # 7, 007 or 7.0
_FIRST = 1_000  # times looked at before all of a column are
_DAY = 86_400  # seconds
NODE_FRAMES = {"user": "users", "item": "items", "entity": "entities"}


def validate_tables(
    tables: Mapping[str, pa.Table], sources: Mapping[str, str], rows: Mapping[str, np.ndarray]
) -> ValidationReport:
    """Return every problem of a catalog's tables.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        The table of each frame.
    sources : mapping of str to str
        The file of each frame, for the messages.
    rows : mapping of str to ndarray
        The row number of each record in its file, int64 ``[n]``, for the messages.

    Returns
    -------
    ValidationReport
        If a column is missing or of a wrong type, only such problems; otherwise all others.
    """
    collector = ProblemCollector(sources, rows)
    for name in FRAMES:
        _check_types(name, tables.get(name), collector)
    if collector.problems:  # the other checks need these columns
        return collector.report()
    for name in FRAMES:
        _check_columns(name, tables[name], collector)
        _check_ids(name, tables[name], collector)
        _check_times(name, tables[name], collector)
    for name in KEY_COLUMNS:
        _check_unique(name, tables[name], collector)
    _check_interactions(tables, collector)
    _check_facts(tables, collector)
    for name in ("reviews", "queries"):
        _check_ids_exist(name, "user_id", "users", tables, collector)
        _check_ids_exist(name, "item_id", "items", tables, collector)
    for name in ("interactions", "queries"):
        if "scenario" in tables[name].column_names:
            _check_ids_exist(name, "scenario", "scenarios", tables, collector)
    return collector.report()


def validate_edges(name: str, table: pa.Table, collector: ProblemCollector) -> None:
    """Check interactions or facts by themselves: all but whether their ends exist.

    Parameters
    ----------
    name : str
        "interactions" or "facts".
    table : pyarrow.Table
        Rows in the types of the frame.
    collector : ProblemCollector
        Takes the problems.
    """
    _check_columns(name, table, collector)
    _check_ids(name, table, collector)
    _check_times(name, table, collector)
    if name == "interactions":
        _check_splits(table, collector)
    else:
        _check_fact_rows(table, collector)


def _check_types(name: str, table: pa.Table | None, collector: ProblemCollector) -> None:
    """Check for missing columns and wrong types, which a catalog built by hand can have."""
    cure = "build the catalog with Catalog.from_frames."
    if table is None:
        collector.add(name, None, "the frame is missing.", cure)
        return
    for column in SPECS[name].columns:
        given = column.name in table.column_names
        expected = ARROW_TYPES[column.kind]
        if (column.required or column.always) and not given:
            collector.add(name, column.name, "the column is missing.", cure)
        elif given and table.schema.field(column.name).type != expected:
            kind = table.schema.field(column.name).type
            collector.add(name, column.name, f"the type is {kind}, not {expected}.", cure)


def _check_columns(name: str, table: pa.Table, collector: ProblemCollector) -> None:
    for column in table.column_names:
        if column in SPECS[name].by_name:
            continue
        if column in RESERVED_COLUMNS[name]:
            collector.add(
                name,
                column,
                "the graph uses this name itself.",
                f"call the column {name}_{column}.",
            )
        elif _LEFTOVER.fullmatch(column):
            collector.add(
                name,
                column,
                "this looks like the row numbers of a DataFrame.",
                "write the file with index=False, or remove the column.",
            )
        elif not column.strip() or "\0" in column or len(column.encode()) > MAX_NAME_BYTES:
            collector.add(
                name,
                column,
                f"{shown(column)} can't be a property's name.",
                f"name the column with 1 to {MAX_NAME_BYTES:,} bytes of text.",
            )


def _check_ids(name: str, table: pa.Table, collector: ProblemCollector) -> None:
    for column in SPECS[name].columns:
        if column.kind not in (Kind.ID, Kind.OPTIONAL_ID) or column.name not in table.column_names:
            continue
        if column.name in ("head_type", "tail_type", "relation"):
            continue
        values = table.column(column.name)
        if column.kind is Kind.ID:
            empty = pc.or_kleene(pc.is_null(values), pc.equal(values, ""))
            collector.add_rows(
                name,
                column.name,
                true_positions(empty),
                "the id is empty.",
                "give every row an id, or remove the row.",
            )
        long = true_positions(pc.greater(pc.binary_length(values), MAX_ID_BYTES))
        collector.add_rows(
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


def _check_times(name: str, table: pa.Table, collector: ProblemCollector) -> None:
    if "timestamp" not in SPECS[name].by_name or "timestamp" not in table.column_names:
        return
    values = table.column("timestamp")
    days = _written_as_days(values)
    collector.add_rows(
        name,
        "timestamp",
        days,
        lambda row: f"{values[row].as_py()} looks like a day, as all times of the column do.",
        "write days as 2020-07-05 and times as 2020-07-05T14:30:00, or as unix seconds.",
    )
    if len(days):
        return
    late = true_positions(pc.or_(pc.greater(values, MAX_SECONDS), pc.less(values, -MAX_SECONDS)))
    if not len(late):
        return
    unit, factor = unit_of(values[int(late[0])].as_py()) or ("", 1)
    collector.add_rows(
        name,
        "timestamp",
        late,
        lambda row: f"{values[row].as_py()} looks like {unit}; kgrec takes unix seconds.",
        f"divide the column by {factor:,}.",
    )


def _written_as_days(values: Any) -> np.ndarray:
    """int64: the rows with a value where all values are days such as 20200705, perhaps with their
    time (202007051430, 20200705143000), else none."""
    if not _are_days(values.slice(0, _FIRST)):  # which settles most columns
        return np.empty(0, dtype=np.int64)
    known = np.flatnonzero(values.is_valid().to_numpy())
    return known if _are_days(values) else known[:0]


def _are_days(values: Any) -> bool:
    """Whether all values that are known look like days. Midnights are times, whatever their digits:
    days that were given as dates."""
    seconds = values.drop_null().to_numpy()
    if (seconds % _DAY == 0).all():
        return False
    for digits in (1, 10_000, 1_000_000):  # perhaps with hours and minutes, and seconds
        days = seconds // digits
        year, month, day = days // 10_000, days // 100 % 100, days % 100
        like = (year >= 1900) & (year <= 2100) & (month >= 1) & (month <= 12)
        if (like & (day >= 1) & (day <= 31)).all():
            return True
    return False


def _check_unique(name: str, table: pa.Table, collector: ProblemCollector) -> None:
    key = KEY_COLUMNS[name]
    values = table.column(key)
    if pc.count_distinct(values, mode="all").as_py() == len(values):
        return
    repeats = _later_repeats(table.select([key]))
    full = [int(row) for row in repeats if values[int(row)].as_py()]
    collector.add_rows(
        name,
        key,
        full,
        lambda row: f"the id {shown(values[row].as_py())} is in an earlier row, with other values.",
        "keep one row per id.",
    )


def _later_repeats(keys: pa.Table) -> np.ndarray:
    """Return the positions (int64) of rows whose key is in an earlier row as well."""
    numbered = keys.append_column("@row", pa.array(np.arange(keys.num_rows)))
    first = numbered.group_by(keys.column_names).aggregate([("@row", "min")])
    return np.setdiff1d(np.arange(keys.num_rows), first.column("@row_min").to_numpy())


def _check_ids_exist(
    name: str,
    column: str,
    node_frame: str,
    tables: Mapping[str, pa.Table],
    collector: ProblemCollector,
) -> None:
    values = tables[name].column(column)
    keys = tables[node_frame].column(KEY_COLUMNS[node_frame])
    unknown = pc.invert(pc.is_in(values, value_set=keys.combine_chunks()))
    present = pc.and_(pc.is_valid(values), pc.not_equal(values, ""))
    _report_unknown_ids(
        name, column, node_frame, true_positions(pc.and_(unknown, present)), values, keys, collector
    )


def _report_unknown_ids(
    name: str,
    column: str,
    node_frame: str,
    rows: np.ndarray,
    values: Any,
    keys: Any,
    collector: ProblemCollector,
) -> None:
    if not len(rows):
        return
    forms = _other_forms(keys)
    collector.add_rows(
        name,
        column,
        rows,
        lambda row: (
            f"{shown(values[row].as_py())} is not among the ids of {collector.source(node_frame)}"
            f"{_form_of(values[row].as_py(), forms)}."
        ),
        f"add it to the {node_frame}, or remove the row.",
    )


def _other_forms(keys: Any) -> dict[str, str]:
    """The ids by their plain forms."""
    return {_plain(one): one for one in keys.drop_null().to_pylist()}


def _plain(value: str) -> str:
    """An id without what other programs change: the Unicode form, case, blanks and quotes around
    it, zeros before a number and ".0" after it."""
    text = unicodedata.normalize("NFC", value).strip(" \t\r\n\xa0'\"").casefold()
    number = _PADDED.fullmatch(text)
    return number[1] if number else text


def _form_of(value: str, forms: Mapping[str, str]) -> str:
    """What to add for an id that is there in another form."""
    other = forms.get(_plain(value))
    if other is None:
        return ""
    if unicodedata.normalize("NFC", value) != unicodedata.normalize("NFC", other):
        return f", where {shown(other)} is (write both in the same way)"
    return f", where one looks the same in another Unicode form ({value!a} here, {other!a} there)"


def _check_interactions(tables: Mapping[str, pa.Table], collector: ProblemCollector) -> None:
    _check_ids_exist("interactions", "user_id", "users", tables, collector)
    _check_ids_exist("interactions", "item_id", "items", tables, collector)
    _check_splits(tables["interactions"], collector)


def _check_splits(table: pa.Table, collector: ProblemCollector) -> None:
    if "split" not in table.column_names:
        return
    values = table.column("split")
    known = pc.is_in(values, value_set=pa.array(SPLITS))
    odd = true_positions(pc.and_(pc.invert(known), pc.is_valid(values)))
    collector.add_rows(
        "interactions",
        "split",
        odd,
        lambda row: f"{shown(values[row].as_py())} is not a split.",
        f"write {', '.join(SPLITS)} or nothing, or give the column another name.",
    )


def _check_facts(tables: Mapping[str, pa.Table], collector: ProblemCollector) -> None:
    table = tables["facts"]
    if not table.num_rows:
        return
    _check_fact_rows(table, collector)
    for end in ("head", "tail"):
        _check_fact_end(end, tables, collector)


def _check_fact_rows(table: pa.Table, collector: ProblemCollector) -> None:
    """Check facts by themselves: all but whether their ends exist."""
    _check_relations(table, collector)
    for end in ("head", "tail"):
        types = table.column(f"{end}_type")
        known = pc.is_in(types, value_set=pa.array(list(NODE_TYPES)))
        collector.add_rows(
            "facts",
            f"{end}_type",
            true_positions(pc.invert(known)),
            partial(_odd_type, types),
            f"write one of {', '.join(NODE_TYPES)}.",
        )
    if not _all_different(table):
        collector.add_rows(
            "facts",
            None,
            _later_repeats(table.select(list(FACT_KEY))),
            "the same fact is in an earlier row, with other values.",
            "keep one row per head, relation and tail.",
        )


def _odd_type(types: Any, row: int) -> str:
    return f"{shown(types[row].as_py())} is not a type of node."


def _all_different(table: pa.Table) -> bool:
    keys = table.select(list(FACT_KEY))
    return bool(keys.group_by(list(FACT_KEY)).aggregate([]).num_rows == keys.num_rows)


def _check_relations(table: pa.Table, collector: ProblemCollector) -> None:
    coded = table.column("relation").combine_chunks().dictionary_encode(null_encoding="encode")
    problems = [_relation_problem(value) for value in coded.dictionary.to_pylist()]
    for code, problem in enumerate(problems):
        if problem is None:
            continue
        rows = true_positions(pc.equal(coded.indices, code))
        collector.add_rows("facts", "relation", rows, *problem)


def _relation_problem(relation: str | None) -> tuple[str, str] | None:
    """Return (message, cure) for a text that can't be a relation, None for any other text."""
    if relation is None or not relation.strip():
        return "the relation is empty.", "name the relation, or remove the row."
    if relation in RESERVED_TYPES:
        return f"{relation} is a relationship type of kgrec itself.", "rename the relation."
    if "\0" in relation or len(relation.encode()) > MAX_NAME_BYTES:
        message = f"{shown(relation)} can't be the name of a relationship type."
        return message, f"use 1 to {MAX_NAME_BYTES:,} bytes of text without NUL."
    return None


def _check_fact_end(end: str, tables: Mapping[str, pa.Table], collector: ProblemCollector) -> None:
    table = tables["facts"]
    types, values = table.column(f"{end}_type"), table.column(end)
    for kind, frame in NODE_FRAMES.items():
        keys = tables[frame].column(KEY_COLUMNS[frame]).combine_chunks()
        unknown = pc.invert(pc.is_in(values, value_set=keys))
        here = pc.and_(pc.equal(types, kind), pc.and_(unknown, pc.is_valid(values)))
        rows = true_positions(pc.and_kleene(here, pc.not_equal(values, "")))
        _report_unknown_ids("facts", end, frame, rows, values, keys, collector)
