"""Store → GraphSnapshot: every label and edge type read once, in an order that ids alone decide.

A catalog is read by the same code, see ``kgrec.graph.source``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import StoreError
from graph_schema.names import (
    ABOUT,
    CHANGED,
    CLICKED,
    ENTITY,
    INTERACTED,
    ISSUED,
    ITEM,
    QUERY,
    RESERVED_TYPES,
    REVIEW,
    SCENARIO,
    USER,
    WROTE,
)
from kgrec.graph.attributes import attribute_frame, text_column
from kgrec.graph.columns import coded_words
from kgrec.graph.context_columns import whole_numbers
from kgrec.graph.snapshot import (
    NO_TIME,
    TEXT_COLUMNS,
    WORDS,
    Facts,
    GraphSnapshot,
    Interactions,
    Ints,
    NodeTable,
    Strings,
    Texts,
    canonical_order,
    with_named,
)
from kgrec.graph.vectors import split_vectors
from kgrec.stores.base import EdgeType, Progress

_MAX_INT = np.iinfo(np.int64).max
_OWN = {CHANGED}  # properties of nodes that say nothing of them
_INTERACTION_COLUMNS = ("event", "rating", "scenario", "split", "timestamp")


class Readable(Protocol):
    """The part of a GraphStore that a snapshot is read from."""

    uri: str

    def problems(self) -> list[str]: ...

    def edge_types(self) -> list[EdgeType]: ...

    def read_nodes(self, label: str, columns: Sequence[str] | None = None) -> pa.Table: ...

    def read_edges(self, edge: EdgeType, columns: Sequence[str] | None = None) -> pa.Table: ...


def read_snapshot(
    store: Readable,
    *,
    splits: Sequence[str] | None = None,
    progress: Progress | None = None,
    context: Sequence[str] = (),
) -> GraphSnapshot:
    """Read a graph as arrays.

    Equal graphs give equal snapshots, whatever the store and the order in which rows were written.

    Parameters
    ----------
    store : GraphStore
        The store to read.
    splits : sequence of str, optional
        Keep only the interactions of these splits, and no review or query that belongs to an
        interaction left out.
    progress : callable, optional
        Called with (label or relation, rows done, rows in all).
    context : sequence of str
        Columns of interactions to read beside those that all interactions have.

    Returns
    -------
    GraphSnapshot
        Rows of every label in canonical order; interactions by (user, timestamp, item, event).

    Raises
    ------
    StoreError
        If the store can't be read, or its graph does not fit its mapping; then all that is wrong
        is listed.
    """
    report = progress or _silent
    check_readable(store)
    users = _nodes(store, USER, report)
    items = _nodes(store, ITEM, report)
    entities = _nodes(store, ENTITY, report)
    tables = {USER: users, ITEM: items, ENTITY: entities}
    kinds = store.edge_types()
    interactions = _interactions(store, tables, kinds, report, context)
    snapshot = GraphSnapshot(
        users=users,
        items=items,
        entities=entities,
        interactions=interactions,
        facts=_facts(store, tables, kinds, report),
        reviews=_texts(store, REVIEW, (WROTE, ABOUT), tables, report),
        queries=_texts(store, QUERY, (ISSUED, CLICKED), tables, report),
        scenarios=with_named(_nodes(store, SCENARIO, report), interactions.scenario),
        uri=store.uri,
    )
    return snapshot if splits is None else snapshot.restricted(tuple(splits))


def check_readable(store: Readable) -> None:
    """Raise StoreError, with all that is wrong, for a graph that does not fit its mapping."""
    found = store.problems()
    if found:
        noun = "problem" if len(found) == 1 else "problems"
        raise StoreError(
            f"{store.uri}: {len(found)} {noun} of the graph and its mapping:\n"
            + "\n".join(f"- {one}" for one in found)
        )


def _silent(what: str, done: int, total: int) -> None:
    """No progress wanted."""


def _nodes(store: Readable, label: str, report: Progress) -> NodeTable:
    read = store.read_nodes(label)
    table, vectors = split_vectors(label, read.drop_columns([*(_OWN & {*read.column_names})]))
    frame = attribute_frame(table)
    for name in TEXT_COLUMNS[label]:
        frame[name] = text_column(frame[name]).fillna("") if name in frame else ""
    ids = frame["id"].to_numpy(dtype=object)
    order = canonical_order(ids)
    attributes = frame.drop(columns="id").iloc[order].reset_index(drop=True)
    report(label, len(ids), len(ids))
    vectors = {name: vectors[name][order] for name in sorted(vectors)} if label == ITEM else {}
    return NodeTable(label, ids[order], attributes[sorted(attributes.columns)], vectors)


def _interactions(
    store: Readable,
    tables: dict[str, NodeTable],
    kinds: list[EdgeType],
    report: Progress,
    context: Sequence[str],
) -> Interactions:
    edge = next((k for k in kinds if k.name == INTERACTED), EdgeType(USER, INTERACTED, ITEM))
    others = [name for name in context if name not in _INTERACTION_COLUMNS]
    table = store.read_edges(edge, (*_INTERACTION_COLUMNS, *others))
    user, item = _ends(table, tables[USER], tables[ITEM])
    rating = _floats(table["rating"])
    timestamp = _times(table["timestamp"])
    named = [_codes(table[name]) for name in WORDS]
    circumstances = {name: _codes(whole_numbers(table[name])) for name in context}
    keys = [user, timestamp, item, *(codes for codes, _ in named), _ranks(rating)]
    keys += [codes for codes, _ in circumstances.values()]
    del user, item, timestamp  # each array is let go of as soon as its rows are in order
    order = _sorted(keys)
    del keys[3:]
    report(INTERACTED, len(order), len(order))
    user, timestamp, item = (keys.pop(0)[order] for _ in range(3))
    event, scenario, split = (_in_order(*named.pop(0), order) for _ in range(3))
    return Interactions(
        user=user,
        item=item,
        timestamp=timestamp,
        rating=rating[order],
        event=event,
        scenario=scenario,
        split=split,
        context={name: _in_order(*column, order) for name, column in circumstances.items()},
    )


def _in_order(codes: Ints, names: Strings, order: Ints) -> Strings:
    """The words of ``codes`` in this order."""
    return coded_words(codes if len(names) == 1 else codes[order], names)


def _facts(
    store: Readable, tables: dict[str, NodeTable], kinds: list[EdgeType], report: Progress
) -> tuple[Facts, ...]:
    found = []
    for kind in kinds:
        known = kind.source_label in tables and kind.target_label in tables
        if kind.name in RESERVED_TYPES or not known:
            continue
        table = store.read_edges(kind, ())
        head, tail = _ends(table, tables[kind.source_label], tables[kind.target_label])
        order = _sorted((head, tail))
        found.append(
            Facts(kind.source_label, kind.name, kind.target_label, head[order], tail[order])
        )
        report(kind.name, len(order), len(order))
    return tuple(sorted(found, key=lambda f: (f.head_label, f.relation, f.tail_label)))


def _texts(
    store: Readable,
    label: str,
    edges: tuple[str, str],
    tables: dict[str, NodeTable],
    report: Progress,
) -> Texts:
    table = store.read_nodes(label, ("text", "timestamp", "rating"))
    ids = table["id"].to_numpy(zero_copy_only=False).astype(object)
    order = canonical_order(ids)
    rows = NodeTable(label, ids[order], pd.DataFrame(index=range(len(ids))))
    text = pc.fill_null(table["text"].cast(pa.string()), "")
    text = text.to_numpy(zero_copy_only=False).astype(object)
    user = np.full(len(ids), -1, dtype=np.int64)
    item = np.full(len(ids), -1, dtype=np.int64)
    if len(ids):
        wrote = store.read_edges(EdgeType(USER, edges[0], label), ())
        person, written = _ends(wrote, tables[USER], rows)
        user[written] = person
        about = store.read_edges(EdgeType(label, edges[1], ITEM), ())
        writing, subject = _ends(about, rows, tables[ITEM])
        item[writing] = subject
    report(label, len(ids), len(ids))
    return Texts(
        id=ids[order],
        text=text[order],
        user=user,
        item=item,
        timestamp=_times(table["timestamp"])[order],
        rating=_floats(table["rating"])[order],
    )


def _ends(table: pa.Table, sources: NodeTable, targets: NodeTable) -> tuple[Ints, Ints]:
    return _rows(table["source"], sources), _rows(table["target"], targets)


def _rows(ids: pa.ChunkedArray, nodes: NodeTable) -> Ints:
    """Each id's row: looked up once per distinct id."""
    coded = _encoded(ids)
    rows = nodes.rows(coded.dictionary.to_numpy(zero_copy_only=False))
    return np.asarray(rows[coded.indices.to_numpy(zero_copy_only=False)], dtype=np.int64)


def _codes(values: pa.ChunkedArray) -> tuple[Ints, Strings]:
    """Codes that sort as the strings do, and the strings; "" where absent."""
    if len(values) and values.null_count == len(values):
        return np.zeros(len(values), dtype=np.int64), np.array([""], dtype=object)
    coded = _encoded(pc.fill_null(values.cast(pa.string()), ""))
    names = coded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    order = np.argsort(names)
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return place[coded.indices.to_numpy(zero_copy_only=False)], names[order]


def _ranks(values: np.ndarray) -> Ints:
    """The place of each value among the distinct ones in order, NaN last."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    place = np.empty(len(distinct), dtype=np.int64)
    place[np.argsort(distinct)] = np.arange(len(distinct))
    return place[codes]


def _encoded(values: pa.ChunkedArray) -> pa.DictionaryArray:
    if pa.types.is_null(values.type):  # of no rows
        values = values.cast(pa.string())
    coded = values.dictionary_encode().combine_chunks()
    return coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded


def _times(values: pa.ChunkedArray) -> Ints:
    filled = pc.fill_null(values.cast(pa.int64()), NO_TIME)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)


def _floats(values: pa.ChunkedArray) -> np.ndarray:
    filled = pc.fill_null(values.cast(pa.float64()), float("nan"))
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.float32)


def _sorted(keys: Sequence[np.ndarray]) -> Ints:
    """The order by ``keys``, the first one first: int64 rows."""
    packed: list[np.ndarray] = []
    room = 0  # how many values the last packed key can have; 0: nothing fits beside it
    for key in keys:
        low = int(key.min()) if len(key) else 0
        span = int(key.max()) - low + 1 if len(key) else 1
        if packed and span == 1:
            continue  # it decides nothing
        if room and room * span <= _MAX_INT:
            packed[-1] = packed[-1] * span + (key - low)
            room *= span
        elif span <= _MAX_INT:
            packed.append(key.astype(np.int64, copy=False) - low)
            room = span
        else:  # e.g. some timestamps are NO_TIME
            packed.append(key)
            room = 0
    # Rows equal in every key are alike, so an unstable sort will do, and one key sorts fastest.
    order = np.argsort(packed[0])
    if len(packed) > 1:
        _order_ties(order, packed)
    return order.astype(np.int64, copy=False)


def _order_ties(order: Ints, keys: Sequence[np.ndarray]) -> None:
    """Order the rows that are equal in the first key, by which all are in order, by the others."""
    first = keys[0][order]
    same = first[1:] == first[:-1]
    tied = np.zeros(len(order), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    rows = order[places]
    order[places] = rows[np.lexsort([key[rows] for key in keys[::-1]])]
