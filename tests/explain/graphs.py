"""Small graphs and breakdowns for the tests of explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import (
    NO_TIME,
    Facts,
    GraphSnapshot,
    Interactions,
    NodeTable,
    Texts,
    canonical_order,
)

FactRows = Mapping[tuple[str, str, str], Sequence[tuple[str, str]]]


def table(label: str, attributes: Mapping[str, Mapping[str, object]]) -> NodeTable:
    """Nodes by id, each with its attributes."""
    ids = np.array(list(attributes), dtype=object)
    ids = ids[canonical_order(ids)] if len(ids) else ids
    frame = pd.DataFrame([dict(attributes[i]) for i in ids], index=range(len(ids)))
    return NodeTable(label, ids, frame)


def events(
    users: NodeTable, items: NodeTable, rows: Sequence[tuple[str, str, int | None, float | None]]
) -> Interactions:
    """Interactions from (user, item, timestamp, rating), in the contract's order."""
    user = users.rows([row[0] for row in rows])
    item = items.rows([row[1] for row in rows])
    time = np.array([NO_TIME if row[2] is None else row[2] for row in rows], dtype=np.int64)
    rating = np.array([np.nan if row[3] is None else row[3] for row in rows], dtype=np.float32)
    order = np.lexsort((item, time, user))
    blank = np.full(len(rows), "", dtype=object)
    return Interactions(
        user[order], item[order], time[order], rating[order], blank, blank.copy(), blank.copy()
    )


def snapshot(
    users: Mapping[str, Mapping[str, object]],
    items: Mapping[str, Mapping[str, object]],
    entities: Mapping[str, Mapping[str, object]],
    interactions: Sequence[tuple[str, str, int | None, float | None]],
    facts: FactRows,
) -> GraphSnapshot:
    """A snapshot as a store would give it."""
    tables = {
        "User": table("User", users),
        "Item": table("Item", items),
        "Entity": table("Entity", entities),
    }
    parts = []
    for (head_label, relation, tail_label), rows in sorted(facts.items()):
        head = tables[head_label].rows([row[0] for row in rows])
        tail = tables[tail_label].rows([row[1] for row in rows])
        order = np.lexsort((tail, head))
        parts.append(Facts(head_label, relation, tail_label, head[order], tail[order]))
    none, empty = np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    texts = Texts(none, none, empty, empty, empty, np.empty(0, dtype=np.float32))
    return GraphSnapshot(
        tables["User"],
        tables["Item"],
        tables["Entity"],
        events(tables["User"], tables["Item"], interactions),
        tuple(parts),
        texts,
        texts,
    )


def breakdown(
    graph: GraphSnapshot,
    history: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    matches: Sequence[tuple[int, str, str, str, float]] = (),
    *,
    baseline: float = 0.0,
    rest: float = 0.0,
) -> ScoreBreakdown:
    """A breakdown over item ids; ``matches`` are (event, entity, relation, relation, amount)."""
    relations = [part.relation for part in graph.facts]
    columns = list(zip(*matches, strict=True)) if matches else [()] * 5
    found = Matches(
        np.array(columns[0], dtype=np.int64),
        graph.entities.rows(list(columns[1])),
        np.array([relations.index(name) for name in columns[2]], dtype=np.int64),
        np.array([relations.index(name) for name in columns[3]], dtype=np.int64),
        np.array(columns[4], dtype=np.float64),
    )
    amounts = {name: np.array(values, dtype=np.float64) for name, values in parts.items()}
    total = sum(float(values.sum()) for values in amounts.values())
    return ScoreBreakdown(
        score=baseline + total + rest,
        baseline=baseline,
        history=graph.items.rows(list(history)),
        timestamps=np.arange(len(history), dtype=np.int64) + 1000,
        parts=amounts,
        matches=found,
    )
