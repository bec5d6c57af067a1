"""What is to leave a graph: ids of nodes, interactions and facts, read from a call's arguments.

Both the stores and a fitted recommender remove by it, so that they take the same arguments and
remove the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import true_positions
from graph_schema.conversion.frames import Frame, coerce
from graph_schema.errors import RequestError
from graph_schema.frames import FACT_KEY
from graph_schema.names import NODE_TYPES
from graph_schema.report import ProblemCollector, shown
from kgrec.arguments import id_list
from kgrec.stores.columns import plain_column, same_types
from kgrec.stores.merge import codes

Ids: TypeAlias = "str | int | Iterable[str | int]"

NODE_FRAMES: Final = ("users", "items", "entities", "reviews", "queries")
ROW_FRAMES: Final = ("interactions", "facts")
FACT_COLUMNS: Final = ("head", "head_type", "relation", "tail", "tail_type")
_NAMED: Final = 20  # of what is missing, in a message; the rest is counted


@dataclass(frozen=True, eq=False)
class Removal:
    """What is to leave.

    Attributes
    ----------
    nodes : mapping of str to tuple of str
        Distinct ids by frame, for each of NODE_FRAMES.
    interactions : pyarrow.Table
        Columns ``source`` and ``target``, and any others: an interaction that equals a row in all
        of them leaves.
    facts : pyarrow.Table
        The columns that identify a fact (FACT_COLUMNS).
    """

    nodes: Mapping[str, tuple[str, ...]]
    interactions: pa.Table
    facts: pa.Table

    def asked(self, frame: str) -> Sequence[Any]:
        """What was named of a frame: its ids, or its rows."""
        if frame in NODE_FRAMES:
            return self.nodes[frame]
        rows: list[dict[str, Any]] = getattr(self, frame).to_pylist()
        return rows


@dataclass(frozen=True, eq=False)
class Removed:
    """What a removal did: ``rows`` by frame, or None where it was refused and changed nothing;
    ``missing``, by frame: the positions in the removal of what was not there."""

    rows: Mapping[str, int] | None
    missing: Mapping[str, Sequence[int]]


def read_removal(
    *,
    users: Ids = (),
    items: Ids = (),
    entities: Ids = (),
    reviews: Ids = (),
    queries: Ids = (),
    interactions: Frame | None = None,
    facts: Frame | None = None,
) -> Removal:
    """Read the arguments of ``GraphStore.remove``. Raises RequestError."""
    given = {
        "users": users,
        "items": items,
        "entities": entities,
        "reviews": reviews,
        "queries": queries,
    }
    return Removal(
        {name: _ids(name, ids) for name, ids in given.items()},
        _interactions(interactions),
        _facts(facts),
    )


def counts(removal: Removal, removed: Removed) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows of each frame left, and how many that were named were missing.

    Raises RequestError, which names what is missing, where the removal was refused."""
    if removed.rows is None:
        named = [
            f"{frame} {_names(frame, removal.asked(frame), positions)}"
            for frame, positions in removed.missing.items()
            if len(positions)
        ]
        raise RequestError(
            f"not in the graph: {'; '.join(named)}. Nothing was removed. Cure: correct or leave "
            "them out, or remove the others alone with missing='ignore' (--ignore-missing)."
        )
    every, rows = (*NODE_FRAMES, *ROW_FRAMES), removed.rows
    return (
        {name: int(rows.get(name, 0)) for name in every},
        {name: len(removed.missing.get(name, ())) for name in every},
    )


def matching(stored: pa.Table, wanted: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Compare two tables in all columns of ``wanted``; absent values are equal.

    Returns
    -------
    pair of bool array
        Which stored rows equal one of the wanted, and which wanted rows equal a stored one.
    """
    names = wanted.column_names
    both = pa.concat_tables(same_types(stored.select(names), wanted), promote_options="permissive")
    keys = codes(both)
    old, new = keys[: stored.num_rows], keys[stored.num_rows :]
    return np.isin(old, new), np.isin(new, old)


def fact_groups(
    facts: pa.Table,
) -> list[tuple[tuple[str, str, str], list[dict[str, Any]]]]:
    """The facts by (label of heads, relation, label of tails): ``source``, ``target`` and the
    ``place`` in the table of each."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for place, row in enumerate(facts.to_pylist()):
        kind = NODE_TYPES[row["head_type"]], row["relation"], NODE_TYPES[row["tail_type"]]
        ends = {"source": row["head"], "target": row["tail"], "place": place}
        groups.setdefault(kind, []).append(ends)
    return list(groups.items())


def places(found: np.ndarray) -> list[int]:
    """The positions that are not found (bool ``[n]``), as JSON can hold them."""
    return [int(place) for place in np.flatnonzero(~found)]


def absent_ids(ids: Sequence[str], known: Iterable[str]) -> list[int]:
    """The positions of the ids that are not among ``known``."""
    there = set(known)
    return [place for place, one in enumerate(ids) if one not in there]


def _ids(frame: str, given: Any) -> tuple[str, ...]:
    """Distinct ids. Raises RequestError."""
    ids = tuple(dict.fromkeys(id_list(given, frame)))
    if not all(ids):
        raise RequestError(f"{frame}: an id is empty; name what is to leave.")
    return ids


def _interactions(given: Frame | None) -> pa.Table:
    if given is None:
        return pa.table({name: pa.nulls(0, pa.string()) for name in ("source", "target")})
    table = _coerced("interactions", given, ("user_id", "item_id"))
    ends = {"user_id": "source", "item_id": "target"}
    return pa.table({ends.get(n, n): plain_column(table[n]) for n in table.column_names})


def _facts(given: Frame | None) -> pa.Table:
    if given is None:
        return pa.table({name: pa.nulls(0, pa.string()) for name in FACT_COLUMNS})
    table = _coerced("facts", given, FACT_KEY)
    collector = ProblemCollector({}, {})
    for name in ("head_type", "tail_type"):
        values = table.column(name)
        odd = true_positions(pc.invert(pc.is_in(values, value_set=pa.array(list(NODE_TYPES)))))
        cure = f"write one of {', '.join(NODE_TYPES)}."
        collector.add_rows("facts", name, odd, "this is not a type of node.", cure)
    _raise_if_any(collector)
    return table.select(list(FACT_COLUMNS))


def _coerced(frame: str, given: Frame, required: Sequence[str]) -> pa.Table:
    """A frame with a catalog's types, none of whose ``required`` values is absent."""
    collector = ProblemCollector({}, {})
    table = coerce(frame, given, collector)
    if table is not None and not collector.problems:
        for name in required:
            _check_filled(frame, name, table.column(name), collector)
    _raise_if_any(collector)
    assert table is not None  # else there is a problem
    return table


def _check_filled(frame: str, column: str, values: Any, collector: ProblemCollector) -> None:
    empty = true_positions(pc.or_kleene(pc.is_null(values), pc.equal(values, "")))
    cure = "name what is to leave, or leave the row out."
    collector.add_rows(frame, column, empty, "the value is empty.", cure)


def _raise_if_any(collector: ProblemCollector) -> None:
    if collector.problems:
        lines = "\n".join(f"- {problem}" for problem in collector.problems)
        raise RequestError(f"this can't be removed; nothing was changed:\n{lines}")


def _names(frame: str, asked: Sequence[Any], positions: Sequence[int]) -> str:
    """What is missing of a frame, in words; the first of them where there are many."""
    first = [asked[place] for place in positions[:_NAMED]]
    if frame in ROW_FRAMES:
        texts = [f"row {p} ({_row(one)})" for p, one in zip(positions, first, strict=False)]
    else:
        texts = [shown(one) for one in first]
    more = len(positions) - len(first)
    return ", ".join(texts) + (f" and {more:,} more" if more else "")


def _row(row: Mapping[str, Any]) -> str:
    return ", ".join(shown(value) for value in row.values() if value is not None)
