"""NameIndex: entity names by their words, to find them in a text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kgrec.entity_linking.words import key_of, unqualified

_SURNAME = 4  # letters; shorter last words are mostly not names


@dataclass(frozen=True, slots=True)
class NameIndex:
    """``whole`` and ``keys``: the key of each name, with and without words in parentheses.

    ``phrases``: key → rows of the entities with that name; ``longest``: first word → most words of
    a phrase that begins with it; ``last_names``: last word → the only entity with it.
    """

    whole: list[str]
    keys: list[str]
    phrases: dict[str, list[int]] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)
    last_names: dict[str, int] = field(default_factory=dict)

    @classmethod
    def build(cls, names: Sequence[str]) -> NameIndex:
        """Index ``names``, one per row; a name without letters and digits is never found."""
        whole = [key_of(name) for name in names]
        plain = [key_of(unqualified(name)) for name in names]
        index = cls(whole, plain)
        for row, keys in enumerate(zip(whole, plain, strict=True)):
            for key in {key for key in keys if key}:
                index._add(key, row)
        index.last_names.update(_last_names(plain, index.phrases))
        return index

    def _add(self, key: str, row: int) -> None:
        self.phrases.setdefault(key, []).append(row)
        words = key.split(" ")
        self.longest[words[0]] = max(self.longest.get(words[0], 0), len(words))

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """(first word, word after the last, key) from left to right: the longest phrase at each
        word, without overlaps."""
        at, total = 0, len(words)
        longest, phrases = self.longest, self.phrases
        while at < total:
            stop = at + 1
            most = longest.get(words[at])
            for size in range(min(most, total - at) if most else 0, 0, -1):
                key = words[at] if size == 1 else " ".join(words[at : at + size])
                if key in phrases:
                    stop = at + size
                    yield at, stop, key
                    break
            at = stop

    def inside(self, words: Sequence[str]) -> Iterator[str]:
        """All phrases in ``words``, also those inside longer ones."""
        for at, word in enumerate(words):
            for size in range(1, min(self.longest.get(word, 0), len(words) - at) + 1):
                key = " ".join(words[at : at + size])
                if key in self.phrases:
                    yield key


def _last_names(keys: Sequence[str], phrases: dict[str, list[int]]) -> dict[str, int]:
    """Last words of longer names that one entity alone has and that are no whole name."""
    owners: dict[str, list[int]] = defaultdict(list)
    firsts = Counter(key.split(" ")[0] for key in keys)
    for row, key in enumerate(keys):
        first, _, rest = key.partition(" ")
        last = rest.rpartition(" ")[2]
        if first and len(last) >= _SURNAME and last.isalpha():
            owners[last].append(row)
    return {
        last: rows[0]
        for last, rows in owners.items()
        if len(rows) == 1 and last not in phrases and not firsts[last]
    }
