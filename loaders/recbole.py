"""RecBole atomic files: NAME.inter, .user, .item, .kg and .link, tab-separated with typed headers.

The link file maps items to Freebase entities. Facts about a linked entity become facts about the
item itself, so that an item is one node of the graph and not two.
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
from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.infer import infer_types
from loaders.loader import Loader, folder_of
from loaders.report import FileReport, LoadResult, Progress
from loaders.tabular import CsvForm, FileTable, read_csv

FORM: Final = CsvForm(delimiter="\t", quoted=False)
_FRAMES: Final = {"inter": "interactions", "user": "users", "item": "items", "kg": "facts"}
_NAMES: Final = {"movie_title": "title", "class": "genres", "release_year": "year"}
_ENDS: Final = ("head", "tail")
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

    Parameters
    ----------
    folder : str or Path
        The folder with NAME.inter and, if there are any, the .user, .item, .kg and .link files.
    interactions : DataFrame, optional
        Interactions to use instead of the .inter file, for example with a column ``split``.
    name : str, optional
        The data set to read, if the folder has several.
    only_interacted : bool
        Drop users and items without interactions, for protocols whose candidates are the items of
        the split. The entity of such an item stays in the graph as an entity.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If a file is missing or can't be read.
    CatalogError
        If the content breaks the schema.
    """
    folder = given_path(folder, "folder")
    paths = _find_files(folder, name, need_inter=interactions is None)
    builder = CatalogBuilder()
    for suffix, frame in _FRAMES.items():
        if suffix not in paths or (suffix == "inter" and interactions is not None):
            continue
        part = _read_file(paths[suffix], progress, builder)
        builder.add(frame, part.table, paths[suffix], part.rows)
    if interactions is not None:
        builder.tables["interactions"] = interactions
        builder.report.file("interactions frame").read = len(interactions)
    for frame, column in (("users", "user_id"), ("items", "item_id")):
        if only_interacted:
            _keep_interacted(frame, column, builder)
        if interactions is None:
            _add_interacted(frame, column, builder)
    if "facts" in builder.tables:
        links = _read_links(paths, progress, builder)
        facts = _facts(builder.tables["facts"], links, paths["kg"])
        builder.tables["facts"] = facts
        ends = pa.concat_arrays([facts.column(f"{end}_type").combine_chunks() for end in _ENDS])
        if not pc.any(pc.equal(ends, "item")).as_py():
            builder.report.file(paths["kg"].name).notes.append(
                "no fact is about an item: a .link file says which entity is which item."
            )
    return builder.build()


def _find_files(folder: Path, name: str | None, *, need_inter: bool) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that has NAME.inter."
        )
    suffixes = (*_FRAMES, "link")
    here = [(*_parts(path), path) for path in sorted(folder.iterdir())]
    here = [one for one in here if one[1] in suffixes and not one[0].startswith(".")]
    stems = sorted({stem for stem, _, _ in here})
    if name is None and len(stems) > 1:
        raise SourceError(
            f"{folder}: several data sets are here ({', '.join(stems)}). Cure: give the file of "
            f"one, such as {stems[0]}.inter, or pass name=."
        )
    found: dict[str, Path] = {}
    for stem, suffix, path in here:
        if name is None or stem == name:
            if suffix in found:
                raise SourceError(
                    f"{folder}: both {found[suffix].name} and {path.name} exist. Cure: keep one."
                )
            found[suffix] = path
    if need_inter and "inter" not in found:
        raise SourceError(
            f"{folder}: {name or 'NAME'}.inter is missing. Cure: add it, or pass interactions=."
        )
    return found


def _parts(path: Path) -> tuple[str, str]:
    """The name of the data set and the kind of an atomic file: "toy", "inter" of toy.inter.gz."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return plain.stem, plain.suffix[1:]


def _read_file(path: Path, progress: Progress | None, builder: CatalogBuilder) -> FileTable:
    """Read one atomic file: plain column names, and sequences joined by "|"."""
    part = read_csv(path, FORM, progress)
    file = builder.report_file(path, part)
    frame = _FRAMES.get(_parts(path)[1])
    columns: dict[str, Any] = {}
    for header, column in zip(part.table.column_names, part.table.columns, strict=True):
        title, kind = _split_header(header, path)
        title = title if frame == "items" or title != "genres" else "class"
        if title in columns:
            raise SourceError(f"{path}, row 1: two columns mean {title}. Cure: rename one of them.")
        if kind.endswith("_seq") and not _is_text(title):
            column = _joined(column)
        columns[title] = column if kind != "float" else _number(column)
    if "year" in columns:
        columns["year"] = _years(columns["year"], file)
    known = {name for name in columns if frame is None or name.endswith("_id")}
    known |= set() if frame is None else set(SPECS[frame].by_name)
    return FileTable(infer_types(pa.table(columns), known, file, part.rows), part.rows)


def _split_header(header: str, path: Path) -> tuple[str, str]:
    title, _, kind = header.rpartition(":")
    if kind not in _TYPES or not title or ":" in title:
        raise SourceError(
            f"{path}, row 1: {header!r} is not a RecBole header. Cure: write tab-separated columns "
            f"as name:type, where the type is one of {', '.join(_TYPES)}."
        )
    return _NAMES.get(title, title), kind


def _number(column: Any) -> Any:
    """A column that is declared float as numbers, where every value is one; else as it is."""
    try:
        given = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        values = given.cast(pa.float64())
    except pa.ArrowInvalid:
        return column
    finite = pc.all(pc.is_finite(values)).as_py()
    return values if finite and given.null_count < len(given) else column


def _is_text(title: str) -> bool:
    """Whether a token sequence is one text: RecBole gives titles this type as well."""
    return any(word in title for word in ("title", "name", "text", "description"))


def _years(column: Any, file: FileReport) -> Any:
    """Replace text in a column of years by absent values, if at most a tenth of it is text."""
    number = pc.match_substring_regex(column, r"^(\d{1,4})?$")
    texts = len(column) - (pc.sum(number).as_py() or 0)
    if not texts or texts > len(column) / 10:
        return column
    example = column.filter(pc.invert(number))[0].as_py()
    file.notes.append(f"{texts} years are not numbers (such as {example!r}) and count as absent.")
    return pc.if_else(number, column, "")


def _joined(column: Any) -> Any:
    words = pc.utf8_trim_whitespace(column)
    return pc.replace_substring_regex(words, r"\s+", "|")


def _read_links(
    paths: dict[str, Path], progress: Progress | None, builder: CatalogBuilder
) -> dict[str, str]:
    """Return entity id → item id, for the items that are in the catalog."""
    path = paths.get("link")
    if path is None:
        return {}
    part = _read_file(path, progress, builder)
    _require(part.table, ("item_id", "entity_id"), path)
    if "items" in builder.tables:
        _require(builder.tables["items"], ("item_id",), paths["item"])
        known = set(builder.tables["items"].column("item_id").to_pylist())
    else:
        known = _interacted_ids(builder.tables["interactions"], "item_id")
    return _usable_links(part.table, known, builder.report.file(path.name))


def _interacted_ids(interactions: Any, column: str) -> set[str]:
    """Return the ids in a column of the interactions. Raises CatalogError if it is missing."""
    events = Catalog.from_frames(interactions=interactions).tables["interactions"]
    return set(events.column(column).drop_null().to_pylist())


def _keep_interacted(frame: str, column: str, builder: CatalogBuilder) -> None:
    """Drop the users or items that have no interaction."""
    table = builder.tables.get(frame)
    if table is None or column not in table.column_names:
        return
    known = _interacted_ids(builder.tables["interactions"], column)
    value_set = pa.array(sorted(known), pa.string())
    keep = pc.is_in(table.column(column), value_set=value_set).combine_chunks()
    mask = keep.to_numpy(zero_copy_only=False)
    source = builder.sources[frame]
    builder.add(frame, table.filter(keep), source, builder.rows[frame][mask])
    file = builder.report.file(Path(source).name)
    file.drop("it has no interaction", int((~mask).sum()))


def _add_interacted(frame: str, column: str, builder: CatalogBuilder) -> None:
    """Add the users or items that have interactions and no row of their own, which data sets of
    RecBole may lack."""
    table = builder.tables.get(frame)
    events = builder.tables["interactions"]
    if table is None or not {column} <= {*table.column_names} & {*events.column_names}:
        return
    known = set(table.column(column).to_pylist())
    bare = sorted(set(events.column(column).to_pylist()) - known - {""})
    if not bare:
        return
    columns = {
        name: pa.array(bare) if name == column else pa.nulls(len(bare), field.type)
        for name, field in zip(table.column_names, table.schema, strict=True)
    }
    source = builder.sources[frame]
    rows = np.concatenate([builder.rows[frame], np.zeros(len(bare), dtype=np.int64)])
    builder.add(frame, pa.concat_tables([table, pa.table(columns, table.schema)]), source, rows)
    builder.report.file(Path(source).name).notes.append(
        f"{len(bare):,} {frame} of the interactions have no row here, such as {shown(bare[0])}; "
        "they were added without attributes."
    )


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


def _facts(table: pa.Table, links: dict[str, str], path: Path) -> pa.Table:
    _require(table, ("head_id", "relation_id", "tail_id"), path)
    columns: dict[str, Any] = {"relation": table.column("relation_id")}
    for end in _ENDS:
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


def _arguments(path: Path) -> dict[str, Any]:
    return {"folder": folder_of(path), "name": _parts(path)[0] if path.is_file() else None}


def _recognises(names: set[str]) -> bool:
    return any(name.endswith((".inter", ".inter.gz")) for name in names)


LOADER: Final = Loader(
    name="recbole",
    title="RecBole atomic files",
    files="NAME.inter",
    recognises=_recognises,
    function=recbole,
    arguments=_arguments,
)
