"""The Yelp Open Dataset: JSON files of reviews, tips, businesses and users."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from loaders.builder import CatalogBuilder
from loaders.loader import Loader
from loaders.recognition import FileNames, plain_name
from loaders.report import FileReport, LoadResult, Progress
from loaders.review_formats.amazon_products import details
from loaders.review_formats.family import Graph, Rows, find_kinds, read_each
from loaders.tables.json_records import Record

_PREFIX: Final = "yelp_academic_dataset_"
_FILES: Final = {
    kind: re.compile(rf"(?:{_PREFIX})?{kind}\.json")
    for kind in ("review", "business", "user", "tip", "checkin", "photo")
}
_NOT_READ: Final = ("checkin", "photo")  # they have no user
_REVIEW: Final = ("review_id", "user_id", "business_id", "stars", "text", "date")
_PLACE: Final = ("address", "city", "state", "postal_code", "latitude", "longitude", "is_open")


def yelp(folder: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load the folder of the Yelp Open Dataset.

    Each review becomes an interaction and, if it has text, a review; its date, which has no zone,
    is read as UTC. Tips become reviews without rating. Businesses are the items, with their place
    and attributes; their categories become entities, and friends become facts between users.
    Check-ins and photos have no user and aren't read; nor are names of users, and counts and means
    over reviews.

    Parameters
    ----------
    folder : str or Path
        The folder with yelp_academic_dataset_review.json and, if there are any, the files business,
        user and tip.
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
    if "review" not in paths:
        raise SourceError(
            f"{folder}: there is no {_PREFIX}review.json. Cure: give the unpacked folder with it."
        )
    for kind in _NOT_READ:
        if kind in paths:
            builder.report.notes.append(f"{paths[kind].name} was not read: it names no user.")
    reading = _Yelp(builder, progress)
    reading.read_reviews(paths["review"])
    if "tip" in paths:
        reading.read_tips(paths["tip"])
    reading.add_texts(paths["review"])
    if "business" in paths:
        reading.read_businesses(paths["business"])
    if "user" in paths:
        reading.read_users(paths["user"])
    reading.add_graph(paths.get("business", paths["review"]))
    return builder.build()


class _Yelp:
    """The frames of a data set while its files are read."""

    def __init__(self, builder: CatalogBuilder, progress: Progress | None) -> None:
        self._builder, self._progress = builder, progress
        self._events = Rows("interactions", "user_id", "item_id", "rating", "timestamp")
        self._texts = Rows(
            "reviews", "user_id", "item_id", "text", "review_id", "rating", "timestamp", "kind"
        )
        self._graph = Graph()
        self._ids: dict[str, dict[str, None]] = {"item": {}, "user": {}}

    def read_reviews(self, path: Path) -> None:
        seen: set[bytes] = set()

        def use(record: Record, file: FileReport) -> None:
            digest = record.digest()
            if digest in seen:
                return file.drop("exact repeat of an earlier review")
            seen.add(digest)
            user, item = record.word("user_id"), record.word("business_id")
            rating, time = record.word("stars"), record.word("date")
            self._events.add(record, user, item, rating, time)
            text = record.text("text")
            if text:
                key = record.word("review_id")
                self._texts.add(record, user, item, text, key, rating, time, "review")
            return None

        read_each(path, self._builder, _REVIEW, use, self._progress)
        if not len(self._events):
            raise SourceError(f"{path}: there is no review in the file. Cure: write it again.")
        self._events.add_to(self._builder, path)
        self._ids = {"item": self._events.ids("item_id"), "user": self._events.ids("user_id")}

    def read_tips(self, path: Path) -> None:
        def use(record: Record, file: FileReport) -> None:
            user, item, text = (
                record.word("user_id"),
                record.word("business_id"),
                record.text("text"),
            )
            if not user or not item or not text:
                return file.drop("tip without user, business or text")
            self._ids["user"].setdefault(user)
            self._ids["item"].setdefault(item)
            self._texts.add(record, user, item, text, None, None, record.word("date"), "tip")
            return None

        read_each(
            path, self._builder, ("user_id", "business_id", "text", "date"), use, self._progress
        )

    def add_texts(self, path: Path) -> None:
        if len(self._texts):
            self._texts.add_to(self._builder, path)

    def read_businesses(self, path: Path) -> None:
        items = Rows("items", "item_id", "title", *_PLACE, "features")

        def use(record: Record, file: FileReport) -> None:
            key = record.word("business_id")
            features = details(record.values.get("attributes")) or None
            place = (record.word(name) for name in _PLACE)
            items.add(record, key, record.text("name"), *place, features)
            for category in record.text("categories").split(", "):
                if category and key:
                    self._graph.entity(key, "category", category)

        known = ("business_id", "name", *_PLACE, "attributes", "categories")
        read_each(path, self._builder, known, use, self._progress)
        items.complete(self._ids["item"], self._builder)
        self._ids["item"] = items.ids("item_id")
        items.add_to(self._builder, path)

    def read_users(self, path: Path) -> None:
        users, known = Rows("users", "user_id", "yelping_since"), self._ids["user"]
        lost = 0

        def use(record: Record, file: FileReport) -> None:
            nonlocal lost
            key = record.word("user_id")
            users.add(record, key, record.word("yelping_since"))
            for friend in record.text("friends").split(", "):
                if friend in known and key:
                    self._graph.link(key, "friend", friend, "user")
                else:
                    lost += friend not in ("", "None")

        read_each(path, self._builder, ("user_id", "yelping_since", "friends"), use, self._progress)
        if lost:
            self._builder.report.notes.append(
                f"{lost:,} links to friends who wrote neither a review nor a tip were left out."
            )
        users.complete(self._ids["user"], self._builder)
        self._ids["user"] = users.ids("user_id")
        users.add_to(self._builder, path)

    def add_graph(self, path: Path) -> None:
        self._graph.add_to(self._builder, path, self._ids)


def _recognises(files: FileNames) -> bool:
    if any(name.startswith(_PREFIX) and ".json" in name for name in files):
        return True
    own = (name for name in files if _FILES["review"].fullmatch(plain_name(name)))
    return any(files.fields(name) >= {"business_id", "user_id", "stars"} for name in own)


LOADER: Final = Loader(
    name="yelp",
    title="the Yelp Open Dataset (reviews, tips, businesses, users)",
    files="yelp_academic_dataset_review.json",
    recognises=_recognises,
    function=yelp,
)
