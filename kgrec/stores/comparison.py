"""What a catalog would change in a store: rows added, changed, unchanged, and only stored.

It reads the store as any other reader does and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import replace as with_values
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.errors import StoreError
from graph_schema.names import (
    FRAMES,
    INTERACTED,
    ITEM,
    LABEL_FRAMES,
    QUERY,
    RESERVED_TYPES,
    REVIEW,
    USER,
)
from graph_schema.vectors import is_vector
from kgrec.stores.base import EdgeType
from kgrec.stores.columns import one_chunk, same_types
from kgrec.stores.merge import codes, first_of_each, places_of
from kgrec.stores.stored_types import attribute_kinds, kind_of_column, with_stored_types
from kgrec.stores.tables import EdgeRows, interaction_rows, node_rows, other_edges

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from kgrec.stores.base import GraphStore

_INTERACTIONS: Final = EdgeType(USER, INTERACTED, ITEM)
_ENDS: Final = ("source", "target")


@dataclass(frozen=True)
class FrameDifference:
    """Rows of one frame.

    Attributes
    ----------
    added, changed, unchanged : int
        Rows of the catalog that the store lacks, that change a stored one, and that change nothing.
    only_stored : int
        Rows of the store that the catalog lacks.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    only_stored: int = 0

    def __add__(self, other: FrameDifference) -> FrameDifference:
        return FrameDifference(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.only_stored + other.only_stored,
        )


def difference(
    store: GraphStore, catalog: Catalog, *, replace: bool = False
) -> dict[str, FrameDifference]:
    """Say what ``store.write(catalog)`` would change, without writing.

    Parameters
    ----------
    store : GraphStore
        The store, which is only read.
    catalog : Catalog
        What would be written; it is validated first.
    replace : bool
        As for ``write``: what is only stored would leave, and a row changes also where the catalog
        has no value for a stored one.

    Returns
    -------
    dict of str to FrameDifference
        For each frame how many rows would be added, changed or left as they are, and how many are
        only in the store.

    Raises
    ------
    CatalogError, StoreError
        Where ``write`` would.
    """
    catalog.validate().raise_if_any()
    if store.mapping is not None:
        raise StoreError(
            f"{store.uri}: a graph that is read through a mapping is never written. Cure: connect "
            "without a mapping, to a database that kgrec may write in."
        )
    if replace:
        store.check_replaceable()
    return _difference(store, catalog, replaced=replace)


def _difference(
    store: GraphStore, catalog: Catalog, *, replaced: bool
) -> dict[str, FrameDifference]:
    stored = {label: store.read_nodes(label) for label in LABEL_FRAMES}
    if not replaced:  # a replaced graph takes the types of the catalog
        catalog = with_stored_types(catalog, _other_kinds(stored, catalog))
    given = {rows.label: rows.table for rows in node_rows(catalog)}
    links, facts = _in_two(other_edges(catalog))
    kinds = store.edge_types()
    found = dict.fromkeys(FRAMES, FrameDifference())
    for label, frame in LABEL_FRAMES.items():
        relinked = _relinked(store, kinds, links, label, replaced=replaced)
        found[frame] = _nodes(stored[label], given.get(label), relinked, replaced=replaced)
    found["interactions"] = _interactions(store, catalog, replaced=replaced)
    stored_facts = [kind for kind in kinds if kind.name not in RESERVED_TYPES]
    for kind in {_plain(one) for one in (*stored_facts, *(rows.type for rows in facts))}:
        incoming = next((rows.table for rows in facts if _plain(rows.type) == kind), None)
        found["facts"] += _edges(store.read_edges(kind), incoming, replaced=replaced)
    return found


def _plain(kind: EdgeType) -> EdgeType:
    return with_values(kind, count=0)


def _in_two(edges: Iterable[EdgeRows]) -> tuple[list[EdgeRows], list[EdgeRows]]:
    """The edges of reviews and queries, and the facts."""
    links: list[EdgeRows] = []
    facts: list[EdgeRows] = []
    for rows in edges:
        (links if rows.type.name in RESERVED_TYPES else facts).append(rows)
    return links, facts


def _other_kinds(stored: Mapping[str, pa.Table], catalog: Catalog) -> dict[str, dict[str, str]]:
    """The stored types of attributes for which the catalog has others."""
    found: dict[str, dict[str, str]] = {}
    for label, kinds in attribute_kinds(catalog).items():
        for name, kind in kinds.items():
            if name not in stored[label].column_names:
                continue
            there = kind_of_column(stored[label][name])
            if there is not None and there != kind:
                found.setdefault(label, {})[name] = there
    return found


def _nodes(
    stored: pa.Table, given: pa.Table | None, relinked: set[str], *, replaced: bool
) -> FrameDifference:
    if given is None:
        return FrameDifference(only_stored=stored.num_rows)
    place = pd.Index(stored["id"].to_pandas()).get_indexer(pd.Index(given["id"].to_pandas()))
    other = np.isin(given["id"].to_numpy(), list(relinked)) if relinked else None
    return _counted(stored, given, place, ("id",), other, replaced=replaced)


def _edges(stored: pa.Table, given: pa.Table | None, *, replaced: bool) -> FrameDifference:
    """Edges of a type that has at most one between two nodes."""
    stored = first_of_each(stored)
    if given is None:
        return FrameDifference(only_stored=stored.num_rows)
    given = first_of_each(given)
    return _counted(stored, given, _pairs(stored, given), _ENDS, None, replaced=replaced)


def _interactions(store: GraphStore, catalog: Catalog, *, replaced: bool) -> FrameDifference:
    stored, given = store.read_edges(_INTERACTIONS), interaction_rows(catalog).table
    if not given.num_rows:
        return FrameDifference(only_stored=stored.num_rows)
    place = places_of(stored, given)
    return _counted(stored, given, place, _ENDS, None, replaced=replaced)


def _relinked(
    store: GraphStore,
    kinds: list[EdgeType],
    links: list[EdgeRows],
    label: str,
    *,
    replaced: bool,
) -> set[str]:
    """The ids of reviews or queries whose user or item is another one."""
    found: set[str] = set()
    if label not in (REVIEW, QUERY):
        return found
    for rows in links:
        kind = _plain(rows.type)
        if label not in (kind.source_label, kind.target_label):
            continue
        key = "source" if kind.source_label == label else "target"
        stored = store.read_edges(kind, []) if kind in map(_plain, kinds) else None
        if stored is None:
            found |= set(rows.table[key].to_pylist())
            continue
        place = _pairs(stored, rows.table)
        found |= set(rows.table[key].filter(pa.array(place < 0)).to_pylist())
        if replaced:
            gone = ~np.isin(np.arange(stored.num_rows), place)
            found |= set(stored[key].filter(pa.array(gone)).to_pylist())
    return found


def _pairs(stored: pa.Table, given: pa.Table) -> np.ndarray:
    """int64 ``[given]``: the stored edge of the same ends, -1 where there is none."""
    ends = list(_ENDS)
    keys = codes(pa.concat_tables([stored.select(ends), given.select(ends)]))
    own = pd.Index(keys[: stored.num_rows])
    return np.asarray(own.get_indexer(pd.Index(keys[stored.num_rows :])))


def _counted(
    stored: pa.Table,
    given: pa.Table,
    place: np.ndarray,
    keys: tuple[str, ...],
    other: np.ndarray | None,
    *,
    replaced: bool,
) -> FrameDifference:
    """``place`` int64 ``[given]``: the stored row of each given one, -1 for none; ``other`` bool
    ``[given]``: rows that change for another reason than their properties."""
    found = place >= 0
    old = stored.take(pa.array(place[found])).drop_columns(list(keys))
    new = given.filter(pa.array(found)).drop_columns(list(keys))
    differ = differing(old, new, int(found.sum()), erased=replaced)
    if other is not None:
        differ |= other[found]
    changed, same = int(differ.sum()), int(found.sum())
    return FrameDifference(int((~found).sum()), changed, same - changed, stored.num_rows - same)


def differing(old: pa.Table, new: pa.Table, n: int, *, erased: bool) -> np.ndarray:
    """bool ``[n]``: the rows of ``old`` that change by those of ``new`` beside them.

    ``erased``: also where the new one has no value.
    """
    old, new = same_types(old, new)
    changed = np.zeros(n, dtype=bool)
    for name in {*old.column_names, *new.column_names}:
        before, after = _column(old, name, n), _column(new, name, n)
        known = pc.is_valid(after).to_numpy(zero_copy_only=False)
        there = pc.is_valid(before).to_numpy(zero_copy_only=False)
        changed |= known & ~there
        changed |= known & there & ~_equal(before, after)
        if erased:
            changed |= there & ~known
    return changed


def _column(table: pa.Table, name: str, length: int) -> pa.Array:
    return one_chunk(table[name]) if name in table.column_names else pa.nulls(length)


def _equal(before: pa.Array, after: pa.Array) -> np.ndarray:
    """bool ``[n]``: where two columns of one type hold equal values; False where one is absent."""
    if pa.types.is_null(before.type) or pa.types.is_null(after.type):
        return np.zeros(len(before), dtype=bool)
    if is_vector(before.type):
        pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
        return np.array([one == other for one, other in pairs], dtype=bool)
    return np.asarray(pc.fill_null(pc.equal(before, after), False).to_numpy(zero_copy_only=False))
