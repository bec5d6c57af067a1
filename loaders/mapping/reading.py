"""Read the files of a folder as its mapping describes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, SourceError
from graph_schema.names import KEY_COLUMNS
from loaders.builder import CatalogBuilder
from loaders.mapping import FILE
from loaders.mapping.check import check_block
from loaders.mapping.files import Block, Source, Tables, find_blocks
from loaders.mapping.model import FileMapping
from loaders.mapping.nodes import complete, only_listed, with_entities
from loaders.mapping.problems import Problems
from loaders.mapping.table import Part, put_together, read_part, without_repeats
from loaders.report import LoadReport, LoadResult, Progress

_LISTED: Final = 20  # names in a note


def read_mapped(
    folder: Path, mapping: str | Path | FileMapping | None, progress: Progress | None
) -> LoadResult:
    """Read a folder; arguments and errors are those of ``loaders.mapped``."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder. Cure: check the path.")
    chosen, name = _mapping(folder, mapping)
    problems = Problems(name)
    blocks = find_blocks(folder, chosen, problems)
    tables = Tables(blocks, progress)
    for block in blocks:
        check_block(block, tables, problems)
    problems.raise_if_any()
    return _build(folder, blocks, tables, problems)


def _mapping(folder: Path, given: str | Path | FileMapping | None) -> tuple[FileMapping, str]:
    """The mapping, and what messages call it."""
    if isinstance(given, FileMapping):
        return given, "mapping"
    if given is not None and not isinstance(given, str | Path):
        kind = type(given).__name__
        raise RequestError(f"mapping is a {kind}; give a FileMapping or the path of its file.")
    path = folder / FILE if given is None else given_path(given, "the mapping's file")
    if given is None and not path.is_file():
        raise SourceError(
            f"{folder}: there is no {FILE}. Cure: write one (kgrec map {folder} makes a first "
            "one), or give the mapping's file."
        )
    return FileMapping.load(path), str(path)


def _build(folder: Path, blocks: list[Block], tables: Tables, problems: Problems) -> LoadResult:
    builder = CatalogBuilder()
    unread = _unread_columns(blocks, tables)
    names = _report_names(blocks)
    frames: dict[str, list[Part]] = {}
    for block in blocks:
        for source in block.sources:
            name = names[block.field, source]
            with _held(source):
                part = read_part(block, source, tables, builder.report, name, problems)
            frames.setdefault(block.frame, []).append(part)
            _note_unread(builder.report, name, unread.pop(source.path, []))
    problems.raise_if_any()
    _check_events(frames)
    _note_other_files(folder, blocks, builder.report)
    frames = only_listed(frames, builder.report)
    entities = with_entities(frames.get("entities", []), frames.get("facts", []))
    if entities:
        frames["entities"] = entities
    for frame in frames.keys() & KEY_COLUMNS.keys():
        if any(part.first for part in frames[frame]):
            key = KEY_COLUMNS[frame]
            frames[frame] = without_repeats(frames[frame], key, builder.report)
    joined = {frame: put_together(parts) for frame, parts in frames.items()}
    completed = complete(frames, joined, builder.report)
    for frame, parts in completed.items():
        table = joined[frame] if len(parts) == len(frames[frame]) else put_together(parts)
        builder.add_parts(frame, table, [part.place for part in parts])
    return builder.build()


@contextmanager
def _held(source: Source) -> Iterator[None]:
    """Raise SourceError for a column that is too large for Arrow."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowCapacityError) as error:
        raise SourceError(
            f"{source.path}: a column can't be held ({error}). Cure: a column takes up to 2 GB of "
            "text: leave it out of the mapping, or split the file and load a part."
        ) from error


def _check_events(frames: dict[str, list[Part]]) -> None:
    """Raise SourceError for interactions without a row."""
    events = frames.get("interactions", [])
    if events and not any(part.table.num_rows for part in events):
        paths = ", ".join(part.place.path for part in events)
        raise SourceError(f"{paths}: no interaction is left. Cure: correct where, or the file.")


def _report_names(blocks: list[Block]) -> dict[tuple[str, Source], str]:
    """The name of each file of each block in the report: with the block's where several read it."""
    uses = Counter(source.path for block in blocks for source in block.sources)
    return {
        (block.field, source): source.name
        if uses[source.path] == 1
        else f"{source.name} ({block.field})"
        for block in blocks
        for source in block.sources
    }


def _unread_columns(blocks: list[Block], tables: Tables) -> dict[Path, list[str]]:
    """The columns of each file that no table of the mapping reads."""
    found: dict[Path, list[str]] = {}
    for block in blocks:
        for source in block.sources:
            others = found.setdefault(source.path, tables.columns(source))
            table = block.table
            read = {name for value in table.columns.values() for name in value.sources}
            read |= {*table.where, *(name for join in table.join for name in join.keys)}
            if table.attributes != "all":
                found[source.path] = [
                    name for name in others if name not in read | {*table.attributes}
                ]
            else:
                found[source.path] = []
    return found


def _note_unread(report: LoadReport, name: str, columns: list[str]) -> None:
    if columns:
        report.file(name).notes.append(f"columns that are not read: {_listed(columns)}.")


def _note_other_files(folder: Path, blocks: list[Block], report: LoadReport) -> None:
    used = {one.path for block in blocks for one in (*block.sources, *block.joins)}
    others = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_file() and path not in used and path.name[0] != "." and path.name != FILE
    ]
    if others:
        report.notes.append(
            f"files that the mapping does not name were not read: {_listed(others)}."
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
