"""Searcher: ranks items for a query by titles, whole texts, entity names and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY
from kgrec.features.names import REVIEWS, TEXT
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.search.entity_names import EntityIndex
from kgrec.search.fulltext_index import FullTextIndex
from kgrec.search.name_index import TfidfIndex
from kgrec.text import clean_text

TITLE, WORDS, MEANING = "title", "text", "meaning"  # sources of a result, beside entity names
DEPTH = 200  # number of best items that are ordered by the user's scores too
_PHRASED = 50  # number of best items by words whose phrases are compared
# Chosen on the half of all queries in ``benchmarks.text search --part valid``.
_NAME_POWER = 3  # of the similarity of titles and names: half a title counts little
_WORDS, _PHRASES, _MEANING = 0.4, 0.4, 0.5
_WHOLE_TITLE = 0.6  # least similarity of a title of several words that is part of a longer query
_PERSONAL = 0.15  # weight of the user's ranking; less than the difference of two titles
_POPULARITY = 0.01  # weight of the items' popularity, without a user


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Items, best first: ``rows`` int64 and ``scores`` float32 ``[m]``, and ``found_by`` object
    ``[m]``: "title", "text", "meaning" or an entity's name."""

    rows: Ints
    scores: np.ndarray
    found_by: np.ndarray


@dataclass(frozen=True, eq=False)
class Searcher:
    """Indexes of one snapshot's texts and entity names, built on first use."""

    snapshot: GraphSnapshot
    texts: TextFeatures

    @cached_property
    def titles(self) -> TfidfIndex:
        return TfidfIndex.build(strings(self.snapshot.items.attributes, ("title", "name")))

    @cached_property
    def words(self) -> FullTextIndex:
        """All text columns of the items; their reviews, where there are no such columns."""
        attributes = self.snapshot.items.attributes
        fields = [strings(attributes, (str(column),)) for column in attributes.columns]
        fields = [texts for texts in fields if any(texts)]
        return FullTextIndex.build(fields or [self._reviewed()])

    @cached_property
    def entities(self) -> EntityIndex:
        return EntityIndex(self.snapshot)

    @cached_property
    def _vectors(self) -> np.ndarray | None:
        """Unit rows float32 ``[n, size]``: vectors of the items' texts, otherwise of their
        reviews."""
        return self.texts.items.get(TEXT, self.texts.items.get(REVIEWS))

    @cached_property
    def _chosen(self) -> np.ndarray:
        """int64 ``[n]``: number of interactions of each item."""
        return np.bincount(self.snapshot.interactions.item, minlength=len(self.snapshot.items))

    def warm_up(self) -> None:
        """Build now what the first query needs."""
        _ = (self.words, self._vectors, self._chosen)
        self.titles.warm_up()
        self.entities.warm_up()

    @property
    def reads_meaning(self) -> bool:
        """Whether the items have vectors to compare an encoded query with."""
        return self._vectors is not None

    def rank(
        self,
        query: str,
        vector: np.ndarray | None,
        k: int,
        *,
        personal: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> SearchResult:
        """The best ``k`` items of those that ``mask`` (bool ``[n]``) allows.

        ``vector`` float32 ``[size]`` is the encoded query; ``personal`` float32 ``[n]`` are the
        user's scores, which reorder the results and add none.
        """
        parts, names = self._parts(query, vector)
        scores = np.sum(list(parts.values()), axis=0)
        allowed = scores > 0 if mask is None else (scores > 0) & mask
        rows = _best(scores, np.flatnonzero(allowed), max(k, DEPTH))
        top = rows[:DEPTH]
        prior, share = (self._chosen, _POPULARITY) if personal is None else (personal, _PERSONAL)
        total = scores[top] + share * rank_shares(prior[top])
        order = np.lexsort((top, -total))
        best = np.concatenate([top[order], rows[DEPTH:]])[:k]
        ranked = np.concatenate([total[order], scores[rows[DEPTH:]]])[:k]
        return SearchResult(best, ranked.astype(np.float32), _found_by(parts, names, best))

    def _parts(
        self, query: str, vector: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The score of every item by source, float ``[n]`` each, and the best entity's name."""
        titled = self.titles.scores(query)
        whole = self.titles.contained_in(query)
        titled[whole] = np.maximum(titled[whole], _WHOLE_TITLE)
        named, names = self.entities.items_for(query)
        parts = {
            TITLE: titled**_NAME_POWER,
            WORDS: self._by_words(query),
            ENTITY: named**_NAME_POWER,
        }
        if vector is not None and self._vectors is not None:
            parts[MEANING] = _MEANING * np.maximum(self._vectors @ vector, 0.0)
        return parts, names

    def _by_words(self, query: str) -> np.ndarray:
        scores, most = self.words.scores(query)
        if most == 0:
            return scores
        near = np.argpartition(-scores, min(_PHRASED, len(scores) - 1))[:_PHRASED]
        near = near[scores[near] > 0]
        scores = scores * (_WORDS / most)
        scores[near] += _PHRASES * self.words.phrases(query, near)
        return np.asarray(scores)

    def _reviewed(self) -> list[str]:
        reviews = self.snapshot.reviews
        texts: list[list[str]] = [[] for _ in range(len(self.snapshot.items))]
        for item, text in zip(reviews.item.tolist(), reviews.text, strict=True):
            if item >= 0:
                texts[item].append(clean_text(text))
        return [" ".join(parts) for parts in texts]


def _best(scores: np.ndarray, rows: Ints, most: int) -> Ints:
    """The ``most`` best of ``rows``, best first, equal ones by row; with all that equal the
    last."""
    if len(rows) > most:
        rows = rows[scores[rows] >= np.partition(scores[rows], -most)[-most]]
    return rows[np.argsort(-scores[rows], kind="stable")]


def rank_shares(values: np.ndarray) -> np.ndarray:
    """float64 ``[n]``, 0 to 1: each value's rank among the distinct values; equal ones are
    equal."""
    distinct, place = np.unique(values, return_inverse=True)
    return np.asarray(place / max(len(distinct) - 1, 1))


def _found_by(parts: dict[str, np.ndarray], names: np.ndarray, rows: Ints) -> np.ndarray:
    """The source with the highest score of each row; the name where that is an entity."""
    scores = np.stack([part[rows] for part in parts.values()])
    sources = np.array(list(parts), dtype=object)[scores.argmax(axis=0)]
    return np.asarray(np.where(sources == ENTITY, names[rows], sources))


def strings(attributes: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """The cleaned texts of the first existing column of ``columns``; "" for other values."""
    column = next((c for c in columns if c in attributes.columns), None)
    if column is None or pd.api.types.is_numeric_dtype(attributes[column]):
        return [""] * len(attributes)
    return [clean_text(value) for value in attributes[column]]
