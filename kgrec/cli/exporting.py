"""A store's whole graph as the seven tables of the CSV layout."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from graph_schema.names import (
    ABOUT,
    CLICKED,
    INTERACTED,
    ISSUED,
    KEY_COLUMNS,
    LABEL_FRAMES,
    NODE_TYPES,
    QUERY,
    RESERVED_TYPES,
    REVIEW,
    USER,
    WROTE,
)
from kgrec.cli.progress import Report
from kgrec.stores.base import EdgeType, GraphStore

FACT_COLUMNS = ["head", "head_type", "relation", "tail", "tail_type"]
TYPE_NAMES = {label: name for name, label in NODE_TYPES.items()}


def read_catalog(store: GraphStore, progress: Report) -> dict[str, pd.DataFrame]:
    """Every frame that has rows, by name, with the columns of the CSV layout."""
    edges = store.edge_types()
    steps = len(LABEL_FRAMES) + 2
    frames: dict[str, pd.DataFrame] = {}
    for step, (label, name) in enumerate(LABEL_FRAMES.items(), start=1):
        nodes = _frame(store.read_nodes(label))
        frames[name] = nodes.rename(columns={"id": KEY_COLUMNS[name]})
        progress("reading the graph", step, steps)
    frames["reviews"] = _with_ends(store, edges, frames["reviews"], REVIEW, WROTE, ABOUT)
    frames["queries"] = _with_ends(store, edges, frames["queries"], QUERY, ISSUED, CLICKED)
    frames["interactions"] = _interactions(store, edges)
    progress("reading the graph", steps - 1, steps)
    frames["facts"] = _facts(store, edges)
    progress("reading the graph", steps, steps)
    return {name: frame for name, frame in frames.items() if len(frame)}


def _frame(table: pa.Table) -> pd.DataFrame:
    """Arrow types are kept, so that a year with gaps stays 1990 and doesn't become 1990.0."""
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _interactions(store: GraphStore, edges: list[EdgeType]) -> pd.DataFrame:
    parts = [_frame(store.read_edges(edge)) for edge in edges if edge.name == INTERACTED]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return frame.rename(columns={"source": "user_id", "target": "item_id"})


def _facts(store: GraphStore, edges: list[EdgeType]) -> pd.DataFrame:
    parts = []
    for edge in edges:
        if edge.name in RESERVED_TYPES:
            continue
        part = _frame(store.read_edges(edge))
        part = part.rename(columns={"source": "head", "target": "tail"})
        part["head_type"] = TYPE_NAMES[edge.source_label]
        part["relation"] = edge.name
        part["tail_type"] = TYPE_NAMES[edge.target_label]
        parts.append(part)
    if not parts:
        return pd.DataFrame()
    frame = pd.concat(parts, ignore_index=True)
    return frame[FACT_COLUMNS + [name for name in frame.columns if name not in FACT_COLUMNS]]


def _with_ends(
    store: GraphStore,
    edges: list[EdgeType],
    texts: pd.DataFrame,
    label: str,
    from_user: str,
    to_item: str,
) -> pd.DataFrame:
    """Reviews or queries with the user and the item at the other ends of their edges."""
    if not len(texts):
        return texts
    key = KEY_COLUMNS[LABEL_FRAMES[label]]
    for edge in edges:
        if edge.name == from_user and edge.source_label == USER:
            ends = _frame(store.read_edges(edge, []))
            columns = {"source": "user_id", "target": key}
        elif edge.name == to_item and edge.source_label == label:
            ends = _frame(store.read_edges(edge, []))
            columns = {"source": key, "target": "item_id"}
        else:
            continue
        ends = ends.rename(columns=columns)[list(columns.values())]
        texts = texts.merge(ends, on=key, how="left")
    return texts


def write_tables(
    frames: Mapping[str, pd.DataFrame], folder: Path, file_format: str
) -> dict[str, int]:
    """Write each frame as ``<name>.<file_format>``, whole or not at all; returns rows per frame."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        target = folder / f"{name}.{file_format}"
        partial = folder / f".{target.name}.partial"
        try:
            _write(frame, partial, file_format)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    return {name: len(frame) for name, frame in frames.items()}


def _write(frame: pd.DataFrame, path: Path, file_format: str) -> None:
    if file_format == "parquet":
        parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
        return
    if file_format == "csv":
        frame.to_csv(path, index=False)
        return
    with gzip.GzipFile(path, "wb", mtime=0) as packed:  # equal graphs give equal files
        frame.to_csv(packed, index=False)
