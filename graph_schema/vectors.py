"""Vectors of items that a catalog carries: lists of numbers, one column of ``items`` per name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.report import ProblemCollector, shown

VECTOR: Final = pa.list_(pa.float32())
# Ids [n] and numbers [n, size]; or a frame's column of lists.
GivenVectors: TypeAlias = "tuple[Sequence[str] | np.ndarray, np.ndarray]"
_MISSING: Final = "leave an item without a vector out; it is treated as missing."


def frame_name(name: str) -> str:
    """Return what reports call the vectors ``name``, as if they were a frame."""
    return f"vectors/{name}"


def is_vector(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is a list of floating-point numbers."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    lists = lists or pa.types.is_fixed_size_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def vector_columns(table: pa.Table) -> list[str]:
    """Return the names of a table's columns of vectors."""
    return [field.name for field in table.schema if is_vector(field.type)]


def to_matrix(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of a column in one array.

    Parameters
    ----------
    column : Arrow array of lists of numbers, all of the same length where they are not null

    Returns
    -------
    rows : int64 ``[m]``
        The positions that are not null.
    vectors : float32 ``[m, size]``

    Raises
    ------
    ValueError
        Where lists differ in length; its one argument is the position of the first odd one.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    lengths = pc.list_value_length(array).take(pa.array(rows)).to_numpy(zero_copy_only=False)
    odd = _odd_lengths(lengths)
    if len(odd):
        raise ValueError(int(rows[odd[0]]))
    values = pc.list_flatten(array).to_numpy(zero_copy_only=False)
    size = int(lengths[0]) if len(lengths) else 0
    with np.errstate(over="ignore"):
        return rows, values.astype(np.float32).reshape(len(rows), size)


def to_column(rows: np.ndarray, vectors: np.ndarray, count: int) -> pa.Array:
    """Return a column of ``count`` places with ``vectors`` at the places ``rows``, else null."""
    order = np.argsort(rows, kind="stable")
    present = np.zeros(count, dtype=bool)
    present[rows] = True
    offsets = np.concatenate([[0], np.cumsum(present)]) * vectors.shape[1]
    values = pa.array(np.ascontiguousarray(vectors[order], dtype=np.float32).ravel())
    starts = pa.array(offsets.astype(np.int32), mask=np.append(~present, False))
    return pa.ListArray.from_arrays(starts, values)


def add_vectors(
    items: pa.Table, given: Mapping[str, GivenVectors], problems: ProblemCollector
) -> pa.Table:
    """Return the items with a column for each name; what is wrong goes to ``problems``."""
    for name, pair in given.items():
        frame = frame_name(name)
        if not isinstance(pair, tuple) or len(pair) != 2:
            problems.add(
                frame,
                None,
                f"{shown(pair)} are no vectors.",
                "give a pair: the items' ids and an array of numbers.",
            )
            continue
        ids, array = pair
        if name in items.column_names:
            problems.add(
                frame,
                None,
                f"the items have a column {shown(name)} already.",
                "give the vectors another name.",
            )
            continue
        matrix = _as_matrix(frame, ids, array, problems)
        if matrix is None:
            continue
        rows = _checked_rows(frame, [str(one) for one in ids], items, problems)
        good = np.setdiff1d(np.flatnonzero(rows >= 0), _bad_values(frame, matrix, problems))
        column = to_column(rows[good], matrix[good], items.num_rows)
        items = items.append_column(name, column)
    return items


def check_lists(name: str, column: str, lists: Any, problems: ProblemCollector) -> Any:
    """Return a frame's column of lists of numbers as vectors; odd ones are reported and null."""
    lists = lists.cast(pa.list_(pa.float64()))
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    known = np.flatnonzero(~np.isnan(lengths.astype(np.float64)))
    odd = known[_odd_lengths(lengths[known])]
    problems.add_rows(
        name,
        column,
        odd,
        lambda row: f"the vector has {int(lengths[row])} numbers, others have another count.",
        "give all vectors of a column the same count of numbers.",
    )
    rows = np.setdiff1d(known, odd)
    mask = np.ones(len(lists), dtype=bool)
    mask[rows] = False
    _, vectors = to_matrix(pc.if_else(pa.array(mask), None, lists))
    bad = _bad_values(name, vectors, problems, column, rows)
    kept = np.setdiff1d(np.arange(len(rows)), bad)
    return to_column(rows[kept], vectors[kept], len(lists))


def _as_matrix(frame: str, ids: Any, array: Any, problems: ProblemCollector) -> np.ndarray | None:
    """float32 ``[n, size]``; None where the array is of another shape or kind."""
    matrix = np.asarray(array)
    if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype.kind not in "fiu":
        problems.add(
            frame,
            None,
            f"the array has shape {matrix.shape} and type {matrix.dtype}.",
            "give a two-dimensional array of numbers: a row per item, at least one column.",
        )
        return None
    if len(matrix) != len(ids):
        problems.add(
            frame,
            None,
            f"there are {len(matrix):,} vectors and {len(ids):,} ids.",
            "give one id for each row of the array, in the same order.",
        )
        return None
    with np.errstate(over="ignore"):
        return matrix.astype(np.float32)


def _checked_rows(
    frame: str, ids: list[str], items: pa.Table, problems: ProblemCollector
) -> np.ndarray:
    """int64 ``[n]``: each id's row among the items, -1 for unknown and repeated ones."""
    place = {one: row for row, one in enumerate(items.column("item_id").to_pylist())}
    rows = np.array([place.get(one, -1) for one in ids], dtype=np.int64).reshape(-1)
    problems.add_rows(
        frame,
        "item_id",
        np.flatnonzero(rows < 0),
        lambda row: f"{shown(ids[row])} is not among the ids of {problems.source('items')}.",
        "add it to the items, or remove the row.",
    )
    _, first = np.unique(np.array(ids, dtype=object), return_index=True)
    repeated = np.setdiff1d(np.arange(len(ids)), first)
    problems.add_rows(
        frame,
        "item_id",
        repeated,
        lambda row: f"the id {shown(ids[row])} is there before.",
        "keep one vector per item.",
    )
    rows[repeated] = -1
    return rows


def _bad_values(
    frame: str,
    vectors: np.ndarray,
    problems: ProblemCollector,
    column: str | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """int64: the places of vectors with NaN or infinite numbers, or of zeros alone."""
    place = np.arange(len(vectors)) if rows is None else rows
    endless = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    problems.add_rows(
        frame,
        column,
        place[endless],
        lambda row: "the vector holds NaN or a number that is not finite in 32 bits.",
        "give finite numbers, or " + _MISSING,
    )
    zero = np.flatnonzero(~(vectors != 0).any(axis=1))
    problems.add_rows(
        frame,
        column,
        place[zero],
        lambda row: "the vector is all zeros, which has no direction.",
        _MISSING,
    )
    return np.union1d(endless, zero)


def _odd_lengths(lengths: np.ndarray) -> np.ndarray:
    """Positions of the lengths that differ from the most frequent one."""
    if not len(lengths):
        return np.empty(0, dtype=np.int64)
    values, counts = np.unique(lengths, return_counts=True)
    return np.flatnonzero(lengths != values[np.argmax(counts)])
