"""ItemSimilarity: how similar an item is to the items that have an entity, by their other facts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from kgrec.graph.snapshot import Ints

_CHUNK = 1024  # pairs at a time; the profile of a popular entity is nearly dense
_FLOOR = 0.1  # added to a ratio before its logarithm


@dataclass(frozen=True, eq=False)
class ItemSimilarity:
    """``context`` float64 ``[items, entities]``: the facts to compare by, 0 or 1; ``unit``: the
    same weighted by log(items / items with the entity), unit rows."""

    context: sp.csr_matrix
    unit: sp.csr_matrix

    @classmethod
    def build(cls, context: sp.csr_matrix) -> ItemSimilarity:
        degree = np.asarray(context.sum(axis=0)).ravel()
        weights = np.log(max(context.shape[0], 1) / np.maximum(degree, 1.0))
        weighted = context @ sp.diags(weights)
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        unit = sp.diags(1.0 / np.maximum(length, 1e-12)) @ weighted
        return cls(context, sp.csr_matrix(unit))

    def features(
        self, item: Ints, entity: Ints, known: np.ndarray, facts: sp.csr_matrix
    ) -> list[np.ndarray]:
        """Three features, float64 ``[p]`` each: the mean cosine between the item and the other
        items that have the entity; the log of its ratio to the mean over all items; its difference
        to the mean cosine with the items whose texts name the entity and that don't have it.

        ``known`` bool ``[p]``: the pair is one of ``facts`` float64 ``[items, entities]``.
        """
        wanted = np.zeros(self.unit.shape[1])
        wanted[entity] = 1.0
        ones = np.ones(int((~known).sum()))
        without = sp.csr_matrix((ones, (item[~known], entity[~known])), shape=self.unit.shape)
        having = self._mean_cosine(item, entity, known, facts @ sp.diags(wanted))
        lacking = self._mean_cosine(item, entity, ~known, without)
        everyone = np.asarray(self.unit @ np.asarray(self.unit.mean(axis=0)).ravel()).ravel()[item]
        return [having, np.log(having / np.maximum(everyone, 1e-12) + _FLOOR), having - lacking]

    def _mean_cosine(
        self, item: Ints, entity: Ints, member: np.ndarray, members: sp.csr_matrix
    ) -> np.ndarray:
        """float64 ``[p]``: between each pair's item and the other items that ``members`` ``[items,
        entities]`` joins to the entity; 0 without any. ``member`` bool ``[p]``: the item itself is
        one of them.
        """
        profiles = sp.csr_matrix(members.T @ self.unit)
        total = row_products(self.unit, item, profiles, entity)
        itself = np.asarray(self.unit.multiply(self.unit).sum(axis=1)).ravel()[item]
        others = np.asarray(members.sum(axis=0)).ravel()[entity] - member
        return np.where(others > 0, (total - member * itself) / np.maximum(others, 1), 0.0)


def row_products(
    left: sp.csr_matrix, left_rows: Ints, right: sp.csr_matrix, right_rows: Ints
) -> np.ndarray:
    """float64 ``[n]``: the inner product of row ``left_rows[i]`` of one matrix and row
    ``right_rows[i]`` of another."""
    parts = [np.empty(0)]
    for start in range(0, len(left_rows), _CHUNK):
        some = slice(start, start + _CHUNK)
        both = left[left_rows[some]].multiply(right[right_rows[some]])
        parts.append(np.asarray(both.sum(axis=1), dtype=np.float64).ravel())
    return np.concatenate(parts)
