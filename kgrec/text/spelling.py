"""SpellingIndex: the words of a vocabulary that are one typing error away from a given word.

rapidfuzz compares two words; the look-up of candidates is own code because rapidfuzz has none:
comparing a word with a whole vocabulary of 23,000 takes 1 to 9 ms, a look-up .05 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        keys, owners = [], []
        for row, word in enumerate(words):
            for key in _deletions(word):
                keys.append(hash(key))
                owners.append(row)
        order = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
        self._keys = np.array(keys, dtype=np.int64)[order]
        self._owners = np.array(owners, dtype=np.int32)[order]

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
