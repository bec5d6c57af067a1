"""Words and letter trigrams as tf-idf: finds names as typed, typing errors included."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from graph_schema.errors import RequestError

_WORD = re.compile(r"\w+")
_TRIGRAM_WEIGHT = 0.5  # a whole word says more than its pieces
RRF_K = 60  # Cormack, Clarke and Büttcher 2009


def normalise(text: str) -> str:
    """Lower case without accents: "Amélie" and "amelie" are one word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def features(text: str) -> Counter[str]:
    """Counts of words and of the letter trigrams of each word with its borders."""
    counts: Counter[str] = Counter()
    for word in _WORD.findall(normalise(text)):
        counts[word] += 1
        framed = f"^{word}$"
        counts.update(f"~{framed[i : i + 3]}" for i in range(len(framed) - 2))
    return counts


class LexicalIndex:
    """tf-idf cosine over short texts such as titles and names; deterministic, in memory.

    Build with ``LexicalIndex.build(texts)``; ``rows`` in answers are positions in ``texts``.
    """

    def __init__(self, vocabulary: dict[str, int], idf: np.ndarray, matrix: Any) -> None:
        self._vocabulary = vocabulary
        self._idf = idf
        self._by_feature = matrix  # CSC [texts, features], rows of unit length

    def __len__(self) -> int:
        return int(self._by_feature.shape[0])

    @classmethod
    def build(cls, texts: Sequence[str]) -> LexicalIndex:
        counted = [features(text) for text in texts]
        document_frequency: Counter[str] = Counter()
        for counts in counted:
            document_frequency.update(counts.keys())
        names = sorted(document_frequency)
        vocabulary = {name: column for column, name in enumerate(names)}
        idf = np.array([_kind_weight(f) * _idf(document_frequency[f], len(texts)) for f in names])
        indptr = np.cumsum([0, *map(len, counted)])
        columns = np.array([vocabulary[f] for counts in counted for f in counts], dtype=np.int64)
        weights = np.array([1.0 + math.log(n) for counts in counted for n in counts.values()])
        weights = weights * idf[columns]
        matrix = sparse.csr_matrix((weights, columns, indptr), shape=(len(texts), len(names)))
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        scale = sparse.diags(1.0 / np.where(norms > 0, norms, 1.0))
        return cls(vocabulary, idf, (scale @ matrix).tocsc())

    def search(self, query: str, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """The k most similar texts: ``rows`` int64 and cosine ``scores`` float32, best first.

        Equal scores go by row; texts that share nothing with the query are left out, so fewer than
        k may come. Raises RequestError for k < 1.
        """
        if k < 1:
            raise RequestError(f"k is {k}; ask for at least one result.")
        counts = features(query)
        known = sorted((self._vocabulary[f], n) for f, n in counts.items() if f in self._vocabulary)
        if not known:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        columns = np.array([column for column, _ in known])
        weights = (1.0 + np.log([float(n) for _, n in known])) * self._idf[columns]
        # What the index has never seen belongs to the query's length all the same.
        unknown = sum(_kind_weight(f) ** 2 for f in counts if f not in self._vocabulary)
        length = math.sqrt(float((weights**2).sum()) + unknown)
        scores = np.asarray(self._by_feature[:, columns] @ weights) / length
        rows = np.flatnonzero(scores > 0)
        best = rows[np.lexsort((rows, -scores[rows]))[:k]]
        return best, scores[best].astype(np.float32)


def _kind_weight(feature: str) -> float:
    return _TRIGRAM_WEIGHT if feature.startswith("~") else 1.0


def _idf(documents: int, total: int) -> float:
    return math.log((1 + total) / (1 + documents)) + 1.0


def reciprocal_rank_fusion(
    rankings: Sequence[np.ndarray], *, k: int | None = None, weights: Sequence[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One ranking out of several: each row scores Σ weight / (60 + its place), places from 1.

    ``rankings`` are int arrays of rows, best first (-1 is skipped). Returns ``rows`` int64 and
    ``scores`` float32, best first, ties by row, at most ``k``.
    """
    shares = weights or [1.0] * len(rankings)
    if len(shares) != len(rankings):
        raise RequestError(f"{len(shares)} weights for {len(rankings)} rankings; give one each.")
    total: dict[int, float] = {}
    for ranking, share in zip(rankings, shares, strict=True):
        for place, row in enumerate(np.asarray(ranking).tolist(), start=1):
            if row >= 0:
                total[row] = total.get(row, 0.0) + share / (RRF_K + place)
    ordered = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
    rows = np.array([row for row, _ in ordered], dtype=np.int64)
    return rows, np.array([score for _, score in ordered], dtype=np.float32)
