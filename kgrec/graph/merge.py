"""Merging a smaller, newer snapshot into a larger one, without reading the store again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.arrays import distinct, ranges
from kgrec.graph.attributes import merged_column
from kgrec.graph.columns import joined_words
from kgrec.graph.growth.events import PlacedEvents
from kgrec.graph.snapshot import (
    COLUMNS,
    NO_TIME,
    TEXT_COLUMNS,
    WORDS,
    Facts,
    GraphSnapshot,
    Interactions,
    Ints,
    NodeTable,
    Texts,
    canonical_order,
)
from kgrec.graph.tables import Origin
from kgrec.graph.vectors import merge_vectors

Move = Callable[[str, Ints], Ints]


@dataclass(frozen=True, eq=False)
class MergedGraph:
    """Two snapshots merged, and how.

    Attributes
    ----------
    snapshot : GraphSnapshot
        Both. Tables that stay as they were are those of the older one.
    before : GraphSnapshot
        The older one.
    move : callable
        The rows here of rows of a label there.
    placed : PlacedEvents or None
        Where new events came between those of ``before``; None where all were merged.
    news : GraphSnapshot
        The newer one.
    """

    snapshot: GraphSnapshot
    before: GraphSnapshot
    move: Move
    placed: PlacedEvents | None
    news: GraphSnapshot

    def without_splits(
        self, full: GraphSnapshot, visible: GraphSnapshot, hidden: tuple[str, ...]
    ) -> GraphSnapshot:
        """``full.without_splits(hidden)``, where ``full`` is ``snapshot``, or that with other
        scenarios; ``visible`` is that of ``before``."""
        found = self._visible_events(visible, hidden) if full is self.snapshot else None
        if found is None:
            return full.without_splits(hidden)
        same_reviews = visible.reviews is self.before.reviews
        same_queries = visible.queries is self.before.queries
        return replace(
            self.snapshot,
            interactions=found,
            reviews=self.snapshot.reviews
            if same_reviews
            else _moved_texts(visible.reviews, self.move),
            queries=self.snapshot.queries
            if same_queries
            else _moved_texts(visible.queries, self.move),
            splits=visible.splits,
        )

    def _visible_events(
        self, visible: GraphSnapshot, hidden: tuple[str, ...]
    ) -> Interactions | None:
        """The interactions of ``without_splits``; None where texts or scenarios may leave too."""
        others = len(self.news.reviews) + len(self.news.queries)
        if self.placed is None or others or visible.scenarios is not self.before.scenarios:
            return None
        known = _moved(visible.interactions, self.move)
        if not len(self.placed.gaps):
            return known
        whole = _moved(self.before.interactions, self.move)
        placed = self.placed.among_visible(whole, known, hidden)
        return None if placed is None else placed.into(known)


def merge_snapshots(old: GraphSnapshot, new: GraphSnapshot) -> GraphSnapshot:
    """Everything of both: attributes of ``new`` win where given, and an event or fact that both
    hold counts once. Rows are in canonical order again; only events of ``new`` without a time come
    after all others of their user, while a graph that is read has them first."""
    return merged_graph(old, new).snapshot


def merged_graph(old: GraphSnapshot, new: GraphSnapshot) -> MergedGraph:
    """``merge_snapshots``, and how the older one's rows came there."""
    tables = {label: _merge_nodes(old.table(label), new.table(label)) for label in _LABELS}
    moves = [_mover(snapshot, tables) for snapshot in (old, new)]
    events = _moved(old.interactions, moves[0]), _moved(new.interactions, moves[1])
    placed = PlacedEvents.find(*events)
    snapshot = replace(
        old,
        users=tables[USER],
        items=tables[ITEM],
        entities=tables[ENTITY],
        interactions=_merge_interactions(*events) if placed is None else placed.into(events[0]),
        facts=_merge_facts(old.facts, new.facts, *moves),
        reviews=_merge_texts(old.reviews, new.reviews, *moves),
        queries=_merge_texts(old.queries, new.queries, *moves),
        scenarios=_merge_nodes(old.scenarios, new.scenarios),
    )
    return MergedGraph(snapshot, old, moves[0], placed, new)


_LABELS = (USER, ITEM, ENTITY)
_CONTEXT: Final = "context."  # before the name of a column of ``Interactions.context``


def _mover(snapshot: GraphSnapshot, tables: dict[str, NodeTable]) -> Move:
    maps = {label: _map(snapshot.table(label), tables[label]) for label in _LABELS}

    def move(label: str, rows: Ints) -> Ints:
        places = maps[label]
        if places is None or not len(rows):
            return rows
        return np.where(rows >= 0, places[np.maximum(rows, 0)], -1)

    return move


def _map(before: NodeTable, after: NodeTable) -> Ints | None:
    """The row of each node in another table, int64; None where all rows stay."""
    if after is before or not len(before):
        return None
    rows = after.rows(before.ids)
    return None if np.array_equal(rows, np.arange(len(rows))) else rows


def _merge_nodes(old: NodeTable, new: NodeTable) -> NodeTable:
    if not len(new) or _says_nothing(old, new):
        return old
    ids = np.array([*old.ids, *new.ids[old.rows(new.ids) < 0]], dtype=object)
    ids = ids[canonical_order(ids)]
    rows = old.rows(ids), new.rows(ids)
    names = sorted({*map(str, old.attributes.columns), *map(str, new.attributes.columns)})
    columns = {
        name: merged_column(old.attributes.get(name), rows[0], new.attributes.get(name), rows[1])
        for name in names
    }
    for name in TEXT_COLUMNS[old.label]:
        columns[name] = columns[name].fillna("")
    attributes = pd.DataFrame(columns, index=range(len(ids)))
    merged = NodeTable(old.label, ids, attributes, merge_vectors(old, new, ids))
    object.__setattr__(merged, "origin", Origin(weakref.ref(old), rows[0], rows[1] >= 0))
    return merged


def _says_nothing(old: NodeTable, new: NodeTable) -> bool:
    """Whether a table only names nodes that are known."""
    if new.vectors or not {*new.attributes.columns} <= {*old.attributes.columns}:
        return False
    given = (new.attributes.notna() & (new.attributes != "")).to_numpy(dtype=bool)
    return not given.any() and bool((old.rows(new.ids) >= 0).all())


def _frame(events: Interactions, context: Iterable[str]) -> pd.DataFrame:
    frame = pd.DataFrame({name: np.asarray(getattr(events, name)) for name in COLUMNS})
    for name in context:
        column = events.context.get(name)
        frame[_CONTEXT + name] = "" if column is None else np.asarray(column)
    return frame


def _merge_interactions(old: Interactions, new: Interactions) -> Interactions:
    """As ``_merged``, which is given only the events of the users that have new ones."""
    if not len(new):
        return old
    if not len(old):
        return _merged(old, new)
    touched = np.zeros(max(int(old.user[-1]), int(new.user.max())) + 1, dtype=bool)
    touched[new.user] = True
    theirs = _rows_of(touched, old.user)
    if 2 * len(theirs) > len(old):
        return _merged(old, new)
    fresh = _merged(old.select(theirs), new)
    left = np.ones(len(old), dtype=bool)
    left[theirs] = False
    others = old.select(left)
    return _joined(others, fresh, np.searchsorted(np.asarray(others.user), fresh.user))


def _moved(events: Interactions, move: Move) -> Interactions:
    user, item = move(USER, events.user), move(ITEM, events.item)
    if user is events.user and item is events.item:
        return events
    return replace(events, user=user, item=item)


def _rows_of(touched: np.ndarray, user: Ints) -> Ints:
    """The rows of some users, int64 ascending; ``user`` ascends."""
    starts = np.searchsorted(np.asarray(user), np.arange(len(touched) + 1))
    chosen = np.flatnonzero(touched)
    return ranges(starts[chosen], starts[chosen + 1] - starts[chosen])


def _joined(one: Interactions, other: Interactions, places: Ints) -> Interactions:
    """``one`` with the rows of ``other`` before its rows ``places``, int64 ascending."""
    rows = np.insert(np.arange(len(one)), places, np.arange(len(one), len(one) + len(other)))

    def column(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate([np.asarray(first), np.asarray(second)])[rows]

    def named(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return joined_words(first, second, rows)

    context = {name: named(one.context[name], other.context[name]) for name in one.context}
    return Interactions(
        **{
            name: (named if name in WORDS else column)(getattr(one, name), getattr(other, name))
            for name in COLUMNS
        },
        context=context,
    )


def _merged(old: Interactions, new: Interactions) -> Interactions:
    """The n-th of several equal events is the same event on both sides; as in a store, what the
    newer one says of it counts, where it says anything. Events in different contexts differ."""
    contexts = [_CONTEXT + name for name in old.context]
    key = ["user", "item", "event", "timestamp", *contexts]
    frames = []
    for events in (old, new):
        frame = _frame(events, old.context)
        frames.append(frame.assign(nth=frame.groupby(key).cumcount()))
    places = [_old_places(frames[0]), frames[1]["timestamp"].to_numpy()]
    both = pd.concat(frames, ignore_index=True).assign(place=np.concatenate(places))
    is_new = np.arange(len(both)) >= len(old)
    repeated = both.duplicated([*key, "nth"], keep="first")
    newer = both[repeated].set_index([*key, "nth"])[["rating", "scenario", "split"]]
    both, is_new = both[~repeated], is_new[~repeated.to_numpy()]
    if len(newer):
        both = _overwritten(both, newer)
    both = _newest_without_time(both, is_new)
    order = ["user", "place", "untimed", "item", "event", "scenario", "split", "rating", *contexts]
    both = both.sort_values(order, kind="stable")
    return Interactions(
        **{
            name: both[name].to_numpy(dtype=np.asarray(getattr(old, name)[:0]).dtype)
            for name in COLUMNS
        },
        context={name: both[_CONTEXT + name].to_numpy(dtype=object) for name in old.context},
    )


def _old_places(old: pd.DataFrame) -> np.ndarray:
    """int64 ``[n]``: the latest time of the user's events up to each one, by which an event without
    a time stays where an earlier merge put it."""
    return old.groupby("user")["timestamp"].cummax().to_numpy(dtype=np.int64)


def _newest_without_time(both: pd.DataFrame, is_new: np.ndarray) -> pd.DataFrame:
    """``both`` with the new events without a time after all other events of their user.

    Who tells of an event and gives no time tells of what has just happened. Users without any time
    keep the order by item."""
    untimed = (both["timestamp"] == NO_TIME).to_numpy()
    last = both.groupby("user")["place"].transform("max").to_numpy(dtype=np.int64)
    place = np.where(is_new & untimed, last, both["place"].to_numpy(dtype=np.int64))
    return both.assign(place=place, untimed=untimed & (place != NO_TIME))


def _overwritten(events: pd.DataFrame, newer: pd.DataFrame) -> pd.DataFrame:
    """``events`` with the columns of ``newer``, by its index, wherever those are given."""
    place = newer.index.get_indexer(pd.MultiIndex.from_frame(events[newer.index.names]))
    changed = events.copy()
    for column in newer.columns:
        said = newer[column].to_numpy()[place]
        given = (place >= 0) & ~pd.isna(said) & (said != "")
        changed[column] = np.where(given, said, events[column])
    return changed


def _merge_facts(
    old: tuple[Facts, ...], new: tuple[Facts, ...], move_old: Move, move_new: Move
) -> tuple[Facts, ...]:
    if not new and all(_moved_facts(f, move_old) is f for f in old):
        return old
    found: dict[tuple[str, str, str], Facts] = {}
    for facts, move in ((old, move_old), (new, move_new)):
        for f in facts:
            key = f.head_label, f.relation, f.tail_label
            moved = _moved_facts(f, move)
            known = found.get(key, replace(moved, head=moved.head[:0], tail=moved.tail[:0]))
            found[key] = moved if facts is old else _with_pairs(known, moved)
    return tuple(facts for _, facts in sorted(found.items()))


def _moved_facts(facts: Facts, move: Move) -> Facts:
    head, tail = move(facts.head_label, facts.head), move(facts.tail_label, facts.tail)
    if head is facts.head and tail is facts.tail:
        return facts
    return replace(facts, head=head, tail=tail)


def _with_pairs(facts: Facts, more: Facts) -> Facts:
    """Facts of one relation, each once and sorted; ``facts`` are so already."""
    width = max(int(np.max(one.tail, initial=0)) for one in (facts, more)) + 1
    keys, others = (np.asarray(one.head) * width + one.tail for one in (facts, more))
    others = distinct(others)
    places = np.searchsorted(keys, others)
    known = places < len(keys)
    known[known] = keys[places[known]] == others[known]
    fresh = others[~known]
    head, tail = (
        np.insert(np.asarray(column), places[~known], ends)
        for column, ends in ((facts.head, fresh // width), (facts.tail, fresh % width))
    )
    return replace(facts, head=head, tail=tail)


def _merge_texts(old: Texts, new: Texts, move_old: Move, move_new: Move) -> Texts:
    """A text that both hold is the newer one's."""
    parts = [_moved_texts(texts, move) for texts, move in ((old, move_old), (new, move_new))]
    if not len(new):
        return parts[0]
    replaced = np.isin(parts[0].id.astype(str), parts[1].id.astype(str))
    kept = (parts[0].select(~replaced), parts[1])
    columns = {
        part.name: np.concatenate([getattr(texts, part.name) for texts in kept])
        for part in fields(Texts)
    }
    order = canonical_order(columns["id"])
    return Texts(**{name: values[order] for name, values in columns.items()})


def _moved_texts(texts: Texts, move: Move) -> Texts:
    user, item = move(USER, texts.user), move(ITEM, texts.item)
    if user is texts.user and item is texts.item:
        return texts
    return replace(texts, user=user, item=item)
