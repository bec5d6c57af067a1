"""RecBole atomic files: NAME.inter, .user, .item, .kg and .link, tab-separated with typed headers.

The link file maps items to Freebase entities. Facts about a linked entity become facts about the
item itself, so that an item is one node of the graph and not two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, SourceError
from loaders.atomic.columns import SPACE, TAB, AtomicForm, AtomicTable, read_atomic, typed
from loaders.atomic.files import EVENTS, AtomicFile, DataSet, find_files
from loaders.atomic.histories import ITEMS, LIST, events_of
from loaders.builder import CatalogBuilder
from loaders.loader import Loader, folder_of
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.tables.packing import PACKINGS

_FRAMES: Final = {"user": "users", "item": "items", "kg": "facts"}
_ENDS: Final = ("head", "tail")


def recbole(
    folder: str | Path,
    interactions: pd.DataFrame | None = None,
    *,
    name: str | None = None,
    only_interacted: bool = False,
    field_separator: str = TAB,
    sequence_separator: str = SPACE,
    encoding: str = "utf-8",
    zero_labels: Literal["drop", "keep"] = "drop",
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of RecBole atomic files.

    Columns declared ``token`` are text, except age and year, which are numbers where they hold
    some. Parts of the events (NAME.train.inter, or RecBole's NAME.part1.inter to part3) are read as
    splits. Histories (``item_id_list``) are read as events, each of which counts once, whatever
    number of rows holds it.

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
    field_separator, sequence_separator : str
        What separates the columns, and the values of a sequence; fields may be quoted if it is no
        tab.
    encoding : str
        The encoding of the files.
    zero_labels : {"drop", "keep"}
        What to do with rows whose ``label`` is 0 (or -1), where that column holds nothing else but
        1: they are items that were shown and not clicked. To keep them counts them as positive.
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
    if zero_labels not in ("drop", "keep"):
        raise RequestError(f"zero_labels is {zero_labels!r}; give 'drop' or 'keep'.")
    form = AtomicForm(field_separator, sequence_separator, encoding)
    files = find_files(folder, name, need_events=interactions is None)
    paths, builder = files.whole, CatalogBuilder()
    if interactions is None:
        _read_events(files, form, progress, builder, zero_labels)
        if not builder.tables["interactions"].num_rows:
            raise SourceError(
                f"{builder.sources['interactions']}: no interaction is in it"
                f"{_dropped(builder.report)}. Cure: add interactions."
            )
    else:
        builder.tables["interactions"] = interactions
        builder.report.file("interactions frame").read = len(interactions)
    for suffix, frame in _FRAMES.items():
        if suffix in paths:
            part = read_atomic(paths[suffix], frame, form, progress, builder)
            table = typed(part, frame, builder.report.file(paths[suffix].name))
            builder.add(frame, table, paths[suffix], part.rows)
    for frame, column in (("users", "user_id"), ("items", "item_id")):
        if only_interacted:
            _keep_interacted(frame, column, builder)
        if interactions is None:
            builder.add_interacted(frame, column)
    if "facts" in builder.tables:
        links = _read_links(paths, form, progress, builder)
        facts = _facts(builder.tables["facts"], links, paths["kg"])
        builder.tables["facts"] = facts
        ends = pa.concat_arrays([facts.column(f"{end}_type").combine_chunks() for end in _ENDS])
        if not pc.any(pc.equal(ends, "item")).as_py():
            builder.report.file(paths["kg"].name).notes.append(
                "no fact is about an item: a .link file says which entity is which item."
            )
    builder.report.notes += [
        f"{path.name} was not read: kgrec reads .inter, .user, .item, .kg and .link files."
        for path in files.others
    ]
    return builder.build()


def _read_events(
    files: DataSet, form: AtomicForm, progress: Progress | None, builder: CatalogBuilder, zero: str
) -> None:
    """Add the interactions: those of the whole file, or of its parts, which are splits."""
    parts = files.parts or {"": files.whole[EVENTS]}
    found = []
    for split, path in parts.items():
        part = read_atomic(path, "interactions", form, progress, builder)
        file = builder.report.file(path.name)
        if len(parts) > 1:
            part = _with_split(part, split, path)
        elif split:
            file.notes.append("it is the only part of the events, so that they have no split.")
        found.append((path, _clicked(part, file, zero)))
    if len(found) == 1:
        path, part = found[0]
        part = _as_events(part, builder.report.file(path.name))
        table = typed(part, "interactions", builder.report.file(path.name))
        builder.add("interactions", table, path, part.rows)
        return
    for path, part in found:  # a problem names the file that has it
        sources, rows = {"interactions": str(path)}, {"interactions": part.rows}
        own = typed(part, "interactions", FileReport(path.name))
        if ITEMS not in part.kinds:
            Catalog.from_frames(
                interactions=own, sources=sources, rows=rows
            ).validate().raise_if_any()
    tables = pa.concat_tables([part.table for _, part in found], promote_options="default")
    kinds = {name: kind for _, part in found for name, kind in part.kinds.items()}
    whole = AtomicTable(tables, kinds, np.concatenate([part.rows for _, part in found]))
    report = builder.report.file(found[0][0].name)
    whole = _as_events(whole, report)
    names = ", ".join(path.name for path, _ in found)
    builder.add("interactions", typed(whole, "interactions", report), names, whole.rows)


def _dropped(report: LoadReport) -> str:
    """Why rows of the events were dropped, for a message."""
    reasons = [f"{n:,}: {why}" for file in report.files for why, n in file.dropped.items()]
    return f" (rows dropped: {'; '.join(reasons)})" if reasons else ""


def _with_split(part: AtomicTable, split: str, path: Path) -> AtomicTable:
    if "split" in part.kinds:
        raise SourceError(
            f"{path}, row 1: there is a column split, and the file is the part {split}. Cure: "
            "remove the column."
        )
    column = pa.repeat(pa.scalar(split), part.table.num_rows)
    return replace(
        part,
        table=part.table.append_column("split", column),
        kinds={**part.kinds, "split": "token"},
    )


def _clicked(part: AtomicTable, file: FileReport, zero: str) -> AtomicTable:
    """Without the rows that are no click (``label`` 0 or less). Their histories stay."""
    if "label" not in part.kinds:
        return part
    labels = part.table.column("label")
    number = pc.match_substring_regex(labels, r"^(-?1|0)?(\.0*)?$")
    if pc.all(pc.fill_null(number, True)).as_py() is False:
        file.notes.append("column label is read as an attribute, as it holds more than 0 and 1.")
        return part
    none = pc.fill_null(pc.match_substring_regex(labels, r"^(-1|0)(\.0*)?$"), False)
    count = int(pc.sum(none).as_py() or 0)
    if not count:
        return part
    if zero == "keep":
        file.notes.append(
            f"{count:,} rows have the label 0 and are kept: every interaction counts as positive, "
            "whatever its label."
        )
        return part
    if ITEMS in part.kinds and "item_id" in part.kinds:
        place = part.table.column_names.index("item_id")
        items = pc.if_else(none, "", part.table.column(place))
        file.notes.append(f"{count:,} rows have the label 0: of these the history alone is read.")
        return part.of(part.table.set_column(place, "item_id", items), part.rows)
    file.drop("its label is 0, so it is no click (zero_labels='keep' keeps it)", count)
    keep = ~none.to_numpy()
    return part.of(part.table.filter(pa.array(keep)), part.rows[keep])


def _as_events(part: AtomicTable, file: FileReport) -> AtomicTable:
    """With one row for each event of a history (``item_id_list``)."""
    if ITEMS not in part.kinds or "user_id" not in part.kinds:
        return part
    table, rows = events_of(part.table, part.rows, file)
    lists = {n.removesuffix(LIST): k for n, k in part.kinds.items() if n.endswith(LIST)}
    kinds = {name: kind.removesuffix("_seq") for name, kind in {**lists, **part.kinds}.items()}
    return AtomicTable(table, kinds, rows)


def _read_links(
    paths: dict[str, Path], form: AtomicForm, progress: Progress | None, builder: CatalogBuilder
) -> dict[str, str]:
    """Return entity id → item id, for the items that are in the catalog."""
    path = paths.get("link")
    if path is None:
        return {}
    part = read_atomic(path, None, form, progress, builder)
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
    name = AtomicFile.of(path).stem if path.is_file() else ""
    return {"folder": folder_of(path), "name": name or None}


def _recognises(names: set[str]) -> bool:
    ends = tuple(f".{EVENTS}{packing}" for packing in ("", *PACKINGS))
    return any(name.endswith(ends) for name in names)


LOADER: Final = Loader(
    name="recbole",
    title="RecBole atomic files",
    files="NAME.inter",
    recognises=_recognises,
    function=recbole,
    arguments=_arguments,
)
