"""SpellingIndex: the words of a vocabulary that are one typing error away from a given word.

rapidfuzz compares two words; the look-up of candidates is own code because rapidfuzz has none:
comparing a word with a whole vocabulary of 23,000 takes 1 to 9 ms, a look-up .05 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
from rapidfuzz.distance import OSA

_MIN_LENGTH = 2  # letters: nearly every word is one error away from a shorter one


class SpellingIndex:
    """Distinct ``words``, indexed by themselves and by what is left without each of their letters.

    Two words that differ by one dropped, added, wrong or swapped letter share such a key (Mor and
    Fraenkel 1982), so a look-up needs as many keys as the word has letters.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._keys, self._owners = _keys_of(words, range(len(words)))

    def grown(self, words: Sequence[str], moved: np.ndarray) -> SpellingIndex:
        """The index of other words; ``moved`` int64: the row among them of each word here, -1 for
        one that is not there."""
        known = np.zeros(len(words), dtype=bool)
        known[moved[moved >= 0]] = True
        keys, owners = _keys_of(words, np.flatnonzero(~known).tolist())
        places = moved[self._owners]
        kept = places >= 0
        index = copy(self)
        index._words = words
        index._keys, index._owners = _ordered(
            np.concatenate([self._keys[kept], keys]), np.concatenate([places[kept], owners])
        )
        return index

    def similar(self, word: str) -> list[tuple[int, float]]:
        """Rows of the other words one error away, each with its similarity 1 − 1 / letters."""
        keys = np.array([hash(key) for key in _deletions(word)], dtype=np.int64)
        starts = np.searchsorted(self._keys, keys, "left")
        ends = np.searchsorted(self._keys, keys, "right")
        found: set[int] = set()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            found.update(self._owners[start:end].tolist())
        similarity = 1.0 - 1.0 / max(len(word), 1)
        return [(row, similarity) for row in sorted(found) if _one_error(word, self._words[row])]


def _keys_of(words: Sequence[str], rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The keys of some words, int64 ascending, and the row of each."""
    keys, owners = [], []
    for row in rows:
        for key in _deletions(words[row]):
            keys.append(hash(key))
            owners.append(row)
    return _ordered(np.array(keys, dtype=np.int64), np.array(owners, dtype=np.int64))


def _ordered(keys: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    return keys[order], owners[order].astype(np.int32)


def _deletions(word: str) -> Iterator[str]:
    """The word, and the word without each of its letters."""
    if len(word) < _MIN_LENGTH:
        return
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]


def _one_error(one: str, other: str) -> bool:
    """Whether one letter is dropped, added or wrong, or two neighbours are swapped."""
    return bool(OSA.distance(one, other, score_cutoff=1) == 1)
