"""Levels of generalisation of a column: from the values as they are to "other" for everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pyarrow as pa

OTHER: Final = "other"
_CODE: Final = re.compile(r"(?=.*[0-9])[0-9A-Za-z][0-9A-Za-z -]{2,}")
_CODES_SHARE: Final = 0.9  # of the values that must look like codes, and
_CODES_DISTINCT: Final = 20  # how many distinct ones there must be, for prefixes
_STEPS: Final = (1.0, 2.0, 5.0)  # widths of ranges are these times powers of ten


class Method(StrEnum):
    """How the values of a column become coarser."""

    RANGE = "range"  # of numbers
    PREFIX = "prefix"  # of codes, such as postal codes
    VALUE = "value"  # rare values become "other"


@dataclass(frozen=True, eq=False)
class Level:
    """A column of n rows at one level.

    Attributes
    ----------
    words : str
        What was done, such as "ranges of 10".
    values : tuple of str or None
        The distinct values, None for absent ones.
    codes : int64 ``[n]``
        The value of each row.
    loss : float64 ``[n]``
        Each row's normalised certainty penalty (Xu et al., KDD 2006), 0 to 1: the width of a range
        over that of the column, or the share of the distinct values that are no longer distinct.
    """

    words: str
    values: tuple[str | None, ...]
    codes: np.ndarray
    loss: np.ndarray


def method_of(column: pa.ChunkedArray) -> Method:
    """The method that suits a column: ranges of numbers, prefixes of codes, else whole values."""
    if _is_number(column.type):
        return Method.RANGE
    known = [str(value) for value in column.drop_null().to_pylist()]
    if len(set(known)) > _CODES_DISTINCT:
        share = sum(_CODE.fullmatch(value) is not None for value in known) / len(known)
        if share >= _CODES_SHARE:
            return Method.PREFIX
    return Method.VALUE


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def levels_of(column: pa.ChunkedArray, method: Method, k: int) -> list[Level]:
    """The levels of a column, finest first; the last is "other" for all rows."""
    given = column.to_pylist()
    texts = [None if value is None or value == "" else str(value) for value in given]
    found = [_level("as it is", texts, lambda held: 0.0)]
    if method is Method.RANGE:
        found += _ranges(given)
    elif method is Method.PREFIX:
        found += _prefixes(texts)
    else:
        found += _rare(texts, k)
    everyone = _level("left out", [OTHER] * len(texts), lambda held: 1.0)
    return [*found, everyone]


def _level(
    words: str, values: Sequence[str | None], loss_of: Callable[[str | None], float]
) -> Level:
    distinct = list(dict.fromkeys(values))
    place = {value: row for row, value in enumerate(distinct)}
    codes = np.fromiter((place[value] for value in values), np.int64, len(values))
    losses = np.array([loss_of(value) for value in distinct], dtype=np.float64)
    return Level(words, tuple(distinct), codes, losses[codes])


def _ranges(given: Sequence[Any]) -> list[Level]:
    """Equal ranges of 2, 5, 10, 20, … times the smallest distance of two values."""
    known = np.unique([float(value) for value in given if value is not None])
    if len(known) < 2:
        return []
    whole = bool(np.all(known == np.round(known)))
    span = known[-1] - known[0]
    return [
        _level(f"ranges of {width:g}", _in_ranges(given, width, whole), _flat(width / span))
        for width in _widths(float(np.diff(known).min()), span)
    ]


def _widths(distance: float, span: float) -> list[float]:
    power = np.floor(np.log10(distance))
    found: list[float] = []
    while not found or found[-1] < span:
        found += [step * 10.0**power for step in _STEPS]
        power += 1
    return [width for width in found if distance < width < span]


def _in_ranges(given: Sequence[Any], width: float, whole: bool) -> list[str | None]:
    return [None if value is None else _range(float(value), width, whole) for value in given]


def _range(value: float, width: float, whole: bool) -> str:
    start = np.floor(value / width) * width
    if whole and width >= 1 and width == round(width):
        return f"{start:.0f}-{start + width - 1:.0f}"
    return f"{start:g} to {start + width:g}"


def _flat(loss: float) -> Callable[[str | None], float]:
    return lambda value: 0.0 if value is None else min(loss, 1.0)


def _prefixes(texts: Sequence[str | None]) -> list[Level]:
    known = {text for text in texts if text is not None}
    longest = max(map(len, known), default=0)
    found = []
    for length in range(longest - 1, 0, -1):
        members: dict[str, int] = {}
        for text in known:
            members[_prefix(text, length)] = members.get(_prefix(text, length), 0) + 1
        cut = [None if text is None else _prefix(text, length) for text in texts]
        found.append(_level(f"first {length} characters", cut, _share(members, len(known))))
    return found


def _prefix(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "*"


def _share(members: dict[str, int], total: int) -> Callable[[str | None], float]:
    return lambda value: 0.0 if members.get(value or "", 1) < 2 else members[value or ""] / total


def _rare(texts: Sequence[str | None], k: int) -> list[Level]:
    """Values of fewer than k users become "other", then those of fewer than 1 % to 10 %."""
    counts: dict[str, int] = {}
    for text in texts:
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    found: list[Level] = []
    before = 0
    for limit in (k, *(int(share * len(texts)) for share in (0.01, 0.03, 0.1))):
        rare = {text for text, count in counts.items() if count < limit}
        if len(rare) > max(before, 1) and len(rare) < len(counts):
            words = f"values of fewer than {limit} users as {OTHER}"
            kept = [OTHER if text in rare else text for text in texts]
            found.append(_level(words, kept, _share({OTHER: len(rare)}, len(counts))))
            before = len(rare)
    return found
