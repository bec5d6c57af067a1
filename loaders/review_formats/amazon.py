"""Amazon's reviews, ratings and product metadata, in the releases of 2014, 2018 and 2023."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, SourceError
from graph_schema.frames import SPECS
from loaders.builder import CatalogBuilder
from loaders.loader import Loader
from loaders.recognition import JSON_SUFFIXES, FileNames, plain_name, unread_files
from loaders.report import FileReport, LoadResult, Progress
from loaders.review_formats.amazon_products import Products, clean
from loaders.review_formats.amazon_ratings import is_ratings, read_ratings, seconds, split_of
from loaders.tables.infer import infer_types
from loaders.tables.json_records import FieldNotes, Record, plain, records
from loaders.tables.text_table import TextTable, without_empty_columns

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class _Form:
    """The names of a review's fields in one release."""

    release: str
    user: str
    item: str
    rating: str
    time: str
    text: str
    summary: str
    verified: str
    milliseconds: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read."""
        ids = (self.user, self.item, self.rating, self.time)
        return (*ids, self.text, self.summary, self.verified)

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether records with these fields are reviews of this release."""
        return self.item in fields and bool({self.user, self.rating} & fields)


_FORMS: Final = (
    _Form(
        "2014 or 2018",
        *("reviewerID", "asin", "overall", "unixReviewTime", "reviewText", "summary", "verified"),
    ),
    _Form(
        "2023",
        *("user_id", "parent_asin", "rating", "timestamp", "text", "title", "verified_purchase"),
        milliseconds=True,
    ),
    _Form(
        "2023, in which asin is the item, as there is no parent_asin",
        *("user_id", "asin", "rating", "timestamp", "text", "title", "verified_purchase"),
        milliseconds=True,
    ),
)
_META: Final = "meta_"
_CORE: Final = r"(_[0-9]+(core)?)?"  # what follows the category in the names of dense subsets
_OPTIONAL: Final = ("verified", "summary", "rating", "timestamp")


def amazon(
    reviews: Paths,
    metadata: Paths | None = None,
    *,
    keep_unreviewed: bool = False,
    progress: Progress | None = None,
) -> LoadResult:
    """Load files of Amazon's reviews or ratings, and the metadata of their products.

    Reviews are JSON (2014 and 2018: reviewerID, asin, overall, unixReviewTime; 2023: user_id,
    parent_asin, rating, timestamp in milliseconds), ratings are CSV: those of 2014 and 2018 have no
    header, and the forms of the ids say which column has the users; those of 2023 may be split
    into NAME.train.csv, .valid.csv and .test.csv.

    Each review becomes an interaction and, if it has text, a review. Exact repeats of a review are
    dropped. Brands, stores, authors and categories become entities; also bought, also viewed,
    bought together and bought after viewing become facts between items. Pictures, sales ranks,
    votes, mean ratings and reviewers' names aren't read.

    Parameters
    ----------
    reviews : str or Path, or a sequence of them
        The file, or the files, of reviews or ratings.
    metadata : str or Path, or a sequence of them, optional
        The metadata of the products. Without it, items have ids only.
    keep_unreviewed : bool
        Keep products of the metadata that have no review. By default they are dropped.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    RequestError
        If no file of reviews is given.
    SourceError
        If a file or a line can't be read.
    CatalogError
        If the content breaks the schema.
    """
    builder, seen = CatalogBuilder(), set[bytes]()
    files, described = _paths(reviews, "reviews"), _paths(metadata or (), "metadata")
    if not files:
        raise RequestError("reviews is empty; give the file of reviews or ratings.")
    for path in files:
        found = FileNames(path)
        if is_ratings(found.cells(path.name)) and not found.fields(path.name):
            part = read_ratings(path, found.cells(path.name), builder, progress)
            frames = {"interactions": part.table}
            rows = {"interactions": part.rows}
        else:
            frames, rows = _read_reviews(path, builder.report.file(path.name), seen, progress)
        _add(builder, path, frames, rows, check=len(files) > 1)
    events = builder.tables["interactions"]
    if described:
        products = Products(events.column("item_id").drop_null().to_pylist(), keep_unreviewed)
        for path in described:
            products.read(path, builder.report.file(path.name), progress)
        products.add_to(builder, described[0])
    given = {path.name for path in (*files, *described)}
    builder.report.notes += unread_files(_data_files(FileNames(files[0].parent)) - given)
    return builder.build()


def _data_files(names: FileNames) -> set[str]:
    return {name for name in names if plain_name(name).endswith((*JSON_SUFFIXES, ".csv"))}


def _paths(given: Paths, name: str) -> list[Path]:
    several = [given] if isinstance(given, str | Path) else list(given)
    return [given_path(path, name) for path in several]


def _add(
    builder: CatalogBuilder,
    path: Path,
    frames: dict[str, pa.Table],
    rows: dict[str, np.ndarray],
    *,
    check: bool,
) -> None:
    """Add the rows of a file. One of several is checked by itself, so that errors name its rows."""
    if check:
        sources = dict.fromkeys(frames, str(path))
        Catalog.from_frames(**frames, sources=sources, rows=rows).validate().raise_if_any()
    for frame, table in frames.items():
        before = builder.tables.get(frame)
        if before is None:
            builder.add(frame, table, path, rows[frame])
        else:
            parts = [before, table]
            builder.tables[frame] = pa.concat_tables(parts, promote_options="permissive")
            builder.rows.pop(frame, None)
            builder.sources[frame] = str(path.parent)


def _read_reviews(
    path: Path, file: FileReport, seen: set[bytes], progress: Progress | None
) -> tuple[dict[str, pa.Table], dict[str, np.ndarray]]:
    """Read the frames interactions and reviews of a JSON file, and their row numbers."""
    events = TextTable("user_id", "item_id", "rating", "timestamp", "verified")
    texts = TextTable("user_id", "item_id", "text", "rating", "timestamp", "summary")
    event_rows: list[int] = []
    text_rows: list[int] = []
    form: _Form | None = None
    fields = FieldNotes(*(name for one in _FORMS for name in one.fields))
    for record in records(path, progress):
        file.read += 1
        form = form or _form_of(record)
        fields.see(record)
        digest = record.digest()
        if digest in seen:
            file.drop("exact repeat of an earlier review")
            continue
        seen.add(digest)
        user, item, rating, time = map(record.word, form.fields[:4])
        events.add(user, item, rating, time, record.word(form.verified))
        event_rows.append(record.row)
        text = clean(record.values.get(form.text))
        summary = clean(record.values.get(form.summary))
        if text or summary:
            texts.add(user, item, text or summary, rating, time, summary or None)
            text_rows.append(record.row)
    if form is None:
        raise SourceError(f"{path}: there is no review in the file. Cure: write it again.")
    file.notes.append(f"read as reviews of the release of {form.release}.")
    fields.note(file)
    if len(event_rows) > len(text_rows):
        count = len(event_rows) - len(text_rows)
        file.notes.append(f"{count:,} reviews without text are interactions only.")
    rows = {
        "interactions": np.array(event_rows, np.int64),
        "reviews": np.array(text_rows, np.int64),
    }
    tables = {"interactions": events.table(), "reviews": texts.table()}
    if form.milliseconds:
        tables = _in_seconds(tables, rows, file)
    events_table = without_empty_columns(tables["interactions"], ("verified",))
    tables["interactions"] = infer_types(
        events_table, SPECS["interactions"].by_name, file, rows["interactions"]
    )
    return tables, rows


def _form_of(record: Record) -> _Form:
    """The release of the first review. Raises SourceError for records of something else."""
    fields = frozenset(record.values)
    for form in _FORMS:
        if form.fits(fields):
            return form
    for form in _FORMS:  # of a first record without an id, which the check of the catalog names
        if form.user in fields and form.rating in fields:
            return form
    names = ", ".join(map(plain, sorted(fields)[:20])) or "none"
    raise record.error(
        f"this is not a review of Amazon: there is no reviewerID and asin (2023: no user_id and "
        f"parent_asin); the fields are {names}",
        "give the file of reviews as published.",
    )


def _in_seconds(
    tables: dict[str, pa.Table], rows: dict[str, np.ndarray], file: FileReport
) -> dict[str, pa.Table]:
    """Both frames with times in seconds; what the report says of them is said once."""
    found = {}
    for (name, table), own in zip(tables.items(), (file, FileReport(file.file)), strict=True):
        place = table.column_names.index("timestamp")
        times = seconds(table.column(place), rows[name], own)
        found[name] = table.set_column(place, "timestamp", times)
    return found


@dataclass(frozen=True)
class _Found:
    """The files of a folder: reviews or ratings, metadata, and other JSON files."""

    reviews: tuple[str, ...]
    metadata: tuple[str, ...]
    others: tuple[str, ...]

    @staticmethod
    def among(files: FileNames) -> _Found:
        reviews, metadata, others = [], [], []
        for name in files.ending(JSON_SUFFIXES):
            fields = files.fields(name)
            if any(form.fits(fields) for form in _FORMS) and not name.startswith(_META):
                reviews.append(name)
            elif name.startswith(_META) or {"asin", "parent_asin"} & fields:
                metadata.append(name)
            else:
                others.append(name)
        tables = [one for one in files.ending((".csv",)) if is_ratings(files.cells(one))]
        return _Found((*reviews, *tables), tuple(metadata), tuple(others))

    @property
    def one_set(self) -> bool:
        """Whether the reviews are one file, or the splits of one."""
        splits = {split_of(name) for name in self.reviews}
        stems = {name.split(".")[0] for name in self.reviews}
        return len(self.reviews) == 1 or (None not in splits and len(stems) == 1)

    @property
    def metadata_of_first(self) -> tuple[str, ...]:
        """The metadata whose category is that of the first file of reviews."""
        if not self.reviews:
            return ()
        stem = plain_name(self.reviews[0]).split(".")[0]
        stem = stem.removeprefix("reviews_").removeprefix("ratings_")
        return tuple(one for one in self.metadata if re.fullmatch(_category(one) + _CORE, stem))


def _arguments(path: Path) -> dict[str, Any]:
    """Find the files of reviews and of metadata in a folder, by their content."""
    if path.is_file():
        return {"reviews": path}
    found = _Found.among(FileNames(path))
    if not found.reviews and len(found.others) == 1:
        found = _Found(found.others, found.metadata, ())  # its error says what is wrong
    metadata = found.metadata if len(found.metadata) == 1 else found.metadata_of_first
    if not found.reviews or not found.one_set or len(metadata) != min(1, len(found.metadata)):
        raise SourceError(_too_many(path, found))
    return {
        "reviews": [path / name for name in found.reviews],
        "metadata": [path / name for name in metadata],
    }


def _too_many(path: Path, found: _Found) -> str:
    here = (
        f"{path}: {len(found.reviews)} review files and {len(found.metadata)} metadata files "
        f"({_META}…) are here"
    )
    if not found.reviews:
        return f"{here}. Cure: add the file of reviews or ratings."
    first = found.reviews[0]
    own = found.metadata_of_first
    option = f" --metadata {path / own[0]}" if own else ""
    return (
        f"{here}: {', '.join([*found.reviews, *found.metadata])}. Cure: load one of them, as in "
        f"kgrec load {path / first}{option}; in Python, loaders.amazon(reviews, metadata) takes "
        "lists of files, too."
    )


def _category(name: str) -> str:
    """The category in the name of a metadata file, as a pattern."""
    return re.escape(plain_name(name).split(".")[0].removeprefix(_META))


def _recognises(files: FileNames) -> bool:
    found = _Found.among(files)
    return bool(found.reviews or found.metadata)


LOADER: Final = Loader(
    name="amazon",
    title="Amazon's reviews, ratings and metadata of products (the releases of 2014, 2018, 2023)",
    files="NAME.json.gz with meta_NAME.json.gz or NAME.csv with their fields",
    recognises=_recognises,
    function=amazon,
    arguments=_arguments,
)
