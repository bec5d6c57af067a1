"""Building and merging a kglite graph in memory; nothing here writes a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import kglite
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.names import INTERACTED, ITEM, USER
from kgrec.progress import Progress
from kgrec.stores.base import EdgeType
from kgrec.stores.embedded import queries
from kgrec.stores.embedded.file import LoadedGraph, prepare
from kgrec.stores.embedded.read import read_edges, read_nodes
from kgrec.stores.erasure import EmptyProperty
from kgrec.stores.merge import Merged, merge_interactions
from kgrec.stores.tables import EdgeRows, NodeRows

# pandas types that keep what Arrow says: an integer column with gaps stays integer.
_PANDAS_TYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_BATCH = 10_000
_INTERACTIONS = EdgeType(USER, INTERACTED, ITEM)


def merged(
    graph: kglite.KnowledgeGraph,
    nodes: Sequence[NodeRows],
    edges: Sequence[EdgeRows],
    patch_rows: int,
    progress: Progress | None = None,
) -> kglite.KnowledgeGraph:
    """The graph with nodes and edges merged into it: changed in place, or built anew.

    The interactions come first among ``edges``. Up to ``patch_rows`` of them are merged one by
    one; for more of them it is faster to build the graph anew.
    """
    loaded = LoadedGraph(graph)
    if not loaded.had_edges(INTERACTED):
        build(graph, nodes, edges, progress)
        return graph
    events, *others = edges
    both = merge_interactions(read_edges(loaded, _INTERACTIONS, None), events.table)
    if both.work > patch_rows:
        return rebuilt(loaded, nodes, both.rows, others, progress)
    build(graph, nodes, others, progress)
    patch_interactions(graph, both)
    return graph


def rebuilt(
    loaded: LoadedGraph,
    nodes: Sequence[NodeRows],
    interactions: pa.Table,
    others: Sequence[EdgeRows],
    progress: Progress | None = None,
) -> kglite.KnowledgeGraph:
    """A new graph with these interactions in place of the loaded ones, and nodes and edges more."""
    graph = kglite.KnowledgeGraph()
    prepare(graph)
    old_nodes = [NodeRows(n, read_nodes(loaded, n, None)) for n in loaded.graph.node_types]
    old_edges = [
        EdgeRows(edge, read_edges(loaded, edge, None))
        for edge in loaded.edge_types
        if edge.name != INTERACTED
    ]
    build(graph, old_nodes, old_edges)
    build(graph, nodes, [EdgeRows(_INTERACTIONS, interactions), *others], progress)
    return graph


def erase(graph: kglite.KnowledgeGraph, empty: Iterable[EmptyProperty]) -> None:
    """Remove properties of nodes; what is not there is no error."""
    for one in empty:
        if one.label in graph.node_types:
            statement = queries.erase_property(one.label, one.name)
            graph.cypher(statement, params={"ids": one.ids}, timeout_ms=0)


def add_nodes(graph: kglite.KnowledgeGraph, rows: NodeRows) -> None:
    """Insert nodes, or update the properties in the rows, by id."""
    kinds = graph.schema()["node_types"].get(rows.label, {}).get("properties", {})
    frame = to_pandas(rows.table)
    if "title" not in frame:
        # kglite would answer the id for the title of a node that has none.
        frame["title"] = None
    if kinds and frame["title"].isna().any():
        # It leaves properties alone that have no new value, but not the title.
        frame["title"] = frame["title"].fillna(frame["id"].map(_titles(graph, rows.label)))
    frame["title"] = frame["title"].astype("str")
    with warnings.catch_warnings():
        # A whole number beside others: both are read as numbers. Other types are converted before.
        warnings.filterwarnings("ignore", message="add_nodes: .*Type mismatch")
        graph.add_nodes(frame, rows.label, "id", "title", column_types={"id": "string"})


def _titles(graph: kglite.KnowledgeGraph, label: str) -> dict[str, str | None]:
    found: Any = graph.cypher(queries.titles(label), timeout_ms=0)
    return dict(zip(found.column("id"), found.column("title"), strict=True))


def add_edges(graph: kglite.KnowledgeGraph, rows: EdgeRows) -> None:
    """Insert edges. On a type that has or had edges an edge between the same two nodes is updated;
    on a new type every row is an edge of its own."""
    with warnings.catch_warnings():
        # Identical interactions are meant: each is an event of its own.
        warnings.filterwarnings("ignore", message="relationship type ", category=UserWarning)
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
    """Add nodes, then edges, none of which may be interactions that the graph has a part of."""
    for part in nodes:
        add_nodes(graph, part)
        if progress:
            progress(part.label, part.table.num_rows, part.table.num_rows)
    for group in edges:
        if not group.table.num_rows:
            continue
        add_edges(graph, group)
        if progress:
            progress(group.type.name, group.table.num_rows, group.table.num_rows)


def patch_interactions(graph: kglite.KnowledgeGraph, merged: Merged) -> None:
    """Add the new interactions to a graph that has others, and replace those that change.

    kglite's bulk path would take two events of a pair for one, so this takes Cypher: right for
    few rows, too slow for many.
    """
    pairs = merged.changed_pairs()
    for batch in pairs.to_batches(_BATCH):
        graph.cypher(queries.DELETE_PAIRS, params={"rows": batch.to_pylist()}, timeout_ms=0)
    for columns, rows in by_columns(merged.to_write()):
        statement = queries.create_interactions(columns)
        for batch in rows.to_batches(_BATCH):
            graph.cypher(statement, params={"rows": batch.to_pylist()}, timeout_ms=0)


def by_columns(table: pa.Table) -> list[tuple[Sequence[str], pa.Table]]:
    """The rows in groups that have the same properties present, so that none is written as null."""
    names = [name for name in table.column_names if name not in ("source", "target")]
    groups = [(tuple(names), table)]
    for name in names:
        split = []
        for columns, rows in groups:
            there = pc.is_valid(rows[name])
            rest = tuple(column for column in columns if column != name)
            split += [(columns, rows.filter(there)), (rest, rows.filter(pc.invert(there)))]
        groups = [(columns, rows) for columns, rows in split if rows.num_rows]
    return [(columns, rows.select(["source", "target", *columns])) for columns, rows in groups]


def to_pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=_PANDAS_TYPES.get)
    return frame
