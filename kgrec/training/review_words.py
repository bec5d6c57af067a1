"""Words of reviews as rows of the history matrix: a word counts as one more person, who chose the
items whose reviews use it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse as sp

from kgrec.graph.snapshot import GraphSnapshot
from kgrec.text.words import words_of

WEIGHT = 10.0  # what an item's words count for in all, in people
_FEWEST_ITEMS = 2  # a word of a single item says nothing of another one
_MOST_SHARE = 0.3  # of the items: a word that more of them share says nothing of any


def review_words(train: GraphSnapshot) -> sp.csr_matrix:
    """float32 ``[words, n_items]``: tf-idf of each word in an item's reviews, a logarithm of how
    often it stands there. Each item's column has length √WEIGHT, zero where nobody wrote."""
    counted: list[Counter[str]] = [Counter() for _ in range(len(train.items))]
    for item, text in zip(train.reviews.item, train.reviews.text, strict=True):
        if item >= 0:
            counted[item].update(words_of(str(text)))
    held = Counter(word for words in counted for word in words)
    most = _MOST_SHARE * sum(1 for words in counted if words)
    kept = sorted(word for word, items in held.items() if _FEWEST_ITEMS <= items <= most)
    place = {word: row for row, word in enumerate(kept)}
    cells = [
        (place[word], item, (1 + np.log(count)) * np.log(len(counted) / held[word]))
        for item, words in enumerate(counted)
        for word, count in words.items()
        if word in place
    ]
    rows, items, values = np.array(cells, dtype=np.float64).reshape(-1, 3).T
    shape = (len(kept), len(counted))
    told = sp.csr_matrix((values, (rows.astype(np.int64), items.astype(np.int64))), shape=shape)
    length = np.sqrt(np.asarray(told.multiply(told).sum(axis=0)).ravel())
    scale = np.sqrt(WEIGHT) / np.where(length > 0, length, np.inf)
    return sp.csr_matrix(told @ sp.diags(scale), dtype=np.float32)
