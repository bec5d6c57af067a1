"""Spelling: the words of a vocabulary that lie one typing error away from a given one.

Words that are one dropped, added, wrong or swapped letter apart share a form with one letter left
out (Mor and Fraenkel 1982), so a look-up takes as many probes as the word has letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

_SHORTEST = 2  # letters: below it nearly every word would be near


class Spelling:
    """Near words of ``words`` (distinct); answers are their places in it."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        forms, owners = [], []
        for place, word in enumerate(words):
            for form in _forms(word):
                forms.append(hash(form))
                owners.append(place)
        order = np.argsort(np.array(forms, dtype=np.int64), kind="stable")
        self._forms = np.array(forms, dtype=np.int64)[order]
        self._owners = np.array(owners, dtype=np.int32)[order]

    def near(self, word: str) -> list[tuple[int, float]]:
        """Places of other words one error away, each with its likeness 1 − 1 / letters."""
        probes = np.array([hash(form) for form in _forms(word)], dtype=np.int64)
        starts = np.searchsorted(self._forms, probes, "left")
        ends = np.searchsorted(self._forms, probes, "right")
        found: set[int] = set()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            found.update(self._owners[start:end].tolist())
        likeness = 1.0 - 1.0 / max(len(word), 1)
        return [(place, likeness) for place in sorted(found) if one_error(word, self._words[place])]


def _forms(word: str) -> Iterator[str]:
    """The word, and the word without each of its letters."""
    if len(word) < _SHORTEST:
        return
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def one_error(one: str, other: str) -> bool:
    """Whether two different words are one dropped, added, wrong or swapped letter apart."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = 0
    least = min(len(one), len(other))
    while start < least and one[start] == other[start]:
        start += 1
    rest, others = one[start:], other[start:]
    if len(rest) != len(others):
        longer, shorter = (rest, others) if len(rest) > len(others) else (others, rest)
        return longer[1:] == shorter
    if rest[1:] == others[1:]:
        return True
    return rest[:2] == others[1::-1] and rest[2:] == others[2:]
