"""Interactions and facts from rows with lists, and the entities that facts name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.mapping import arrays
from loaders.mapping.check import END_COLUMNS
from loaders.mapping.counting import left_out
from loaders.mapping.values import Place
from loaders.report import FileReport

Columns = dict[str, Any]


def one_row_each(
    columns: Columns, known: set[str], place: Place, file: FileReport
) -> tuple[Columns, np.ndarray]:
    """Make a row of each value of the lists in the ``known`` columns, which are read side by side;
    a row with empty lists is left out.

    Returns the columns and int64 ``[m]``, the position from which each row is.
    """
    lists = [name for name, array in columns.items() if name in known and arrays.is_list(array)]
    n = len(place.rows)
    if not lists:
        return columns, np.arange(n)
    counts = {name: _counts(columns[name]) for name in lists}
    first = counts[lists[0]]
    for name in lists[1:]:
        uneven = np.flatnonzero(counts[name] != first)
        place.wrong(
            uneven, columns[name], f"has not as many values as {lists[0]}", "correct the row."
        )
        if len(uneven):
            return {key: array.slice(0, 0) for key, array in columns.items()}, np.arange(0)
    left_out(file, place.rows, first > 0, f"no value in {lists[0]}")
    empty = int((first == 0).sum())
    origins = np.repeat(np.arange(n), first)
    if len(origins) != n - empty:
        file.notes.append(f"{n - empty:,} rows with several values became {len(origins):,} rows.")
    taken = pa.array(origins)
    made = {
        name: array.flatten() if name in lists else array.take(taken)
        for name, array in columns.items()
    }
    return made, origins


def _counts(lists: Any) -> np.ndarray:
    found = pc.fill_null(pc.list_value_length(lists), 0)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def facts_with_ends(columns: Columns, rows: np.ndarray, file: FileReport) -> np.ndarray:
    """bool ``[n]``: the facts that have both ends; the others are counted."""
    kept = np.ones(len(rows), dtype=bool)
    for end in ("head", "tail"):
        empty = pc.equal(arrays.texts(columns[end]), "").to_numpy(zero_copy_only=False) & kept
        left_out(file, rows[kept], ~empty[kept], f"no {end}")
        kept &= ~empty
    return kept


def entities_of(columns: Columns, prefixes: dict[str, str]) -> tuple[pa.Table | None, Columns]:
    """The entities at the ends of facts, and the columns of the facts alone.

    An entity's name is that of head_name or tail_name, else its id without the prefix.
    """
    parts = []
    for end in ("head", "tail"):
        chosen = pc.equal(columns[f"{end}_type"], "entity")
        ids = columns[end]
        names = pc.utf8_slice_codeunits(ids, len(prefixes[end]))
        if f"{end}_name" in columns:
            given = arrays.texts(columns[f"{end}_name"])
            names = pc.if_else(pc.equal(given, ""), names, given)
        kinds = columns.get(f"{end}_kind", pa.array([""] * len(ids), pa.string()))
        found = {"entity_id": ids, "name": names, "kind": arrays.texts(kinds)}
        parts.append(pa.table(found).filter(chosen))
    entities = pa.concat_tables(parts)
    facts = {name: array for name, array in columns.items() if name not in END_COLUMNS}
    return (entities if entities.num_rows else None), facts
