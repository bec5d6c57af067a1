"""Amazon's products: read the metadata of all releases, clean its texts, make items and facts."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.report import FileReport, Progress
from loaders.review_formats.family import Graph
from loaders.tables.json_records import FieldNotes, Record, plain, records
from loaders.tables.text_table import TextTable, without_empty_columns

KEYS: Final = ("parent_asin", "asin")  # of a product: the first that the record has
_EXTRA: Final = ("subtitle", "features", "details")  # the release of 2023 alone has them
_ITEM_COLUMNS: Final = ("title", "description", "main_category", "price", *_EXTRA)
# The names of links between products in all releases → kgrec's relation.
_LINKS: Final = {
    "also_buy": "also_bought",
    "also_bought": "also_bought",
    "also_view": "also_viewed",
    "also_viewed": "also_viewed",
    "bought_together": "bought_together",
    "buy_after_viewing": "bought_after_viewing",
}
_READ: Final = (
    *(*KEYS, "title", "description", "main_cat", "main_category", "price", "brand", "store"),
    *("author", "category", "categories", "related", *_EXTRA, *_LINKS),
)
# An HTML tag, complete or cut off at the end of the text.
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>]*(?:>|$)")
_STYLE: Final = re.compile(r"<(script|style)\b.*?(?:</\1>|$)", re.IGNORECASE | re.DOTALL)
_PRICE: Final = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)")
_NO_PRICE: Final = ("", "None", "—", "-")


def clean(value: Any) -> str:
    """Return text on one line, without HTML tags and entities; "" for anything but text."""
    if not isinstance(value, str):
        return ""
    text = _TAG.sub(" ", _STYLE.sub(" ", value))
    text = _TAG.sub(" ", html.unescape(text)) if "&" in text else text
    return " ".join(plain(text).split())


class Products:
    """The products of metadata files, by their ids. Only those that ``reviewed`` has are kept,
    unless ``keep_unreviewed``."""

    def __init__(self, reviewed: Iterable[str], keep_unreviewed: bool) -> None:
        self._reviewed = dict.fromkeys(reviewed)
        self._reviewed.pop("", None)
        self._keep_unreviewed = keep_unreviewed
        self._kept: dict[str, dict[str, str | None]] = {}
        self._graph = Graph()

    def read(self, path: Path, file: FileReport, progress: Progress | None) -> None:
        """Read a metadata file. Raises SourceError for a product without an id."""
        odd: list[str] = []
        scripts: list[int] = []
        fields = FieldNotes(*_READ)
        for record in records(path, progress):
            file.read += 1
            fields.see(record)
            key = _key(record)
            if key in self._kept:
                file.drop("the product is in an earlier row")
            elif key not in self._reviewed and not self._keep_unreviewed:
                file.drop("the product has no review")
            else:
                self._kept[key] = _attributes(record.values)
                self._add_facts(key, record.values)
                if _odd_price(record.values.get("price")):
                    odd.append(f"{shown(record.values['price'])} in row {record.row}")
                if _is_script(record.values.get("title")):
                    scripts.append(record.row)
        fields.note(file)
        if odd:
            file.notes.append(
                f"the price of {len(odd):,} products is not one number in dollars and was left "
                f"out; the first is {odd[0]}."
            )
        if scripts:
            file.notes.append(
                f"the title of {len(scripts):,} products is a script of the page and was left out; "
                f"the first is in row {scripts[0]}."
            )

    def add_to(self, builder: CatalogBuilder, path: Path) -> None:
        """Add the items, entities and facts, and what the report says of them."""
        missing = [item for item in self._reviewed if item not in self._kept]
        if missing:
            builder.report.notes.append(
                f"{len(missing):,} reviewed items have no metadata and so no title."
            )
        builder.add("items", self._items(missing), path)
        self._graph.add_to(builder, path, {"item": [*self._kept, *missing]})

    def _add_facts(self, key: str, values: dict[str, Any]) -> None:
        for kind, name in _entities(values):
            self._graph.entity(key, kind, name)
        for relation, other in _related(values):
            self._graph.link(key, relation, other)

    def _items(self, without_metadata: list[str]) -> pa.Table:
        columns = TextTable("item_id", *_ITEM_COLUMNS)
        for key, attributes in self._kept.items():
            columns.add(key, *(attributes[column] for column in _ITEM_COLUMNS))
        for key in without_metadata:
            columns.add(key, "", *([None] * (len(_ITEM_COLUMNS) - 1)))
        table = without_empty_columns(columns.table(), ("price", *_EXTRA))
        if "price" not in table.column_names:
            return table
        price = table.column("price").cast(pa.float64())
        return table.set_column(table.column_names.index("price"), "price", price)


def _key(record: Record) -> str:
    name = next((key for key in KEYS if record.values.get(key)), KEYS[-1])
    key = record.values.get(name)
    if not isinstance(key, str) or not key:
        raise record.error(
            f"the product has no {KEYS[1]} (2023: no {KEYS[0]})",
            "give the metadata file that belongs to the reviews, or repair the line.",
        )
    return record.valid(key, "the id")


def _is_script(title: Any) -> bool:
    """Whether a title is a part of the page's script, as some of 2018 are."""
    return isinstance(title, str) and "getTime" in title and "(" in title


def _attributes(values: dict[str, Any]) -> dict[str, str | None]:
    description = values.get("description")
    parts = description if isinstance(description, list) else [description]
    main = values.get("main_cat") or values.get("main_category")
    features = values.get("features")
    return {
        "title": "" if _is_script(values.get("title")) else clean(values.get("title")),
        "description": " ".join(filter(None, map(clean, parts))) or None,
        "main_category": clean(main) or None,
        "price": _price(values.get("price")),
        "subtitle": clean(values.get("subtitle")) or None,
        "features": " ".join(map(clean, features)) or None if isinstance(features, list) else None,
        "details": details(values.get("details")) or None,
    }


def object_in(value: Any) -> dict[str, Any]:
    """The object, also one that is written as JSON in a text; {} for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def details(value: Any) -> str:
    """Return the names and values of an object as text: "Color: red; Size: 3"."""
    given = object_in(value).items()
    scalars = ((clean(name), one) for name, one in given if isinstance(one, str | int | float))
    named = ((name, clean(str(one))) for name, one in scalars)
    return "; ".join(f"{name}: {one}" for name, one in named if name and one)


def _price(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    match = _PRICE.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1].replace(",", "") if match else None


def _odd_price(value: Any) -> bool:
    empty = value is None or (isinstance(value, str) and value.strip() in _NO_PRICE)
    return not empty and _price(value) is None


def _entities(values: dict[str, Any]) -> list[tuple[str, str]]:
    brand = values.get("brand") or object_in(values.get("details")).get("Brand")
    names = [("brand", clean(re.sub(r"^by\s{2,}|^by\n\s*", "", _string(brand).lstrip())))]
    names.append(("store", clean(values.get("store"))))
    names.append(("author", clean(object_in(values.get("author")).get("name"))))
    names += [("category", clean(name)) for name in _categories(values)]
    return list(dict.fromkeys((kind, name) for kind, name in names if name))


def _categories(values: dict[str, Any]) -> Iterable[str]:
    """Yield the category names: a list, or a list of lists in the release of 2014."""
    given = values.get("category") or values.get("categories") or []
    for entry in given if isinstance(given, list) else [given]:
        yield from map(_string, entry) if isinstance(entry, list) else [_string(entry)]


def _related(values: dict[str, Any]) -> list[tuple[str, str]]:
    related = values.get("related")
    places = [values, related] if isinstance(related, dict) else [values]
    links = [
        (relation, item)
        for place in places
        for name, relation in _LINKS.items()
        for item in _strings(place.get(name))
    ]
    return list(dict.fromkeys(links))


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: Any) -> list[str]:
    return [one for one in map(plain, value) if one] if isinstance(value, list) else []
