"""Convert a snapshot to PyTorch Geometric's HeteroData, or to a networkx graph."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY, INTERACTED, ITEM, USER
from kgrec.extras import require
from kgrec.graph.columns import NO_TIME
from kgrec.graph.tables import GraphTables

if TYPE_CHECKING:
    import networkx as nx
    from torch_geometric.data import HeteroData

    from kgrec.stores.base import NodeRef

_LABELS = (USER, ITEM, ENTITY)


def to_pyg(snapshot: GraphTables) -> HeteroData:
    """Convert a snapshot to HeteroData.

    Parameters
    ----------
    snapshot : GraphSnapshot
        The graph.

    Returns
    -------
    torch_geometric.data.HeteroData
        Node types are labels, edge types (label, relation, label). A node's row is its row in the
        snapshot. Every ``edge_index`` is int64 ``[2, edges]``; interactions also have
        ``timestamp`` int64 (unix seconds, NO_TIME if unknown) and ``rating`` float32 (NaN if
        unknown). No memory is shared with the snapshot.

    Raises
    ------
    MissingExtraError
        If PyTorch Geometric is not installed.
    """
    import torch

    data: HeteroData = require("torch_geometric.data", extra="pyg").HeteroData()
    for label in _LABELS:
        data[label].num_nodes = len(snapshot.table(label))
    events = snapshot.interactions
    edges = data[USER, INTERACTED, ITEM]
    edges.edge_index = torch.from_numpy(np.stack([events.user, events.item]))
    edges.timestamp = torch.from_numpy(events.timestamp.copy())
    edges.rating = torch.from_numpy(events.rating.copy())
    for facts in snapshot.facts:
        index = torch.from_numpy(np.stack([facts.head, facts.tail]))
        data[facts.head_label, facts.relation, facts.tail_label].edge_index = index
    return data


def to_networkx(
    snapshot: GraphTables, *, center: NodeRef | None = None, hops: int = 2
) -> nx.MultiDiGraph[tuple[str, str]]:
    """Convert a snapshot, or the part around one node, to a networkx graph.

    Parameters
    ----------
    snapshot : GraphSnapshot
        The graph.
    center : NodeRef, optional
        Keep only nodes near this one; None: all nodes.
    hops : int
        Most edges between ``center`` and a node that is kept, directions ignored.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are (label, id) with their known attributes and ``label``. Edges have ``relation``;
        interactions also their known timestamp, rating, event, scenario and split.

    Raises
    ------
    RequestError
        If ``center`` is not in the snapshot.
    """
    kept = None if center is None else _within(snapshot, center, hops)
    return induced(snapshot, kept)


def induced(
    snapshot: GraphTables,
    kept: Mapping[str, np.ndarray] | None,
    relations: Container[str] | None = None,
) -> nx.MultiDiGraph[tuple[str, str]]:
    """Return some nodes and the edges between them, in the form of ``to_networkx``.

    ``kept[label]`` is a mask, bool ``[n]`` (None: all nodes); ``relations`` None: all.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[tuple[str, str]] = nx.MultiDiGraph()
    for label in _LABELS:
        table = snapshot.table(label)
        rows = np.arange(len(table)) if kept is None else np.flatnonzero(kept[label])
        attributes = table.attributes.iloc[rows].to_dict("records")
        for row, values in zip(rows, attributes, strict=True):
            known = {str(name): value for name, value in values.items() if not pd.isna(value)}
            graph.add_node((label, table.ids[row]), **{**known, "label": label})
    for head, relation, tail, heads, tails in _edges(snapshot):
        if relations is not None and relation not in relations:
            continue
        mask = np.ones(len(heads), dtype=bool) if kept is None else kept[head][heads]
        if kept is not None:
            mask &= kept[tail][tails]
        rows = np.flatnonzero(mask)
        sources, targets = snapshot.table(head).ids, snapshot.table(tail).ids
        for row in rows:
            event = _event(snapshot, int(row)) if relation == INTERACTED else {}
            start, end = (head, sources[heads[row]]), (tail, targets[tails[row]])
            graph.add_edge(start, end, relation=relation, **event)
    return graph


Edges = tuple[str, str, str, np.ndarray, np.ndarray]


def _edges(snapshot: GraphTables) -> Iterator[Edges]:
    """Yield (head label, relation, tail label, head rows, tail rows) of every kind of edge."""
    yield USER, INTERACTED, ITEM, snapshot.interactions.user, snapshot.interactions.item
    for facts in snapshot.facts:
        yield facts.head_label, facts.relation, facts.tail_label, facts.head, facts.tail


def _within(snapshot: GraphTables, center: NodeRef, hops: int) -> dict[str, np.ndarray]:
    """Masks, bool ``[n]`` per label, of the nodes at most ``hops`` edges away."""
    if center.label not in _LABELS:
        raise RequestError(
            f"{center.label} is no label of the snapshot. Cure: use {', '.join(_LABELS)}."
        )
    start = int(snapshot.table(center.label).rows([center.id])[0])
    if start < 0:
        raise RequestError(f"there is no {center.label} {center.id!r}. Cure: check the id.")
    reached = {label: np.zeros(len(snapshot.table(label)), dtype=bool) for label in _LABELS}
    reached[center.label][start] = True
    for _ in range(hops):
        before = {label: mask.copy() for label, mask in reached.items()}
        for head, _relation, tail, heads, tails in _edges(snapshot):
            reached[tail][tails[before[head][heads]]] = True
            reached[head][heads[before[tail][tails]]] = True
    return reached


def _event(snapshot: GraphTables, row: int) -> dict[str, Any]:
    """The known properties of an interaction."""
    events = snapshot.interactions
    values: dict[str, Any] = {
        name: getattr(events, name)[row] for name in ("event", "scenario", "split")
    }
    found = {name: value for name, value in values.items() if value}
    if events.timestamp[row] != NO_TIME:
        found["timestamp"] = int(events.timestamp[row])
    if not np.isnan(events.rating[row]):
        found["rating"] = float(events.rating[row])
    return found
