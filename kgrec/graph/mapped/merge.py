"""Edges with string ids, put in a snapshot's order on disk: DuckDB, under a memory limit.

Edges arrive in parts, as catalogs have them. They are kept in a DuckDB file beside the result, with
codes for words and kinds of facts. Then the ids of nodes are joined and the rows sorted, on disk
where they exceed the limit, and the sorted rows are written as they come.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import RequestError, SourceError
from graph_schema.names import ENTITY, ITEM, NODE_TYPES, USER
from kgrec.extras import require
from kgrec.graph.columns import NO_TIME
from kgrec.graph.mapped.events import (
    ITEM_ROW,
    RATING,
    TIME,
    USER_INDPTR,
    EventLayout,
    code_type,
    fact_names,
)
from kgrec.graph.mapped.files import ColumnWriter, column_writers, write_column
from kgrec.graph.tables import WORDS, NodeTable

_ROWS: Final = 1_000_000  # rows fetched at once
_LABELS: Final = (USER, ITEM, ENTITY)
LISTED: Final = 5  # rows named of a problem


@dataclass(frozen=True)
class UnknownEnds:
    """Ends of edges that no node has.

    Attributes
    ----------
    frame, column, label : str
        Where they are, and the label that they should have.
    rows, ids : list
        The first rows of the file, and the ids there.
    count : int
        How many rows in all.
    """

    frame: str
    column: str
    label: str
    rows: list[int]
    ids: list[str]
    count: int


@dataclass
class Names:
    """Codes for names, given as they come."""

    codes: dict[Any, int] = field(default_factory=dict)

    def of(self, column: pa.ChunkedArray) -> np.ndarray:
        """int32 ``[n]``: the code of each text; "" where absent."""
        coded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
        known = [self.code(name) for name in coded.dictionary.to_pylist()]
        place = np.array(known, dtype=np.int32)
        return np.asarray(place[coded.indices.to_numpy()])

    def code(self, name: Any) -> int:
        """The code of one name."""
        return self.codes.setdefault(name, len(self.codes))

    def places(self) -> tuple[list[Any], list[int]]:
        """The names in order, and the place of each code among them."""
        names = sorted(self.codes)
        place = {name: at for at, name in enumerate(names)}
        return names, [place[name] for name in self.codes]


def check_memory(memory: str) -> None:
    """Raise RequestError for what is no amount of memory."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)? ?([kmgtKMGT]i?)?[bB]", memory):
        raise RequestError(f"memory is {memory!r}; give an amount such as 500MB or 4GB.")


@contextmanager
def edge_merge(scratch: Path, memory: str, threads: int) -> Iterator[EdgeMerge]:
    """An EdgeMerge in a folder for its files. Raises SourceError where the memory or the disk is
    too small."""
    duckdb = require("duckdb", extra="duckdb")
    merge = EdgeMerge(scratch, memory, threads)
    try:
        yield merge
    except duckdb.OutOfMemoryException as error:
        raise SourceError(
            f"{memory} of memory are too little to put the edges in order. Cure: give more, such "
            "as --memory 2GB."
        ) from error
    except duckdb.IOException as error:
        raise SourceError(
            f"{scratch.parent}: the edges can't be put in order on disk ({error}). Cure: free some "
            "space there."
        ) from error
    finally:
        merge.close()


class EdgeMerge:
    """A DuckDB file that takes edges with string ids and gives them in a snapshot's order."""

    def __init__(self, scratch: Path, memory: str, threads: int) -> None:
        duckdb = require("duckdb", extra="duckdb")
        self._db = duckdb.connect(
            str(scratch / "edges.duckdb"),
            config={
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": str(scratch / "spill"),
                "preserve_insertion_order": False,
            },
        )
        self._run(
            "CREATE TABLE events (user_id VARCHAR, item_id VARCHAR, time BIGINT, rating FLOAT, "
            "event INTEGER, scenario INTEGER, split INTEGER, file_row BIGINT)"
        )
        self._run(
            "CREATE TABLE facts (kind INTEGER, head VARCHAR, tail VARCHAR, file_row BIGINT, "
            "other UBIGINT)"
        )
        self.words = {name: Names() for name in WORDS}
        self.kinds = Names()
        self.first: int | None = None
        self.last: int | None = None
        self.untimed = self.rated = False
        self.counts = {"interactions": 0, "facts": 0}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add_events(self, table: pa.Table, rows: np.ndarray) -> None:
        """Add interactions of a valid catalog; ``rows`` int64 ``[n]``: their rows in the file."""
        n = table.num_rows
        time = _column(table, "timestamp", pa.int64())
        rating = _column(table, "rating", pa.float32())
        rating = pc.if_else(pc.is_nan(rating), pa.scalar(None, pa.float32()), rating)
        self._note_times(time)
        self.rated |= rating.null_count < n
        columns = {
            "user_id": table.column("user_id"),
            "item_id": table.column("item_id"),
            "time": time,
            "rating": rating,
            **{
                name: pa.array(self.words[name].of(_column(table, name, pa.string())))
                for name in WORDS
            },
            "file_row": pa.array(rows),
        }
        self._insert("events", pa.table(columns))
        self.counts["interactions"] += n

    def add_facts(self, table: pa.Table, rows: np.ndarray) -> None:
        """Add facts of a valid catalog; ``rows`` int64 ``[n]``: their rows in the file."""
        keys = ["head_type", "relation", "tail_type"]
        kinds = table.select(keys).group_by(keys, use_threads=False).aggregate([]).to_pylist()
        code = np.zeros(table.num_rows, dtype=np.int32)
        for kind in kinds:
            masks = [pc.equal(table[name], value) for name, value in kind.items()]
            here = pc.and_(pc.and_(masks[0], masks[1]), masks[2]).to_numpy()
            head, tail = NODE_TYPES[kind["head_type"]], NODE_TYPES[kind["tail_type"]]
            code[here] = self.kinds.code((head, kind["relation"], tail))
        others = [name for name in table.column_names if name not in (*keys, "head", "tail")]
        columns = {"kind": pa.array(code), "head": table["head"], "tail": table["tail"]}
        columns |= {"file_row": pa.array(rows)}
        columns |= {f"other_{place}": table[name] for place, name in enumerate(others)}
        digest = ", ".join(f"other_{place}" for place in range(len(others)))
        self._insert(
            "facts",
            pa.table(columns),
            f"kind, head, tail, file_row, {f'hash({digest})' if others else '0'}",
        )
        self.counts["facts"] += table.num_rows

    def named(self, labels: Collection[str]) -> dict[str, pa.Array]:
        """The distinct ids that edges name, by label: of ``labels`` that are users, items or
        entities."""
        kinds = list(self.kinds.codes)
        parts = {
            USER: ["SELECT user_id AS id FROM events"],
            ITEM: ["SELECT item_id AS id FROM events"],
            ENTITY: [],
        }
        for end, place in (("head", 0), ("tail", 2)):
            for label in _LABELS:
                codes = [str(code) for code, kind in enumerate(kinds) if kind[place] == label]
                if codes:
                    where = f"kind IN ({', '.join(codes)})"
                    parts[label].append(f"SELECT {end} AS id FROM facts WHERE {where}")
        return {
            label: self._ids(" UNION ".join(f"({query})" for query in queries) if queries else "")
            for label, queries in parts.items()
            if label in labels
        }

    def _ids(self, query: str) -> pa.Array:
        if not query:
            return pa.array([], pa.string())
        table = self._db.sql(f"SELECT DISTINCT id FROM ({query})").to_arrow_table()
        return table.column(0).combine_chunks().cast(pa.string())

    def know(self, nodes: Mapping[str, NodeTable]) -> None:
        """Tell the rows of the nodes, by label."""
        self._run("CREATE TABLE nodes (label INTEGER, id VARCHAR, place INTEGER)")
        for code, label in enumerate(_LABELS):
            ids = nodes[label].ids
            for start in range(0, len(ids), _ROWS):
                part = ids[start : start + _ROWS]
                place = np.arange(start, start + len(part), dtype=np.int32)
                columns = {"id": pa.array(part, pa.string()), "place": pa.array(place)}
                self._insert("nodes", pa.table(columns), f"{code}, id, place")

    def unknown(self, labels: Collection[str]) -> list[UnknownEnds]:
        """The ends of edges with one of ``labels`` that no node has."""
        found = [
            self._unknown("interactions", column, "events", label, "")
            for column, label in (("user_id", USER), ("item_id", ITEM))
            if label in labels
        ]
        for end, place in (("head", 0), ("tail", 2)):
            for label in filter(labels.__contains__, _LABELS):
                kinds = self.kinds.codes.items()
                codes = [str(code) for kind, code in kinds if kind[place] == label]
                if codes:
                    where = f"AND kind IN ({', '.join(codes)})"
                    found.append(self._unknown("facts", end, "facts", label, where))
        return [one for one in found if one.count]

    def _unknown(self, frame: str, column: str, table: str, label: str, where: str) -> UnknownEnds:
        rows = (
            f"FROM {table} WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE "
            f"label = {_LABELS.index(label)} AND id = {table}.{column}) {where}"
        )
        count = self._run(f"SELECT count(*) {rows}")[0][0]
        listed: list[tuple[int, str]] = []
        if count:
            query = f"SELECT file_row, {column} {rows} ORDER BY file_row LIMIT {LISTED}"
            listed = self._run(query)
        return UnknownEnds(
            frame, column, label, [row for row, _ in listed], [id_ for _, id_ in listed], count
        )

    def layout(self, n_users: int) -> EventLayout:
        """How the columns of the interactions are held."""
        names = {name: tuple(found.places()[0]) for name, found in self.words.items()}
        n = self.counts["interactions"]
        return EventLayout(n, n_users, self.first, self.last, self.untimed, self.rated, names)

    def write_events(self, folder: Path, layout: EventLayout) -> None:
        """Write the interactions in the snapshot's order."""
        words = [f"{_mapped(found, name)} AS {name}" for name, found in self.words.items()]
        query = (
            f"SELECT u.place AS user_row, i.place AS item, time AS timestamp, rating, "
            f"{', '.join(words)} FROM events "
            f"JOIN nodes u ON u.label = {_LABELS.index(USER)} AND u.id = user_id "
            f"JOIN nodes i ON i.label = {_LABELS.index(ITEM)} AND i.id = item_id "
            "ORDER BY user_row, timestamp NULLS FIRST, item, "
            f"{', '.join(WORDS)}, rating NULLS LAST"
        )
        counts = np.zeros(layout.users + 1, dtype=np.int64)
        with column_writers(folder, layout.columns()) as files:
            for batch in self._batches(query):
                user = batch.column("user_row").to_numpy()
                low = int(user[0])
                found = np.bincount(user - low)
                counts[low + 1 : low + 1 + len(found)] += found
                for name, file in files.items():
                    file.append(_written(name, batch.column(name), layout))
        write_column(folder / f"{USER_INDPTR}.npy", np.cumsum(counts))

    def write_facts(self, folder: Path) -> tuple[list[tuple[str, str, str]], int, list[int]]:
        """Write the facts of every relation in the snapshot's order.

        Returns
        -------
        kinds : list of (head label, relation, tail label)
        repeats : int
            How many facts repeated another one, and were left out.
        rows : list of int
            The first rows of facts that repeat another one with other values.
        """
        kinds, places = self.kinds.places()
        labels = {code: kind for kind, code in self.kinds.codes.items()}
        ends = {
            end: _chosen({code: _LABELS.index(kind[at]) for code, kind in labels.items()}, "kind")
            for end, at in (("head", 0), ("tail", 2))
        }
        query = (
            f"SELECT {_chosen(dict(enumerate(places)), 'kind')} AS kind_place, h.place AS head, "
            f"t.place AS tail, other, file_row FROM facts "
            f"JOIN nodes h ON h.label = {ends['head']} AND h.id = facts.head "
            f"JOIN nodes t ON t.label = {ends['tail']} AND t.id = facts.tail "
            "ORDER BY kind_place, h.place, t.place, other, file_row"
        )
        written = _FactWriter(folder, len(kinds))
        if kinds:
            for batch in self._batches(query):
                written.add(batch)
        written.close()
        return kinds, written.repeats, written.conflicts

    def _note_times(self, time: pa.ChunkedArray) -> None:
        self.untimed |= time.null_count > 0
        if time.null_count == len(time):
            return
        ends = pc.min_max(time).as_py()
        self.first = ends["min"] if self.first is None else min(self.first, ends["min"])
        self.last = ends["max"] if self.last is None else max(self.last, ends["max"])

    def _run(self, query: str) -> list[Any]:
        """The rows of a query, all of them: a connection does one thing at a time."""
        rows: list[Any] = self._db.execute(query).fetchall()
        return rows

    def _insert(self, table: str, part: pa.Table, select: str = "*") -> None:
        self._db.register("part", part)
        self._run(f"INSERT INTO {table} SELECT {select} FROM part")
        self._db.unregister("part")

    def _batches(self, query: str) -> Iterator[pa.RecordBatch]:
        reader = self._db.sql(query).to_arrow_reader(_ROWS)
        return (batch for batch in reader if batch.num_rows)


class _FactWriter:
    """Sorted facts into the columns of their kinds, each once."""

    def __init__(self, folder: Path, kinds: int) -> None:
        int32 = np.dtype(np.int32)
        self._files = [
            tuple(ColumnWriter(folder / f"{name}.npy", int32) for name in fact_names(place))
            for place in range(kinds)
        ]
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self.repeats = 0
        self.conflicts: list[int] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the next facts; rows that repeat the row before them are left out."""
        keys = np.stack([batch.column(name).to_numpy() for name in ("kind_place", "head", "tail")])
        other = batch.column("other").to_numpy()
        before = keys[:, :1] if self._last is None else self._last[0]
        previous = np.concatenate([before, keys[:, :-1]], axis=1)
        same = (keys == previous).all(axis=0)
        same[0] &= self._last is not None
        earlier = np.concatenate([other[:1] if self._last is None else self._last[1], other[:-1]])
        odd = np.flatnonzero(same & (other != earlier))
        self.conflicts += batch.column("file_row").to_numpy()[odd].tolist()
        self.repeats += int(same.sum())
        self._last = keys[:, -1:], other[-1:]
        keys = keys[:, ~same]
        for place in np.unique(keys[0]).tolist():
            here = keys[0] == place
            for file, rows in zip(self._files[place], keys[1:], strict=True):
                file.append(rows[here])

    def close(self) -> None:
        """Finish the files."""
        for pair in self._files:
            for file in pair:
                file.close()


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name in table.column_names:
        return table.column(name).cast(kind, safe=False)
    return pa.chunked_array([pa.nulls(table.num_rows, kind)])


def _mapped(names: Names, column: str) -> str:
    """An SQL expression: the place of a column's code among the names in order."""
    return _chosen(dict(enumerate(names.places()[1])), column)


def _chosen(values: Mapping[int, int], column: str) -> str:
    """An SQL expression: the value of a column's code, which are 0, 1, …"""
    if len(set(values.values())) < 2:
        return str(next(iter(values.values()), 0))
    listed = ", ".join(str(values[code]) for code in range(len(values)))
    return f"([{listed}])[{column} + 1]"


def _written(name: str, column: pa.Array, layout: EventLayout) -> np.ndarray:
    """A column of sorted rows as it is written."""
    if name == TIME:
        return layout.times(pc.fill_null(column, NO_TIME).to_numpy(zero_copy_only=False))
    if name == RATING:
        filled = pc.fill_null(column, pa.scalar(float("nan"), pa.float32()))
        return np.asarray(filled.to_numpy(zero_copy_only=False))
    values = column.to_numpy(zero_copy_only=False)
    kind = np.int32 if name == ITEM_ROW else code_type(len(layout.names[name]))
    return np.asarray(values.astype(kind, copy=False))
