"""A small additive recommender, so that explanations can be checked on real data.

score(user, item) = popularity + Σ over history events, weighted by recency, of the cosine of who
chose both (id), the rarity of each entity in common (match), genres in common (attributes) and the
cosine of the items' entity sets (knowledge). Everything is exact by construction.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import sparse

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot

MEMORY = 20.0  # events


class AdditiveModel:
    """Scores and breakdowns over one snapshot."""

    def __init__(self, graph: GraphSnapshot) -> None:
        self.graph = graph
        events = graph.interactions
        shape = (len(graph.items), len(graph.users))
        chosen = sparse.csr_array((np.ones(len(events)), (events.item, events.user)), shape=shape)
        chosen.data[:] = 1.0
        self.popularity = np.log1p(np.asarray(chosen.sum(axis=1)).ravel())
        self.people = _rows_to_one(chosen)
        self.starts = events.indptr(len(graph.users))

    @cached_property
    def links(self) -> list[tuple[int, sparse.csr_array]]:
        """Per relation between items and entities: its position and items × entities."""
        shape = (len(self.graph.items), len(self.graph.entities))
        found = []
        for kind, part in enumerate(self.graph.facts):
            ends = {part.head_label: part.head, part.tail_label: part.tail}
            if set(ends) == {"Item", "Entity"}:
                pairs = (ends["Item"], ends["Entity"])
                found.append((kind, sparse.csr_array((np.ones(len(part)), pairs), shape=shape)))
        return found

    @cached_property
    def rarity(self) -> np.ndarray:
        """log(1 + items / degree) of every entity."""
        degree = sum(np.asarray(matrix.sum(axis=0)).ravel() for _, matrix in self.links)
        return np.log1p(len(self.graph.items) / np.maximum(degree, 1))

    @cached_property
    def surroundings(self) -> sparse.csr_array:
        return _rows_to_one(sum(matrix for _, matrix in self.links).tocsr())

    def history(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """A user's item rows and timestamps, oldest first."""
        part = slice(int(self.starts[user]), int(self.starts[user + 1]))
        events = self.graph.interactions
        return events.item[part], events.timestamp[part]

    def breakdown(self, user: int, item: int) -> ScoreBreakdown:
        rows, times = self.history(user)
        recent = np.exp(-np.arange(len(rows))[::-1] / MEMORY)
        matches = self._matches(rows, item, recent)
        parts = {
            "id": recent * (self.people[rows] @ self.people[[item]].T).toarray().ravel(),
            "knowledge": recent
            * 0.5
            * (self.surroundings[rows] @ self.surroundings[[item]].T).toarray().ravel(),
            "attributes": recent * np.array([0.1 * self._genres(row, item) for row in rows]),
            "match": np.bincount(
                matches.event, weights=matches.contribution, minlength=len(rows)
            ).astype(np.float64),
        }
        baseline = float(self.popularity[item])
        gain = sum(float(values.sum()) for values in parts.values())
        return ScoreBreakdown(baseline + gain, baseline, rows, times, parts, matches)

    def _genres(self, a: int, b: int) -> int:
        genres = self.graph.items.attributes["genres"]
        pair = [set(str(genres[row]).split("|")) for row in (a, b)]
        return len(pair[0] & pair[1])

    def _matches(self, rows: np.ndarray, item: int, recent: np.ndarray) -> Matches:
        events, entities, kinds = [], [], []
        for kind, matrix in self.links:
            common = sparse.coo_array(matrix[rows].multiply(matrix[[item]]))
            events.append(common.coords[0])
            entities.append(common.coords[1])
            kinds.append(np.full(common.nnz, kind))
        event, entity, kind = (
            np.concatenate(c).astype(np.int64) for c in (events, entities, kinds)
        )
        amount = 0.02 * recent[event] * self.rarity[entity]
        return Matches(event, entity, kind, kind, amount)


def _rows_to_one(matrix: sparse.csr_array) -> sparse.csr_array:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.maximum(length, 1e-12)) @ matrix)
