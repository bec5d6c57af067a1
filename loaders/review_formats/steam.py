"""Steam as published by UCSD: reviews, games, and the games that Australian users own.

The lines of these files are dictionaries as Python writes them.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from loaders.builder import CatalogBuilder
from loaders.loader import Loader
from loaders.recognition import FileNames, plain_name
from loaders.report import FileReport, LoadResult, Progress
from loaders.review_formats.family import Graph, Rows, find_kinds, read_each
from loaders.tables.json_records import Record

_FILES: Final = {
    "reviews": re.compile(r"(steam_new|steam_reviews)\.json"),
    "owned": re.compile(r"australian_users_items\.json"),
    "recommended": re.compile(r"australian_user_reviews\.json"),
    "games": re.compile(r"steam_games\.json"),
    "bundles": re.compile(r"bundle_data\.json"),
}
_EVENTS: Final = {"reviews": "reviews", "owned": "australian", "recommended": "australian"}
_POSTED: Final = re.compile(r"Posted (\w+ \d+, \d{4})\.?")
_GAME: Final = ("release_date", "price", "early_access")
_KNOWN: Final = {
    "reviews": ("username", "product_id", "date", "hours", "text"),
    "owned": ("user_id", "items"),
    "recommended": ("user_id", "reviews"),
}
_LISTS: Final = {"genres": "genre", "tags": "tag", "specs": "spec"}


def steam(path: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load the Steam data of UCSD: steam_reviews.json.gz, or the files of Australian users.

    Reviews become interactions and texts; their user is the user name, as in the papers that use
    this data. Games that users own become interactions with the event ``owned`` and without time;
    reviews of the same users have the event ``reviewed`` and say whether they recommend the game.
    Genres, tags, specs, developers and publishers of steam_games become entities.

    Parameters
    ----------
    path : str or Path
        The folder, or one file of reviews or owned games of a folder that has both sets of users.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If a file is missing or can't be read, or the folder has two sets of users.
    CatalogError
        If the content breaks the schema.
    """
    path = given_path(path, "path")
    folder = path.parent if path.is_file() else path
    builder = CatalogBuilder()
    paths = find_kinds(FileNames(folder), _FILES, builder) if folder.is_dir() else {}
    if path.is_file():
        paths = _only(paths, path)
    sets = {_EVENTS[kind] for kind in paths if kind in _EVENTS}
    if len(sets) != 1:
        here = "two sets of users are" if sets else "no file of reviews or owned games is"
        raise SourceError(
            f"{folder}: {here} here. Cure: give one file: steam_reviews.json.gz, or "
            "australian_users_items.json.gz."
        )
    if "bundles" in paths:
        builder.report.notes.append(f"{paths['bundles'].name} was not read: it names no user.")
    reading = _Steam(builder, progress)
    for kind in _EVENTS:
        if kind in paths:
            reading.read(kind, paths[kind])
    reading.add(paths[next(kind for kind in _EVENTS if kind in paths)], paths.get("games"))
    return builder.build()


def _only(paths: dict[str, Path], path: Path) -> dict[str, Path]:
    """The files of the set of users that ``path`` is of, and those of no set."""
    own = {_EVENTS.get(kind) for kind, one in paths.items() if one.name == path.name}
    return {kind: one for kind, one in paths.items() if _EVENTS.get(kind) in (*own, None)}


class _Steam:
    """The frames of a data set while its files are read."""

    def __init__(self, builder: CatalogBuilder, progress: Progress | None) -> None:
        self._builder, self._progress = builder, progress
        self._events = Rows(
            "interactions", "user_id", "item_id", "timestamp", "event", "hours", "recommended"
        )
        self._texts = Rows("reviews", "user_id", "item_id", "text", "timestamp")
        self._titles: dict[str, str] = {}
        self._graph = Graph()
        self._undated = 0

    def read(self, kind: str, path: Path) -> None:
        """Read a file of interactions."""
        use = {"reviews": self._review, "owned": self._owned, "recommended": self._recommended}
        read_each(path, self._builder, _KNOWN[kind], use[kind], self._progress)

    def _review(self, record: Record, file: FileReport) -> None:
        user, item, time = (record.word(key) for key in ("username", "product_id", "date"))
        self._events.add(record, user, item, time, None, record.word("hours"), None)
        self._add_text(record, user, item, record.text("text"), time)

    def _owned(self, record: Record, file: FileReport) -> None:
        user, games = record.word("user_id"), record.objects("items")
        if not games:
            file.drop("user without games")
        for game in games:
            one = Record(game, record.path, record.row)
            item, minutes = one.word("item_id"), game.get("playtime_forever")
            hours = str(minutes / 60) if isinstance(minutes, int) else None
            self._events.add(record, user, item, None, "owned", hours, None)
            self._titles.setdefault(item or "", one.text("item_name"))

    def _recommended(self, record: Record, file: FileReport) -> None:
        user, reviews = record.word("user_id"), record.objects("reviews")
        if not reviews:
            file.drop("user without reviews")
        for review in reviews:
            one = Record(review, record.path, record.row)
            item, time, good = one.word("item_id"), self._posted(one), one.word("recommend")
            self._events.add(record, user, item, time, "reviewed", None, good)
            self._add_text(record, user, item, one.text("review"), time)

    def _add_text(
        self, record: Record, user: str | None, item: str | None, text: str, time: str | None
    ) -> None:
        if text:
            self._texts.add(record, user, item, text, time)

    def _posted(self, record: Record) -> str | None:
        """The day of "Posted November 5, 2011."; one of this year has no year and is left out."""
        given = record.text("posted")
        match = _POSTED.fullmatch(given)
        try:
            return datetime.strptime(match[1] if match else "", "%B %d, %Y").date().isoformat()
        except ValueError:
            self._undated += given != ""
            return None

    def add(self, path: Path, games: Path | None) -> None:
        """Add the frames to the catalog; ``path`` is the file of the interactions."""
        if not len(self._events):
            raise SourceError(f"{path}: there is no review in the file. Cure: write it again.")
        self._events.add_to(self._builder, path)
        if len(self._texts):
            self._texts.add_to(self._builder, path)
        if self._undated:
            self._builder.report.notes.append(
                f"{self._undated:,} reviews have a day without a year and so no time."
            )
        if games is not None:
            self._read_games(games)
        elif self._titles:
            items = pa.table({"item_id": list(self._titles), "title": list(self._titles.values())})
            self._builder.add("items", items, path)

    def _read_games(self, path: Path) -> None:
        items = Rows("items", "item_id", "title", *_GAME)

        def use(record: Record, file: FileReport) -> None:
            key = record.word("id")
            if not key:
                return file.drop("game without id")
            title = record.text("app_name") or record.text("title")
            items.add(record, key, title, *(record.word(name) or None for name in _GAME))
            for name, kind in _LISTS.items():
                for value in record.texts(name):
                    self._graph.entity(key, kind, value)
            for kind in ("developer", "publisher"):
                for value in filter(None, (record.text(kind),)):
                    self._graph.entity(key, kind, value)
            return None

        known = ("id", "app_name", "title", *_GAME, *_LISTS, "developer", "publisher")
        read_each(path, self._builder, known, use, self._progress)
        items.complete(self._events.ids("item_id"), self._builder)
        nodes = {"item": items.ids("item_id")}
        items.add_to(self._builder, path)
        self._graph.add_to(self._builder, path, nodes)


def _recognises(files: FileNames) -> bool:
    kinds = ("reviews", "owned", "recommended", "games")
    return any(_FILES[kind].fullmatch(plain_name(name)) for name in files for kind in kinds)


LOADER: Final = Loader(
    name="steam",
    title="Steam's reviews, games, and Australian users, as UCSD publishes them",
    files="steam_reviews.json.gz or australian_users_items.json.gz",
    recognises=_recognises,
    function=steam,
    arguments=lambda path: {"path": path},
)
