"""Small graphs for the tests of paths and explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

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


def films() -> GraphSnapshot:
    """u1 chose a and x; b shares the director e1 (of two) and the genre e2 (of most) with a."""
    films = ["a", "b", "x", "y", "z"]
    return snapshot(
        {"u1": {}, "u2": {}, "u3": {}},
        {
            "a": {"title": "Heat", "genres": "Crime|Drama", "year": 1995},
            "b": {"title": "Ronin", "genres": "Crime|Thriller", "year": 1998},
            "x": {"title": "Big", "genres": "Comedy", "year": 1988},
            "y": {"title": None, "genres": None, "year": None},
            "z": {"title": "Alone", "genres": "", "year": 2001},
        },
        {"e1": {"name": "Ann Lee"}, "e2": {"name": "Crime"}, "e3": {"name": None}},
        [("u1", "a", 10, 5.0), ("u1", "x", 20, 3.0), ("u2", "a", 5, 4.0), ("u2", "b", 6, 4.0)],
        {
            ("Item", "DIRECTED_BY", "Entity"): [("a", "e1"), ("b", "e1")],
            ("Item", "HAS_GENRE", "Entity"): [(film, "e2") for film in films[:4]],
            ("Item", "SEQUEL", "Item"): [("x", "b")],
            ("User", "FOLLOWS", "User"): [("u1", "u2")],
        },
    )
