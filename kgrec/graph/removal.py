"""Removing nodes, interactions and facts from a snapshot, as a store removes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME, Facts, GraphSnapshot, Ints, NodeTable, Texts, rows_in
from kgrec.stores.removal import Removal, Removed, absent_ids, fact_groups, matching, places

_TABLES = {USER: "users", ITEM: "items", ENTITY: "entities"}
_TEXTS = ("reviews", "queries")
_COLUMNS = ("source", "target", "timestamp", "rating", "event", "scenario", "split")


def without(
    snapshot: GraphSnapshot, removal: Removal, strict: bool
) -> tuple[GraphSnapshot, Removed]:
    """The snapshot without what is to leave, and what was done.

    It is the snapshot that a store of the same graph gives after the same removal, but that
    attributes which no node has any more keep their columns. With ``strict`` nothing leaves, if
    anything is missing.

    Raises
    ------
    RequestError
        For a column of interactions that a snapshot does not hold.
    """
    events, found = _interactions(snapshot, removal.interactions)
    facts, found_facts = _facts(snapshot, removal.facts)
    missing = {name: absent_ids(ids, _ids(snapshot, name)) for name, ids in removal.nodes.items()}
    missing |= {"interactions": places(found), "facts": places(found_facts)}
    if strict and any(missing.values()):
        return snapshot, Removed(None, missing)
    kept = {
        label: ~np.isin(snapshot.table(label).ids, list(removal.nodes[name]))
        for label, name in _TABLES.items()
    }
    left = _Kept(snapshot, kept)
    after = left.snapshot(~events, [~mask for mask in facts], removal)
    return after, Removed(_counts(snapshot) - _counts(after), missing)


@dataclass(frozen=True, eq=False)
class _Kept:
    """A snapshot and the nodes of each label that stay, bool ``[n]``."""

    before: GraphSnapshot
    kept: Mapping[str, np.ndarray]

    def snapshot(
        self, events: np.ndarray, facts: list[np.ndarray], removal: Removal
    ) -> GraphSnapshot:
        """The nodes that stay, with those of the events and facts (bool masks) between them."""
        before, kept = self.before, self.kept
        seen = before.interactions
        seen = seen.select(events & kept[USER][seen.user] & kept[ITEM][seen.item])
        groups = [self._facts(f, mask) for f, mask in zip(before.facts, facts, strict=True)]
        return replace(
            before,
            users=self._nodes(before.users),
            items=self._nodes(before.items),
            entities=self._nodes(before.entities),
            interactions=replace(
                seen, user=self._moved(USER, seen.user), item=self._moved(ITEM, seen.item)
            ),
            facts=tuple(group for group in groups if len(group)),
            reviews=self._texts(before.reviews, removal.nodes["reviews"], with_item=True),
            queries=self._texts(before.queries, removal.nodes["queries"], with_item=False),
        )

    def _nodes(self, table: NodeTable) -> NodeTable:
        kept = self.kept[table.label]
        if kept.all():
            return table
        attributes = table.attributes[kept].reset_index(drop=True)
        vectors = {name: rows[kept] for name, rows in table.vectors.items()}
        return NodeTable(table.label, table.ids[kept], attributes, vectors)

    def _facts(self, facts: Facts, mask: np.ndarray) -> Facts:
        head, tail = facts.head_label, facts.tail_label
        mask = mask & self.kept[head][facts.head] & self.kept[tail][facts.tail]
        return replace(
            facts,
            head=self._moved(head, facts.head[mask]),
            tail=self._moved(tail, facts.tail[mask]),
        )

    def _texts(self, texts: Texts, ids: tuple[str, ...], *, with_item: bool) -> Texts:
        """Texts leave with their user, and ``with_item`` with their item."""
        mask = ~np.isin(texts.id, list(ids)) & self._stays(USER, texts.user)
        if with_item:
            mask &= self._stays(ITEM, texts.item)
        left = texts.select(mask)
        return replace(left, user=self._moved(USER, left.user), item=self._moved(ITEM, left.item))

    def _stays(self, label: str, rows: Ints) -> np.ndarray:
        """bool ``[n]``: whether each row stays; true for -1."""
        return np.asarray(np.append(self.kept[label], True)[rows])

    def _moved(self, label: str, rows: Ints) -> Ints:
        """The numbers of rows among those that stay; -1 for -1 and for those that leave."""
        kept = self.kept[label]
        place = np.where(kept, np.cumsum(kept) - 1, -1)
        return np.asarray(np.append(place, -1)[rows], dtype=np.int64)


def _ids(snapshot: GraphSnapshot, frame: str) -> np.ndarray:
    texts = frame in _TEXTS
    found: np.ndarray = getattr(getattr(snapshot, frame), "id" if texts else "ids")
    return found


def _interactions(snapshot: GraphSnapshot, wanted: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Which interactions leave, and which of the wanted were found; bool arrays."""
    events = snapshot.interactions
    leaving = np.zeros(len(events), dtype=bool)
    if not wanted.num_rows:
        return leaving, np.zeros(0, dtype=bool)
    for name in wanted.column_names:
        if name not in _COLUMNS:
            raise RequestError(
                f"interactions: a model keeps no column {name!r} of them. Cure: leave it out; "
                f"user_id, item_id, {', '.join(_COLUMNS[2:])} are kept."
            )
    users = snapshot.users.rows(wanted["source"].unique().to_pylist())
    near = np.flatnonzero(np.isin(events.user, users))
    columns = {
        "source": snapshot.users.ids[events.user[near]],
        "target": snapshot.items.ids[events.item[near]],
        "timestamp": pa.array(events.timestamp[near], mask=events.timestamp[near] == NO_TIME),
        "rating": pa.array(events.rating[near], mask=np.isnan(events.rating[near])),
        **{name: _present(getattr(events, name)[near]) for name in _COLUMNS[4:]},
    }
    stored = pa.table({name: columns[name] for name in wanted.column_names})
    if "rating" in wanted.column_names:  # single precision, as in the snapshot
        place = wanted.column_names.index("rating")
        wanted = wanted.set_column(place, "rating", wanted["rating"].cast(pa.float32()))
    leaving[near], found = matching(stored, wanted)
    return leaving, found


def _present(values: np.ndarray) -> pa.Array:
    """Strings, of which "" is absent."""
    return pa.array(values, pa.string(), mask=values == "")


def _facts(snapshot: GraphSnapshot, wanted: pa.Table) -> tuple[list[np.ndarray], np.ndarray]:
    """By relation which facts leave, and which of the wanted were found; bool arrays."""
    leaving = [np.zeros(len(facts), dtype=bool) for facts in snapshot.facts]
    found = np.zeros(wanted.num_rows, dtype=bool)
    groups = dict(fact_groups(wanted))
    for mask, facts in zip(leaving, snapshot.facts, strict=True):
        rows = groups.get((facts.head_label, facts.relation, facts.tail_label), [])
        tails = snapshot.table(facts.tail_label)
        width = len(tails) + 1
        ends = [
            rows_in(snapshot.table(label).ids, [row[end] for row in rows])
            for label, end in ((facts.head_label, "source"), (facts.tail_label, "target"))
        ]
        known = (ends[0] >= 0) & (ends[1] >= 0)
        keys, stored = ends[0] * width + ends[1], facts.head * width + facts.tail
        there = known & np.isin(keys, stored)
        found[np.array([row["place"] for row in rows], dtype=np.int64)] = there
        mask |= np.isin(stored, keys[there])
    return leaving, found


def _counts(snapshot: GraphSnapshot) -> Counter[str]:
    sizes = {name: len(getattr(snapshot, name)) for name in (*_TABLES.values(), *_TEXTS)}
    sizes["interactions"] = len(snapshot.interactions)
    return Counter({**sizes, "facts": sum(map(len, snapshot.facts))})
