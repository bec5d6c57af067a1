"""Words of a text as names are compared by, and where they stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kgrec.text.words import normalise

# An accent that stands alone after its letter (NFD) is part of the word.
_WORD = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Words:
    """``folded`` without case and accents; ``start`` and ``end`` are characters of the text."""

    folded: list[str]
    start: list[int]
    end: list[int]


def read_words(text: str) -> Words:
    """The words of a text: runs of letters and digits. What lies between them is not compared."""
    found = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        low = text.lower()
        folded = [low[start:end] for start, end in found]
    else:
        folded = [normalise(text[start:end]) for start, end in found]
    return Words(folded, [start for start, _ in found], [end for _, end in found])


def key_of(name: str) -> str:
    """What a name is compared by: its folded words, one space between them."""
    return " ".join(read_words(name).folded)


def unqualified(name: str) -> str:
    """The name without the words in parentheses at its end, which tell it from others of the same
    name: "Mercury (planet)" is written "Mercury"."""
    return _QUALIFIER.sub("", name) or name
