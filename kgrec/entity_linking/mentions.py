"""Mentions of entities in items' texts, with the capitals and brackets around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from kgrec.entity_linking.corrections import Corrections
from kgrec.entity_linking.name_index import NameIndex
from kgrec.entity_linking.words import Words, read_words
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.text import clean_text, text_columns

DESCRIPTION, REVIEW = "description", "review"
EXACT, SURNAME, TYPO = "exact", "surname", "typo"
_SENTENCE_END = ".!?\n"


@dataclass(frozen=True, slots=True)
class ItemText:
    """A text of an item; ``field`` is the item's column or the review's id."""

    item: int
    source: str
    field: str
    text: str


class Mention(NamedTuple):
    """Rows of item and entity, ``at``: index of the text, its characters ``start`` to ``end``, and
    how the name is written. ``similarity`` to the name: 1 for the exact name."""

    item: int
    entity: int
    at: int
    start: int
    end: int
    form: str
    similarity: float
    key: str
    capital: bool
    bracketed: bool
    capital_before: bool
    capital_after: bool


def item_texts(snapshot: GraphSnapshot) -> list[ItemText]:
    """Descriptions (long text columns, never the title) and reviews of items, by ``clean_text``."""
    items = snapshot.items.attributes
    texts = []
    for column in text_columns(items).long:
        cleaned = map(clean_text, items[column])
        texts += [
            ItemText(row, DESCRIPTION, column, text) for row, text in enumerate(cleaned) if text
        ]
    reviews = snapshot.reviews
    for row, key, written in zip(reviews.item, reviews.id, reviews.text, strict=True):
        text = clean_text(written) if row >= 0 else ""
        if text:
            texts.append(ItemText(int(row), REVIEW, str(key), text))
    return texts


def find_mentions(texts: Sequence[ItemText], index: NameIndex, *, fuzzy: bool) -> pd.DataFrame:
    """One row per mention and entity of that name, with the columns of Mention.

    ``fuzzy`` also finds names with one typing error in a word, and last names alone.
    """
    words = [read_words(text.text) for text in texts]
    corrections = None
    if fuzzy:
        counts = Counter(word for read in words for word in set(read.folded))
        corrections = Corrections.build(index, counts)
    found: list[Mention] = []
    for at, (text, read) in enumerate(zip(texts, words, strict=True)):
        found.extend(_MentionFinder(text, at, read, index).mentions(corrections))
    return pd.DataFrame(found, columns=pd.Index(Mention._fields))


@dataclass(frozen=True, slots=True)
class _MentionFinder:
    text: ItemText
    at: int
    words: Words
    index: NameIndex

    def mentions(self, corrections: Corrections | None) -> Iterator[Mention]:
        taken: set[int] = set()
        for start, stop, key in self.index.find(self.words.folded):
            taken.update(range(start, stop))
            yield from self._each(start, stop, key, EXACT, 1.0)
        if corrections is None:
            return
        for start, stop, key, errors in corrections.find(self.words.folded):
            yield from self._each(start, stop, key, TYPO, 1.0 - errors / len(key))
        yield from self._last_words(taken)

    def _last_words(self, taken: set[int]) -> Iterator[Mention]:
        """Capitalised last names, unless a capitalised word is before them."""
        for place, word in enumerate(self.words.folded):
            row = self.index.last_names.get(word)
            if row is None or place in taken or not self._capital(place):
                continue
            if not self._capital_before(place):
                similarity = len(word) / len(self.index.keys[row])
                yield self._mention(place, place + 1, word, row, SURNAME, similarity)

    def _each(
        self, start: int, stop: int, key: str, form: str, similarity: float
    ) -> Iterator[Mention]:
        for row in self.index.phrases[key]:
            yield self._mention(start, stop, key, row, form, similarity)

    def _mention(
        self, start: int, stop: int, key: str, row: int, form: str, similarity: float
    ) -> Mention:
        text, words = self.text.text, self.words
        begin, end = words.start[start], words.end[stop - 1]
        return Mention(
            self.text.item,
            row,
            self.at,
            begin,
            end,
            form,
            similarity,
            key,
            capital=self._capital(start),
            bracketed=text[begin - 1 : begin] == "(" or text[end : end + 1] == ")",
            capital_before=self._capital_before(start),
            capital_after=self._capital_after(stop),
        )

    def _capital(self, place: int) -> bool:
        letter = self.text.text[self.words.start[place]]
        return letter.isupper() or letter.isdigit()

    def _capital_before(self, place: int) -> bool:
        """Whether the previous word, one space before, begins with a capital letter."""
        if place == 0 or self.words.start[place] - self.words.end[place - 1] != 1:
            return False
        between = self.text.text[self.words.end[place - 1]]
        return between == " " and self._capital(place - 1)

    def _capital_after(self, place: int) -> bool:
        if place >= len(self.words.folded):
            return False
        between = self.text.text[self.words.end[place - 1] : self.words.start[place]]
        return between == " " and self._capital(place)


def sentence_around(text: str, start: int, end: int) -> str:
    """The sentence with the characters ``start`` to ``end``."""
    first = max(text.rfind(mark, 0, start) for mark in _SENTENCE_END) + 1
    ends = [place for mark in _SENTENCE_END if (place := text.find(mark, end)) >= 0]
    return text[first : min(ends, default=len(text) - 1) + 1].strip()
