"""Words of a text for search: lower case, without accents and punctuation."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Lower case without accents: "Amélie" and "amelie" are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words_of(text: str) -> list[str]:
    """The words of a text in order; an apostrophe is left out ("don't" → "dont")."""
    return _WORD.findall(normalise(text).replace("'", "").replace("’", ""))
