"""Words of texts that are most likely misspelt words of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kgrec.entity_linking.name_index import NameIndex
from kgrec.text.spelling import SpellingIndex

_WORD = 5  # letters: shorter words have too many neighbours
_NAME = 8  # letters: so long a name must be to be recognised with an error in it
_READINGS = 3  # of a word that is near to several


@dataclass(frozen=True)
class Corrections:
    """``meant``: a word as written → the words of names it is one error away from."""

    index: NameIndex
    meant: dict[str, list[str]]

    @classmethod
    def build(cls, index: NameIndex, counts: Counter[str]) -> Corrections:
        """``counts``: in how many texts each word occurs. A misspelling is rarer than the word."""
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
        """As NameIndex.find, with the number of words corrected: the names that come to light."""
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
