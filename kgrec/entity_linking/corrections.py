"""Corrections: words of texts that are probably misspelt words of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgrec.entity_linking.name_index import NameIndex
from kgrec.text.spelling import SpellingIndex

_WORD = 5  # letters; shorter words are similar to too many others
_NAME = 8  # letters of the shortest name that is found with an error
_READINGS = 3  # most corrections of a word


@dataclass(frozen=True)
class Corrections:
    """``meant``: a word as written → the words of names that are one typing error away."""

    index: NameIndex
    meant: dict[str, list[str]]

    @classmethod
    def build(cls, index: NameIndex, counts: Counter[str]) -> Corrections:
        """``counts``: number of texts with each word; a misspelling is rarer than the word."""
        long = (key for key in index.phrases if len(key) >= _NAME)
        words = sorted({word for key in long for word in key.split(" ") if len(word) >= _WORD})
        spelling, known = SpellingIndex(words), set(words)
        meant: dict[str, list[str]] = {}
        for written, count in counts.items():
            if len(written) < _WORD or written in known or not written.isalpha():
                continue
            near = (words[place] for place, _ in spelling.similar(written))
            likely = [word for word in near if counts[word] >= count - 1]
            if likely:
                meant[written] = sorted(likely, key=lambda w: (-counts[w], w))[:_READINGS]
        return cls(index, meant)

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, str, int]]:
        """Like NameIndex.find on the corrected words, with the number of corrections in each
        name."""
        wrong = [at for at, word in enumerate(words) if word in self.meant]
        if not wrong:
            return
        found = set()
        for reading in range(max(len(self.meant[words[at]]) for at in wrong)):
            read = list(words)
            for at in wrong:
                choices = self.meant[words[at]]
                read[at] = choices[min(reading, len(choices) - 1)]
            found |= {match for match in self.index.find(read) if len(match[2]) >= _NAME}
        for start, stop, key in sorted(found):
            errors = sum(start <= at < stop for at in wrong)
            if errors:
                yield start, stop, key, errors
