"""A snapshot as a folder of Parquet files, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.disk.parquet_limits import read_parquet_table
from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.graph.attributes import attribute_frame
from kgrec.graph.columns import BLOCK, words
from kgrec.graph.snapshot import (
    COLUMNS,
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
_CONTEXT = "context."  # before the name of a column of ``Interactions.context``


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
        rows: Interactions | Texts = getattr(snapshot, name)
        _write_parts(folder / f"{name}.parquet", _row_parts(rows))
    _write_parts(folder / "facts.parquet", _fact_parts(snapshot.facts))


def read_saved_snapshot(folder: Path) -> GraphSnapshot:
    """What ``write_snapshot`` wrote; raises OSError or pyarrow.ArrowException where it can't."""
    nodes, integer_ids = {}, set()
    for name, label in _TABLES.items():
        path = folder / f"{name}.parquet"
        if label == SCENARIO and not path.exists():  # written before there were any
            nodes[name] = no_scenarios()
            continue
        saved, vectors = from_columns(read_parquet_table(path))
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
        facts=_facts(read_parquet_table(folder / "facts.parquet").to_pandas()),
        reviews=Texts(**_arrays(folder / "reviews.parquet")),
        queries=Texts(**_arrays(folder / "queries.parquet")),
        scenarios=with_named(nodes["scenarios"], interactions.scenario),
        integer_ids=frozenset(integer_ids),
    )


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _interactions(path: Path) -> Interactions:
    columns = {}
    for name in COLUMNS:  # one at a time: a table of all takes as much again
        if name in WORDS:
            columns[name] = _words(path, name)
        else:
            columns[name] = read_parquet_table(path, columns=[name]).column(0).to_numpy()
    context = {
        name.removeprefix(_CONTEXT): _words(path, name)
        for name in pq.read_schema(path).names
        if name.startswith(_CONTEXT)
    }
    return Interactions(**columns, context=context)


def _words(path: Path, name: str) -> np.ndarray:
    values = read_parquet_table(path, columns=[name], read_dictionary=[name]).column(0)
    return words(values.to_pandas().array)


def _write_parts(path: Path, parts: Iterator[pa.Table]) -> None:
    """Write a table part by part: columns of a large graph are not in memory as a whole."""
    first = next(parts)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        for part in chain([first], parts):
            writer.write_table(part)


def _row_parts(rows: Interactions | Texts) -> Iterator[pa.Table]:
    for start in range(0, max(len(rows), 1), BLOCK):
        columns = {}
        for name, column in _columns(rows).items():
            values = np.asarray(column[start : start + BLOCK])
            kind = pa.string() if values.dtype == object else None
            columns[name] = pa.array(values, kind, from_pandas=False)
        yield pa.table(columns)


def _columns(rows: Interactions | Texts) -> dict[str, np.ndarray]:
    if isinstance(rows, Texts):
        return {part.name: getattr(rows, part.name) for part in fields(rows)}
    known = {name: getattr(rows, name) for name in COLUMNS}
    return known | {f"{_CONTEXT}{name}": column for name, column in rows.context.items()}


def _fact_parts(facts: Sequence[Facts]) -> Iterator[pa.Table]:
    labels = ("head_label", "relation", "tail_label")
    yield pa.table(
        {name: pa.array([], pa.string()) for name in labels}
        | {name: pa.array([], pa.int64()) for name in ("head", "tail")}
    )
    for one in facts:
        for start in range(0, len(one), BLOCK):
            head, tail = (np.asarray(x[start : start + BLOCK]) for x in (one.head, one.tail))
            words = {name: pa.repeat(getattr(one, name), len(head)) for name in labels}
            yield pa.table(words | {"head": pa.array(head), "tail": pa.array(tail)})


def _arrays(path: Path) -> dict[str, np.ndarray]:
    table = read_parquet_table(path)
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
