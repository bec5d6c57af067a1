"""Vectors of nodes: out of a store's lists, into a snapshot's arrays, and merged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from graph_schema.errors import CatalogError, StoreError
from graph_schema.vectors import to_column, to_matrix, vector_columns
from kgrec.graph.snapshot import Ints, NodeTable

PREFIX = "vectors:"  # of columns of a saved snapshot


def split_vectors(label: str, table: pa.Table) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Return a store's nodes without lists of floats, and these lists as arrays.

    Returns
    -------
    table : pyarrow.Table
    vectors : dict
        By property name float32 ``[n, size]``, zero where a node has none.

    Raises
    ------
    StoreError
        Where the lists of one property differ in length or hold what is not a finite number.
    """
    names = vector_columns(table)
    vectors = {name: _array(label, name, table) for name in names}
    return table.drop_columns(names), vectors


def _array(label: str, name: str, table: pa.Table) -> np.ndarray:
    ids = table.column("id")
    try:
        rows, found = to_matrix(table.column(name))
    except ValueError as error:
        node = ids[int(error.args[0])].as_py()
        raise StoreError(
            f"{label} {node!r}: the list {name!r} differs in length from that of other nodes. "
            "Cure: store vectors of one length, or leave the property out."
        ) from error
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        node = ids[int(rows[bad[0]])].as_py()
        raise StoreError(
            f"{label} {node!r}: the list {name!r} holds NaN or a number that is not finite in 32 "
            "bits. Cure: store finite numbers, or leave the property out."
        )
    return _placed(rows, found, table.num_rows)


def _placed(rows: Ints, vectors: np.ndarray, count: int) -> np.ndarray:
    placed = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    placed[rows] = vectors
    return placed


def merge_vectors(old: NodeTable, new: NodeTable, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Return the vectors of the nodes ``ids`` (object ``[n]``): the newer one's, where it has any.

    Raises CatalogError where the two differ in the length of a vector.
    """
    merged: dict[str, np.ndarray] = {}
    for table in (old, new):
        for name, vectors in table.vectors.items():
            known = np.flatnonzero((vectors != 0).any(axis=1))
            whole = merged.setdefault(name, np.zeros((len(ids), vectors.shape[1]), np.float32))
            if whole.shape[1] != vectors.shape[1]:
                raise CatalogError(
                    f"the vectors {name!r} have {vectors.shape[1]} numbers, those of known items "
                    f"{whole.shape[1]}. Cure: make them as the others were made, or fit again."
                )
            place = NodeTable(table.label, ids, table.attributes).rows(table.ids[known])
            whole[place] = vectors[known]
    return merged


def to_columns(table: NodeTable) -> dict[str, pa.Array]:
    """Return the vectors of a table as columns to save, by name."""
    columns = {}
    for name, vectors in table.vectors.items():
        known = np.flatnonzero((vectors != 0).any(axis=1))
        columns[PREFIX + name] = to_column(known, vectors[known], len(table))
    return columns


def from_columns(table: pa.Table) -> tuple[pa.Table, Mapping[str, np.ndarray]]:
    """Return a saved table without the columns of ``to_columns``, and the vectors in them."""
    names = [name for name in table.column_names if name.startswith(PREFIX)]
    vectors = {
        name.removeprefix(PREFIX): _placed(*to_matrix(table.column(name)), table.num_rows)
        for name in names
    }
    return table.drop_columns(names), vectors
