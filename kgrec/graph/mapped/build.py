"""A snapshot folder from tables that don't fit into memory.

Nodes and texts are read as a whole, by the code that reads any catalog; interactions and facts pass
in parts. The files are, byte for byte, those that ``save_snapshot`` writes for the snapshot of the
same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.disk.scratch import scratch_folder
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from graph_schema.names import ENTITY, ITEM, KEY_COLUMNS, LABEL_FRAMES, SCENARIO, USER
from graph_schema.report import ProblemCollector, shown
from kgrec.graph.mapped.folder import fresh_snapshot, write_meta, write_nodes
from kgrec.graph.mapped.merge import EdgeMerge, check_memory, edge_merge
from kgrec.graph.snapshot import GraphSnapshot, with_named

MEMORY = "1GB"


class Parts(Protocol):
    """Tables whose edges are read in parts; see ``loaders.parts.FolderParts``."""

    @property
    def given(self) -> frozenset[str]: ...

    def source(self, frame: str) -> str: ...

    def edges(self, frame: str) -> Iterator[tuple[pa.Table, np.ndarray]]: ...

    def nodes(self) -> Catalog: ...

    def repeated(self, frame: str, count: int) -> None: ...


def build_snapshot(
    parts: Parts,
    folder: str | Path,
    read: Callable[[Catalog], GraphSnapshot],
    *,
    memory: str = MEMORY,
    threads: int = 1,
) -> None:
    """Write a snapshot folder from tables, with DuckDB under a memory limit.

    Parameters
    ----------
    parts : Parts
        The tables.
    folder : str or Path
        A new or empty folder, or one that holds a snapshot, which is replaced as a whole.
    read : callable
        Reads the snapshot of a catalog.
    memory : str
        The most memory that DuckDB takes for edges, such as "1GB"; nodes and texts come on top.
        What exceeds it is on disk, beside ``folder``, meanwhile.
    threads : int
        The threads of DuckDB. The result does not depend on it.

    Raises
    ------
    CatalogError
        Where the tables break the schema; the first part that does is described.
    SourceError
        Where a file can't be read or written, or the memory is too little.
    RequestError
        For a size of memory that is none.
    MissingExtraError
        Without DuckDB.
    """
    check_memory(memory)
    with (
        fresh_snapshot(folder) as fresh,
        scratch_folder(fresh.parent) as scratch,
        edge_merge(scratch, memory, threads) as merge,
    ):
        _build(parts, read, merge, fresh)


def _build(
    parts: Parts, read: Callable[[Catalog], GraphSnapshot], merge: EdgeMerge, fresh: Path
) -> None:
    for table, rows in parts.edges("interactions"):
        merge.add_events(table, rows)
    if not merge.counts["interactions"]:
        raise SourceError(
            f"{parts.source('interactions')}: there is a header but no row. Cure: add interactions."
        )
    for table, rows in parts.edges("facts"):
        merge.add_facts(table, rows)
    nodes = read(_with_named(parts, merge))
    tables = {USER: nodes.users, ITEM: nodes.items, ENTITY: nodes.entities}
    merge.know(tables)
    _check_ends(parts, merge, nodes)
    layout = merge.layout(len(nodes.users))
    names = np.array(layout.names["scenario"], dtype=object)
    nodes = replace(nodes, scenarios=with_named(nodes.scenarios, names))
    write_nodes(fresh, nodes)
    merge.write_events(fresh, layout)
    kinds, repeats, conflicts = merge.write_facts(fresh)
    if conflicts:
        collector = _collector(parts, {"facts": sorted(conflicts)})
        collector.add_rows(
            "facts",
            None,
            range(len(conflicts)),
            "the same fact is in another row, with other values.",
            "keep one row per head, relation and tail.",
        )
        collector.report().raise_if_any()
    write_meta(fresh, nodes, layout, kinds)
    if repeats:
        parts.repeated("facts", repeats)


def _with_named(parts: Parts, merge: EdgeMerge) -> Catalog:
    """The nodes and texts, with a row for each node that only edges name where its frame is not
    given."""
    absent = [label for label, frame in LABEL_FRAMES.items() if frame not in parts.given]
    named = merge.named(absent)
    if SCENARIO in absent:
        words = [name for name in merge.words["scenario"].codes if name]
        named[SCENARIO] = pa.array(words, pa.string())
    catalog = parts.nodes()
    tables = dict(catalog.tables)
    for label, ids in named.items():
        frame = LABEL_FRAMES[label]
        tables[frame] = _extended(frame, tables[frame], ids)
    return replace(catalog, tables=tables)


def _extended(frame: str, table: pa.Table, ids: pa.Array) -> pa.Table:
    key = KEY_COLUMNS[frame]
    known = table.column(key).combine_chunks()
    missing = ids.filter(pc.invert(pc.is_in(ids, value_set=known)))
    blank = {column.name for column in SPECS[frame].columns[1:]}
    columns = {
        one.name: missing
        if one.name == key
        else pa.array([""] * len(missing), pa.string())
        if one.name in blank
        else pa.nulls(len(missing), one.type)
        for one in table.schema
    }
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)])


def _check_ends(parts: Parts, merge: EdgeMerge, nodes: GraphSnapshot) -> None:
    """Raise CatalogError, with all of them, for ends of edges and scenarios that no node has."""
    given = [label for label, frame in LABEL_FRAMES.items() if frame in parts.given]
    unknown = merge.unknown(given)  # every other node was made of what edges name
    collector = _collector(parts, {})
    for one in unknown:
        frame = LABEL_FRAMES[one.label]
        collector.rows = {one.frame: np.array(one.rows)}
        collector.add_rows(
            one.frame,
            one.column,
            range(len(one.ids)),
            partial(_unknown_id, one.ids, collector.source(frame)),
            f"add it to the {frame}, or remove the row.",
            found=one.count,
        )
    known = set(nodes.scenarios.ids) | {""}
    for name in sorted(set(merge.words["scenario"].codes) - known):
        collector.add(
            "interactions",
            "scenario",
            f"{shown(name)} is not among the ids of {collector.source('scenarios')}.",
            "add it to the scenarios, or remove the rows.",
        )
    collector.report().raise_if_any()


def _unknown_id(ids: list[str], source: str, place: int) -> str:
    return f"{shown(ids[place])} is not among the ids of {source}."


def _collector(parts: Parts, rows: Mapping[str, list[int]]) -> ProblemCollector:
    sources = {frame: parts.source(frame) for frame in parts.given}
    return ProblemCollector(sources, {name: np.array(found) for name, found in rows.items()})
