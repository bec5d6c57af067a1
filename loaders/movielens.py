"""MovieLens as published: 100K, 1M, 10M, and the releases in CSV files; also MovieTweetings."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from loaders.builder import CatalogBuilder
from loaders.loader import Loader
from loaders.movielens_files import (
    GENRES_100K,
    ML_1M,
    ML_100K,
    Part,
    Release,
    check_single,
    name_of,
    names_here,
    recognises,
    release_of,
)
from loaders.recognition import FileNames, unread_files
from loaders.report import FileReport, LoadReport, LoadResult, Progress
from loaders.tables.cells import without_joins
from loaders.tables.infer import infer_types
from loaders.tables.streams import open_bytes
from loaders.tables.tabular import FileTable, delimiter_hint, read_csv

_BLOCK: Final = 1 << 20  # bytes
_NO_GENRES: Final = "(no genres listed)"
_TEXTS: Final = ("twitter_id",)  # digits that are a name
# The codes of ml-1m's users.dat, as its README describes them.
_AGES: Final = {
    "1": "under 18",
    "18": "18-24",
    "25": "25-34",
    "35": "35-44",
    "45": "45-49",
    "50": "50-55",
    "56": "56+",
}
_OCCUPATIONS: Final = (
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)


def movielens(folder: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load a folder of MovieLens as GroupLens publishes it, or of MovieTweetings.

    The year is moved from the title to a column of its own, and the codes of age and occupation in
    ml-1m are replaced by their words. Genres are a|b, and absent where none is listed. Tags become
    reviews: so they keep their user and time, and a tag of a rating that is held out is held out
    too. The links to IMDb and TMDB are attributes of text. Files are read as UTF-8, and as latin-1
    where they aren't that.

    Parameters
    ----------
    folder : str or Path
        The unpacked folder.
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
    files = FileNames(folder) if folder.is_dir() else None
    release = None if files is None else release_of(files)
    if files is None or release is None:
        raise SourceError(
            f"{folder}: neither u.data (ml-100k) nor ratings.dat (ml-1m, ml-10m) nor a ratings.csv "
            "with userId,movieId,rating,timestamp is here. Cure: give the unpacked folder."
        )
    check_single(files, release)
    builder = CatalogBuilder()
    builder.report.notes.append(f"read as {release.title}.")
    names, read = names_here(files), {}
    for frame, part in release.parts.items():
        name = part.name if part.required else None
        name = name_of(part, names) or name
        if name is not None and (frame != "links" or "items" in read):
            _add(builder, frame, part, folder / name, progress)
            read[frame] = name
    _note_unread(builder.report, files, release, read.values())
    links = builder.tables.pop("links", None)
    if "items" in read:
        items = _items(builder.tables["items"], links, flags=release is ML_100K)
        builder.tables["items"] = items
    if "users" in read:
        users = builder.tables["users"]
        users = _decode_users(users) if release is ML_1M else users
        builder.tables["users"] = infer_types(users, {*SPECS["users"].by_name, *_TEXTS})
    builder.add_interacted("items", "item_id")
    builder.add_interacted("users", "user_id")
    return builder.build()


def _add(
    builder: CatalogBuilder, frame: str, part: Part, path: Path, progress: Progress | None
) -> None:
    """Read one file of a release."""
    encoding, note = _encoding(path)
    found = read_csv(path, part.form(encoding), progress)
    file = builder.report_file(path, found)
    file.notes += [] if note is None else [note]
    found = without_joins(found, file)
    found = replace(found, table=_named(found.table, part, path))
    if frame == "reviews":
        file.notes.append("each tag is a review, with its user, film and time.")
        found = _with_text(found, file)
    builder.add(frame, found.table, path, found.rows)


def _named(table: pa.Table, part: Part, path: Path) -> pa.Table:
    """The columns by their names in the catalog. Raises SourceError if one is missing."""
    missing = [name for name in part.columns if name not in table.column_names]
    if missing:
        cure = delimiter_hint(table.column_names, part.delimiter, "write commas, as published")
        cure = cure or " name the columns as published."
        raise SourceError(f"{path}, row 1: the column {missing[0]} is missing. Cure:{cure}")
    return table.rename_columns([part.column(name) for name in table.column_names])


def _encoding(path: Path) -> tuple[str, str | None]:
    """UTF-8 where the whole file is that, else latin-1, and the note that says so; none for ASCII,
    which is both."""
    with open_bytes(path) as stream:
        if all(block.isascii() for block in iter(lambda: stream.read(_BLOCK), b"")):
            return "utf-8", None
    good, bad = 0, []
    with open_bytes(path) as stream:
        for number, line in enumerate(io.BufferedReader(stream), start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                bad.append(number)
            else:
                good += not line.isascii()
    if not bad:
        return "utf-8", "read as UTF-8."
    wrong = f" {good:,} others are UTF-8 and come out wrong: save the file in one encoding."
    note = f"read as latin-1, as line {bad[0]} is not UTF-8.{wrong if good else ''}"
    return "latin-1", note


def _with_text(part: FileTable, file: FileReport) -> FileTable:
    """The rows whose tag isn't empty."""
    tags = part.table.column("text")
    empty = pc.equal(pc.utf8_trim_whitespace(tags), "").to_numpy()
    file.drop("empty tag", int(empty.sum()))
    return replace(part, table=part.table.filter(pa.array(~empty)), rows=part.rows[~empty])


def _note_unread(
    report: LoadReport, files: FileNames, release: Release, read: Iterable[str]
) -> None:
    """Note the files that are here and not read, and those of the release that aren't here."""
    names = names_here(files)
    absent = [part.name for part in release.parts.values() if name_of(part, names) is None]
    if absent:
        report.notes.append(f"not here, and so not read: {', '.join(absent)}.")
    report.notes += unread_files(files - {*read, *release.not_read})


def _items(table: pa.Table, links: pa.Table | None, *, flags: bool) -> pa.Table:
    titles = table.column("title")
    parts = pc.extract_regex(titles, r"^(?P<title>.*?)\s*\((?P<year>\d{4})\)\s*$")
    if isinstance(parts, pa.ChunkedArray):
        parts = parts.combine_chunks()
    title = pc.coalesce(pc.struct_field(parts, "title"), titles)
    columns: dict[str, Any] = {"item_id": table.column("item_id"), "title": title}
    columns["year"] = pc.struct_field(parts, "year").cast(pa.int64())
    if flags:
        columns["genres"] = _flagged_genres(table)
        columns["release_date"] = table.column("release_date")
        columns["imdb_url"] = table.column("imdb_url")
    else:
        genres = table.column("genres")
        columns["genres"] = pc.if_else(pc.equal(genres, _NO_GENRES), "", genres)
    if links is not None:
        columns |= _linked(table.column("item_id"), links)
    return pa.table(columns)


def _linked(items: Any, links: pa.Table) -> dict[str, Any]:
    """The ids of items elsewhere, as text: their zeros in front are part of them."""
    place = pc.index_in(items, value_set=links.column("item_id"))
    names = [name for name in ("imdb_id", "tmdb_id") if name in links.column_names]
    return {name: pc.fill_null(links.column(name).take(place), "") for name in names}


def _flagged_genres(table: pa.Table) -> Any:
    flags = np.column_stack(
        [np.asarray(pc.equal(table.column(genre), "1")).astype(bool) for genre in GENRES_100K]
    )
    names = np.array(GENRES_100K, dtype=object)
    return pa.array(["|".join(names[row]) for row in flags], type=pa.string())


def _decode_users(table: pa.Table) -> pa.Table:
    """Replace ml-1m's codes of age and occupation by their words."""
    words = {
        "age": _AGES,
        "occupation": {str(code): word for code, word in enumerate(_OCCUPATIONS)},
    }
    for column, names in words.items():
        position = table.column_names.index(column)
        values = [names.get(code, code) for code in table.column(column).to_pylist()]
        table = table.set_column(position, column, pa.array(values, type=pa.string()))
    return table


LOADER: Final = Loader(
    name="movielens",
    title="MovieLens as published (100K, 1M, 10M, 20M, 25M, 32M, latest), and MovieTweetings",
    files="u.data or ratings.dat or ratings.csv with the header of MovieLens",
    recognises=recognises,
    function=movielens,
)
