"""Building and merging a kglite graph in memory; nothing here touches a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import kglite
import pandas as pd
import pyarrow as pa

from kgrec.stores.base import Progress
from kgrec.stores.tables import EdgeRows, NodeRows

# pandas types that keep what Arrow says: an integer column with gaps stays integer.
_PANDAS_TYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def add_nodes(graph: kglite.KnowledgeGraph, rows: NodeRows) -> None:
    """Insert nodes, or update the properties that the rows give, by id."""
    frame = to_pandas(rows.table)
    if "title" not in frame:
        # kglite would answer the id for the title of a node that has none.
        frame["title"] = pd.Series([None] * len(frame), dtype="str")
    frame["title"] = frame["title"].astype("str")
    graph.add_nodes(frame, rows.label, "id", "title", column_types={"id": "string"})


def add_edges(graph: kglite.KnowledgeGraph, rows: EdgeRows) -> None:
    """Insert edges. On a type that has edges already, an edge between the same two nodes is updated;
    on a new type every row is an edge of its own."""
    with warnings.catch_warnings():
        # Identical interactions are meant: each is an event of its own.
        warnings.filterwarnings("ignore", message=".*parallel.*", category=UserWarning)
        graph.add_relationships(
            to_pandas(rows.table),
            rows.type.name,
            rows.type.source_label,
            "source",
            rows.type.target_label,
            "target",
            column_types={"source": "string", "target": "string"},
        )


def build(
    graph: kglite.KnowledgeGraph,
    nodes: Iterable[NodeRows],
    edges: Iterable[EdgeRows],
    progress: Progress | None = None,
) -> None:
    """Write nodes and edges into an empty graph."""
    for part in nodes:
        add_nodes(graph, part)
        if progress:
            progress(part.label, part.table.num_rows, part.table.num_rows)
    for group in edges:
        add_edges(graph, group)
        if progress:
            progress(group.type.name, group.table.num_rows, group.table.num_rows)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=_PANDAS_TYPES.get)
