"""Words of texts as rows of the history matrix: a word counts as one more user, who interacted with
the items whose document or reviews contain it. Texts are cleaned of markup as for the encoder."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain

import numpy as np
import scipy.sparse as sp

from kgrec.features.texts import texts_of
from kgrec.graph.snapshot import GraphSnapshot, Ints, Strings
from kgrec.text.cleaning import clean_text
from kgrec.text.words import words_of

WEIGHT = 10.0  # of an item's words together, in users
_FEWEST_ITEMS = 2  # a word of a single item relates it to no other
_MOST_SHARE = 0.3  # of the items: words that occur with more of them are left out


def item_words(train: GraphSnapshot) -> sp.csr_matrix:
    """float32 ``[words, n_items]``: tf-idf of each word in an item's texts, with the logarithm of
    its count. Each item's column has length √WEIGHT, or zero without texts."""
    return named_item_words(train)[0]


def named_item_words(train: GraphSnapshot) -> tuple[sp.csr_matrix, Strings]:
    """``item_words``, and the word of each row."""
    counts, words = _counts(train)
    items = np.diff(counts.indptr)
    most = _MOST_SHARE * np.count_nonzero(counts.getnnz(axis=0))
    kept = np.flatnonzero((items >= _FEWEST_ITEMS) & (items <= most))
    order = kept[np.argsort(words[kept])]
    weights = counts[order]
    rarity = np.log(counts.shape[1] / np.diff(weights.indptr))
    weights.data = (1 + np.log(weights.data)) * np.repeat(rarity, np.diff(weights.indptr))
    length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=0)).ravel())
    scale = np.sqrt(WEIGHT) / np.where(length > 0, length, np.inf)
    return sp.csr_matrix(weights @ sp.diags(scale), dtype=np.float32), words[order]


def _counts(train: GraphSnapshot) -> tuple[sp.csr_matrix, np.ndarray]:
    """float64 ``[words, n_items]``: the count of each word in an item's texts; and the words."""
    place: defaultdict[str, int] = defaultdict()
    place.default_factory = place.__len__
    documents, reviews = texts_of(train)[0], train.reviews
    known = np.flatnonzero(reviews.item >= 0)
    items = np.concatenate([np.arange(len(documents)), reviews.item[known]])
    texts = chain(documents, map(str, reviews.text[known]))
    codes_of = [_codes(text, place) for text in texts]
    item = np.repeat(items, [len(codes) for codes in codes_of])
    word = np.concatenate([np.empty(0, dtype=np.int64), *codes_of])
    cells = (np.ones(len(word)), (word, item))
    counts = sp.csr_matrix(cells, shape=(len(place), len(train.items)))
    return counts, np.array(list(place), dtype=object)


def _codes(text: str, place: defaultdict[str, int]) -> Ints:
    """int64: the number of each word, new ones being added to ``place``."""
    return np.array([place[word] for word in words_of(clean_text(text))], dtype=np.int64)
