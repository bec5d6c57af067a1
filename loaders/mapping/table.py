"""One table of a mapping and one of its files: the rows of kgrec that they give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import strings
from graph_schema.frames import SPECS, Kind
from loaders.builder import FramePart
from loaders.mapping import arrays
from loaders.mapping.check import EDGES, END_COLUMNS, FACT_DEFAULTS
from loaders.mapping.edges import Columns, entities_of, facts_with_ends, one_row_each
from loaders.mapping.files import Block, Source, Tables
from loaders.mapping.model import Value
from loaders.mapping.problems import Problems
from loaders.mapping.rows import where, with_joined
from loaders.mapping.values import Place, read_value
from loaders.report import FileReport, LoadReport
from loaders.tables.cells import clean_table
from loaders.tables.infer import infer_types
from loaders.tables.tabular import FileTable

_IDS = (Kind.ID, Kind.OPTIONAL_ID)


@dataclass(frozen=True)
class Part:
    """Rows of one of kgrec's tables: ``table`` with the types that its attributes have in this file
    alone, ``written`` as they were read, and where they are from. ``entities`` are those that facts
    name."""

    table: pa.Table
    written: pa.Table
    place: FramePart
    first: bool = False
    listed: bool = False
    entities: pa.Table | None = None

    def filtered(self, kept: np.ndarray) -> Part:
        """The rows for which ``kept`` (bool ``[n]``) is true."""
        mask = pa.array(kept)
        place = replace(self.place, rows=self.place.rows[kept])
        table, written = self.table.filter(mask), self.written.filter(mask)
        return replace(self, table=table, written=written, place=place)


def read_part(
    block: Block, source: Source, tables: Tables, report: LoadReport, name: str, problems: Problems
) -> Part:
    """Read a file of a block; ``name`` is the file's in the report."""
    file = report.file(name)
    rows = _rows(block, source, tables, report, file)
    place = Place(f"{block.field}.columns", source.name, rows.rows, problems)
    columns = _columns(block, rows.table, place, file)
    known = {*SPECS[block.frame].by_name, *(END_COLUMNS if block.frame == "facts" else ())}
    numbers = rows.rows
    if block.frame in EDGES:
        columns, origins = one_row_each(columns, known, place, file)
        numbers = numbers[origins]
    columns = _with_text_ids(block.frame, columns, replace(place, rows=numbers))
    entities = None
    if block.frame == "facts":
        kept = facts_with_ends(columns, numbers, file)
        columns = {name: array.filter(pa.array(kept)) for name, array in columns.items()}
        numbers = numbers[kept]
        entities, columns = entities_of(columns, _prefixes(block))
    part = clean_table(FileTable(pa.table(columns), numbers), SPECS[block.frame], file)
    typed = infer_types(part.table, SPECS[block.frame].by_name, file, part.rows)
    frame_part = FramePart(str(source.path), name, part.rows)
    table = block.table
    return Part(typed, part.table, frame_part, table.first, table.listed, entities)


def _rows(
    block: Block, source: Source, tables: Tables, report: LoadReport, file: FileReport
) -> FileTable:
    """The rows that are read, with the columns of other files."""
    part = tables.use(source, file)
    for join, other in zip(block.table.join, block.joins, strict=True):
        joined = report.file(f"{other.name} (joined to {file.file})")
        there = tables.use(other, joined)
        part = with_joined(part, join, there, other.name, file, joined)
    return where(part, block.table.where, file)


def _columns(block: Block, table: pa.Table, place: Place, file: FileReport) -> Columns:
    """kgrec's columns, then the attributes."""
    given = dict(block.table.columns)
    if block.frame == "facts":
        given = {name: Value(value=word) for name, word in FACT_DEFAULTS.items()} | given
    columns = {
        name: read_value(value, table, replace(place, field=f"{place.field}.{name}"))
        for name, value in given.items()
    }
    used = {name for value in given.values() for name in value.sources}
    wanted = block.table.attributes
    others = [name for name in table.column_names if name not in used]
    for name in others if wanted == "all" else wanted:
        if name in columns:
            file.notes.append(
                f"column {name} is left out: the mapping makes {name} of another column."
            )
        else:
            columns[name] = arrays.one_array(table.column(name))
    return columns


def _with_text_ids(frame: str, columns: Columns, place: Place) -> Columns:
    """Ids as text. What can't be an id is a problem."""
    made = dict(columns)
    for name, array in columns.items():
        known = SPECS[frame].by_name.get(name)
        if known is None or known.kind not in _IDS or pa.types.is_string(array.type):
            continue
        ids, bad = strings(array, is_id=True)
        where_it_is = replace(place, field=f"{place.field}.{name}")
        where_it_is.wrong(bad, array, "can't be an id", "ids are text or whole numbers.")
        made[name] = pc.fill_null(ids, "")
    return made


def _prefixes(block: Block) -> dict[str, str]:
    columns = block.table.columns
    return {end: columns[end].prefix if end in columns else "" for end in ("head", "tail")}


def without_repeats(parts: list[Part], key: str, report: LoadReport) -> list[Part]:
    """The parts without the later rows of an id, where the mapping says ``first``."""
    seen: Any = pa.array([], pa.string())
    kept_parts = []
    for part in parts:
        ids = arrays.one_array(part.table.column(key))
        if part.first:
            kept = ~_repeated(ids, seen)
            file = report.file(part.place.name)
            file.drop("a later row of the same id", int((~kept).sum()))
            part = part.filtered(kept)
            ids = ids.filter(pa.array(kept))
        seen = pc.unique(pa.concat_arrays([seen, ids]))
        kept_parts.append(part)
    return kept_parts


def _repeated(ids: Any, seen: Any) -> np.ndarray:
    repeated = ids.to_pandas().duplicated().to_numpy()
    earlier = pc.is_in(ids, value_set=seen).to_numpy(zero_copy_only=False)
    return np.asarray(repeated | earlier, dtype=bool)


def put_together(parts: list[Part]) -> pa.Table:
    """The rows of all parts. A column keeps its type where all parts give it the same one, or whole
    numbers and others; else it is text in all of them."""
    kinds: dict[str, set[pa.DataType]] = {}
    for part in parts:
        for column in part.table.schema:
            kinds.setdefault(column.name, set()).add(column.type)
    return pa.concat_tables(
        [_with_kinds(part, kinds) for part in parts], promote_options="permissive"
    )


def _with_kinds(part: Part, kinds: dict[str, set[pa.DataType]]) -> pa.Table:
    table = part.table
    for place, name in enumerate(table.column_names):
        found = {kind for kind in kinds[name] if not pa.types.is_null(kind)}
        if len(found) < 2 or found == {pa.int64(), pa.float64()}:
            continue
        array = arrays.one_array(part.written.column(name))
        if not arrays.is_list(array):
            table = table.set_column(place, name, arrays.texts(array))
    return table
