"""Search: titles, whole texts, the graph and meaning, each on a scale of its own, added up."""

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

TITLE, WORDS, MEANING = "title", "text", "meaning"  # what may have found an item, or an entity
DEPTH = 200  # how many of the best are put in the order that suits a user
_PHRASED = 50  # of the best by their words: those whose phrases are looked at
# Chosen on the half of all queries that benchmarks.text search --part valid asks.
_STEEP = 3  # a title that is half right says little: likenesses count by their third power
_WORDS, _PHRASES, _MEANING = 0.4, 0.4, 0.5
_WHOLE_TITLE = 0.6  # the likeness of a title of several words in a longer query
_SUITS = 0.15  # what the items' order for a user may move; less than a title more or less right
_KNOWN = 0.01  # the same of how often items were chosen, where nobody is named


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Items best first: ``rows`` int64 and ``scores`` float32 ``[m]``, and what found each: object
    ``[m]`` of "title", "text", "meaning" or an entity's name."""

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
        """All columns of the items that hold text; reviews, where there are none."""
        attributes = self.snapshot.items.attributes
        fields = [strings(attributes, (str(column),)) for column in attributes.columns]
        fields = [texts for texts in fields if any(texts)]
        return FullTextIndex.build(fields or [self._reviewed()])

    @cached_property
    def entities(self) -> EntityIndex:
        return EntityIndex(self.snapshot)

    @cached_property
    def _vectors(self) -> np.ndarray | None:
        """Unit rows float32 ``[n, size]``: what items' texts say, else their reviews."""
        return self.texts.items.get(TEXT, self.texts.items.get(REVIEWS))

    @cached_property
    def _chosen(self) -> np.ndarray:
        """int64 ``[n]``: how often each item was chosen."""
        return np.bincount(self.snapshot.interactions.item, minlength=len(self.snapshot.items))

    def warm_up(self) -> None:
        """Build now what the first query needs."""
        _ = (self.words, self._vectors, self._chosen)
        self.titles.warm_up()
        self.entities.warm_up()

    @property
    def reads_meaning(self) -> bool:
        """Whether there are vectors to compare an encoded query with."""
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

        ``vector`` float32 ``[size]`` is the encoded query; ``personal`` float32 ``[n]`` the user's
        scores, which reorder what was found and find nothing themselves.
        """
        parts, names = self._parts(query, vector)
        scores = np.sum(list(parts.values()), axis=0)
        allowed = scores > 0 if mask is None else (scores > 0) & mask
        rows = _best(scores, np.flatnonzero(allowed), max(k, DEPTH))
        near = rows[:DEPTH]
        prior, share = (self._chosen, _KNOWN) if personal is None else (personal, _SUITS)
        total = scores[near] + share * rank_shares(prior[near])
        order = np.lexsort((near, -total))
        best = np.concatenate([near[order], rows[DEPTH:]])[:k]
        ranked = np.concatenate([total[order], scores[rows[DEPTH:]]])[:k]
        return SearchResult(best, ranked.astype(np.float32), _found_by(parts, names, best))

    def _parts(
        self, query: str, vector: np.ndarray | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """What each source says of every item, float ``[n]``, and the entity that speaks for it."""
        titled = self.titles.scores(query)
        whole = self.titles.contained_in(query)
        titled[whole] = np.maximum(titled[whole], _WHOLE_TITLE)
        named, names = self.entities.items_for(query)
        parts = {TITLE: titled**_STEEP, WORDS: self._by_words(query), ENTITY: named**_STEEP}
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
    """The ``most`` of ``rows`` that score best, best first and equal ones by row; where the last
    are equal, all of these."""
    if len(rows) > most:
        rows = rows[scores[rows] >= np.partition(scores[rows], -most)[-most]]
    return rows[np.argsort(-scores[rows], kind="stable")]


def rank_shares(values: np.ndarray) -> np.ndarray:
    """float64 ``[n]``, 0 to 1: each value's place among them, equal ones alike."""
    distinct, place = np.unique(values, return_inverse=True)
    return np.asarray(place / max(len(distinct) - 1, 1))


def _found_by(parts: dict[str, np.ndarray], names: np.ndarray, rows: Ints) -> np.ndarray:
    """The source that says most for each row."""
    told = np.stack([part[rows] for part in parts.values()])
    sources = np.array(list(parts), dtype=object)[told.argmax(axis=0)]
    return np.asarray(np.where(sources == ENTITY, names[rows], sources))


def strings(attributes: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """The cleaned texts of the first of ``columns`` that there is; "" for what is no text."""
    column = next((c for c in columns if c in attributes.columns), None)
    if column is None or pd.api.types.is_numeric_dtype(attributes[column]):
        return [""] * len(attributes)
    return [clean_text(value) for value in attributes[column]]
