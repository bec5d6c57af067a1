"""Amazon reviews and product metadata as JSON lines, in the forms of 2014 and 2018."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from graph_schema.report import shown
from loaders.amazon_records import METADATA_KEY, Product, clean, product, records, review_digest
from loaders.builder import CatalogBuilder
from loaders.infer import infer_types
from loaders.loader import Loader
from loaders.report import LoadReport, LoadResult, Progress

_SUFFIXES: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_ITEM_COLUMNS: Final = ("title", "description", "main_category", "price")


class _TextTable:
    """A table of text columns, built row by row. Rows become Arrow arrays in blocks of 50,000."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._rows: list[tuple[str | None, ...]] = []
        self._parts: list[pa.Table] = []

    def add(self, *values: str | None) -> None:
        self._rows.append(values)
        if len(self._rows) >= 50_000:
            self._flush()

    def table(self) -> pa.Table:
        self._flush()
        return pa.concat_tables(self._parts)

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self.names)
        arrays = [pa.array(column, type=pa.string()) for column in columns]
        self._parts.append(pa.table(dict(zip(self.names, arrays, strict=True))))
        self._rows = []


def amazon(
    reviews: str | Path,
    metadata: str | Path | None = None,
    *,
    keep_unreviewed: bool = False,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a file of Amazon reviews and the metadata of its products (.json or .json.gz).

    Each review becomes an interaction (overall → rating, unixReviewTime → timestamp) and, if it has
    text, a review. Exact repeats of a review are dropped. Brands and categories become entities;
    also bought, also viewed, bought together and bought after viewing become facts between items.
    Product pictures, sales ranks and reviewers' names aren't read.

    Parameters
    ----------
    reviews : str or Path
        The review file.
    metadata : str or Path, optional
        The metadata file of its products. Without it, items have ids only.
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
    SourceError
        If a file or a line can't be read.
    CatalogError
        If the content breaks the schema.
    """
    builder = CatalogBuilder()
    events = _read_reviews(Path(reviews), builder, progress)
    if metadata is not None:
        path = Path(metadata)
        reviewed = dict.fromkeys(events.column("item_id").drop_null().to_pylist())
        reviewed.pop("", None)
        products = _read_metadata(path, reviewed, keep_unreviewed, builder, progress)
        missing = [item for item in reviewed if item not in products]
        if missing:
            builder.report.notes.append(
                f"{len(missing):,} reviewed items have no metadata and so no title."
            )
        entities, facts = _graph(products, set(reviewed) | set(products), builder.report)
        builder.add("items", _items(products, missing), path)
        builder.add("entities", entities, path)
        builder.add("facts", facts, path)
    return builder.build()


def _read_reviews(path: Path, builder: CatalogBuilder, progress: Progress | None) -> pa.Table:
    """Add the frames interactions and reviews; return the interactions, every column as text."""
    file = builder.report.file(path.name)
    events = _TextTable("user_id", "item_id", "rating", "timestamp", "verified")
    texts = _TextTable("user_id", "item_id", "text", "rating", "timestamp", "summary")
    event_rows: list[int] = []
    text_rows: list[int] = []
    seen: set[bytes] = set()
    for number, record in records(path, progress):
        file.read += 1
        digest = review_digest(record)
        if digest in seen:
            file.drop("exact repeat of an earlier review")
            continue
        seen.add(digest)
        user, item = (_id(record.get(key), path, number) for key in ("reviewerID", "asin"))
        rating, time = _text(record.get("overall")), _text(record.get("unixReviewTime"))
        events.add(user, item, rating, time, _text(record.get("verified")))
        event_rows.append(number)
        text, summary = clean(record.get("reviewText")), clean(record.get("summary"))
        if text or summary:
            texts.add(user, item, text or summary, rating, time, summary or None)
            text_rows.append(number)
    if not event_rows:
        raise SourceError(f"{path}: there is no review in the file. Cure: write it again.")
    without_text = len(event_rows) - len(text_rows)
    if without_text:
        file.notes.append(f"{without_text:,} reviews without text are interactions only.")
    table = events.table()
    builder.add("interactions", _typed(table), path, np.array(event_rows, dtype=np.int64))
    builder.add("reviews", texts.table(), path, np.array(text_rows, dtype=np.int64))
    return table


def _typed(events: pa.Table) -> pa.Table:
    """Infer the type of ``verified``, or drop it: only the 2018 form has it."""
    if events.column("verified").null_count == events.num_rows:
        return events.drop_columns(["verified"])
    return infer_types(events, SPECS["interactions"].by_name)


def _id(value: Any, path: Path, number: int) -> str | None:
    text = _text(value)
    if text is not None and not text.isascii() and text != text.encode("utf-8", "ignore").decode():
        raise SourceError(
            f"{path}, row {number}: the id {shown(text)} is not valid Unicode text. Cure: repair "
            "or remove the line."
        )
    return text


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _read_metadata(
    path: Path,
    reviewed: dict[str, None],
    keep_unreviewed: bool,
    builder: CatalogBuilder,
    progress: Progress | None,
) -> dict[str, Product]:
    """Return the products to keep by their id."""
    file = builder.report.file(path.name)
    products: dict[str, Product] = {}
    for number, record in records(path, progress):
        file.read += 1
        key = record.get(METADATA_KEY)
        if not isinstance(key, str) or not _id(key, path, number):
            raise SourceError(
                f"{path}, row {number}: the product has no {METADATA_KEY}. Cure: give the metadata "
                "file that belongs to the reviews, or repair the line."
            )
        if key in products:
            file.drop("the product is in an earlier row")
        elif key not in reviewed and not keep_unreviewed:
            file.drop("the product has no review")
        else:
            products[key] = product(record)
    return products


def _items(products: dict[str, Product], without_metadata: list[str]) -> pa.Table:
    columns = _TextTable("item_id", *_ITEM_COLUMNS)
    for key, entry in products.items():
        columns.add(key, *(entry.attributes.get(column) for column in _ITEM_COLUMNS))
    for key in without_metadata:
        columns.add(key, "", *([None] * (len(_ITEM_COLUMNS) - 1)))
    table = columns.table()
    price = table.column("price").cast(pa.float64())
    return table.set_column(table.column_names.index("price"), "price", price)


def _graph(
    products: dict[str, Product], known: set[str], report: LoadReport
) -> tuple[pa.Table, pa.Table]:
    entities: dict[str, tuple[str, str]] = {}
    facts = _TextTable("head", "head_type", "relation", "tail", "tail_type")
    dropped: Counter[str] = Counter()
    for key, entry in products.items():
        for kind, name in entry.entities:
            identity = f"{kind}:{name}"
            entities[identity] = (name, kind)
            facts.add(key, "item", kind, identity, "entity")
        for relation, other in entry.related:
            if other in known:
                facts.add(key, "item", relation, other, "item")
            else:
                dropped[relation] += 1
    for relation, count in sorted(dropped.items()):
        report.notes.append(
            f"{count:,} {relation} links lead to products that are not in the catalog."
        )
    rows = _TextTable("entity_id", "name", "kind")
    for identity, (name, kind) in entities.items():
        rows.add(identity, name, kind)
    return rows.table(), facts.table()


def _arguments(path: Path) -> dict[str, Any]:
    """Find the review file and the metadata file, whose name starts with meta_."""
    if path.is_file():
        return {"reviews": path}
    files = [file for file in sorted(path.iterdir()) if file.name.endswith(_SUFFIXES)]
    metadata = [file for file in files if file.name.startswith("meta_")]
    reviews = [file for file in files if file not in metadata]
    if len(reviews) != 1 or len(metadata) > 1:
        raise SourceError(
            f"{path}: {len(reviews)} review files and {len(metadata)} metadata files (meta_…) are "
            "here. Cure: give one review file: loaders.amazon(reviews, metadata)."
        )
    return {"reviews": reviews[0], "metadata": metadata[0] if metadata else None}


def _recognises(names: set[str]) -> bool:
    return any(name.endswith(_SUFFIXES) for name in names)


LOADER: Final = Loader(
    name="amazon",
    title="Amazon reviews with the metadata of their products (the 2014 and 2018 forms)",
    files="NAME.json.gz with meta_NAME.json.gz",
    recognises=_recognises,
    function=amazon,
    arguments=_arguments,
)
