"""Words of reviews as rows of the history matrix: a word counts as one more person, who chose the
items whose reviews use it. Markup is no word: texts are cleaned as they are for the encoder."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import scipy.sparse as sp

from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.text.cleaning import clean_text
from kgrec.text.words import words_of

WEIGHT = 10.0  # what an item's words count for in all, in people
_FEWEST_ITEMS = 2  # a word of a single item says nothing of another one
_MOST_SHARE = 0.3  # of the items: a word that more of them share says nothing of any


def review_words(train: GraphSnapshot) -> sp.csr_matrix:
    """float32 ``[words, n_items]``: tf-idf of each word in an item's reviews, a logarithm of how
    often it stands there. Each item's column has length √WEIGHT, zero where nobody wrote."""
    counts, words = _counts(train)
    items = np.diff(counts.indptr)
    most = _MOST_SHARE * np.count_nonzero(counts.getnnz(axis=0))
    kept = np.flatnonzero((items >= _FEWEST_ITEMS) & (items <= most))
    told = counts[kept[np.argsort(words[kept])]]
    rarity = np.log(counts.shape[1] / np.diff(told.indptr))
    told.data = (1 + np.log(told.data)) * np.repeat(rarity, np.diff(told.indptr))
    length = np.sqrt(np.asarray(told.multiply(told).sum(axis=0)).ravel())
    scale = np.sqrt(WEIGHT) / np.where(length > 0, length, np.inf)
    return sp.csr_matrix(told @ sp.diags(scale), dtype=np.float32)


def _counts(train: GraphSnapshot) -> tuple[sp.csr_matrix, np.ndarray]:
    """float64 ``[words, n_items]``: how often each word stands in an item's reviews; the words."""
    place: defaultdict[str, int] = defaultdict()
    place.default_factory = place.__len__
    reviews = train.reviews
    known = np.flatnonzero(reviews.item >= 0)
    said = [_codes(str(reviews.text[row]), place) for row in known]
    item = np.repeat(reviews.item[known], [len(codes) for codes in said])
    word = np.concatenate([np.empty(0, dtype=np.int64), *said])
    cells = (np.ones(len(word)), (word, item))
    counts = sp.csr_matrix(cells, shape=(len(place), len(train.items)))
    return counts, np.array(list(place), dtype=object)


def _codes(text: str, place: defaultdict[str, int]) -> Ints:
    """int64: the number of each word, new ones being added to ``place``."""
    return np.array([place[word] for word in words_of(clean_text(text))], dtype=np.int64)
