"""Removing nodes, interactions and facts from Neo4j, in one transaction that may run twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import neo4j
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.names import INTERACTED, ITEM, LABEL_FRAMES, QUERY, REVIEW, USER
from kgrec.stores.columns import with_columns
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.read import Known
from kgrec.stores.neo4j.write import BATCH, stored_interactions
from kgrec.stores.removal import (
    NODE_FRAMES,
    Removal,
    Removed,
    absent_ids,
    fact_groups,
    matching,
    places,
)

_LABELS = {frame: label for label, frame in LABEL_FRAMES.items()}


def remove(tx: neo4j.ManagedTransaction, removal: Removal, strict: bool, present: Known) -> Removed:
    """Remove what is there; with ``strict`` nothing, if anything is missing.

    ``present``: names that the graph has; a query that used others would give warnings.
    """
    _lock(tx, removal, present)
    elements, found = _interactions(tx, removal.interactions, present)
    missing = {
        **{name: _absent(tx, _LABELS[name], removal.nodes[name], present) for name in NODE_FRAMES},
        "interactions": places(found),
        "facts": places(_stored_facts(tx, removal.facts, present)),
    }
    if strict and any(missing.values()):
        return Removed(None, missing)
    rows: Counter[str] = Counter()
    rows["interactions"] += _run(tx, queries.DELETE_ELEMENTS, elements)[1]
    for kind, facts in fact_groups(removal.facts):
        if _has_kind(kind, present):
            rows["facts"] += _run(tx, queries.delete_facts(*kind), facts)[1]
    for name in NODE_FRAMES:
        _remove_nodes(tx, name, removal.nodes[name], present, rows)
    return Removed(rows, missing)


def _remove_nodes(
    tx: neo4j.ManagedTransaction,
    frame: str,
    ids: Sequence[str],
    present: Known,
    rows: Counter[str],
) -> None:
    """Remove nodes and what leaves with them, and add to ``rows`` what has left."""
    label = _LABELS[frame]
    if not ids or label not in present.labels:
        return
    for relation, other, statement in queries.DELETE_WITH[label]:
        if relation in present.types:
            nodes, relationships = _run(tx, statement, ids)
            if other is not None:
                rows[LABEL_FRAMES[other]] += nodes
            elif relation == INTERACTED:
                rows["interactions"] += relationships
    nodes, relationships = _run(tx, queries.delete_nodes(label), ids)
    rows[frame] += nodes
    if label not in (REVIEW, QUERY):  # their relationships are no facts
        rows["facts"] += relationships


def _lock(tx: neo4j.ManagedTransaction, removal: Removal, present: Known) -> None:
    """Nobody may add an edge to what is about to leave."""
    users = {*removal.nodes["users"], *removal.interactions["source"].to_pylist()}
    for label, ids in ((USER, sorted(users)), (ITEM, removal.nodes["items"])):
        if ids and label in present.labels:
            tx.run(queries.lock_nodes(label), ids=list(ids)).consume()


def _absent(
    tx: neo4j.ManagedTransaction, label: str, ids: Sequence[str], present: Known
) -> list[int]:
    if not ids or label not in present.labels:
        return list(range(len(ids)))
    found = tx.run(queries.find_nodes(label), rows=list(ids))
    return absent_ids(ids, [record["id"] for record in found])


def _interactions(
    tx: neo4j.ManagedTransaction, wanted: pa.Table, present: Known
) -> tuple[list[str], np.ndarray]:
    """The element ids of the interactions that leave, and which of the wanted were found."""
    found = np.zeros(wanted.num_rows, dtype=bool)
    if not wanted.num_rows or INTERACTED not in present.types:
        return [], found
    users = pc.unique(wanted["source"]).to_pylist()
    own = [name for name in wanted.column_names if name not in ("source", "target")]
    columns = [name for name in own if name in present.properties]
    stored = stored_interactions(tx, users, columns, elements=True)
    if stored is None:
        return [], found
    leaving, found = matching(with_columns(stored, wanted.column_names), wanted)
    elements: list[str] = stored[queries.ELEMENT].filter(pa.array(leaving)).to_pylist()
    return elements, found


def _stored_facts(tx: neo4j.ManagedTransaction, wanted: pa.Table, present: Known) -> np.ndarray:
    """bool ``[n]``: which of the wanted facts are stored."""
    found = np.zeros(wanted.num_rows, dtype=bool)
    for kind, rows in fact_groups(wanted):
        if _has_kind(kind, present):
            there = tx.run(queries.find_facts(*kind), rows=rows)
            found[[record["place"] for record in there]] = True
    return found


def _has_kind(kind: tuple[str, str, str], present: Known) -> bool:
    return kind[1] in present.types and {kind[0], kind[2]} <= present.labels


def _run(tx: neo4j.ManagedTransaction, statement: str, rows: Sequence[Any]) -> tuple[int, int]:
    """Run a statement on the parameter ``rows``, in batches; nodes and relationships deleted."""
    nodes = relationships = 0
    for start in range(0, len(rows), BATCH):
        batch = list(rows[start : start + BATCH])
        counters = tx.run(statement, rows=batch).consume().counters
        nodes += counters.nodes_deleted
        relationships += counters.relationships_deleted
    return nodes, relationships
