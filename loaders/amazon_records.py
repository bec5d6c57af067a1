"""Records of the Amazon files: parse a line, clean its text, read a product."""

from __future__ import annotations

import ast
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.report import Progress
from loaders.streams import text_lines

METADATA_KEY: Final = "asin"
# The names of links between products in both forms → kgrec's relation.
_LINKS: Final = {
    "also_buy": "also_bought",
    "also_bought": "also_bought",
    "also_view": "also_viewed",
    "also_viewed": "also_viewed",
    "bought_together": "bought_together",
    "buy_after_viewing": "bought_after_viewing",
}
# An HTML tag, complete or cut off at the end of the text.
_TAG: Final = re.compile(r"</?[A-Za-z!][^<>]*(?:>|$)")
_STYLE: Final = re.compile(r"<(script|style)\b.*?(?:</\1>|$)", re.IGNORECASE | re.DOTALL)
_PRICE: Final = re.compile(r"\$?\s*(\d[\d,]*(?:\.\d+)?)")


@dataclass(frozen=True)
class Product:
    """The part of a product's metadata that the catalog keeps."""

    attributes: dict[str, str | None]
    entities: tuple[tuple[str, str], ...]  # (kind, name)
    related: tuple[tuple[str, str], ...]  # (relation, item id)


def records(path: Path, progress: Progress | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, record) of a JSON-lines file, without blank lines.

    Raises SourceError that names the line.
    """
    for number, line in text_lines(path, progress=progress):
        if line.strip():
            yield number, _parse(line, path, number)


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = _python_literal(line)
    if not isinstance(record, dict):
        raise SourceError(
            f"{path}, row {number}: the line is not a JSON object: {shown(line)}. Cure: give the "
            "file as published, with one object a line, or repair the line."
        )
    return record


def _python_literal(line: str) -> Any:
    """Parse a Python dictionary: the 2014 metadata has these instead of JSON."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        # Through JSON, so that keys are text and values are plain, as in the other files.
        return json.loads(json.dumps(ast.literal_eval(line.strip()), default=str))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def review_digest(record: dict[str, Any]) -> bytes:
    """Return 16 bytes that are equal for equal records, in any order of their fields."""
    text = json.dumps(record, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def clean(value: Any) -> str:
    """Return text on one line, without HTML tags and entities; "" for anything but text."""
    if not isinstance(value, str):
        return ""
    text = _TAG.sub(" ", _STYLE.sub(" ", value))
    text = _TAG.sub(" ", html.unescape(text)) if "&" in text else text
    return " ".join(text.encode("utf-8", "ignore").decode().split())


def product(record: dict[str, Any]) -> Product:
    """Read a metadata record of either form."""
    description = record.get("description")
    parts = description if isinstance(description, list) else [description]
    attributes: dict[str, str | None] = {
        "title": clean(record.get("title")),
        "description": " ".join(filter(None, map(clean, parts))) or None,
        "main_category": clean(record.get("main_cat")) or None,
        "price": _price(record.get("price")),
    }
    return Product(attributes, tuple(_entities(record)), tuple(_related(record)))


def _price(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    match = _PRICE.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1].replace(",", "") if match else None


def _entities(record: dict[str, Any]) -> list[tuple[str, str]]:
    brand = re.sub(r"^by\s{2,}|^by\n\s*", "", _string(record.get("brand")).lstrip())
    names = [("brand", clean(brand))]
    names += [("category", clean(name)) for name in _categories(record)]
    return list(dict.fromkeys((kind, name) for kind, name in names if name))


def _categories(record: dict[str, Any]) -> Iterable[str]:
    """Yield the category names: a list in the 2018 form, a list of lists in the 2014 form."""
    given = record.get("category") or record.get("categories") or []
    for entry in given if isinstance(given, list) else [given]:
        yield from map(_string, entry) if isinstance(entry, list) else [_string(entry)]


def _related(record: dict[str, Any]) -> list[tuple[str, str]]:
    related = record.get("related")
    places = [record, related] if isinstance(related, dict) else [record]
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
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
