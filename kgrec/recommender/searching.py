"""Search: dense and lexical retrieval and the graph, fused, and personal where a user asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn.features import TEXT
from kgrec.recommender.texts import TextFeatures
from kgrec.text import LexicalIndex, reciprocal_rank_fusion

DEPTH = 200  # how far down each ranking is read
_NAMED = 3  # entities taken from a query
_TITLE_SHARE = 0.5  # of the best title's cosine: below it a title shares a few letters, no more
_NAME_COSINE = 0.6  # below it a query does not name the entity


@dataclass(frozen=True, eq=False)
class Searcher:
    """Indexes of one snapshot's titles and entity names, built on first use."""

    snapshot: GraphSnapshot
    texts: TextFeatures

    @cached_property
    def titles(self) -> LexicalIndex:
        return LexicalIndex.build(_strings(self.snapshot.items.attributes, ("title", "name")))

    @cached_property
    def names(self) -> LexicalIndex:
        return LexicalIndex.build(_strings(self.snapshot.entities.attributes, ("name", "title")))

    @cached_property
    def _links(self) -> tuple[Ints, Ints]:
        """Entity rows (sorted) and the item each has a fact with."""
        pairs = [np.empty((2, 0), dtype=np.int64)]
        for f in self.snapshot.facts:
            if (f.head_label, f.tail_label) == (ITEM, ENTITY):
                pairs.append(np.stack([f.tail, f.head]))
            elif (f.head_label, f.tail_label) == (ENTITY, ITEM):
                pairs.append(np.stack([f.head, f.tail]))
        both = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return both[0], both[1]

    def rank(
        self, query: str, vector: np.ndarray | None, personal: np.ndarray | None, k: int
    ) -> tuple[Ints, np.ndarray]:
        """Item rows and fused scores, best first.

        ``vector`` float32 ``[size]`` is the encoded query; ``personal`` float32 ``[n]`` the user's
        scores, which reorder what was found and find nothing themselves.
        """
        titled, alike = self.titles.search(query, DEPTH)
        rankings = [titled[alike >= _TITLE_SHARE * alike.max(initial=0)], self._by_entities(query)]
        weights = [1.0, 1.0]
        if vector is not None and TEXT in self.texts.items:
            cosine = self.texts.items[TEXT] @ vector
            rankings.append(np.argsort(-cosine, kind="stable")[:DEPTH])
            weights.append(0.7)
        if personal is not None:
            found = np.unique(np.concatenate(rankings))
            rankings.append(found[np.argsort(-personal[found], kind="stable")])
            weights.append(0.5)
        return reciprocal_rank_fusion(rankings, k=k, weights=weights)

    def _by_entities(self, query: str) -> Ints:
        """Items of the entities that the query names, best entity first."""
        rows, cosine = self.names.search(query, _NAMED)
        entity, item = self._links
        found = []
        for row in rows[cosine >= _NAME_COSINE]:
            found.append(item[np.searchsorted(entity, row) : np.searchsorted(entity, row, "right")])
        items = np.concatenate([np.empty(0, dtype=np.int64), *found])
        _, first = np.unique(items, return_index=True)
        return items[np.sort(first)][:DEPTH]


def _strings(attributes: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    column = next((c for c in columns if c in attributes.columns), None)
    if column is None:
        return [""] * len(attributes)
    return [value if isinstance(value, str) else "" for value in attributes[column]]
