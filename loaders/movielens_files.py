"""MovieLens' releases: which files each has, their columns, and which release a folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from loaders.recognition import FileNames, first_lines, plain_name
from loaders.tables.tabular import CsvForm

GENRES_100K: Final = (
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
_INTERACTIONS: Final = ("user_id", "item_id", "rating", "timestamp")
_ITEM_100K: Final = ("item_id", "title", "release_date", "video_release_date", "imdb_url")
_COLUMNS: Final = {
    "userId": "user_id",
    "movieId": "item_id",
    "tag": "text",
    "imdbId": "imdb_id",
    "tmdbId": "tmdb_id",
}
_HEADER: Final = ["userId", "movieId", "rating", "timestamp"]


@dataclass(frozen=True)
class Part:
    """One file of a release. ``columns`` are those of a file without header; for one with a header,
    the columns that it must have."""

    name: str
    delimiter: str
    columns: tuple[str, ...]
    header: bool = False
    required: bool = True

    def form(self, encoding: str) -> CsvForm:
        """The form in which the file is read."""
        if self.header:
            return CsvForm(self.delimiter, encoding)
        return CsvForm(self.delimiter, encoding, quoted=False, names=self.columns)

    def column(self, name: str) -> str:
        """The name of a column in the catalog."""
        return _COLUMNS.get(name, name) if self.header else name


@dataclass(frozen=True)
class Release:
    """A release, its files by what they hold, and the files of it that aren't read."""

    title: str
    parts: Mapping[str, Part]
    not_read: tuple[str, ...] = ()


def _bars(name: str, columns: tuple[str, ...]) -> Part:
    return Part(name, "|", columns, required=False)


def _colons(name: str, columns: tuple[str, ...], *, required: bool = False) -> Part:
    return Part(name, "::", columns, required=required)


def _csv(name: str, *columns: str, required: bool = False) -> Part:
    return Part(name, ",", columns, header=True, required=required)


_RATINGS_DAT: Final = _colons("ratings.dat", _INTERACTIONS, required=True)
_MOVIES_DAT: Final = _colons("movies.dat", ("item_id", "title", "genres"))
_TAGS_DAT: Final = _colons("tags.dat", ("user_id", "item_id", "text", "timestamp"))
ML_100K: Final = Release(
    "MovieLens 100K",
    {
        "interactions": Part("u.data", "\t", _INTERACTIONS),
        "items": _bars("u.item", (*_ITEM_100K, *GENRES_100K)),
        "users": _bars("u.user", ("user_id", "age", "gender", "occupation", "zip")),
    },
    ("u.genre", "u.info", "u.occupation", "allbut.pl", "mku.sh"),
)
ML_1M: Final = Release(
    "MovieLens 1M",
    {
        "interactions": _RATINGS_DAT,
        "items": _MOVIES_DAT,
        "users": _colons("users.dat", ("user_id", "gender", "age", "occupation", "zip")),
    },
)
ML_10M: Final = Release(
    "MovieLens 10M (files with :: and no users.dat)",
    {"interactions": _RATINGS_DAT, "items": _MOVIES_DAT, "reviews": _TAGS_DAT},
    ("allbut.pl", "split_ratings.sh"),
)
MOVIETWEETINGS: Final = Release(
    "MovieTweetings",
    {
        "interactions": _RATINGS_DAT,
        "items": _MOVIES_DAT,
        "users": _colons("users.dat", ("user_id", "twitter_id")),
    },
)
ML_CSV: Final = Release(
    "MovieLens in CSV files (latest, 20M, 25M, 32M)",
    {
        "interactions": _csv("ratings.csv", *_HEADER, required=True),
        "items": _csv("movies.csv", "movieId", "title", "genres"),
        "links": _csv("links.csv", "movieId", "imdbId", "tmdbId"),
        "reviews": _csv("tags.csv", "userId", "movieId", "tag", "timestamp"),
    },
)
_WITH_COLONS: Final = {5: ML_1M, 2: MOVIETWEETINGS}  # by the columns of users.dat


def release_of(files: FileNames) -> Release | None:
    """The release that a folder holds; None where it holds none. Raises SourceError for a users.dat
    of no known release."""
    names = names_here(files)
    if "u.data" in names:
        return ML_100K
    if "ratings.dat" in names:
        return _with_colons(files.folder, names)
    for name in ("ratings.csv", "rating.csv"):
        if name in names and files.header(names[name]) == _HEADER:
            return ML_CSV
    return None


def recognises(files: FileNames) -> bool:
    """Whether these are files of a release. Files of other data are called ratings.dat or
    ratings.csv too, so that their first line decides; and who has written them in the CSV layout as
    well means that."""
    names = names_here(files)
    if "u.data" in names:
        return True
    if "ratings.dat" in names:
        first = next(iter(files.lines(names["ratings.dat"])), "")
        return first.count("::") == len(_INTERACTIONS) - 1 or "movies.dat" in names
    written = any(name.split(".")[0] == "interactions" for name in names)
    return not written and release_of(files) is not None


def names_here(files: FileNames) -> dict[str, str]:
    """Name of a file as published → its name here, which may be that of a packed file."""
    return {plain_name(name): name for name in sorted(files, reverse=True)}


def check_single(files: FileNames, release: Release) -> None:
    """Raise SourceError for a file of the release that is here plain and packed."""
    for part in release.parts.values():
        same = sorted(name for name in files if plain_name(name) == part.name)
        if len(same) > 1:
            raise SourceError(
                f"{files.folder}: both {same[0]} and {same[1]} exist. Cure: keep one."
            )


def name_of(part: Part, names: Mapping[str, str]) -> str | None:
    """The file of a part; also by the name in the singular, such as rating.csv."""
    singular = part.name.replace("s.csv", ".csv")
    return names.get(part.name, names.get(singular) if part.header else None)


def _with_colons(folder: Path, names: Mapping[str, str]) -> Release:
    """The release of files with :: by the number of columns of users.dat, which 10M lacks."""
    if "users.dat" not in names:
        return ML_10M
    users = folder / names["users.dat"]
    lines = first_lines(users)
    width = len(lines[0].split("::")) if lines else 1
    release = ML_1M if width == 1 else _WITH_COLONS.get(width)  # its error names the row
    if release is None:
        raise SourceError(
            f"{users}: the first row has {width} fields. MovieLens 1M has five (user, gender, age, "
            "occupation, zip) and MovieTweetings two (user, Twitter id). Cure: give the files of "
            "one of them, or write them in the CSV layout."
        )
    return release
