"""Text pairs for the contrastive objective: a query, review or history, and a text of its item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kgrec.config.text_finetuning import TextTuning
from kgrec.text_finetuning.corpus import TextCorpus, UserTexts


@dataclass(frozen=True)
class PairSource:
    """An ``anchor`` text, its ``item``, and its ``user``, whose own review of the item is never the
    other text of the pair."""

    anchor: str
    item: int
    user: int


@dataclass(frozen=True, eq=False)
class PairBatch:
    """A batch of pairs: ``anchors`` and ``others`` are texts, ``items`` int64 rows of the items."""

    anchors: list[str]
    others: list[str]
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.items)


def pair_sources(corpus: TextCorpus, settings: TextTuning) -> list[PairSource]:
    """All anchors of the corpus that have an other text, in the order of ``settings.pairs``."""
    kinds = {
        "query": lambda: _written(corpus.queries),
        "review": lambda: _written(corpus.reviews),
        "history": lambda: _histories(corpus, settings),
    }
    found: list[PairSource] = []
    for kind in dict.fromkeys(settings.pairs):
        found.extend(kinds[kind]())
    return [entry for entry in found if _has_other_text(corpus, entry)]


def document_of(corpus: TextCorpus, entry: PairSource) -> str:
    """The document of the entry's item; "" where there is none or it is the anchor."""
    document = corpus.documents[entry.item]
    return "" if document == entry.anchor else document


def reviews_by_others(corpus: TextCorpus, entry: PairSource, start: int = 0) -> Iterator[str]:
    """The reviews of the entry's item by other users, in a circle from position ``start``."""
    rows, reviews = corpus.reviews_of_item.get(entry.item, []), corpus.reviews
    for place in range(len(rows)):
        row = rows[(start + place) % len(rows)]
        others = reviews.user[row] < 0 or reviews.user[row] != entry.user
        if others and reviews.text[row] != entry.anchor:
            yield reviews.text[row]


def draw_pairs(corpus: TextCorpus, chosen: list[PairSource], rng: np.random.Generator) -> PairBatch:
    """A pair for each entry: with the item's document half of the time, otherwise a random
    review."""
    others = [_pick(corpus, entry, rng) for entry in chosen]
    items = np.array([entry.item for entry in chosen], dtype=np.int64)
    return PairBatch([entry.anchor for entry in chosen], others, items)


def _pick(corpus: TextCorpus, entry: PairSource, rng: np.random.Generator) -> str:
    document, start = document_of(corpus, entry), int(rng.integers(1 << 62))
    if document and rng.random() < 0.5:
        return document
    return next(reviews_by_others(corpus, entry, start), document)


def _has_other_text(corpus: TextCorpus, entry: PairSource) -> bool:
    return bool(document_of(corpus, entry) or next(reviews_by_others(corpus, entry), ""))


def _written(texts: UserTexts) -> Iterator[PairSource]:
    """Each text about an item is an anchor."""
    for row, text in enumerate(texts.text):
        if text and texts.item[row] >= 0:
            yield PairSource(text, int(texts.item[row]), int(texts.user[row]))


def _histories(corpus: TextCorpus, settings: TextTuning) -> Iterator[PairSource]:
    users, items = corpus.users.tolist(), corpus.items.tolist()
    words = max(4, settings.max_length // (2 * settings.history_events))
    start = 0
    for row in range(1, len(users)):
        if users[row] != users[row - 1]:
            start = row
            continue
        past = range(row - 1, max(start, row - settings.history_events) - 1, -1)
        texts = [_event_text(corpus, users[row], items[event], words) for event in past]
        text = " ".join(part for part in texts if part)
        if text and items[row] not in [items[event] for event in past]:
            yield PairSource(text, items[row], users[row])


def _event_text(corpus: TextCorpus, user: int, item: int, words: int) -> str:
    """The first words of the user's review of the item, otherwise of the item's document."""
    row = corpus.review_of_pair.get((user, item))
    text = corpus.documents[item] if row is None else corpus.reviews.text[row]
    return " ".join(text.split()[:words])
