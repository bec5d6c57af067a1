"""Pairs for the contrastive objective: what somebody wrote or did, and the item it led to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kgrec.config.text_finetuning import TextTuning
from kgrec.text_finetuning.corpus import TextCorpus


@dataclass(frozen=True)
class PairSource:
    """``anchor`` leads to ``item``; ``user`` wrote or did it, whose own review of the item is never
    the other half of the pair."""

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
    """Every pair that the corpus has a text for on both sides, in the order of ``pairs``."""
    kinds = {"query": _queries, "review": _reviews, "history": _histories}
    found: list[PairSource] = []
    for kind in dict.fromkeys(settings.pairs):
        found.extend(kinds[kind](corpus, settings))
    return [entry for entry in found if _has_other_text(corpus, entry)]


def document_of(corpus: TextCorpus, entry: PairSource) -> str:
    """The text of the entry's item, "" where there is none or it is the anchor itself."""
    document = corpus.documents[entry.item]
    return "" if document == entry.anchor else document


def reviews_by_others(corpus: TextCorpus, entry: PairSource, start: int = 0) -> Iterator[str]:
    """What others wrote of the entry's item, from any place ``start`` on and round to it."""
    rows, reviews = corpus.reviews_of_item.get(entry.item, []), corpus.reviews
    for place in range(len(rows)):
        row = rows[(start + place) % len(rows)]
        others = reviews.user[row] < 0 or reviews.user[row] != entry.user
        if others and reviews.text[row] != entry.anchor:
            yield reviews.text[row]


def draw_pairs(corpus: TextCorpus, chosen: list[PairSource], rng: np.random.Generator) -> PairBatch:
    """The pairs of ``chosen``: the document half the time, else a random review."""
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


def _queries(corpus: TextCorpus, settings: TextTuning) -> Iterator[PairSource]:
    asked = corpus.queries
    for row, text in enumerate(asked.text):
        if text and asked.item[row] >= 0:
            yield PairSource(text, int(asked.item[row]), int(asked.user[row]))


def _reviews(corpus: TextCorpus, settings: TextTuning) -> Iterator[PairSource]:
    reviews = corpus.reviews
    for row, text in enumerate(reviews.text):
        if text and reviews.item[row] >= 0:
            yield PairSource(text, int(reviews.item[row]), int(reviews.user[row]))


def _histories(corpus: TextCorpus, settings: TextTuning) -> Iterator[PairSource]:
    users, items = corpus.users.tolist(), corpus.items.tolist()
    words = max(4, settings.max_length // (2 * settings.history_events))
    start = 0
    for row in range(1, len(users)):
        if users[row] != users[row - 1]:
            start = row
            continue
        past = range(row - 1, max(start, row - settings.history_events) - 1, -1)
        told = [_event_text(corpus, users[row], items[event], words) for event in past]
        text = " ".join(part for part in told if part)
        if text and items[row] not in [items[event] for event in past]:
            yield PairSource(text, items[row], users[row])


def _event_text(corpus: TextCorpus, user: int, item: int, words: int) -> str:
    """The first words of what the user wrote of the item, or else of the item's text."""
    row = corpus.review_of_pair.get((user, item))
    text = corpus.documents[item] if row is None else corpus.reviews.text[row]
    return " ".join(text.split()[:words])
