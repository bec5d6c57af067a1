"""MovieLens as published: the folders ml-100k (u.data, u.item, u.user) and ml-1m (*.dat)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from loaders.builder import CatalogBuilder
from loaders.infer import infer_types
from loaders.loader import Loader
from loaders.report import LoadResult, Progress
from loaders.tabular import CsvForm, read_csv

_INTERACTIONS: Final = ("user_id", "item_id", "rating", "timestamp")
_GENRES: Final = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_ITEM_100K: Final = ("item_id", "title", "release_date", "video_release_date", "imdb_url", *_GENRES)
_FILES_100K: Final = {
    "interactions": ("u.data", CsvForm("\t", "latin-1", False, _INTERACTIONS)),
    "items": ("u.item", CsvForm("|", "latin-1", False, _ITEM_100K)),
    "users": (
        "u.user",
        CsvForm("|", "latin-1", False, ("user_id", "age", "gender", "occupation", "zip")),
    ),
}
_FILES_1M: Final = {
    "interactions": ("ratings.dat", CsvForm("::", "latin-1", False, _INTERACTIONS)),
    "items": ("movies.dat", CsvForm("::", "latin-1", False, ("item_id", "title", "genres"))),
    "users": (
        "users.dat",
        CsvForm("::", "latin-1", False, ("user_id", "gender", "age", "occupation", "zip")),
    ),
}
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
    """Load the folder of ml-100k or ml-1m as GroupLens publishes it.

    The year is moved from the title to a column of its own, the genre flags of ml-100k become a|b,
    and the codes of age and occupation in ml-1m are replaced by their words.

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
    small = (folder / "u.data").is_file()
    if not small and not (folder / "ratings.dat").is_file():
        raise SourceError(
            f"{folder}: neither u.data (ml-100k) nor ratings.dat (ml-1m) is here. Cure: give the "
            "unpacked folder."
        )
    builder = CatalogBuilder()
    for frame, (name, form) in (_FILES_100K if small else _FILES_1M).items():
        part = read_csv(folder / name, form, progress)
        builder.report_file(folder / name, part)
        builder.add(frame, part.table, folder / name, part.rows)
    builder.tables["items"] = _items(builder.tables["items"], flags=small)
    users = builder.tables["users"] if small else _decode_users(builder.tables["users"])
    builder.tables["users"] = infer_types(users, SPECS["users"].by_name)
    return builder.build()


def _items(table: pa.Table, *, flags: bool) -> pa.Table:
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
        columns["genres"] = table.column("genres")
    return pa.table(columns)


def _flagged_genres(table: pa.Table) -> Any:
    flags = np.column_stack(
        [np.asarray(pc.equal(table.column(genre), "1")).astype(bool) for genre in _GENRES]
    )
    names = np.array(_GENRES, dtype=object)
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


def _recognises(names: set[str]) -> bool:
    return "u.data" in names or "ratings.dat" in names


LOADER: Final = Loader(
    name="movielens",
    title="MovieLens as published (100K and 1M)",
    files="u.data or ratings.dat",
    recognises=_recognises,
    function=movielens,
)
