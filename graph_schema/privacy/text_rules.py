"""Rules for what identifies a person in a text: mail addresses, and numbers of phones, cards and
bank accounts.

Card numbers and IBANs count only with the right check digits (ISO/IEC 7812-1 annex B, Luhn; ISO
13616, modulo 97). Phone numbers have none: a rule for them also finds other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_MAIL: Final = re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_CARD: Final = re.compile(r"(?<![0-9])[2-6](?:[ -]?[0-9]){12,18}(?![0-9])")
_PHONE: Final = re.compile(
    r"(?<![\w+])(?:(?:\+|00)[1-9](?:[ ()./-]{0,2}[0-9]){6,14}"
    r"|\(?0[1-9][0-9]{1,4}\)?[ /-]{1,3}[0-9](?:[ -]?[0-9]){4,9}"
    r"|\(?[2-9][0-9]{2}\)?[-. ]{1,2}[2-9][0-9]{2}[-. ][0-9]{4})(?![\w-])"
)
_WANTED: Final = re.compile(r"@|[0-9][0-9 ()./-]{5}")  # a text without this has nothing to find
# Lengths of IBANs by country, from the registry of ISO 13616.
_LENGTHS: Final = {
    "NO": 15,
    "BE": 16,
    "DK": 18,
    "FI": 18,
    "NL": 18,
    "SI": 19,
    "AT": 20,
    "EE": 20,
    "LT": 20,
    "LU": 20,
    "CH": 21,
    "HR": 21,
    "LI": 21,
    "LV": 21,
    "BG": 22,
    "DE": 22,
    "GB": 22,
    "IE": 22,
    "AE": 23,
    "IL": 23,
    "CZ": 24,
    "ES": 24,
    "RO": 24,
    "SA": 24,
    "SE": 24,
    "SK": 24,
    "PT": 25,
    "IS": 26,
    "TR": 26,
    "FR": 27,
    "GR": 27,
    "IT": 27,
    "MC": 27,
    "SM": 27,
    "CY": 28,
    "HU": 28,
    "PL": 28,
    "MT": 31,
}


@dataclass(frozen=True)
class Found:
    """A part of a text: ``text[start:end]`` is of this kind, such as "mail"."""

    kind: str
    start: int
    end: int


def find_numbers(text: str) -> list[Found]:
    """The mail addresses and numbers in a text, in its order, without overlaps."""
    if _WANTED.search(text) is None:
        return []
    found: list[Found] = []
    for kind, finder in _FINDERS.items():
        for start, end in finder(text):
            if all(end <= other.start or start >= other.end for other in found):
                found.append(Found(kind, start, end))
    return sorted(found, key=lambda one: one.start)


def is_card(digits: str) -> bool:
    """Whether the digits of a card number have the right check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Whether an account number without blanks has its country's length and check digits."""
    if len(text) != _LENGTHS.get(text[:2]):
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in pattern.finditer(text))


def _mails(text: str) -> Iterator[tuple[int, int]]:
    return _spans(_MAIL, text)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _spans(_IBAN, text):
        end = _end_of(text, start, end, _LENGTHS.get(text[start : start + 2], 0))
        if is_iban(text[start:end].replace(" ", "")):
            yield start, end


def _end_of(text: str, start: int, end: int, length: int) -> int:
    """Where the first ``length`` signs that are no blanks end: what follows is another word."""
    place = start
    while place < end and length:
        length -= text[place] != " "
        place += 1
    return place


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _spans(_CARD, text):
        if is_card(re.sub("[^0-9]", "", text[start:end])):
            yield start, end


def _phones(text: str) -> Iterator[tuple[int, int]]:
    return _spans(_PHONE, text)


_FINDERS: Final[dict[str, Callable[[str], Iterator[tuple[int, int]]]]] = {
    "mail": _mails,
    "iban": _ibans,
    "card": _cards,
    "phone": _phones,
}
