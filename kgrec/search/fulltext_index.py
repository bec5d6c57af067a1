"""FullTextIndex: BM25 over whole texts in several fields, and the share of a query's phrases.

Own code beside the full-text indexes of Neo4j and of the embedded store: a saved model searches
without its store, ranks together with titles, entities and meaning, forgives typing errors and
counts phrases (MRR with one typing error .995, the stores' indexes .66: docs/text.md, "Search").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
from scipy import sparse

from kgrec.arrays import ranges, row_numbers
from kgrec.search.name_index import weighted_columns
from kgrec.search.term_counts import TermCounts
from kgrec.text.spelling import SpellingIndex
from kgrec.text.words import words_of

K1, B = 1.2, 0.75  # Robertson et al. 1995; the constants of Neo4j's and kglite's indexes
MAX_WORDS = 256  # of a query; further words are ignored
_BETWEEN = -1  # separates two fields, so that no phrase crosses their border


class FullTextIndex:
    """The sum of BM25 over fields, as in the stores' full-text indexes; in memory.

    Build with ``FullTextIndex.build(fields)``: each field is one text per row. A word of the query
    that is in no text is replaced by the words one typing error away.
    """

    def __init__(self, counts: TermCounts, tokens: np.ndarray, indptr: np.ndarray) -> None:
        self._counts, self._vocabulary = counts, counts.vocabulary
        self._weights: Any = sum(map(_bm25, counts.fields)).tocsc()  # [rows, words], float32
        self._most = _largest(self._weights)
        self._tokens = tokens  # int32: the words of row r from indptr[r] to indptr[r + 1]
        self._indptr = indptr
        self._spelling: SpellingIndex | None = None

    def __len__(self) -> int:
        return len(self._indptr) - 1

    @classmethod
    def build(cls, fields: Sequence[Sequence[str]]) -> FullTextIndex:
        """Index the texts of all fields."""
        split = [[words_of(text) for text in field] for field in fields]
        counts = TermCounts.of(split)
        return cls(counts, *_tokens(split, counts.vocabulary))

    def grown(self, rows: np.ndarray, fields: Sequence[Sequence[str]]) -> FullTextIndex | None:
        """The index of later texts, as if it was built anew.

        Parameters
        ----------
        rows : int64 ``[n]``
            The row of each text here; -1 for the next one of ``fields``.
        fields : sequence of sequences of str
            The other texts, field by field.

        Returns
        -------
        FullTextIndex or None
            None where a field has lost its last word.
        """
        split = [[words_of(text) for text in field] for field in fields]
        fresh = TermCounts.of(split)
        counts, moved = self._counts.grown(rows, fresh)
        if not all(field.nnz for field in counts.fields):
            return None
        moved = np.append(moved, _BETWEEN)  # at -1, the place of _BETWEEN
        own, ends = _tokens(split, counts.vocabulary)
        starts = np.append(self._indptr[:-1], len(self._tokens) + ends[:-1])
        sizes = np.append(np.diff(self._indptr), np.diff(ends))
        order = rows.copy()
        order[rows < 0] = len(self) + np.arange(len(ends) - 1)
        every = np.concatenate([moved[self._tokens].astype(np.int32), own])
        tokens = every[ranges(starts[order], sizes[order])]
        index = FullTextIndex(counts, tokens, np.cumsum([0, *sizes[order].tolist()]))
        if self._spelling is not None:
            index._spelling = self._spelling.grown(list(counts.vocabulary), moved[:-1])
        return index

    def scores(self, query: str) -> tuple[np.ndarray, float]:
        """float32 ``[n]``: each row's BM25; and its upper bound, the sum of the largest weight of
        each word of the query."""
        weights = self._query_weights(words_of(query)[:MAX_WORDS])
        if not weights:
            return np.zeros(len(self), dtype=np.float32), 0.0
        columns = np.fromiter(weights, dtype=np.int64)
        counts = np.fromiter(weights.values(), dtype=np.float32)
        scores = weighted_columns(self._weights, columns, counts)
        return scores.astype(np.float32), float(self._most[columns] @ counts)

    def phrases(self, query: str, rows: np.ndarray) -> np.ndarray:
        """float32 ``[len(rows)]``, 0 to 1: the share of the query's pairs of adjacent words that
        are adjacent in the row's text too."""
        words = [self._vocabulary.get(word, _BETWEEN) for word in words_of(query)[:MAX_WORDS]]
        pairs = {pair for pair in pairwise(words) if _BETWEEN not in pair}
        found = np.zeros((len(rows), max(len(pairs), 1)), dtype=np.float32)
        if pairs and len(rows):
            wanted = np.sort(np.array([self._pair(*pair) for pair in pairs], dtype=np.int64))
            places, owners = self._places(rows)
            here = self._pair(self._tokens[places].astype(np.int64), self._tokens[places + 1])
            at = np.minimum(np.searchsorted(wanted, here), len(wanted) - 1)
            hit = wanted[at] == here
            found[owners[hit], at[hit]] = 1.0
        return np.asarray(found.mean(axis=1))

    def _pair(self, first: Any, second: Any) -> Any:
        return first * (len(self._vocabulary) + 1) + second

    def _places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the rows' tokens, without the last of each row, and the row of each."""
        sizes = np.maximum(np.diff(self._indptr)[rows] - 1, 0)
        owners = np.repeat(np.arange(len(rows)), sizes)
        return ranges(self._indptr[rows], sizes), owners

    def _query_weights(self, words: Sequence[str]) -> dict[int, float]:
        """Column → weight of the query's words and of similar words."""
        weights: dict[int, float] = {}
        for word, count in Counter(words).items():
            for column, similarity in self._matching_columns(word):
                weights[column] = weights.get(column, 0.0) + count * similarity
        return weights

    def _matching_columns(self, word: str) -> Iterator[tuple[int, float]]:
        """The column of a word, otherwise those of similar words, with their similarity."""
        column = self._vocabulary.get(word)
        if column is not None:
            yield column, 1.0
            return
        if self._spelling is None:
            self._spelling = SpellingIndex(list(self._vocabulary))
        yield from self._spelling.similar(word)


def _tokens(
    split: Sequence[Sequence[Sequence[str]]], vocabulary: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The words of each row, int32, field after field with marks between, and where rows begin."""
    rows = [
        [*chain(*((*(vocabulary[word] for word in words), _BETWEEN) for words in row))]
        for row in zip(*split, strict=True)
    ]
    tokens = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
    return tokens, np.cumsum([0, *map(len, rows)])


def _bm25(field: Any) -> Any:
    """CSR ``[texts, words]``: idf · tf / (tf + k1 · (1 − b + b · length / mean length))."""
    counts, columns = field.data.astype(np.float32), field.indices
    sums = np.bincount(row_numbers(field.indptr), field.data, minlength=field.shape[0])
    lengths = sums.astype(np.float32)
    filled = max(int((lengths > 0).sum()), 1)
    relative = lengths / max(float(lengths.sum()) / filled, 1e-9)
    damping = np.repeat(K1 * (1 - B + B * relative), np.diff(field.indptr))
    documents = np.bincount(columns, minlength=field.shape[1])
    idf = np.log1p((filled - documents + 0.5) / (documents + 0.5)).astype(np.float32)
    values = idf[columns] * counts / (counts + damping)
    return sparse.csr_matrix((values, columns, field.indptr), shape=field.shape)


def _largest(weights: Any) -> np.ndarray:
    """float32 ``[columns]``: the largest value of each column of a CSC matrix, 0 without any."""
    most = np.zeros(weights.shape[1], dtype=np.float32)
    np.maximum.at(most, row_numbers(weights.indptr), weights.data)
    return most
