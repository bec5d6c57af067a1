"""Words of a text in the form in which names are compared, with their positions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kgrec.text.words import normalise

# A combining accent after its letter (NFD) is part of the word.
_WORD = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")
_QUALIFIER = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Words:
    """``folded`` without case and accents; ``start`` and ``end`` are characters of the text."""

    folded: list[str]
    start: list[int]
    end: list[int]


def read_words(text: str) -> Words:
    """The words of a text: runs of letters and digits; other characters are not compared."""
    found = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        low = text.lower()
        folded = [low[start:end] for start, end in found]
    else:
        folded = [normalise(text[start:end]) for start, end in found]
    return Words(folded, [start for start, _ in found], [end for _, end in found])


def key_of(name: str) -> str:
    """The key of a name: its folded words, separated by one space."""
    return " ".join(read_words(name).folded)


def unqualified(name: str) -> str:
    """The name without words in parentheses at its end: "Mercury (planet)" gives "Mercury"."""
    return _QUALIFIER.sub("", name) or name
