"""Removing nodes, interactions and facts from a kglite graph in memory; nothing here writes a file.

What leaves is counted by the engine's own counts before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import kglite
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import StoreError
from graph_schema.names import INTERACTED, ITEM, LABEL_FRAMES, RESERVED_TYPES, USER
from kgrec.stores.base import EdgeType
from kgrec.stores.columns import with_columns
from kgrec.stores.embedded import queries
from kgrec.stores.embedded.file import LoadedGraph, rows_of
from kgrec.stores.embedded.read import read_edges
from kgrec.stores.embedded.write import by_columns, rebuilt
from kgrec.stores.removal import (
    NODE_FRAMES,
    Removal,
    Removed,
    absent_ids,
    fact_groups,
    matching,
    places,
)

_BATCH: Final = 10_000
_INTERACTIONS: Final = EdgeType(USER, INTERACTED, ITEM)
_LABELS: Final = {frame: label for label, frame in LABEL_FRAMES.items()}


def removed(
    graph: kglite.KnowledgeGraph, removal: Removal, strict: bool, patch_rows: int
) -> tuple[kglite.KnowledgeGraph, Removed]:
    """The graph without what is to leave, changed in place or built anew, and what was done.

    Up to ``patch_rows`` interactions that are named are removed one by one; for more of them it is
    faster to build the graph anew.
    """
    loaded = LoadedGraph(graph)
    leaving, found = _interactions(loaded, removal.interactions)
    missing = {
        **{name: _absent(graph, name, removal.nodes[name]) for name in NODE_FRAMES},
        "interactions": places(found),
        "facts": places(_stored_facts(loaded, removal.facts)),
    }
    if strict and any(missing.values()):
        return graph, Removed(None, missing)
    before = _counts(graph)
    if leaving.num_rows and leaving.num_rows > patch_rows:
        graph = rebuilt(loaded, [], _kept(loaded, removal.interactions), [])
    elif leaving.num_rows:
        _remove_interactions(graph, leaving)
    for (head, relation, tail), rows in fact_groups(removal.facts):
        _run(graph, queries.delete_facts(head, tail), rows, relation=relation)
    for name in NODE_FRAMES:
        for statement in queries.DELETE_NODES[_LABELS[name]]:
            _run(graph, statement, removal.nodes[name])
    graph.vacuum()  # what has left leaves no trace in the file
    return graph, Removed(before - _counts(graph), missing)


def _absent(graph: kglite.KnowledgeGraph, frame: str, ids: Sequence[str]) -> list[int]:
    label = _LABELS[frame]
    if not ids or label not in graph.node_types:
        return list(range(len(ids)))
    found: set[str] = set()
    for start in range(0, len(ids), _BATCH):
        batch = {"rows": list(ids[start : start + _BATCH])}
        found.update(row["id"] for row in rows_of(graph, queries.find_nodes(label), batch))
    return absent_ids(ids, found)


def _interactions(loaded: LoadedGraph, wanted: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """The stored interactions that leave, in the columns of ``wanted``, and which of these were
    found (bool ``[n]``)."""
    if not wanted.num_rows:
        return wanted, np.zeros(0, dtype=bool)
    names = wanted.column_names
    sources = pc.unique(wanted["source"]).to_pylist()
    columns = [name for name in names if name not in ("source", "target")]
    near = read_edges(loaded, _INTERACTIONS, columns, sources=sources)
    leaving, found = matching(near, wanted)
    return near.select(names).filter(pa.array(leaving)), found


def _kept(loaded: LoadedGraph, wanted: pa.Table) -> pa.Table:
    """All interactions but those that equal a row of ``wanted``, with all their columns."""
    stored = read_edges(loaded, _INTERACTIONS, None)
    leaving = matching(with_columns(stored, wanted.column_names), wanted)[0]
    return stored.filter(pa.array(~leaving))


def _remove_interactions(graph: kglite.KnowledgeGraph, leaving: pa.Table) -> None:
    """Remove the interactions that equal a row in all columns. Raises StoreError."""
    expected = leaving.num_rows
    left = 0
    for present, rows in by_columns(leaving.group_by(leaving.column_names).aggregate([])):
        others = [name for name in leaving.column_names if name not in rows.column_names]
        statement = queries.delete_interactions(present, others)
        left += _run(graph, statement, rows.to_pylist())
    if left != expected:
        raise StoreError(
            f"{expected} interactions were found, and {left} could be removed: some of their "
            "properties have several types. Cure: name them by fewer columns."
        )


def _stored_facts(loaded: LoadedGraph, wanted: pa.Table) -> np.ndarray:
    """bool ``[n]``: which of the wanted facts are stored."""
    found = np.zeros(wanted.num_rows, dtype=bool)
    for kind, rows in fact_groups(wanted):
        ends = pa.table({name: [row[name] for row in rows] for name in ("source", "target")})
        stored = read_edges(loaded, EdgeType(*kind), ())
        found[[row["place"] for row in rows]] = matching(stored, ends)[1]
    return found


def _run(
    graph: kglite.KnowledgeGraph, statement: str, rows: Sequence[Any], **parameters: Any
) -> int:
    """Run a statement on the parameter ``rows``, in batches; how many relationships it deleted."""
    deleted = 0
    for start in range(0, len(rows), _BATCH):
        batch = {"rows": list(rows[start : start + _BATCH]), **parameters}
        graph.cypher(statement, params=batch, timeout_ms=0)
        stats: Any = graph.last_mutation_stats
        deleted += int(stats["relationships_deleted"]) if stats else 0
    return deleted


def _counts(graph: kglite.KnowledgeGraph) -> Counter[str]:
    """Rows by frame; every edge that is of no kind of kgrec's own counts as a fact."""
    counts = Counter(
        {
            LABEL_FRAMES[label]: n
            for label, n in graph.node_type_counts().items()
            if label in LABEL_FRAMES
        }
    )
    for _, name, _, n in graph.label_pair_counts():
        if name == INTERACTED:
            counts["interactions"] += n
        elif name not in RESERVED_TYPES:
            counts["facts"] += n
    return counts
