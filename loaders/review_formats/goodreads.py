"""Goodreads as published by UCSD: interactions, reviews, books, authors, genres and series."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from loaders.builder import CatalogBuilder
from loaders.loader import Loader
from loaders.recognition import FileNames, plain_name
from loaders.report import FileReport, LoadResult, Progress
from loaders.review_formats.family import Graph, Rows, find_kinds, read_each
from loaders.tables.cells import without_joins
from loaders.tables.json_records import Record, plain
from loaders.tables.tabular import CsvForm, FileTable, read_csv

_FILES: Final = {
    "interactions": re.compile(r"goodreads_interactions(_\w+)?\.json"),
    "table": re.compile(r"goodreads_interactions(_\w+)?\.csv"),
    "reviews": re.compile(r"goodreads_reviews(_\w+)?\.json"),
    "books": re.compile(r"goodreads_books(_\w+)?\.json"),
    "authors": re.compile(r"goodreads_book_authors\.json"),
    "genres": re.compile(r"goodreads_book_genres(_\w+)?\.json"),
    "series": re.compile(r"goodreads_book_series\.json"),
    "book_ids": re.compile(r"book_id_map\.csv"),
    "user_ids": re.compile(r"user_id_map\.csv"),
}
_DATE: Final = "%a %b %d %H:%M:%S %z %Y"  # Wed Mar 22 11:37:04 -0700 2017
_COLUMNS: Final = ("user_id", "item_id", "rating", "timestamp")
_KNOWN: Final = (
    *("user_id", "book_id", "rating", "date_added", "is_read", "review_id"),
    *("review_text", "review_text_incomplete", "review_sentences"),
)
_NAMED: Final = {"authors": ("author_id", "name"), "series": ("series_id", "title")}
_BOOK: Final = {
    "title": "title",
    "description": "description",
    "publication_year": "year",
    "publisher": "publisher",
    "language_code": "language",
    "num_pages": "num_pages",
    "format": "format",
    "isbn": "isbn",
    "isbn13": "isbn13",
}
_TABLE: Final = ("user_id", "book_id", "is_read", "rating", "is_reviewed")


def goodreads(folder: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load a folder of the Goodreads data of UCSD's book graph.

    Interactions are those of goodreads_interactions….json.gz, else those of goodreads_reviews, else
    those of goodreads_interactions.csv, whose numbers become ids by book_id_map.csv and
    user_id_map.csv. Their event is ``read`` or ``shelved``, their time date_added; the rating 0
    stands for no rating. Authors, genres and series of books become entities, similar books facts
    between items. Shelves, links, and counts and means over readers aren't read.

    Parameters
    ----------
    folder : str or Path
        The folder with the files, whole or of one genre.
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
    builder = CatalogBuilder()
    paths = find_kinds(FileNames(folder), _FILES, builder) if folder.is_dir() else {}
    source = next((kind for kind in ("interactions", "reviews", "table") if kind in paths), None)
    if source is None:
        raise SourceError(
            f"{folder}: there is no goodreads_interactions….json.gz, goodreads_reviews….json.gz or "
            "goodreads_interactions.csv. Cure: add one of them."
        )
    reading = _Goodreads(builder, paths, progress)
    if source == "table":
        reading.read_table()
    else:
        reading.read_records(source)
    if source == "interactions" and "reviews" in paths:
        reading.read_records("reviews", events=False)
    if source != "table" and "table" in paths:
        name = paths["table"].name
        builder.report.notes.append(f"{name} was not read: the {source} are here.")
    if "books" in paths:
        reading.read_books()
    return builder.build()


class _Goodreads:
    """The frames of a data set while its files are read."""

    def __init__(
        self, builder: CatalogBuilder, paths: dict[str, Path], progress: Progress | None
    ) -> None:
        self._builder, self._paths, self._progress = builder, paths, progress
        self._items: dict[str, None] = {}
        self._graph = Graph()

    def read_records(self, kind: str, *, events: bool = True) -> None:
        """Read a file of interactions or reviews: its texts, and its interactions if ``events``."""
        path = self._paths[kind]
        rows = Rows("interactions", *_COLUMNS, "event")
        texts = Rows("reviews", *_COLUMNS, "text", "review_id")

        def use(record: Record, file: FileReport) -> None:
            columns = (*_ids(record), _rating(record), _time(record))
            read = record.values.get("is_read")
            rows.add(record, *columns, None if read is None else "read" if read else "shelved")
            text = _text(record)
            if text:
                texts.add(record, *columns, text, record.word("review_id") or None)
            elif not events:
                file.drop("review without text")

        read_each(path, self._builder, _KNOWN, use, self._progress)
        if not len(rows):
            raise SourceError(f"{path}: there is no review in the file. Cure: write it again.")
        if events:
            rows.add_to(self._builder, path)
        if len(texts):
            texts.add_to(self._builder, path)
        self._items |= rows.ids("item_id")

    def read_table(self) -> None:
        """Read goodreads_interactions.csv, whose ids are numbers that two other files explain."""
        path = self._paths["table"]
        part = read_csv(path, CsvForm(), self._progress)
        file = self._builder.report_file(path, part)
        _check_columns(path, part, _TABLE)
        part = without_joins(part, file)
        table = part.table
        ratings = pc.if_else(pc.equal(table.column("rating"), "0"), "", table.column("rating"))
        read = pc.if_else(pc.equal(table.column("is_read"), "1"), "read", "shelved")
        columns = {
            "user_id": self._published(table.column("user_id"), "user", file),
            "item_id": self._published(table.column("book_id"), "book", file),
            "rating": ratings,
            "event": read,
        }
        self._items = dict.fromkeys(columns["item_id"].to_pylist())
        self._items.pop("", None)
        self._builder.add("interactions", pa.table(columns), path, part.rows)

    def _published(self, numbers: Any, kind: str, file: FileReport) -> Any:
        """The published ids of numbers, where the file that lists them is here."""
        path = self._paths.get(f"{kind}_ids")
        if path is None:
            file.notes.append(f"{kind}_id_map.csv is not here: the {kind} ids are its numbers.")
            return numbers
        part = read_csv(path, CsvForm(), self._progress)
        self._builder.report_file(path, part)
        _check_columns(path, part, (f"{kind}_id_csv", f"{kind}_id"))
        place = pc.index_in(numbers, value_set=part.table.column(f"{kind}_id_csv"))
        unknown = place.null_count
        if unknown:
            file.notes.append(f"{unknown:,} {kind} ids are not in {path.name} and stay numbers.")
        return pc.coalesce(part.table.column(f"{kind}_id").take(place), numbers)

    def read_books(self) -> None:
        """Read the books, and the names of their authors, genres and series."""
        path = self._paths["books"]
        names = {kind: self._names(kind) for kind in ("authors", "series")}
        items = Rows("items", "item_id", *_BOOK.values())

        def use(record: Record, file: FileReport) -> None:
            key = record.word("book_id")
            items.add(record, key, *(record.word(name) or None for name in _BOOK))
            if key:
                self._add_facts(key, record, names)

        known = ("book_id", *_BOOK, "authors", "series", "similar_books")
        read_each(path, self._builder, known, use, self._progress)
        items.complete(self._items, self._builder)
        for kind, word in (("authors", "author"), ("series", "series")):
            if kind in self._paths:
                named = self._graph.keys(word)
                unused = sum(1 for one in names[kind] if one not in named)
                file = self._builder.report.file(self._paths[kind].name)
                file.drop("no book names it", unused)
        if "genres" in self._paths:
            self._read_genres()
        nodes = {"item": items.ids("item_id")}
        items.add_to(self._builder, path)
        self._graph.add_to(self._builder, path, nodes)

    def _add_facts(self, key: str, record: Record, names: dict[str, dict[str, str]]) -> None:
        for author in record.objects("authors"):
            name = str(author.get("author_id") or "")
            if name:
                self._graph.entity(key, "author", name, names["authors"].get(name))
        for name in record.texts("series"):
            self._graph.entity(key, "series", name, names["series"].get(name))
        for other in record.texts("similar_books"):
            self._graph.link(key, "similar_to", other)

    def _names(self, kind: str) -> dict[str, str]:
        """Id → name of authors or series; empty where their file isn't here."""
        found: dict[str, str] = {}
        key, name = _NAMED[kind]

        def use(record: Record, file: FileReport) -> None:
            found[record.word(key) or ""] = record.text(name)

        if kind in self._paths:
            read_each(self._paths[kind], self._builder, (key, name), use, self._progress)
        return found

    def _read_genres(self) -> None:
        def use(record: Record, file: FileReport) -> None:
            key, genres = record.word("book_id"), record.values.get("genres")
            if key and isinstance(genres, dict):
                for name in filter(None, map(plain, genres)):
                    self._graph.entity(key, "genre", name)

        read_each(self._paths["genres"], self._builder, ("book_id", "genres"), use, self._progress)


def _check_columns(path: Path, part: FileTable, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in part.table.column_names]
    if missing:
        raise SourceError(
            f"{path}, row 1: the column {missing[0]} is missing. Cure: give the file as published."
        )


def _ids(record: Record) -> tuple[str | None, str | None]:
    return record.word("user_id"), record.word("book_id")


def _rating(record: Record) -> str | None:
    """The rating; None for 0, which stands for none."""
    rating = record.word("rating")
    return None if rating in ("0", "0.0") else rating


def _time(record: Record) -> str | None:
    """The time at which the book was added as ISO 8601; text of another form stays as it is, so
    that the check of the catalog names it."""
    given = record.word("date_added") or None
    try:
        return None if given is None else datetime.strptime(given, _DATE).isoformat()
    except ValueError:
        return given


def _text(record: Record) -> str:
    """The text of a review, which the file without spoilers has as sentences."""
    text = record.text("review_text") or record.text("review_text_incomplete")
    sentences = record.values.get("review_sentences")
    if text or not isinstance(sentences, list):
        return text
    pairs = (one for one in sentences if isinstance(one, list) and len(one) == 2)
    return " ".join(filter(None, (plain(text) for _, text in pairs)))


def _recognises(files: FileNames) -> bool:
    kinds = ("interactions", "table", "reviews", "books")
    return any(_FILES[kind].fullmatch(plain_name(name)) for name in files for kind in kinds)


LOADER: Final = Loader(
    name="goodreads",
    title="Goodreads as UCSD's book graph publishes it (whole or of one genre)",
    files="goodreads_interactions_GENRE.json.gz or goodreads_interactions.csv",
    recognises=_recognises,
    function=goodreads,
)
