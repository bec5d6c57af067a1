"""Folders of KGAT, KGIN and LightGCN: a user's number and the numbers of the items in each line.

In kg_final.txt an item's number is its item number, so that an item is one node of the graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import (
    are_numbers,
    check_width,
    fields_of,
    files_of,
    first_rows,
    numbers_in,
    plain_names,
)
from loaders.graph_formats.numbering import IdList, Ids, read_id_list
from loaders.graph_formats.relations import relation_columns
from loaders.loader import Loader
from loaders.recognition import FileNames, unread_files
from loaders.report import FileReport, LoadResult, Progress

_SPLITS: Final = {"train": "train.txt", "valid": "valid.txt", "test": "test.txt"}
_KG: Final = "kg_final.txt"
_RAW_KG: Final = "kg.txt"  # of KGCL, in place of kg_final.txt
_LISTS: Final = {name: f"{name}_list.txt" for name in ("user", "item", "entity", "relation")}
_FILES: Final = {*_SPLITS.values(), _KG, _RAW_KG, *_LISTS.values()}
_TRIPLE: Final = ("head", "relation", "tail")


def kgat(folder: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load a folder of train.txt and, if there are any, valid.txt, test.txt, kg_final.txt,
    user_list.txt, item_list.txt, entity_list.txt and relation_list.txt.

    Users, items and entities have the original ids of the lists; without a list, or where it lacks
    one of them, their numbers. Relations have the names of relation_list.txt, URLs their last part.

    Parameters
    ----------
    folder : str or Path
        The folder with the files.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped. A row of train.txt is
        a user with one item.

    Raises
    ------
    SourceError
        If a file is missing or can't be read.
    CatalogError
        If the content breaks the schema.
    """
    folder = given_path(folder, "folder")
    files, builder = files_of(folder, _FILES.__contains__), CatalogBuilder()
    if _SPLITS["train"] not in files:
        raise SourceError(f"{folder}: there is no train.txt. Cure: add it.")
    parts = {
        split: _read_pairs(files[name], builder.report.file(files[name].name), progress)
        for split, name in _SPLITS.items()
        if name in files
    }
    lists = {
        name: read_id_list(files[file], builder.report.file(files[file].name), progress)
        for name, file in _LISTS.items()
        if file in files
    }
    facts = np.empty((0, 3), dtype=np.int64)
    graph = files.get(_KG, files.get(_RAW_KG))
    if graph is not None:
        facts = read_numbers(graph, builder.report.file(graph.name), progress, _TRIPLE)
    _add_tables(builder, folder, parts, lists, facts)
    if graph is not None:
        builder.sources["facts"] = str(graph)
    read = {file.file for file in builder.report.files}
    builder.report.notes += unread_files(FileNames(folder) - read)
    return builder.build()


def _read_pairs(path: Path, file: FileReport, progress: Progress | None) -> np.ndarray:
    """The users and items of a file, int64 ``[n, 2]``, in its order and without repeats."""
    counts: list[int] = []
    users: list[int] = []
    items: list[int] = []
    for row, fields in fields_of(path, file, progress, numbers=True):
        user, *chosen = numbers_in(path, row, fields)
        users.append(user)
        items += chosen
        counts.append(len(chosen))
    pairs = np.stack([np.repeat(np.array(users, np.int64), counts), np.array(items, np.int64)], 1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    file.read += len(pairs)
    file.drop("the user has the item already", len(pairs) - len(first))
    bare = counts.count(0)
    if bare:
        file.notes.append(f"lines with a user and no item: {bare:,}.")
    return pairs[np.sort(first)]


def read_numbers(
    path: Path, file: FileReport, progress: Progress | None, names: tuple[str, ...]
) -> np.ndarray:
    """The rows of a file of numbers, int64 ``[n, len(names)]``. Raises SourceError."""
    rows: list[int] = []
    for row, fields in fields_of(path, file, progress, numbers=True):
        check_width(path, row, fields, names)
        rows += numbers_in(path, row, fields)
    found = np.array(rows, dtype=np.int64).reshape(-1, len(names))
    file.read += len(found)
    return found


def _add_tables(
    builder: CatalogBuilder,
    folder: Path,
    parts: dict[str, np.ndarray],
    lists: dict[str, IdList],
    facts: np.ndarray,
) -> None:
    pairs = np.concatenate(list(parts.values()))
    if not len(pairs):
        raise SourceError(
            f"{folder}: no user has an item in {', '.join(_SPLITS[name] for name in parts)}. Cure: "
            "write a user's number and the numbers of the items in each line."
        )
    users = _ids("user", pairs[:, 0], lists, builder)
    numbers = pairs[:, 1]
    ends = facts[:, [0, 2]].ravel()
    if "item" not in lists:  # an item of the graph alone has a number below those of entities
        numbers = np.concatenate([numbers, ends[ends <= numbers.max()]])
    items = _ids("item", numbers, lists, builder)
    others = ends[~np.isin(ends, items.numbers)]
    entities = _entities(others, items.numbers, lists, builder)
    splits = np.repeat(np.array(list(parts), dtype=object), [len(part) for part in parts.values()])
    events = {"user_id": users.of(pairs[:, 0]), "item_id": items.of(pairs[:, 1])}
    builder.add("interactions", pa.table({**events, "split": pa.array(splits)}), folder)
    for frame, ids in (("user", users), ("item", items), ("entity", entities)):
        table = ids.table(f"{frame}_id")
        if table is not None:
            name = "entities" if frame == "entity" else f"{frame}s"
            builder.add(name, table, lists[frame].path)
    if len(facts):
        builder.add("facts", _facts(facts, items, entities, lists, builder), folder)


def _ids(word: str, used: np.ndarray, lists: dict[str, IdList], builder: CatalogBuilder) -> Ids:
    listed = lists.get(word)
    if listed is None:
        return Ids(used, None, None, f"{word}s")
    every = np.concatenate([used, np.fromiter(listed.ids, dtype=np.int64)])
    return Ids(every, listed, builder.report.file(listed.path.name), f"{word}s")


def _entities(
    used: np.ndarray, items: np.ndarray, lists: dict[str, IdList], builder: CatalogBuilder
) -> Ids:
    """The entities that are no items: entity_list.txt has both."""
    listed = lists.get("entity")
    if listed is None:
        return Ids(used, None, None, "entities")
    every = np.fromiter(listed.ids, dtype=np.int64)
    used = np.concatenate([used, every[~np.isin(every, items)]])
    file = builder.report.file(listed.path.name)
    file.drop("it is an item", int(np.isin(every, items).sum()))
    return Ids(used, listed, file, "entities")


def _facts(
    facts: np.ndarray, items: Ids, entities: Ids, lists: dict[str, IdList], builder: CatalogBuilder
) -> pa.Table:
    columns: dict[str, Any] = {}
    for place, end in ((0, "head"), (2, "tail")):
        columns[end], columns[f"{end}_type"] = ends_of(facts[:, place], items, entities)
    listed = lists.get("relation")
    file = None if listed is None else builder.report.file(listed.path.name)
    relations = Ids(facts[:, 1], listed, file, "relations")
    columns |= relation_columns(relations.of(facts[:, 1]))
    return pa.table(columns)


def ends_of(numbers: np.ndarray, items: Ids, entities: Ids) -> tuple[pa.Array, pa.Array]:
    """The ids of heads or tails, and whether each is an item or an entity."""
    is_item = np.isin(numbers, items.numbers)
    texts = np.empty(len(numbers), dtype=object)
    texts[is_item] = items.of(numbers[is_item]).to_numpy(zero_copy_only=False)
    texts[~is_item] = entities.of(numbers[~is_item]).to_numpy(zero_copy_only=False)
    return pa.array(texts, pa.string()), pa.array(np.where(is_item, "item", "entity"))


def _recognises(files: FileNames) -> bool:
    """Whether there is a train.txt of this format: by the files beside it, or by its lines of
    numbers."""
    if _SPLITS["train"] not in plain_names(files):
        return False
    here = files_of(files.folder, _FILES.__contains__)
    if {_KG, *_LISTS.values()} & set(here):
        return True
    train = first_rows(here[_SPLITS["train"]])
    triples = all(len(line.split("\t")) == len(_TRIPLE) for line in train)
    pairs = all(len(line.split()) == 2 for line in train)
    users = {line.split()[0] for line in train}
    if not train or triples or (pairs and len(users) < len(train)):  # SASRec has a user's pairs
        return False
    return all(are_numbers(line.split()) for line in train)


LOADER: Final = Loader(
    name="kgat",
    title="folders of KGAT, KGIN and LightGCN: a user's items in each line, and a graph in numbers",
    files="train.txt with kg_final.txt",
    recognises=_recognises,
    function=kgat,
)
