"""EntityIndex: entities that a query names, and the items with facts about them."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np

from graph_schema.names import ENTITY, ITEM
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.graph.tables import unchanged_rows
from kgrec.search.name_index import TfidfIndex
from kgrec.text import clean_text
from kgrec.text.words import words_of

_MOST = 30  # entities taken from a query
_LEAST = 0.3  # similarity below which a query does not name an entity
_WHOLE_NAME = 0.6  # least similarity of a name of several words that is part of a longer query
_RARE_RELATION = 0.05  # most by which a relation with many facts counts less than one with few
_OTHER_RELATION = 0.8  # weight of facts of other relations where the query names a relation
_READ = ("items", "entities", "facts")  # of a snapshot
_STEM = 5  # letters that "directed", "director" and "directs" share


class EntityIndex:
    """The entities of a snapshot by name, with their items and the relations between them."""

    def __init__(self, snapshot: GraphSnapshot, before: EntityIndex | None = None) -> None:
        self._snapshot: GraphSnapshot = snapshot
        self._n_items = len(snapshot.items)
        names = snapshot.entities.attributes.get("name")
        rows = np.full(len(snapshot.entities), -1, dtype=np.int64)
        if before is not None:
            rows = unchanged_rows(before._snapshot.entities, snapshot.entities)
        fresh = rows < 0
        texts = [""] * int(fresh.sum()) if names is None else [clean_text(n) for n in names[fresh]]
        if before is None:
            self._index = TfidfIndex.build(texts)
        elif not len(texts) and len(rows) == len(before._snapshot.entities):
            self._index = before._index
        else:
            self._index = before._index.grown(rows, texts)
        self._names = np.full(len(rows) + 1, "", dtype=object)
        if before is not None:
            self._names[:-1] = before._names[rows]
        self._names[:-1][fresh] = texts

    def grown(self, snapshot: GraphSnapshot) -> EntityIndex:
        """The index of a later snapshot, as if it was built anew."""
        before = self._snapshot
        if all(getattr(before, name) is getattr(snapshot, name) for name in _READ):
            later = copy(self)
            later._snapshot = snapshot
            return later
        return EntityIndex(snapshot, self)

    @cached_property
    def _links(self) -> tuple[Ints, Ints, Ints]:
        """Of each fact: entity row (sorted), item row, and index of its relation, int64 ``[n]``."""
        parts = [np.empty((3, 0), dtype=np.int64)]
        for place, facts in enumerate(self._snapshot.facts):
            ends = (facts.head_label, facts.tail_label)
            if ends in ((ITEM, ENTITY), (ENTITY, ITEM)):
                item, entity = (facts.head, facts.tail)[:: 1 if ends[0] == ITEM else -1]
                parts.append(np.stack([entity, item, np.full(len(facts), place)]))
        entity, item, relation = np.concatenate(parts, axis=1)
        widths = max(self._n_items, 1), max(len(self._snapshot.facts), 1)
        # One integer per fact: a single sort, and a fifth of the time of one by three keys.
        keys = np.sort((entity * widths[0] + item) * widths[1] + relation)
        pairs, relation = np.divmod(keys, widths[1])
        entity, item = np.divmod(pairs, widths[0])
        return entity, item, relation

    @cached_property
    def _rarity(self) -> np.ndarray:
        """float64, by relation: from 1 (few facts) to 1 − _RARE_RELATION (most facts)."""
        sizes = np.array([len(facts) for facts in self._snapshot.facts] or [1], dtype=np.float64)
        logs = np.log(np.maximum(sizes, 1.0))
        return np.asarray(1.0 - _RARE_RELATION * logs / max(float(logs.max()), 1e-9))

    @cached_property
    def _stems(self) -> list[set[str]]:
        return [_stems(facts.relation.replace("_", " ")) for facts in self._snapshot.facts]

    def warm_up(self) -> None:
        """Compute now what the first query needs."""
        _ = (self._links, self._rarity, self._stems)
        self._index.warm_up()

    def items_for(self, query: str) -> tuple[np.ndarray, np.ndarray]:
        """float64 ``[items]``, 0 to 1: similarity of the query to the name of an entity of the
        item; object ``[items]``: that entity's name."""
        similarity = self._index.scores(query)
        whole = self._index.contained_in(query)
        similarity[whole] = np.maximum(similarity[whole], _WHOLE_NAME)
        near = np.flatnonzero(similarity > _LEAST)
        near = near[np.lexsort((near, -similarity[near]))[:_MOST]]
        scores, best = np.zeros(self._n_items), np.full(self._n_items, -1)
        weights = self._relation_weights(query)
        entity, item, relation = self._links
        for row in near.tolist():
            start, end = np.searchsorted(entity, [row, row + 1])
            here = similarity[row] * weights[relation[start:end]]
            better = here > scores[item[start:end]]
            # Several facts of one item: the largest is written last.
            order = np.argsort(here[better], kind="stable")
            items = item[start:end][better][order]
            scores[items], best[items] = here[better][order], row
        return scores, self._names[best]

    def _relation_weights(self, query: str) -> np.ndarray:
        """float64, by relation: the weight of its facts."""
        words = _stems(query)
        named = np.array([bool(stems & words) for stems in self._stems] or [False])
        return self._rarity * np.where(named, 1.0, _OTHER_RELATION) if named.any() else self._rarity


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in words_of(text) if len(word) >= _STEM}
