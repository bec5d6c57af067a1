"""``read_changes``: new interactions, changed nodes and their facts, since a time.

Only what is newer than that is read, by the indexes that the store has on these times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kgrec.stores.base import GraphStore
from kgrec.stores.following.follow_queries import LABELS, FollowQueries

MOST: Final = 5_000  # rows of one statement


@dataclass(frozen=True)
class ChangedNode:
    """A node with all its properties."""

    label: str
    id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class StoredFact:
    """A fact by the labels and ids of its ends."""

    head_label: str
    head: str
    relation: str
    tail_label: str
    tail: str


@dataclass(frozen=True)
class Changes:
    """What was found.

    Attributes
    ----------
    interactions : list of dict
        user, item, event, timestamp, rating, scenario and record (None: of no service).
    nodes, facts : list
        Changed nodes, and the facts that they are the heads of.
    events_until, nodes_until : int or None
        Unix seconds until which all was read, where there is more; None: all was read.
    """

    interactions: list[dict[str, Any]]
    nodes: list[ChangedNode]
    facts: list[StoredFact]
    events_until: int | None = None
    nodes_until: int | None = None


def read_changes(
    store: GraphStore, events_since: int, nodes_since: int, own: str, *, most: int = MOST
) -> Changes:
    """Read what is new in a store.

    Parameters
    ----------
    store : GraphStore
        The store.
    events_since, nodes_since : int
        Unix seconds from which interactions and changed nodes are read.
    own : str
        How the records of this service begin, whose interactions are left out.
    most : int
        At most so many rows of each statement.

    Returns
    -------
    Changes
        Each interaction once. Where a statement has more rows than ``most``, it says until when.

    Raises
    ------
    StoreError
        If the store can't be read, or can't be followed.
    """
    queries = store.follow_queries()
    given: dict[str, Any] = {"since": events_since, "own": own, "most": most}
    parts = [store.query(one, given) for one in queries.interactions]
    asked = {"since": nodes_since, "most": most}
    found = {label: store.query(one, asked) for label, one in queries.nodes.items()}
    nodes = [
        ChangedNode(label, str(row["id"]), row["properties"])
        for label, rows in found.items()
        for row in rows
    ]
    return Changes(
        _distinct(parts),
        nodes,
        _facts(store, queries, nodes),
        _until(parts, most),
        _until(list(found.values()), most),
    )


def _distinct(parts: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows of several statements, each interaction once: several that are equal in one statement
    are several."""
    first, *others = parts
    known = {_key(row) for row in first}
    rows = list(first)
    for part in others:
        rows += [row for row in part if _key(row) not in known]
    return [{name: value for name, value in row.items() if name != "at"} for row in rows]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("user", "item", "event", "timestamp", "record"))


def _until(parts: list[list[dict[str, Any]]], most: int) -> int | None:
    """The earliest last time of the statements that have more rows."""
    lasts = [int(rows[-1]["at"]) for rows in parts if len(rows) == most]
    return min(lasts, default=None)


def _facts(store: GraphStore, queries: FollowQueries, nodes: list[ChangedNode]) -> list[StoredFact]:
    facts = []
    for label, query in queries.facts.items():
        ids = [node.id for node in nodes if node.label == label]
        if ids:
            facts += [
                StoredFact(
                    label, str(row["head"]), row["relation"], row["tail_label"], str(row["tail"])
                )
                for row in store.query(query, {"ids": ids})
                if row["tail_label"] in LABELS
            ]
    return facts
