"""IndexGrowth: what came into a graph since an index of its paths was made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.graph.snapshot import Facts, Interactions, Ints
from kgrec.paths.adjacency import LABELS, Adjacency, NodeSpace, fact_edges

MOST_EVENTS: Final = 1000  # that are added to an index; with more of them it is made anew


@dataclass(frozen=True, eq=False)
class IndexGrowth:
    """The way from the graph of one ``NodeSpace`` to a later one."""

    before: NodeSpace
    after: NodeSpace

    @cached_property
    def rows(self) -> dict[str, Ints | None]:
        """By label the later row of each node, int64, -1 for one that has left; None where all rows
        stay."""
        return {label: self._rows(label) for label in LABELS}

    def _rows(self, label: str) -> Ints | None:
        old, new = self.before.snapshot.table(label), self.after.snapshot.table(label)
        if old.ids is new.ids:
            return None
        rows = new.rows(old.ids)
        return None if np.array_equal(rows, np.arange(len(rows))) else rows

    @cached_property
    def places(self) -> Ints:
        """int64: the later number of each node, -1 for one that has left."""
        parts = []
        for label in LABELS:
            rows, first = self.rows[label], self.after.offsets[label]
            if rows is None:
                count = len(self.before.snapshot.table(label))
                parts.append(np.arange(first, first + count, dtype=np.int64))
            else:
                parts.append(np.where(rows < 0, -1, rows + first))
        return np.concatenate(parts)

    @property
    def stays(self) -> bool:
        """Whether the graph has the same nodes, with the same numbers."""
        return self.before.size == self.after.size and all(
            self.rows[label] is None and self.before.offsets[label] == self.after.offsets[label]
            for label in LABELS
        )

    def moved(self, edges: Adjacency, codes: int = 0) -> Adjacency:
        """The edges among the later nodes; ``codes`` is added to each code."""
        if self.stays and not codes:
            return edges
        return edges.moved(self.places, self.after.size, codes)

    @cached_property
    def added_events(self) -> Ints | None:
        """int64: the rows of the later interactions that were not there; None where some have left,
        or more than ``MOST_EVENTS`` have come."""
        old, new = (space.snapshot.interactions for space in (self.before, self.after))
        if new is old:
            return np.empty(0, dtype=np.int64)
        if not 0 <= len(new) - len(old) <= MOST_EVENTS:
            return None
        items = _moved(old.item, self.rows[ITEM])
        counts = self._new_counts(old, new)
        if counts is None:
            return None
        starts, ends, more = counts
        rows = _added_rows(items, np.asarray(new.item), starts, ends, more)
        if rows is None or not np.array_equal(np.delete(np.asarray(new.item), rows), items):
            return None
        return rows

    def _new_counts(self, old: Interactions, new: Interactions) -> tuple[Ints, Ints, Ints] | None:
        """Where the events of each later user begin before and after, int64 ``[m + 1]``, and how
        many more there are; None where some have left."""
        n_users = len(self.after.snapshot.users)
        after = new.indptr(n_users)
        own = np.diff(old.indptr(len(self.before.snapshot.users)))
        before = np.zeros(n_users, dtype=np.int64)
        rows = self.rows[USER]
        if rows is None:
            before[: len(own)] = own
        elif (own[rows < 0] > 0).any():
            return None
        else:
            before[rows[rows >= 0]] = own[rows >= 0]
        more = np.diff(after) - before
        starts = np.concatenate([[0], np.cumsum(before)])
        return None if (more < 0).any() else (starts, after, more)

    @cached_property
    def added_facts(self) -> tuple[Ints, Ints, Ints] | None:
        """Source, target and kind of the facts that were not there; None where some have left, or
        relations have come."""
        old, new = self.before.snapshot.facts, self.after.snapshot.facts
        if [_name(f) for f in old] != [_name(f) for f in new]:
            return None
        found = []
        for one, other in zip(old, new, strict=True):
            rows = self._added_of(one, other)
            if rows is None:
                return None
            found.append(Facts(*_name(other), other.head[rows], other.tail[rows]))
        return fact_edges(self.after, tuple(found))

    def _added_of(self, old: Facts, new: Facts) -> Ints | None:
        """The rows of a relation's new facts; None where some have left."""
        if old is new:
            return np.empty(0, dtype=np.int64)
        width = len(self.after.snapshot.table(new.tail_label)) + 1
        head, tail = (
            _moved(ends, self.rows[label])
            for ends, label in ((old.head, old.head_label), (old.tail, old.tail_label))
        )
        if (head < 0).any() or (tail < 0).any():
            return None
        keys, known = np.asarray(new.head) * width + new.tail, head * width + tail
        here = np.zeros(len(keys), dtype=bool)
        place = np.searchsorted(keys, known)
        if len(known) and (place[-1] >= len(keys) or not np.array_equal(keys[place], known)):
            return None
        here[place] = True
        return np.flatnonzero(~here)


def _name(facts: Facts) -> tuple[str, str, str]:
    return facts.head_label, facts.relation, facts.tail_label


def _moved(rows: Ints, places: Ints | None) -> Ints:
    return np.asarray(rows) if places is None else np.asarray(places[rows])


def _added_rows(old: Ints, new: Ints, starts: Ints, ends: Ints, more: Ints) -> Ints | None:
    """The rows of ``new`` that each user has beyond the items in ``old``, in their order."""
    found: list[int] = []
    for user in np.flatnonzero(more).tolist():
        before = old[starts[user] : starts[user + 1]].tolist()
        own, place = [], 0
        for row, item in enumerate(new[ends[user] : ends[user + 1]].tolist(), int(ends[user])):
            if place < len(before) and before[place] == item:
                place += 1
            else:
                own.append(row)
        if place < len(before):
            return None
        found += own
    return np.array(found, dtype=np.int64)
