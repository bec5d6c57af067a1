"""Searcher: ranks items for a query by titles, whole texts, entity names and meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY
from kgrec.features.names import REVIEWS, TEXT
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.graph.tables import unchanged_rows
from kgrec.search.entity_names import EntityIndex
from kgrec.search.fulltext_index import FullTextIndex
from kgrec.search.name_index import TfidfIndex
from kgrec.text import clean_text

_TITLES = ("title", "name")  # columns of titles
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
class Indexes:
    """The indexes of one snapshot.

    Attributes
    ----------
    snapshot : GraphSnapshot
    fields : list of str
        The columns of the items that hold texts.
    titles, words, entities
        See ``Searcher``.
    """

    snapshot: GraphSnapshot
    fields: list[str]
    titles: TfidfIndex
    words: FullTextIndex
    entities: EntityIndex

    @staticmethod
    def build(snapshot: GraphSnapshot) -> Indexes:
        """Index all texts."""
        attributes = snapshot.items.attributes
        texts = {str(name): strings(attributes, (str(name),)) for name in attributes.columns}
        texts = {name: column for name, column in texts.items() if any(column)}
        return Indexes(
            snapshot,
            [*texts],
            TfidfIndex.build(strings(attributes, _TITLES)),
            FullTextIndex.build([*texts.values()] or [_reviewed(snapshot)]),
            EntityIndex(snapshot),
        )

    def grown(self, snapshot: GraphSnapshot) -> Indexes:
        """The indexes of a later snapshot, as if they were built anew: only the texts of changed
        nodes are read."""
        before = self.snapshot
        if snapshot.items is before.items and snapshot.reviews is before.reviews:
            return replace(self, snapshot=snapshot, entities=self.entities.grown(snapshot))
        rows = unchanged_rows(self.snapshot.items, snapshot.items)
        changed = snapshot.items.attributes[rows < 0]
        words = None
        if not any(any(strings(changed, (name,))) for name in self._others(changed)):
            fields = [strings(changed, (name,)) for name in self.fields]
            words = self.words.grown(rows, fields) if fields else None
        if words is None:  # another column holds texts, or one no more
            return Indexes.build(snapshot)
        titles = self.titles.grown(rows, strings(changed, _TITLES))
        return Indexes(snapshot, self.fields, titles, words, self.entities.grown(snapshot))

    def _others(self, attributes: pd.DataFrame) -> list[str]:
        return [name for name in map(str, attributes.columns) if name not in self.fields]


@dataclass(frozen=True, eq=False)
class Searcher:
    """Indexes of one snapshot's texts and entity names, built on first use.

    ``before``: the searcher of an earlier snapshot, all of whose indexes are built; they grow in
    place of being built anew.
    """

    snapshot: GraphSnapshot
    texts: TextFeatures
    before: Searcher | None = None

    @cached_property
    def _indexes(self) -> Indexes:
        before = self.before
        if before is None:
            return Indexes.build(self.snapshot)
        grown = before._indexes.grown(self.snapshot)
        object.__setattr__(self, "before", None)  # it is needed no more
        return grown

    @property
    def titles(self) -> TfidfIndex:
        """The items' titles."""
        return self._indexes.titles

    @property
    def words(self) -> FullTextIndex:
        """All text columns of the items; their reviews, where there are no such columns."""
        return self._indexes.words

    @property
    def entities(self) -> EntityIndex:
        """The entities' names."""
        return self._indexes.entities

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
    def earlier(self) -> Searcher | None:
        """This searcher, or else the one that it grows from, where that is built."""
        return self if "_indexes" in vars(self) else self.before

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


def _reviewed(snapshot: GraphSnapshot) -> list[str]:
    """The reviews of each item."""
    texts: list[list[str]] = [[] for _ in range(len(snapshot.items))]
    for item, text in zip(snapshot.reviews.item.tolist(), snapshot.reviews.text, strict=True):
        if item >= 0:
            texts[item].append(clean_text(text))
    return [" ".join(parts) for parts in texts]


def strings(attributes: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """The cleaned texts of the first existing column of ``columns``; "" for other values."""
    column = next((c for c in columns if c in attributes.columns), None)
    if column is None or pd.api.types.is_numeric_dtype(attributes[column]):
        return [""] * len(attributes)
    return [clean_text(value) for value in attributes[column]]
