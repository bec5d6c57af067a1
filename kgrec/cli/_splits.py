"""Which interactions of a catalog are held out: by a given column, or by a protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.names import KEY_COLUMNS, SPLITS
from kgrec.cli._options import Protocol
from kgrec.cli._progress import say

if TYPE_CHECKING:
    from kgrec.graph.snapshot import Interactions


def with_split(catalog: Catalog, protocol: Protocol, column: str, seed: int) -> tuple[Catalog, str]:
    """The catalog with a ``split`` column, and the protocol that made it.

    ``given`` takes ``column``; where it is missing or names no test row, rows are held out by time
    for each user, or at random where there are no timestamps, and a notice says so.
    Raises CatalogError where the column holds something other than train, valid and test.
    """
    table = catalog.tables["interactions"]
    if protocol is Protocol.given:
        if column in table.column_names and _names_test(table.column(column), column):
            return _replaced(catalog, _filled(table.column(column))), protocol.value
        protocol = _fallback(catalog, column)
    labels = _labels(catalog, protocol, seed)
    return _replaced(catalog, pa.array(labels, pa.string())), protocol.value


def _names_test(values: pa.ChunkedArray, column: str) -> bool:
    known = set(pc.unique(values.cast(pa.string())).drop_null().to_pylist()) - {""}
    strange = sorted(known - set(SPLITS))
    if strange:
        raise CatalogError(
            f"column {column!r} of interactions holds {', '.join(map(repr, strange[:5]))}; "
            "it may say train, valid or test. Rename the values, or use --split-protocol."
        )
    return "test" in known


def _filled(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Rows that name no split can only be trained on: they were not meant to be tested."""
    values = pc.fill_null(values.cast(pa.string()), "")
    empty = pc.equal(values, "")
    count = pc.sum(empty).as_py()
    if count:
        say(f"notice: {count:,} interactions name no split: they count as train")
    return pc.if_else(empty, "train", values)


def _fallback(catalog: Catalog, column: str) -> Protocol:
    table = catalog.tables["interactions"]
    timed = table.num_rows - _column(table, "timestamp", pa.int64()).null_count
    ordered = timed and _interactions(catalog).tells_order(catalog.tables["users"].num_rows)
    protocol = Protocol.time if ordered else Protocol.random
    why = "all timestamps of a user are equal" if timed else "there are no timestamps"
    how = "by time for each user" if ordered else f"at random ({why})"
    say(f"notice: no column {column!r} of interactions names test rows: splitting {how}")
    return protocol


def _note_missing_times(interactions: Interactions) -> None:
    from kgrec.graph.snapshot import NO_TIME

    missing = int((interactions.timestamp == NO_TIME).sum())
    if 0 < missing < len(interactions):
        say(
            f"notice: {missing:,} of {len(interactions):,} interactions have no time: they count "
            "as older than those that have one, and are held out last"
        )


def _replaced(catalog: Catalog, labels: pa.Array | pa.ChunkedArray) -> Catalog:
    table = catalog.tables["interactions"]
    if "split" in table.column_names:
        table = table.drop_columns(["split"])
    table = table.append_column("split", labels.cast(pa.string()))
    return replace(catalog, tables={**catalog.tables, "interactions": table})


def _labels(catalog: Catalog, protocol: Protocol, seed: int) -> np.ndarray:
    from kgrec.evaluation import (
        global_time_split,
        leave_last_out,
        random_split,
        user_time_split,
    )

    interactions = _interactions(catalog)
    if protocol is Protocol.random:
        return random_split(interactions, seed=seed)
    _note_missing_times(interactions)
    if protocol is Protocol.global_time:
        return global_time_split(interactions)
    if protocol is Protocol.leave_last_out:
        return leave_last_out(interactions, seed)
    return user_time_split(interactions, seed=seed)


def _interactions(catalog: Catalog) -> Interactions:
    """The rows in the catalog's order, numbered as the snapshot numbers users and items."""
    from kgrec.graph.snapshot import NO_TIME, Interactions

    table = catalog.tables["interactions"]
    n = table.num_rows
    times = pc.fill_null(_column(table, "timestamp", pa.int64()), NO_TIME)
    return Interactions(
        user=_rows(catalog, "users", table.column("user_id")),
        item=_rows(catalog, "items", table.column("item_id")),
        timestamp=times.to_numpy(),
        rating=np.full(n, np.nan, dtype=np.float32),
        event=pc.fill_null(_column(table, "event", pa.string()), "").to_numpy(),
        scenario=np.full(n, "", dtype=object),
        split=np.full(n, "", dtype=object),
    )


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    return table.column(name).cast(kind)


def _rows(catalog: Catalog, frame: str, ids: pa.ChunkedArray) -> np.ndarray:
    from kgrec.graph.snapshot import NodeTable, canonical_order

    known = catalog.tables[frame].column(KEY_COLUMNS[frame]).to_numpy()
    nodes = NodeTable(frame, known[canonical_order(known)], pd.DataFrame())
    return nodes.rows(ids.to_numpy())
