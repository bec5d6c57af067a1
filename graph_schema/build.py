"""The steps from the frames of a caller to the tables of a catalog."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.frames import Frame, coerce
from graph_schema.frames import SPECS, empty_table
from graph_schema.names import FRAMES, KEY_COLUMNS, LABEL_FRAMES
from graph_schema.report import ProblemCollector
from graph_schema.validation import validate_edges
from graph_schema.vectors import GivenVectors, add_vectors, vector_columns

# Where the ids of an absent node frame are taken from: (column, type of a fact's end).
_MENTIONS: Final = {
    "users": ("user_id", "user"),
    "items": ("item_id", "item"),
    "entities": (None, "entity"),
    "scenarios": ("scenario", None),
}
_WITH_ENDS: Final = ("interactions", "reviews", "queries")  # frames of users and items
# The columns that an absent id is a hash of.
_HASHED: Final = {
    "reviews": ("user_id", "item_id", "timestamp", "text"),
    "queries": ("user_id", "item_id", "timestamp", "text"),
}


@dataclass
class CatalogParts:
    """The tables of a catalog while it is built.

    ``dropped`` counts the exact repeats per frame; ``incomplete`` names the frames that lack a
    required column; ``derived`` names the frames of nodes that were not given.
    """

    sources: dict[str, str]
    rows: dict[str, np.ndarray]
    tables: dict[str, pa.Table] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    derived: set[str] = field(default_factory=set)


def build(
    given: Mapping[str, Frame | None],
    vectors: Mapping[str, GivenVectors],
    sources: dict[str, str],
    rows: dict[str, np.ndarray],
) -> tuple[ProblemCollector, CatalogParts]:
    """Convert every frame, drop exact repeats, make missing ids, derive absent node frames and put
    the vectors into the items."""
    collector = ProblemCollector(sources, rows)
    parts = CatalogParts(sources, rows)
    for name in FRAMES:
        frame = given[name]
        table = empty_table(name) if frame is None else coerce(name, frame, collector)
        if table is None:
            parts.incomplete.add(name)
        parts.tables[name] = empty_table(name) if table is None else table
    for name in (*_MENTIONS, "facts"):
        _drop_repeats(name, parts)
    for name, columns in _HASHED.items():
        parts.tables[name] = _with_ids(parts.tables[name], KEY_COLUMNS[name], columns)
    for name in _MENTIONS:
        if given[name] is None:
            parts.tables[name] = derive_frame(name, parts.tables)
            parts.derived.add(name)
            if name == "items":
                parts.tables[name] = _with_items_of(vectors, parts.tables[name])
            if parts.tables[name].num_rows:
                parts.sources[name] = f"{name} derived from the other frames"
    parts.tables["items"] = add_vectors(parts.tables["items"], vectors, collector)
    return collector, parts


def edge_rows(
    name: str, given: Frame, source: str, rows: np.ndarray
) -> tuple[pa.Table, np.ndarray, int]:
    """Convert and check some rows of interactions or facts, without those of other frames.

    Parameters
    ----------
    name : str
        "interactions" or "facts".
    given : DataFrame or pyarrow.Table
        The rows.
    source : str
        The file that they are from, for messages.
    rows : int64 ``[n]``
        Their rows in that file.

    Returns
    -------
    table : pyarrow.Table
        The rows in the types of a catalog, without facts that repeat an earlier one exactly.
    rows : int64
        The rows of the file that are left.
    dropped : int
        How many repeats were left out.

    Raises
    ------
    CatalogError
        Where a row breaks the schema, but for ends that don't exist, which is not checked.
    """
    collector = ProblemCollector({name: source}, {name: rows})
    table = coerce(name, given, collector)
    collector.report().raise_if_any()
    parts = CatalogParts(
        {name: source}, {name: rows}, {name: empty_table(name) if table is None else table}
    )
    if name == "facts":
        _drop_repeats(name, parts)
    collector = ProblemCollector({name: source}, parts.rows)
    validate_edges(name, parts.tables[name], collector)
    collector.report().raise_if_any()
    return parts.tables[name], parts.rows[name], parts.dropped.get(name, 0)


def integer_labels(given: Mapping[str, Frame | None]) -> frozenset[str]:
    """The labels whose ids are integers in all frames that have them as a key column."""
    found: dict[str, set[bool]] = {}
    for label, frame_name in LABEL_FRAMES.items():
        column = KEY_COLUMNS[frame_name]
        for name in (frame_name, *_WITH_ENDS):
            frame = given[name]
            if isinstance(frame, pd.DataFrame | pa.Table) and column in _column_names(frame):
                found.setdefault(label, set()).add(_is_integer(frame, column))
    return frozenset(label for label, kinds in found.items() if kinds == {True})


def _column_names(frame: Frame) -> list[str]:
    return list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)


def _is_integer(frame: Frame, column: str) -> bool:
    if isinstance(frame, pa.Table):
        return bool(pa.types.is_integer(frame.schema.field(column).type))
    values = frame[column]
    return isinstance(values, pd.Series) and bool(pd.api.types.is_integer_dtype(values.dtype))


def _is_pair(given: object) -> bool:
    return isinstance(given, tuple) and len(given) == 2


def _with_items_of(vectors: Mapping[str, GivenVectors], items: pa.Table) -> pa.Table:
    """The items, and those that only vectors name."""
    known = set(items.column("item_id").to_pylist())
    named = dict.fromkeys(
        str(one) for pair in vectors.values() if _is_pair(pair) for one in pair[0]
    )
    missing = [one for one in named if one not in known]
    if not missing:
        return items
    rows = {"item_id": missing, **{name: [""] * len(missing) for name in items.column_names[1:]}}
    return pa.concat_tables([items, pa.table(rows, schema=items.schema)])


def _drop_repeats(name: str, parts: CatalogParts) -> None:
    """Drop rows that repeat an earlier row in every column."""
    table = parts.tables[name]
    if name in KEY_COLUMNS:
        key = table.column(KEY_COLUMNS[name])
        if pc.count_distinct(key, mode="all").as_py() == len(key):
            return
    numbered = table.append_column("@row", pa.array(np.arange(table.num_rows)))
    plain = [name for name in table.column_names if name not in vector_columns(table)]
    first = numbered.group_by(plain).aggregate([("@row", "min")])
    if first.num_rows == table.num_rows:
        return
    kept = np.sort(first.column("@row_min").to_numpy())
    parts.dropped[name] = table.num_rows - len(kept)
    parts.tables[name] = table.take(kept)
    parts.rows[name] = parts.rows[name][kept] if name in parts.rows else kept


def _with_ids(table: pa.Table, key: str, columns: tuple[str, ...]) -> pa.Table:
    """Fill absent ids with a hash of the row's content and its number among equal rows.

    Loading the same rows again, in any order, gives the same ids.
    """
    ids = table.column(key)
    if ids.null_count == 0:
        return table
    used = [table.column(c).to_pylist() for c in columns if c in table.column_names]
    seen: Counter[str] = Counter()
    filled: list[str] = []
    for given, *values in zip(ids.to_pylist(), *used, strict=True):
        filled.append(given if given is not None else _made_id(values, seen))
    position = table.column_names.index(key)
    return table.set_column(position, key, pa.array(filled, type=pa.string()))


def _made_id(values: list[object], seen: Counter[str]) -> str:
    content = hashlib.sha256(repr(values).encode()).hexdigest()[:20]
    seen[content] += 1
    return content if seen[content] == 1 else f"{content}-{seen[content]}"


def derive_frame(name: str, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Make an absent node frame from the ids that the other frames mention, in their order."""
    column, kind = _MENTIONS[name]
    mentioned = [
        tables[frame].column(column)
        for frame in _WITH_ENDS
        if column in SPECS[frame].by_name and column in tables[frame].column_names
    ]
    facts = tables["facts"]
    for end in ("head", "tail") if kind is not None else ():
        mentioned.append(facts.column(end).filter(pc.equal(facts.column(f"{end}_type"), kind)))
    ids = pa.chunked_array([chunk for part in mentioned for chunk in part.chunks], pa.string())
    ids = pc.unique(ids.drop_null())
    ids = ids.filter(pc.not_equal(ids, ""))
    table = pa.table({KEY_COLUMNS[name]: ids})
    for column_of_text in SPECS[name].columns[1:]:
        table = table.append_column(column_of_text.name, pa.array([""] * len(ids), pa.string()))
    return table
