"""TfidfIndex: names and titles by tf-idf of words and letter trigrams, with typing errors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from graph_schema.errors import RequestError
from kgrec.arrays import ranges
from kgrec.search.term_counts import TermCounts
from kgrec.text.spelling import SpellingIndex
from kgrec.text.words import words_of

_TRIGRAMS = 0.3  # weight of the trigrams' cosine; the words' has the rest
_WHOLE = 0.99  # share of a text's squared length that counts as all of its words


class TfidfIndex:
    """tf-idf cosine over short texts such as titles and names; deterministic, in memory.

    Build with ``TfidfIndex.build(texts)``; ``rows`` in results are positions in ``texts``. A word
    of the query also matches the words one typing error away, with a lower weight.
    """

    def __init__(self, words: _Terms, trigrams: _Terms, lengths: np.ndarray) -> None:
        self._words = words
        self._trigrams = trigrams
        self._lengths = lengths  # int64: number of words of each text

    def __len__(self) -> int:
        return len(self._lengths)

    @classmethod
    def build(cls, texts: Sequence[str]) -> TfidfIndex:
        """Index ``texts``."""
        words, trigrams, lengths = _counted(texts)
        return cls(_Terms(words), _Terms(trigrams), lengths)

    def grown(self, rows: np.ndarray, texts: Sequence[str]) -> TfidfIndex:
        """The index of later texts, as if it was built anew; ``rows`` int64: the row of each text
        here, -1 for the next of ``texts``."""
        words, trigrams, fresh = _counted(texts)
        words, moved = self._words.counts.grown(rows, words)
        trigrams, _ = self._trigrams.counts.grown(rows, trigrams)
        lengths = self._lengths[np.maximum(rows, 0)]
        lengths[rows < 0] = fresh
        index = TfidfIndex(_Terms(words), _Terms(trigrams), lengths)
        vars(index)["_spelling"] = self._spelling.grown(list(words.vocabulary), moved)
        return index

    @cached_property
    def _spelling(self) -> SpellingIndex:
        return SpellingIndex(list(self._words.vocabulary))

    def warm_up(self) -> None:
        """Compute now what the first query needs."""
        _ = self._spelling

    def scores(self, query: str) -> np.ndarray:
        """float32 ``[n]``, 0 to 1: similarity of each text to the query."""
        words = words_of(query)
        by_words = self._words.query_vector(Counter(words), self._spelling)
        by_trigrams = self._trigrams.query_vector(Counter(_trigrams(words)))
        similarity = (1 - _TRIGRAMS) * self._words.cosine(by_words)
        similarity += _TRIGRAMS * self._trigrams.cosine(by_trigrams)
        return similarity.astype(np.float32)

    def contained_in(self, query: str) -> np.ndarray:
        """int64: rows of the texts of two words or more whose words are all in the query."""
        words = sorted(set(words_of(query)))
        held = self._words.share(words)
        return np.flatnonzero((held >= _WHOLE) & (self._lengths > 1))

    def search(self, query: str, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The k most similar texts: ``rows`` int64 and ``scores`` float32, best first.

        Equal scores are ordered by row. Texts with score 0 are left out, so there may be fewer than
        k. Raises RequestError for k < 1.
        """
        if k < 1:
            raise RequestError(f"k is {k}; ask for at least one result.")
        scores = self.scores(query)
        rows = np.flatnonzero(scores > 0)
        best = rows[np.lexsort((rows, -scores[rows]))[:k]]
        return best, scores[best]


class QueryVector:
    """A query as columns of an index and their weights, divided by the query's length."""

    def __init__(self, columns: list[int], weights: list[float], length: float) -> None:
        self.columns = np.array(columns, dtype=np.int64)
        self.weights = np.array(weights) / max(length, 1e-9)


class _Terms:
    """Texts as unit vectors over their terms."""

    def __init__(self, counts: TermCounts) -> None:
        self.counts = counts
        self.vocabulary = counts.vocabulary
        (field,) = counts.fields
        total, columns = field.shape[0], field.indices
        documents = np.bincount(columns, minlength=len(self.vocabulary)).tolist()
        known = {count: _idf(count, total) for count in set(documents)}
        self._idf = [known[count] for count in documents]
        self._rarest = _idf(0, total)
        damped = np.zeros(int(field.data.max(initial=0)) + 1, dtype=np.float32)
        damped[1:] = [_damped(count) for count in range(1, len(damped))]
        values = damped[field.data] * np.array(self._idf, dtype=np.float32)[columns]
        matrix = sparse.csr_matrix((values, columns, field.indptr), shape=field.shape)
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        scale = sparse.diags((1.0 / np.where(norms > 0, norms, 1.0)).astype(np.float32))
        self._matrix: Any = (scale @ matrix).tocsc()

    def query_vector(
        self, counts: Counter[str], spelling: SpellingIndex | None = None
    ) -> QueryVector:
        """The vector of a query's terms; unknown terms count in its length too."""
        columns: list[int] = []
        weights: list[float] = []
        squares = 0.0
        for term, n in sorted(counts.items()):
            known = self._matching_columns(term, spelling)
            rarity = max(
                (self._idf[c] * similarity for c, similarity in known), default=self._rarest
            )
            squares += (_damped(n) * rarity) ** 2
            columns += [column for column, _ in known]
            weights += [_damped(n) * rarity * similarity for _, similarity in known]
        return QueryVector(columns, weights, math.sqrt(squares))

    def cosine(self, query: QueryVector) -> np.ndarray:
        """float64 ``[texts]``, 0 to 1."""
        similarity = weighted_columns(self._matrix, query.columns, query.weights)
        return np.asarray(np.minimum(similarity, 1.0))

    def share(self, terms: Sequence[str]) -> np.ndarray:
        """float64 ``[texts]``: the share of these terms in each text's squared length."""
        known = [self.vocabulary[term] for term in terms if term in self.vocabulary]
        columns = np.array(known, dtype=np.int64)
        return weighted_columns(self._matrix, columns, np.ones(len(columns)), power=2)

    def _matching_columns(
        self, term: str, spelling: SpellingIndex | None
    ) -> list[tuple[int, float]]:
        """The columns of a term and of similar terms, with their similarity."""
        similar = [] if spelling is None else spelling.similar(term)
        exact = self.vocabulary.get(term)
        return similar if exact is None else [(exact, 1.0), *similar]


def _counted(texts: Sequence[str]) -> tuple[TermCounts, TermCounts, np.ndarray]:
    """The words and the letter trigrams of texts, and how many words each text has, int64."""
    split = [words_of(text) for text in texts]
    lengths = np.array([len(set(words)) for words in split], dtype=np.int64)
    return TermCounts.of([split]), TermCounts.of([[_trigrams(w) for w in split]]), lengths


def weighted_columns(
    matrix: Any, columns: np.ndarray, weights: np.ndarray, *, power: int = 1
) -> np.ndarray:
    """float64 ``[rows]``: Σ weight · column of a CSC matrix, its values first raised to ``power``.

    Several times faster than selecting the columns, which copies them.
    """
    starts, ends = matrix.indptr[columns], matrix.indptr[columns + 1]
    sizes = (ends - starts).astype(np.int64)
    places = ranges(starts, sizes)
    values = matrix.data[places] ** power * np.repeat(weights, sizes)
    return np.bincount(matrix.indices[places], weights=values, minlength=matrix.shape[0])


def _trigrams(words: Iterable[str]) -> list[str]:
    """The letter trigrams of each word, with marks for its borders."""
    framed = [f"^{word}$" for word in words]
    return [word[i : i + 3] for word in framed for i in range(len(word) - 2)]


def _damped(count: int) -> float:
    return 1.0 + math.log(count)


def _idf(documents: int, total: int) -> float:
    return math.log((1 + total) / (1 + documents)) + 1.0
