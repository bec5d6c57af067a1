"""Merging interactions: which of the incoming ones are stored, which change, which are new.

An interaction is the same as another if user, item, event, timestamp and occurrence (its place
among identical ones) are the same; its other properties are then updated, never erased. Where the
incoming ones say of which records of a service they are, that is compared as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.names import RECORD
from kgrec.stores.columns import one_chunk, same_types

IDENTITY = ("source", "target", "event", "timestamp")


@dataclass(frozen=True)
class Merged:
    """``rows``: the stored interactions, updated, then the new; ``changed`` bool ``[stored]``."""

    rows: pa.Table
    changed: np.ndarray

    @property
    def stored(self) -> int:
        return len(self.changed)

    @property
    def added(self) -> pa.Table:
        return self.rows.slice(self.stored)

    @property
    def work(self) -> int:
        """Rows to write."""
        return int(self.added.num_rows) + int(self.changed.sum())

    def changed_pairs(self) -> pa.Table:
        """Distinct ``source``, ``target`` of the stored interactions that change."""
        rows = self.rows.slice(0, self.stored).filter(pa.array(self.changed))
        return rows.select(["source", "target"]).group_by(["source", "target"]).aggregate([])

    def to_write(self) -> pa.Table:
        """The new interactions, and every interaction of the changed pairs."""
        if not self.changed.any():
            return self.added
        stored = self.rows.slice(0, self.stored)
        again = stored.join(self.changed_pairs(), ["source", "target"], join_type="left semi")
        return pa.concat_tables([again, self.added])


def merge_interactions(stored: pa.Table, incoming: pa.Table) -> Merged:
    """Merge two tables with string columns ``source``, ``target`` and any properties."""
    both = _both(stored, incoming)
    old = both.slice(0, stored.num_rows)
    new = both.slice(stored.num_rows)
    place = _places(both, stored.num_rows, identity_of(incoming))
    found = place >= 0
    updated, changed = _update(old, new.filter(pa.array(found)), place[found])
    added = new.filter(pa.array(~found))
    return Merged(pa.concat_tables([updated, added]), changed)


def places_of(stored: pa.Table, incoming: pa.Table) -> np.ndarray:
    """int64 ``[incoming]``: the stored interaction that each incoming one is, -1 for a new one."""
    return _places(_both(stored, incoming), stored.num_rows, identity_of(incoming))


def identity_of(incoming: pa.Table) -> tuple[str, ...]:
    """The columns by which these interactions are compared with the stored ones."""
    return (*IDENTITY, RECORD) if RECORD in incoming.column_names else IDENTITY


def _both(stored: pa.Table, incoming: pa.Table) -> pa.Table:
    return pa.concat_tables(same_types(stored, incoming), promote_options="permissive")


def _places(both: pa.Table, n_stored: int, names: tuple[str, ...]) -> np.ndarray:
    keys = _keys(both, n_stored, names)
    old, new = pd.Index(keys[:n_stored]), pd.Index(keys[n_stored:])
    return np.asarray(old.get_indexer(new))


def _keys(both: pa.Table, n_stored: int, names: tuple[str, ...]) -> np.ndarray:
    """int64 ``[n]``: equal for rows that are the same interaction, distinct within either part."""
    identity = codes(both.select([name for name in names if name in both.column_names]))
    stored = np.arange(len(identity)) >= n_stored
    # Identical ones are numbered in the order of their other properties, not in row order.
    others = [name for name in sorted(both.column_names) if name not in names]
    order = np.lexsort((codes(both.select(others)), stored, identity))
    ranked, part = identity[order], stored[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (ranked[1:] != ranked[:-1]) | (part[1:] != part[:-1])
    first = np.flatnonzero(starts)
    occurrence = np.arange(len(order)) - np.repeat(first, np.diff([*first, len(order)]))
    keys = np.empty(len(order), dtype=np.int64)
    keys[order] = ranked * (int(occurrence.max(initial=0)) + 1) + occurrence
    return keys


def first_of_each(edges: pa.Table) -> pa.Table:
    """The first edge between each two nodes: a catalog has no second fact of the same relation."""
    _, first = np.unique(codes(edges.select(["source", "target"])), return_index=True)
    return edges.take(pa.array(np.sort(first)))


def codes(table: pa.Table) -> np.ndarray:
    """int64 ``[n]``: equal exactly where all columns are equal (null equals null)."""
    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        encoded = pc.dictionary_encode(one_chunk(column), null_encoding="encode")
        code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        total = pd.factorize(total * (len(encoded.dictionary) + 1) + code)[0].astype(np.int64)
    return total


def _update(old: pa.Table, new: pa.Table, place: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """``old`` with the values of ``new`` at the rows ``place``, and which rows changed."""
    changed = np.zeros(old.num_rows, dtype=bool)
    take = np.full(old.num_rows, -1, dtype=np.int64)
    take[place] = np.arange(len(place))
    rows = pa.array(take, mask=take < 0)
    columns = {}
    for name in old.column_names:
        before = old[name]
        incoming = one_chunk(new[name]).take(rows)
        after = pc.coalesce(incoming, before)
        columns[name] = after
        if pa.types.is_null(after.type):
            continue
        same = pc.fill_null(pc.equal(before, after), False)
        both_null = pc.and_(pc.is_null(before), pc.is_null(after))
        changed |= ~pc.or_(same, both_null).to_numpy(zero_copy_only=False)
    return pa.table(columns), changed
