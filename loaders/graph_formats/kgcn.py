"""Folders of KGCN, RippleNet and MKR: ratings_final.txt with labels, and kg_final.txt; or the raw
ratings beside kg.txt.

In the final files item i is entity i. item_index2entity_id.txt says which item of the raw ratings
that is, and kg.txt gives the entities and relations their names, where it has the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import check_width, fields_of, files_of, plain_names
from loaders.graph_formats.relations import relation_columns
from loaders.loader import Loader
from loaders.recognition import FileNames, unread_files
from loaders.report import LoadResult, Progress
from loaders.tables.tabular import CsvForm, read_csv

_RATINGS: Final = "ratings_final.txt"
_KG: Final = "kg_final.txt"
_RAW_KG: Final = tuple(
    f"{stem}{end}.txt" for end in ("", "_rehashed") for stem in ("kg", "kg_part1", "kg_part2")
)
_LINKS: Final = ("item_index2entity_id.txt", "item_index2entity_id_rehashed.txt")
_EVENT: Final = ("user", "item", "label")
_TRIPLE: Final = ("head", "relation", "tail")
_LABELS: Final = {"0": False, "0.0": False, "1": True, "1.0": True}
_SAMPLED: Final = "label 0: a sampled item that the user did not choose"
Rows = list[list[str]]


@dataclass(frozen=True)
class _RawForm:
    """The ratings of a public data set: its columns by the names of the layout, and their form."""

    form: CsvForm
    columns: dict[str, str]


# The ratings of the data sets that were published with these models.
_RAW_RATINGS: Final = {
    "ratings.dat": _RawForm(
        CsvForm("::", quoted=False, names=("user_id", "item_id", "rating", "timestamp")),
        {name: name for name in ("user_id", "item_id", "rating", "timestamp")},
    ),
    "ratings.csv": _RawForm(
        CsvForm(),
        {
            "userId": "user_id",
            "movieId": "item_id",
            "rating": "rating",
            "timestamp": "timestamp",
        },
    ),
    "BX-Book-Ratings.csv": _RawForm(
        CsvForm(";", "latin-1"),
        {"User-ID": "user_id", "ISBN": "item_id", "Book-Rating": "rating"},
    ),
    "user_artists.dat": _RawForm(
        CsvForm("\t", quoted=False),
        {"userID": "user_id", "artistID": "item_id", "weight": "weight"},
    ),
}
_FILES: Final = {_RATINGS, _KG, *_RAW_KG, *_LINKS, *_RAW_RATINGS}


def kgcn(folder: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load a folder of ratings_final.txt and kg_final.txt, or of raw ratings, kg.txt and
    item_index2entity_id.txt.

    Rows with label 0 are items that were sampled and not chosen; they are dropped and counted.
    Users keep their numbers. Items have the ids of item_index2entity_id.txt, if it is there.

    Parameters
    ----------
    folder : str or Path
        The folder with the files.
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
    files, builder = files_of(folder, _FILES.__contains__), CatalogBuilder()
    reader = _Reader(files, builder, progress)
    links = reader.links()
    if _RATINGS in files:
        events = reader.chosen(files[_RATINGS])
        items = reader.items(links)
        facts = reader.final_facts(links, items)
        events["item_id"] = [items[one] for one in events["item_id"]]
        builder.add("interactions", pa.table(events), files[_RATINGS], reader.rows)
        builder.add("items", pa.table({"item_id": list(items.values())}), files[_RATINGS])
    else:
        reader.raw_ratings(folder)
        facts = reader.raw_facts(links)
    if facts is not None:
        builder.add("facts", facts, files.get(_KG, folder))
    read = {file.file for file in builder.report.files}
    builder.report.notes += unread_files(FileNames(folder) - read)
    return builder.build()


class _Reader:
    """Reads the files of one folder. ``rows`` int64 are the rows of the interactions, ``rated`` the
    numbers of the items in all rows."""

    def __init__(
        self, files: dict[str, Path], builder: CatalogBuilder, progress: Progress | None
    ) -> None:
        self._files, self._builder, self._progress = files, builder, progress
        self.rows = np.empty(0, dtype=np.int64)
        self.rated: dict[str, None] = {}

    def links(self) -> list[tuple[str, str]]:
        """The item and its entity in each line of item_index2entity_id.txt."""
        path = self._path_of_links()
        rows = [] if path is None else self._all(path, ("item", "entity"))
        return [(row[0], row[1]) for row in rows]

    def _path_of_links(self) -> Path | None:
        return next((self._files[name] for name in _LINKS if name in self._files), None)

    def items(self, links: list[tuple[str, str]]) -> dict[str, str]:
        """The id of each item by its number: the original ones where the links have all, each once;
        else the numbers themselves, with a note."""
        items = {str(number): item for number, (item, _) in enumerate(links)}
        missing = [one for one in self.rated if one not in items]
        path = self._path_of_links()
        if path is not None and (missing or len(set(items.values())) < len(items)):
            why = f"item {missing[0]} has no line here" if missing else "an item is here twice"
            note = f"{why}: the items keep their numbers as ids."
            self._builder.report.file(path.name).notes.append(note)
            items = {one: one for one in items}
        return items | {one: one for one in missing}

    def _all(self, path: Path, names: tuple[str, ...]) -> Rows:
        file = self._builder.report.file(path.name)
        found = []
        for row, fields in fields_of(path, file, self._progress):
            check_width(path, row, fields, names)
            found.append(fields)
        file.read += len(found)
        return found

    def chosen(self, path: Path) -> dict[str, list[str]]:
        """The users and items of the rows with label 1."""
        file = self._builder.report.file(path.name)
        users, items, rows = [], [], []
        for row, fields in fields_of(path, file, self._progress):
            check_width(path, row, fields, _EVENT)
            file.read += 1
            if fields[2] not in _LABELS:
                raise SourceError(
                    f"{path}, row {row}: the label is {shown(fields[2])}. Cure: write 1 for an "
                    "item that the user chose, 0 for one that was sampled."
                )
            self.rated[fields[1]] = None
            if not _LABELS[fields[2]]:
                file.drop(_SAMPLED)
                continue
            users.append(fields[0])
            items.append(fields[1])
            rows.append(row)
        if not rows:
            raise SourceError(f"{path}: no row has label 1. Cure: add the items that users chose.")
        self.rows = np.array(rows, dtype=np.int64)
        return {"user_id": users, "item_id": items}

    def final_facts(self, links: list[tuple[str, str]], items: dict[str, str]) -> pa.Table | None:
        """The facts of kg_final.txt, with the names of kg.txt where that has the same facts."""
        if _KG not in self._files:
            return None
        path = self._files[_KG]
        facts = self._all(path, _TRIPLE)
        raw = self._raw()
        names = _names(facts, raw, [entity for _, entity in links]) if raw else None
        if names is None:
            note = "entities and relations keep their numbers as ids"
            if raw:
                note += ", as kg.txt hasn't the same facts in the same order"
            self._builder.report.file(path.name).notes.append(f"{note}.")
            names = {}, {}
        return _table(facts, items, *names)

    def _raw(self) -> Rows:
        paths = [self._files[name] for name in _RAW_KG if name in self._files]
        return [row for path in paths for row in self._all(path, _TRIPLE)]

    def raw_facts(self, links: list[tuple[str, str]]) -> pa.Table | None:
        """The facts of kg.txt; an entity of item_index2entity_id.txt is the item."""
        facts = self._raw()
        items: dict[str, str] = {}
        for item, entity in links:
            items.setdefault(entity, item)
        path = self._path_of_links()
        if path is not None and len(items) < len(links):
            self._builder.report.file(path.name).drop(
                "the entity is linked to an item already", len(links) - len(items)
            )
        return _table(facts, items, {}, {}) if facts else None

    def raw_ratings(self, folder: Path) -> None:
        """Add the interactions of the raw ratings. Raises SourceError without any."""
        name = next((one for one in _RAW_RATINGS if one in self._files), None)
        if name is None:
            raise SourceError(
                f"{folder}: there is neither {_RATINGS} nor {', '.join(_RAW_RATINGS)}. Cure: add "
                "one of them, or write interactions.csv with the columns user_id and item_id."
            )
        path, raw = self._files[name], _RAW_RATINGS[name]
        part = read_csv(path, raw.form, self._progress)
        missing = [one for one in raw.columns if one not in part.table.column_names]
        if missing and missing != ["timestamp"]:
            raise SourceError(
                f"{path}, row 1: the column {missing[0]} is missing. Cure: name the columns as "
                f"published: {', '.join(raw.columns)}."
            )
        self._builder.report_file(path, part)
        table = part.table.rename_columns(
            [raw.columns.get(one, one) for one in part.table.column_names]
        )
        if "weight" in table.column_names:
            place = table.column_names.index("weight")
            table = table.set_column(place, "weight", _numbers(table["weight"], path))
        self._builder.add("interactions", table, path, part.rows)


def _numbers(column: Any, path: Path) -> Any:
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"{path}, column weight: {error}. Cure: write numbers in every row."
        ) from error


def _names(
    facts: Rows, raw: Rows, linked: list[str]
) -> tuple[dict[str, str], dict[str, str]] | None:
    """The names of the entities and relations by their numbers, by the order in which kg.txt has
    them; None where its facts are other ones.

    KGCN numbers every entity of kg.txt, RippleNet and MKR leave out facts whose head is new.
    """
    for every in (True, False):
        entities = {name: str(number) for number, name in enumerate(linked)}
        relations: dict[str, str] = {}
        found = []
        for head, relation, tail in raw:
            if not every and head not in entities:
                continue
            number = entities.setdefault(head, str(len(entities)))
            kind = relations.setdefault(relation, str(len(relations)))
            found.append([number, kind, entities.setdefault(tail, str(len(entities)))])
        if found == facts:
            return {n: name for name, n in entities.items()}, {n: k for k, n in relations.items()}
    return None


def _table(
    facts: Rows, items: dict[str, str], entities: dict[str, str], relations: dict[str, str]
) -> pa.Table:
    """The facts with ids: ``items`` and ``entities`` by their numbers or raw ids."""
    columns: dict[str, Any] = {}
    for place, end in ((0, "head"), (2, "tail")):
        given = [fact[place] for fact in facts]
        columns[end] = [items.get(one, entities.get(one, one)) for one in given]
        columns[f"{end}_type"] = ["item" if one in items else "entity" for one in given]
    names = pa.array([relations.get(fact[1], fact[1]) for fact in facts], pa.string())
    return pa.table({**columns, **relation_columns(names)})


def _recognises(files: FileNames) -> bool:
    plain = plain_names(files)
    raw = bool(plain & set(_RAW_KG)) and bool(plain & set(_LINKS))
    return _RATINGS in plain or raw


LOADER: Final = Loader(
    name="kgcn",
    title="folders of KGCN, RippleNet and MKR: final files, or raw ratings with kg.txt",
    files="ratings_final.txt",
    recognises=_recognises,
    function=kgcn,
)
