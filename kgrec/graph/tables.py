"""The arrays of a snapshot: nodes of one label, interactions, facts of one relation, texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import unix_seconds_of
from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.graph.columns import BLOCK, NO_TIME, run_offsets, taken, words

# Attributes that every row of a label has: "" where nothing is known.
TEXT_COLUMNS = {USER: (), ITEM: ("title",), ENTITY: ("name", "kind"), SCENARIO: ("description",)}

_FEW_IDS = 8  # up to so many are looked up one by one, which is faster
_WHOLE_NUMBER = "0|-?[1-9][0-9]{0,17}"  # fits int64

WORDS = ("event", "scenario", "split")  # columns of interactions that hold words
COLUMNS = ("user", "item", "timestamp", "rating", *WORDS)  # of all interactions

Strings = np.ndarray  # 1-D object array of str
Ints = np.ndarray
Floats = np.ndarray


def canonical_order(ids: Sequence[str] | Strings) -> Ints:
    """Rows that sort ids by length, then by code point, so that "9" comes before "10".

    Returns int64 ``[n]``.
    """
    text = pa.array(np.asarray(ids, dtype=object), pa.string())
    keyed = pa.table({"length": pc.utf8_length(text), "id": text})  # bytes sort as code points do
    order = pc.sort_indices(keyed, sort_keys=[("length", "ascending"), ("id", "ascending")])
    return np.asarray(order.to_numpy(), dtype=np.int64)


def request_times(frame: pd.DataFrame, what: str) -> Ints:
    """The column ``timestamp`` of a request's rows as unix seconds, int64 ``[n]``.

    NO_TIME where there is none. Takes what a catalog takes; raises RequestError, which calls the
    rows ``what``, for anything else.
    """
    if "timestamp" not in frame.columns:
        return np.full(len(frame), NO_TIME, dtype=np.int64)
    seconds, known = unix_seconds_of(frame["timestamp"], what)
    return np.where(known, seconds, NO_TIME)


class Origin(NamedTuple):
    """How a table came of an earlier one.

    Attributes
    ----------
    before : callable
        The earlier table; None where it is no longer there.
    rows : int64 ``[n]``
        The row there of each node, -1 for a new one.
    named : bool ``[n]``
        The nodes of which anything was said; all others are as they were.
    """

    before: Callable[[], NodeTable | None]
    rows: Ints
    named: np.ndarray


@dataclass(frozen=True, eq=False)
class NodeTable:
    """The nodes of one label: ``ids`` object ``[n]`` in canonical order, attributes row by row.

    ``vectors`` maps a name to the nodes' vectors of the user's own, float32 ``[n, size]``, zero
    where a node has none. ``origin``: how the table came of an earlier one, where it did."""

    label: str
    ids: Strings
    attributes: pd.DataFrame
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    origin: Origin | None = field(default=None, init=False)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index(self) -> pd.Index[Any]:
        index: pd.Index[Any] = pd.Index(self.ids, dtype=object)
        return index

    @cached_property
    def whole_numbers(self) -> bool:
        """Whether every id is a whole number as ``str`` writes it: "7", but not "07"."""
        return bool(pd.Series(self.ids, dtype=object).str.fullmatch(_WHOLE_NUMBER).all())

    def frame(self, key: str) -> pd.DataFrame:
        """The attributes with the ids in a first column ``key``."""
        frame = self.attributes.copy(deep=False)
        frame.insert(0, key, self.ids)
        return frame

    def rows(self, ids: Sequence[str] | Strings) -> Ints:
        """int64 ``[len(ids)]``: the row of each id, -1 where it is unknown."""
        if len(ids) <= _FEW_IDS:
            return np.fromiter(map(self.row, ids), np.int64, len(ids))
        return self.index.get_indexer(pd.Index(np.asarray(ids, dtype=object), dtype=object)).astype(
            np.int64
        )

    def row(self, one: Any) -> int:
        """``rows`` of a single id, without the overhead of an array."""
        try:
            place: Any = self.index.get_loc(one)
        except KeyError:
            return -1
        return int(place)


def rows_in(known: Strings, ids: Sequence[str] | Strings) -> Ints:
    """int64 ``[len(ids)]``: the place of each id among ``known``, -1 where it is not there."""
    return NodeTable("", known, pd.DataFrame()).rows(ids)


def no_scenarios() -> NodeTable:
    """An empty table of scenarios."""
    columns = {name: np.empty(0, dtype=object) for name in TEXT_COLUMNS[SCENARIO]}
    return NodeTable(SCENARIO, np.empty(0, dtype=object), pd.DataFrame(columns))


def with_named(scenarios: NodeTable, named: Strings) -> NodeTable:
    """``scenarios`` with a row of its own for every other name in ``named`` but "", of which
    nothing else is known."""
    if isinstance(named, pd.Categorical) and {"", *scenarios.ids}.issuperset(named.categories):
        return scenarios
    missing = sorted(set(pd.unique(named)) - {"", *scenarios.ids})
    if not missing:
        return scenarios
    ids = np.array([*scenarios.ids, *missing], dtype=object)
    attributes = scenarios.attributes.reindex(range(len(ids)))
    filled = {name: attributes[name].fillna("") for name in TEXT_COLUMNS[SCENARIO]}
    order = canonical_order(ids)
    ordered = attributes.assign(**filled).iloc[order].reset_index(drop=True)
    return NodeTable(SCENARIO, ids[order], ordered)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interactions sorted by (user, timestamp, item, event); all arrays ``[n]``.

    An event without a timestamp comes first among those of its user, or where an update put it: as
    the newest at that time.

    ``user`` and ``item`` int64 rows; ``timestamp`` int64 unix seconds, NO_TIME if absent;
    ``rating`` float32, NaN if absent; ``event``, ``scenario``, ``split`` object, "" if absent.
    The last three are held as words with codes, whatever is given, and integers may be held in
    less room; they read as these arrays (``kgrec.graph.columns``). ``context`` has the columns that
    ``ContextConfig`` names, by name, as words too.
    """

    user: Ints
    item: Ints
    timestamp: Ints
    rating: Floats
    event: Strings
    scenario: Strings
    split: Strings
    context: Mapping[str, Strings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in WORDS:
            object.__setattr__(self, name, words(getattr(self, name)))
        if self.context:
            coded = {name: words(column) for name, column in self.context.items()}
            object.__setattr__(self, "context", coded)

    def __len__(self) -> int:
        return len(self.user)

    def select(self, mask: np.ndarray) -> Interactions:
        """The interactions where ``mask`` (bool ``[n]``) holds, order kept; or those of given rows
        (int64 ``[m]``)."""
        columns = {name: taken(getattr(self, name), mask) for name in COLUMNS}
        context = {name: taken(column, mask) for name, column in self.context.items()}
        return replace(self, context=context, **columns)

    def indptr(self, n_users: int) -> Ints:
        """int64 ``[n_users + 1]``: user u's interactions are rows ``indptr[u]:indptr[u + 1]``."""
        return run_offsets(self.user, n_users)

    def tells_order(self, n_users: int) -> bool:
        """Whether any of ``n_users`` has events at two different times.

        Where none has, as in a table whose times are all 0, the order of a user's events is that of
        the items' ids, which is no order in time. Events without a time do not count.
        """
        first = np.full(n_users, np.iinfo(np.int64).max)
        last = np.full(n_users, NO_TIME)
        for start in range(0, len(self), BLOCK):
            part = slice(start, start + BLOCK)
            user, times = np.asarray(self.user[part]), np.asarray(self.timestamp[part])
            known = times != NO_TIME
            np.minimum.at(first, user[known], times[known])
            np.maximum.at(last, user[known], times[known])
            if (last > first).any():
                return True
        return False

    @property
    def seen_until(self) -> int | None:
        """The latest timestamp (unix seconds), or None where no interaction has one."""
        latest = int(self.timestamp.max()) if len(self) else NO_TIME
        return latest if latest != NO_TIME else None


@dataclass(frozen=True, eq=False)
class Facts:
    """The facts of one relation between two labels: row ``head[i]`` → row ``tail[i]``, sorted."""

    head_label: str
    relation: str
    tail_label: str
    head: Ints
    tail: Ints

    def __len__(self) -> int:
        return len(self.head)


@dataclass(frozen=True, eq=False)
class Texts:
    """Reviews or queries: ``text`` object ``[n]``; ``user``, ``item`` int64 rows (-1: none).

    ``timestamp`` int64 (NO_TIME: none), ``rating`` float32 (NaN: none), ``id`` object.
    """

    id: Strings
    text: Strings
    user: Ints
    item: Ints
    timestamp: Ints
    rating: Floats

    def __len__(self) -> int:
        return len(self.id)

    def select(self, mask: np.ndarray) -> Texts:
        return Texts(
            *(
                c[mask]
                for c in (self.id, self.text, self.user, self.item, self.timestamp, self.rating)
            )
        )


def unchanged_rows(before: NodeTable, after: NodeTable) -> Ints:
    """The row in ``before`` of each node of ``after`` of which nothing has changed.

    Returns
    -------
    int64 ``[len(after)]``
        -1 for nodes that are new, or have another attribute or vector; for all nodes where the
        columns or their types differ.
    """
    if before is after:
        return np.arange(len(after), dtype=np.int64)
    if _columns_of(before) != _columns_of(after):
        return np.full(len(after), -1, dtype=np.int64)
    origin = after.origin
    if origin is not None and origin.before() is before:
        rows = origin.rows.copy()
        here = np.flatnonzero(origin.named & (rows >= 0))
    else:
        rows = before.rows(after.ids)
        here = np.flatnonzero(rows >= 0)
    there, same = rows[here], np.ones(len(here), dtype=bool)
    for name in after.attributes.columns:
        old, new = before.attributes[name].iloc[there], after.attributes[name].iloc[here]
        same &= (_values(old) == _values(new)).astype(bool)
    for name, vectors in after.vectors.items():
        same &= (before.vectors[name][there] == vectors[here]).all(axis=1)
    rows[here[~same]] = -1
    return rows


def _columns_of(table: NodeTable) -> tuple[dict[str, Any], dict[str, int]]:
    kinds = {str(name): kind for name, kind in table.attributes.dtypes.items()}
    return kinds, {name: vectors.shape[1] for name, vectors in table.vectors.items()}


def _values(column: pd.Series[Any]) -> np.ndarray:
    """object ``[n]``, None for absent values, which are equal to each other."""
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy(dtype=bool)] = None
    return values


class GraphTables(Protocol):
    """What conversions read of a snapshot."""

    @property
    def interactions(self) -> Interactions: ...

    @property
    def facts(self) -> tuple[Facts, ...]: ...

    def table(self, label: str) -> NodeTable: ...
