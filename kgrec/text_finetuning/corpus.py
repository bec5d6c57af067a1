"""TextCorpus: the texts and interactions that fine-tuning reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class UserTexts:
    """Texts that users wrote: cleaned ``text``, int64 ``user`` and ``item`` rows (-1: none)."""

    text: Sequence[str]
    user: np.ndarray
    item: np.ndarray

    @staticmethod
    def none() -> UserTexts:
        rows = np.empty(0, dtype=np.int64)
        return UserTexts([], rows, rows)


@dataclass(frozen=True, eq=False)
class TextCorpus:
    """``documents`` are the items' texts by row ("": none); ``users`` and ``items`` int64 ``[n]``
    are the interactions, each user's in order of time."""

    documents: Sequence[str]
    reviews: UserTexts
    queries: UserTexts
    users: np.ndarray
    items: np.ndarray

    @cached_property
    def texts(self) -> tuple[list[str], np.ndarray]:
        """All texts that are not empty, and the item row (int64) of each, -1 for none."""
        parts = (
            (self.documents, np.arange(len(self.documents))),
            (self.reviews.text, self.reviews.item),
            (self.queries.text, self.queries.item),
        )
        texts = [text for part, _ in parts for text in part]
        items = np.concatenate([rows for _, rows in parts]).astype(np.int64)
        kept = [row for row, text in enumerate(texts) if text]
        return [texts[row] for row in kept], items[kept]

    @cached_property
    def review_of_pair(self) -> dict[tuple[int, int], int]:
        """(user, item) → row of the last review that the user wrote about the item."""
        pairs = zip(self.reviews.user.tolist(), self.reviews.item.tolist(), strict=True)
        return {pair: row for row, pair in enumerate(pairs) if self.reviews.text[row]}

    @cached_property
    def reviews_of_item(self) -> dict[int, list[int]]:
        """Item → rows of its reviews, for items with reviews."""
        found: dict[int, list[int]] = {}
        for row, item in enumerate(self.reviews.item.tolist()):
            if item >= 0 and self.reviews.text[row]:
                found.setdefault(item, []).append(row)
        return found


def held_out_items(items: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """int64: a random ``share`` of the distinct rows in ``items`` without -1; at least one, unless
    there are fewer than two."""
    known = np.unique(items[items >= 0])
    if len(known) < 2:
        return known[:0]
    return np.sort(rng.permutation(known)[: max(1, round(share * len(known)))])
