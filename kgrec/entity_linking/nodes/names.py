"""Readings of a name: the forms in which the same name may be written elsewhere.

"Shining, The (1980)" and "The Shining (1980 film)" have one reading in common, and a year each. A
reading has a grade: the higher, the more was changed to reach it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from kgrec.entity_linking.words import key_of


class Grade(IntEnum):
    """How far a reading is from the name as it is written."""

    WHOLE = 0  # but for case, accents, punctuation, moved articles and numerals
    PLAIN = 1  # without words in parentheses
    OTHER = 2  # another name: in parentheses, after a.k.a., or in a column of its own
    ARTICLE = 3  # without the article at its start
    TURNED = 4  # what stands after its only comma first: "Ek, Ann"
    SPACING = 5  # words are written together in one name only
    SHORT = 6  # what stands before a colon or a dash
    TYPO = 7  # a typing error


WORDING: Final = {
    Grade.WHOLE: "same name",
    Grade.PLAIN: "same name but for words in parentheses",
    Grade.OTHER: "same name as another name",
    Grade.ARTICLE: "same name but for its article",
    Grade.TURNED: "same name but for the order of its parts",
    Grade.SPACING: "same name but for spaces",
    Grade.SHORT: "same name but for what follows a colon",
    Grade.TYPO: "same name but for a typing error",
}
# Articles of European languages, which lists of titles move to the end of a name.
ARTICLES: Final = frozenset(
    (
        "the", "a", "an", "le", "la", "les", "l", "un", "une", "des", "der", "die", "das", "den",
        "dem", "ein", "eine", "il", "lo", "gli", "i", "el", "los", "las", "una", "de", "het", "een",
        "det", "et", "ett", "en", "o", "os", "as", "um", "uma",
    )
)  # fmt: skip
_YEAR: Final = "1[0-9]{3}|2[01][0-9]{2}"
_IN_TEXT: Final = re.compile(rf"(?<![0-9])({_YEAR})(?![0-9])")
_GROUP: Final = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_YEAR_BESIDE: Final = re.compile(rf"(?:({_YEAR})(?:\s+(.*))?|(.*?),?\s+({_YEAR}))")
_ALIAS: Final = re.compile(
    r"[\s,;/]*(?:\ba\.\s?k\.\s?a\b\.?|\ba/?k/?a\b|\balso known as\b)[\s.:]*", re.IGNORECASE
)
_MOVED: Final = re.compile(
    rf"(.*\S),\s*({'|'.join(sorted(ARTICLES, key=len, reverse=True))})('?)(?=\s*$|\s*[:–-])(.*)",
    re.IGNORECASE | re.DOTALL,
)
_CUT: Final = re.compile(r":\s|\s[–-]\s")
_ROMAN: Final = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})")
_ROMAN_VALUES: Final = {"i": 1, "v": 5, "x": 10}
_APOSTROPHES: Final = str.maketrans("", "", "'’‘`´")
# Letters that are no base letter with an accent, as they are written without their own keys.
_LETTERS: Final = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "&": " and ",
    }
)


@dataclass(frozen=True, slots=True)
class NameReadings:
    """``keys``: each reading with its best grade; ``year``: the one that the name has in
    parentheses."""

    keys: dict[str, Grade]
    year: int | None = None


def year_in(text: str) -> int | None:
    """The first number of a text that may be a year: of "1980-05-23", "May 1980" or "1980.0"."""
    found = _IN_TEXT.search(text)
    return None if found is None else int(found[1])


def qualifiers_of(names: Iterable[str]) -> frozenset[str]:
    """The keys of words that several names have in parentheses, such as "film" of "Heat (1995
    film)": they describe the thing, and are no name of it."""
    counts = Counter(
        key
        for name in names
        if "(" in name or "[" in name
        for key in {name_key(_split_year(group)[0]) for group in _GROUP.findall(name)}
    )
    return frozenset(key for key, count in counts.items() if count > 1 and key)


def readings_of(
    name: str, others: Sequence[str] = (), qualifiers: frozenset[str] = frozenset()
) -> NameReadings:
    """The readings of a name, and of ``others``, which are names of the same thing."""
    keys: dict[str, Grade] = {}
    year = _read(name.replace("_", " "), Grade.WHOLE, qualifiers, keys)
    for other in others:
        _read(other.replace("_", " "), Grade.OTHER, qualifiers, keys)
    return NameReadings(keys, year)


def name_key(name: str) -> str:
    """The key of a name: its folded words with the article first, numerals as digits; where there
    is no letter or digit, its signs."""
    words = key_of(_article_first(name).lower().translate(_LETTERS).translate(_APOSTROPHES))
    if not words:
        return name.strip()
    first, *rest = words.split(" ")
    return " ".join([first, *map(_digits, rest)])


def _read(
    name: str, grade: Grade, qualifiers: frozenset[str], keys: dict[str, Grade]
) -> int | None:
    """Add the readings of one written name to ``keys``; returns its year."""
    plain, groups, year = _parts(name)
    main, *known_as = [part for part in _ALIAS.split(plain) if part.strip()] or [plain]
    _keep(keys, " ".join(filter(None, map(name_key, (main, *groups)))), grade)
    _add(keys, main, max(grade, Grade.PLAIN) if groups else grade)
    for group in groups:
        others = [part for part in _ALIAS.split(group) if part.strip()]
        known_as += [other for other in others if name_key(other) not in qualifiers]
    for other in known_as:
        _add(keys, other, Grade.OTHER)
    for text in (main, *known_as):
        first, _, rest = name_key(text).partition(" ")
        if rest and first in ARTICLES:
            _keep(keys, rest, Grade.ARTICLE)
    last, comma, first = main.partition(",")
    if comma and "," not in first:
        _keep(keys, name_key(f"{first} {last}"), Grade.TURNED)
    cut = _CUT.search(main)
    if cut is not None and cut.start():
        _add(keys, main[: cut.start()], Grade.SHORT)
    return year


def _parts(name: str) -> tuple[str, list[str], int | None]:
    """The name without parentheses, what they hold but for years, and the last year among them."""
    groups, year = [], None
    for found in _GROUP.finditer(name):
        rest, own = _split_year(found[1]) if found.start() else (found[1], None)
        year = own or year
        if rest.strip():
            groups.append(rest)
    plain = _GROUP.sub(" ", name).strip()
    return (plain, groups, year) if plain else (name, [], None)


def _split_year(group: str) -> tuple[str, int | None]:
    """ "1980 film" as ("film", 1980)."""
    found = _YEAR_BESIDE.fullmatch(group.strip())
    if found is None:
        return group, None
    return found[2] or found[3] or "", int(found[1] or found[4])


def _add(keys: dict[str, Grade], text: str, grade: Grade) -> None:
    _keep(keys, name_key(text), grade)


def _keep(keys: dict[str, Grade], key: str, grade: Grade) -> None:
    if key and grade < keys.get(key, Grade.TYPO):
        keys[key] = grade


def _article_first(name: str) -> str:
    found = _MOVED.fullmatch(name.strip())
    if found is None:
        return name
    space = "" if found[3] or found[2].lower() == "l" else " "
    return f"{found[2]}{found[3]}{space}{found[1]}{found[4]}"


def _digits(word: str) -> str:
    """A Roman numeral up to 39 in digits; another word as it is."""
    if not _ROMAN.fullmatch(word):
        return word
    values = [_ROMAN_VALUES[letter] for letter in word]
    after = [*values[1:], 0]
    return str(sum(-one if one < other else one for one, other in zip(values, after, strict=True)))
