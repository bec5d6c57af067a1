"""A snapshot as a folder of Parquet files, and back."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.graph.attributes import attribute_frame
from kgrec.graph.columns import words
from kgrec.graph.snapshot import (
    WORDS,
    Facts,
    GraphSnapshot,
    Interactions,
    NodeTable,
    Texts,
    no_scenarios,
    with_named,
)
from kgrec.graph.vectors import from_columns, to_columns

_TABLES = {"users": USER, "items": ITEM, "entities": ENTITY, "scenarios": SCENARIO}
_ID = "id"
_INTEGERS = b"kgrec integer ids"  # metadata of a table whose ids were integers


def write_snapshot(snapshot: GraphSnapshot, folder: Path) -> None:
    """Write a Parquet file for each table, called as the snapshot's field is."""
    for name in _TABLES:
        table: NodeTable = getattr(snapshot, name)
        frame = table.attributes.copy()
        frame.insert(0, _ID, table.ids)
        written = pa.Table.from_pandas(frame, preserve_index=False)
        if table.label in snapshot.integer_ids:
            written = written.replace_schema_metadata({**written.schema.metadata, _INTEGERS: b"1"})
        for column, vectors in to_columns(table).items():
            written = written.append_column(column, vectors)
        _write(written, folder / f"{name}.parquet")
    for name in ("interactions", "reviews", "queries"):
        _write(_columns(getattr(snapshot, name)), folder / f"{name}.parquet")
    kinds = [(f.head_label, f.relation, f.tail_label) for f in snapshot.facts]
    sizes = [len(f) for f in snapshot.facts]
    labels = np.repeat(np.array(kinds, dtype=object).reshape(-1, 3), sizes, axis=0)
    facts = {
        "head_label": pa.array(labels[:, 0], pa.string()),
        "relation": pa.array(labels[:, 1], pa.string()),
        "tail_label": pa.array(labels[:, 2], pa.string()),
        "head": pa.array(_joined([f.head for f in snapshot.facts])),
        "tail": pa.array(_joined([f.tail for f in snapshot.facts])),
    }
    _write(pa.table(facts), folder / "facts.parquet")


def read_saved_snapshot(folder: Path) -> GraphSnapshot:
    """What ``write_snapshot`` wrote; raises OSError or pyarrow.ArrowException where it can't."""
    nodes, integer_ids = {}, set()
    for name, label in _TABLES.items():
        path = folder / f"{name}.parquet"
        if label == SCENARIO and not path.exists():  # written before there were any
            nodes[name] = no_scenarios()
            continue
        saved, vectors = from_columns(pq.read_table(path))
        if _INTEGERS in (saved.schema.metadata or {}):
            integer_ids.add(label)
        frame = attribute_frame(saved)
        ids = frame.pop(_ID).to_numpy(dtype=object)
        nodes[name] = NodeTable(label, ids, frame, vectors)
    interactions = _interactions(folder / "interactions.parquet")
    return GraphSnapshot(
        users=nodes["users"],
        items=nodes["items"],
        entities=nodes["entities"],
        interactions=interactions,
        facts=_facts(pq.read_table(folder / "facts.parquet").to_pandas()),
        reviews=Texts(**_arrays(folder / "reviews.parquet")),
        queries=Texts(**_arrays(folder / "queries.parquet")),
        scenarios=with_named(nodes["scenarios"], interactions.scenario),
        integer_ids=frozenset(integer_ids),
    )


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _interactions(path: Path) -> Interactions:
    table = pq.read_table(path, read_dictionary=list(WORDS))
    columns = {}
    for name in table.column_names:
        values = table[name]
        columns[name] = words(values.to_pandas().array) if name in WORDS else values.to_numpy()
    return Interactions(**columns)


def _columns(rows: Interactions | Texts) -> pa.Table:
    columns = {}
    for part in fields(rows):
        values = np.asarray(getattr(rows, part.name))
        kind = pa.string() if values.dtype == object else None
        columns[part.name] = pa.array(values, kind, from_pandas=False)
    return pa.table(columns)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    table = pq.read_table(path)
    arrays = {}
    for name in table.column_names:
        values = table[name].to_numpy(zero_copy_only=False)
        arrays[name] = values.astype(object) if pa.types.is_string(table[name].type) else values
    return arrays


def _facts(frame: pd.DataFrame) -> tuple[Facts, ...]:
    found = []
    for key, rows in frame.groupby(["head_label", "relation", "tail_label"], sort=True):
        head, relation, tail = map(str, key) if isinstance(key, tuple) else ("", "", "")
        found.append(Facts(head, relation, tail, rows["head"].to_numpy(), rows["tail"].to_numpy()))
    return tuple(found)


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=np.int64), *arrays])
