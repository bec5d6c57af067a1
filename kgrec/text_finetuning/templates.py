"""Templates: sentences from an item's attributes and facts, for items with little text."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence

from kgrec.errors import RequestError

_PART = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_SPACE = re.compile(r"\s+")


def fill_template(template: str, fields: Mapping[str, str]) -> str:
    """Replace each ``{name}`` by its field; "" where a field outside brackets is missing or empty.

    A part in brackets is left out where one of its fields is missing or empty: "{title}[ is a
    {category}][ by {brand}]" with title and brand gives "Strat by Fender". Raises RequestError for
    an invalid template.
    """
    filled = []
    for optional, plain in _parts(template):
        part = optional or plain
        values = {name: fields.get(name, "").strip() for name in field_names(part)}
        if all(values.values()):
            filled.append(part.format_map(values))
        elif plain:
            return ""
    return _SPACE.sub(" ", "".join(filled)).strip()


def field_names(template: str) -> list[str]:
    """The names in braces, in order. Raises RequestError for invalid braces."""
    try:
        parsed = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise RequestError(f"template {template!r}: {error}; write fields as {{title}}.") from error
    if not all(str(name).isidentifier() and not (spec or how) for name, spec, how in parsed):
        raise RequestError(f"template {template!r}: a field is not a plain name; write {{title}}.")
    return [str(name) for name, _, _ in parsed]


def _parts(template: str) -> list[tuple[str, str]]:
    parts = _PART.findall(template)
    rebuilt = "".join(f"[{optional}]" if optional else plain for optional, plain in parts)
    if rebuilt != template.replace("[]", ""):
        raise RequestError(
            f"template {template!r}: brackets don't match; close each, and nest none."
        )
    return [part for part in parts if any(part)]


def facts_as_text(fields: Mapping[str, Sequence[str]], limit: int = 5) -> str:
    """One sentence per field with at most ``limit`` values: "director: A, B. genre: Drama."."""
    parts = [
        f"{name}: {', '.join(list(values)[:limit])}." for name, values in fields.items() if values
    ]
    return " ".join(parts)
