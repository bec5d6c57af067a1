"""The full-text search of every store: which texts are indexed, and queries of plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from graph_schema.errors import QueryError
from graph_schema.names import ENTITY, ITEM, QUERY, REVIEW

MAX_WORDS: Final = 256  # of a query: what follows is left out; Lucene refuses more than 1,024
# The properties that are searched; of items all that hold text.
_PROPERTIES: Final = {ENTITY: ("name",), REVIEW: ("text",), QUERY: ("text",)}
_WORD: Final = re.compile(r"\w")
# AND, OR, NOT and TO are operators in capitals only. The remains of wrong decoding (halves of
# surrogate pairs) can't be sent to a store.
_OPERATORS: Final = re.compile(r'[-+&|!(){}\[\]^"~*?:\\/\x00\ud800-\udfff]')


def check_query(text: str, label: str, k: int) -> str:
    """The text as at most MAX_WORDS words in lower case, without what Lucene would take for an
    operator. Raises QueryError where it has no words, for a label without texts, and for k < 1."""
    if label not in (ITEM, *_PROPERTIES):
        known = ", ".join((ITEM, *_PROPERTIES))
        raise QueryError(f"nodes {label!r} have no full-text index; use one of {known}.")
    if k < 1:
        raise QueryError(f"k is {k}; use 1 or more.")
    words = _OPERATORS.sub(" ", text).lower().split()[:MAX_WORDS]
    if not any(_WORD.search(word) for word in words):
        raise QueryError("the text holds no words; pass some.")
    return " ".join(words)


def indexed(label: str, texts: Iterable[str]) -> list[str]:
    """Those of a label's properties with text that are searched."""
    chosen: Any = _PROPERTIES.get(label)
    return sorted(name for name in texts if chosen is None or name in chosen)


def text_properties(label: str, schema: pa.Schema) -> list[str]:
    """Those columns of a label's nodes that are searched."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    return indexed(label, (name for name in texts if name != "id"))
