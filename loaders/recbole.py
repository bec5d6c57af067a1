"""RecBole atomic files: NAME.inter, .user, .item, .kg and .link, tab-separated with typed headers.

The link file says which Freebase entity an item is; facts about a linked entity become facts about
the item itself, so that an item is one node of the graph, not two.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from loaders.infer import infer_types
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.tabular import CsvForm, FileTable, read_csv

FORM: Final = CsvForm(delimiter="\t", quoted=False)
_FRAMES: Final = {"inter": "interactions", "user": "users", "item": "items", "kg": "facts"}
_NAMES: Final = {"movie_title": "title", "class": "genres", "release_year": "year"}
_TYPES: Final = ("token", "token_seq", "float", "float_seq")


def recbole(
    folder: str | Path,
    interactions: pd.DataFrame | None = None,
    *,
    name: str | None = None,
    only_interacted: bool = False,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of RecBole atomic files.

    ``interactions`` (user_id, item_id, rating, timestamp, split …) takes the place of the .inter
    file, for a split of one's own. ``name`` chooses among several data sets in one folder.
    ``only_interacted`` leaves out users and items without an interaction, as protocols ask whose
    candidates are the items of the split; such an item's entity stays in the graph as an entity.
    Raises SourceError for a file that can't be read and CatalogError for content that breaks the
    schema.
    """
    folder = Path(folder)
    paths = _find_files(folder, name, need_inter=interactions is None)
    report = LoadReport()
    tables: dict[str, Any] = {}
    rows: dict[str, np.ndarray] = {}
    sources: dict[str, str] = {}
    for suffix, frame in _FRAMES.items():
        if suffix not in paths or (suffix == "inter" and interactions is not None):
            continue
        part = _read(paths[suffix], progress, report)
        tables[frame], rows[frame], sources[frame] = part.table, part.rows, str(paths[suffix])
    if interactions is not None:
        tables["interactions"] = interactions
        report.file("interactions frame").read = len(interactions)
    if only_interacted:
        for frame, column in (("users", "user_id"), ("items", "item_id")):
            _keep_interacted(frame, column, tables, rows, sources, report)
    if "facts" in tables:
        links = _read_links(paths, tables, progress, report)
        tables["facts"] = _facts(tables["facts"], links, sources["facts"])
    catalog = Catalog.from_frames(**tables, sources=sources, rows=rows)
    catalog.validate().raise_if_any()
    for frame, count in catalog.dropped.items():
        report.file(Path(sources[frame]).name).drop("exact repeat of an earlier row", count)
    return LoadResult(catalog, report)


def _find_files(folder: Path, name: str | None, *, need_inter: bool) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that holds NAME.inter."
        )
    suffixes = (*_FRAMES, "link")
    here = [p for p in sorted(folder.iterdir()) if p.suffix[1:] in suffixes]
    stems = sorted({p.stem for p in here})
    if name is None and len(stems) > 1:
        raise SourceError(
            f"{folder}: several data sets are here ({', '.join(stems)}). Cure: pass name=."
        )
    found = {p.suffix[1:]: p for p in here if name is None or p.stem == name}
    if need_inter and "inter" not in found:
        raise SourceError(
            f"{folder}: {name or 'NAME'}.inter is missing. Cure: add it, or pass interactions=."
        )
    return found


def _read(path: Path, progress: Progress | None, report: LoadReport) -> FileTable:
    """One atomic file with plain column names and many-valued fields joined by "|"."""
    part = read_csv(path, FORM, progress)
    file = report.file(path.name)
    file.read = part.table.num_rows + part.blank
    file.drop("blank row", part.blank)
    columns: dict[str, Any] = {}
    for header, column in zip(part.table.column_names, part.table.columns, strict=True):
        title, kind = _split_header(header, path)
        if title in columns:
            raise SourceError(f"{path}, row 1: two columns mean {title}. Cure: rename one of them.")
        if kind.endswith("_seq") and not _is_prose(title):
            column = _joined(column)
        columns[title] = column
    if "year" in columns:
        columns["year"] = _years(columns["year"], file)
    frame = _FRAMES.get(path.suffix[1:])
    known = SPECS[frame].by_name if frame is not None else columns
    return FileTable(infer_types(pa.table(columns), known), part.rows)


def _split_header(header: str, path: Path) -> tuple[str, str]:
    title, _, kind = header.rpartition(":")
    if kind not in _TYPES or not title or ":" in title:
        raise SourceError(
            f"{path}, row 1: {header!r} is not a RecBole header. Cure: write tab-separated columns "
            f"as name:type, where the type is one of {', '.join(_TYPES)}."
        )
    return _NAMES.get(title, title), kind


def _is_prose(title: str) -> bool:
    """RecBole types titles as token sequences as well, but a title is one text."""
    return any(word in title for word in ("title", "name", "text", "description"))


def _years(column: Any, file: FileReport) -> Any:
    """Years as published, but for a few words among them, which count as absent."""
    number = pc.match_substring_regex(column, r"^(\d{1,4})?$")
    words = len(column) - (pc.sum(number).as_py() or 0)
    if not words or words > len(column) / 10:
        return column
    example = column.filter(pc.invert(number))[0].as_py()
    file.notes.append(f"{words} years are not numbers (such as {example!r}) and count as absent.")
    return pc.if_else(number, column, "")


def _joined(column: Any) -> Any:
    words = pc.utf8_trim_whitespace(column)
    return pc.replace_substring_regex(words, r"\s+", "|")


def _read_links(
    paths: dict[str, Path], tables: dict[str, Any], progress: Progress | None, report: LoadReport
) -> dict[str, str]:
    """entity id → item id, for the items that are in the catalog."""
    path = paths.get("link")
    if path is None:
        return {}
    part = _read(path, progress, report)
    _require(part.table, ("item_id", "entity_id"), path)
    if "items" in tables:
        _require(tables["items"], ("item_id",), paths["item"])
        known = set(tables["items"].column("item_id").to_pylist())
    else:
        known = _mentioned(tables["interactions"], "item_id")
    return _usable_links(part.table, known, report.file(path.name))


def _mentioned(interactions: Any, column: str) -> set[str]:
    """The ids in a column of the interactions. Raises CatalogError where it isn't there."""
    events = Catalog.from_frames(interactions=interactions).tables["interactions"]
    return set(events.column(column).drop_null().to_pylist())


def _keep_interacted(
    frame: str,
    column: str,
    tables: dict[str, Any],
    rows: dict[str, np.ndarray],
    sources: dict[str, str],
    report: LoadReport,
) -> None:
    if frame not in tables or column not in tables[frame].column_names:
        return
    known = pa.array(sorted(_mentioned(tables["interactions"], column)), pa.string())
    keep = pc.is_in(tables[frame].column(column), value_set=known).combine_chunks()
    mask = keep.to_numpy(zero_copy_only=False)
    tables[frame], rows[frame] = tables[frame].filter(keep), rows[frame][mask]
    file = report.file(Path(sources[frame]).name)
    file.drop("it has no interaction", int((~mask).sum()))


def _usable_links(table: pa.Table, known: set[str], file: FileReport) -> dict[str, str]:
    links: dict[str, str] = {}
    dropped: Counter[str] = Counter()
    items, entities = (table.column(c).to_pylist() for c in ("item_id", "entity_id"))
    for item, entity in zip(items, entities, strict=True):
        if item not in known:
            dropped["the item is not in the catalog"] += 1
        elif entity in links:
            dropped["the entity is linked to an item already"] += 1
        else:
            links[entity] = item
    for reason, count in dropped.items():
        file.drop(reason, count)
    return links


def _require(table: pa.Table, columns: tuple[str, ...], path: Path) -> None:
    for column in columns:
        if column not in table.column_names:
            raise SourceError(
                f"{path}, row 1: the column {column}:token is missing. Cure: add it to the header."
            )


def _facts(table: pa.Table, links: dict[str, str], source: str) -> pa.Table:
    _require(table, ("head_id", "relation_id", "tail_id"), Path(source))
    columns: dict[str, Any] = {"relation": table.column("relation_id")}
    for end in ("head", "tail"):
        coded = table.column(f"{end}_id").combine_chunks().dictionary_encode()
        values = coded.dictionary.to_pylist()
        ids = pa.array([links.get(value, value) for value in values], pa.string())
        kinds = pa.array(["item" if v in links else "entity" for v in values], pa.string())
        columns[end] = ids.take(coded.indices)
        columns[f"{end}_type"] = kinds.take(coded.indices)
    for name in table.column_names:
        if name not in ("head_id", "relation_id", "tail_id"):
            columns[name] = table.column(name)
    return pa.table(columns)
