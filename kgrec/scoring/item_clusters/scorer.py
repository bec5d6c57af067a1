"""Exact scores of a few items for one user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kgrec.arrays import distinct
from kgrec.graph.snapshot import Ints
from kgrec.nn import ItemWeights
from kgrec.scoring.engine import Engine
from kgrec.scoring.single_user import UserParts

_NONE = np.empty(0, dtype=np.int64)


class Asker(NamedTuple):
    """One history of a request, as the scores of items need it.

    Attributes
    ----------
    items : int64 ``[n]``
        The history.
    parts : UserParts
        The user; averaged over the scenarios of a mixture.
    scenarios : list of (int, float)
        Codes of the scenarios with their weights, which sum to one.
    rows : int64 ``[n]``
        The events' rows of the item–item weights.
    seen : int64
        Items that are left out because of an event.
    """

    items: Ints
    parts: UserParts
    scenarios: list[tuple[int, float]]
    rows: Ints
    seen: Ints


@dataclass(frozen=True, eq=False)
class ItemScorer:
    """The vectors and weights of all items as arrays, for scores of a few of them.

    The score is that of ``Engine.score``, up to the last digits: sums have another order. Each
    score depends on its user and item alone, to the bit.

    Attributes
    ----------
    candidate, bias : float32 ``[n, d]``, ``[n]``
        Candidate vectors and biases.
    cold_rows, cold_factors : int64 ``[c]``, float32 ``[c, r]``, or None
        Rows and factors of ``ColdItems``.
    item_weights : ItemWeights or None
        Item–item weights.
    """

    candidate: np.ndarray
    bias: np.ndarray
    cold_rows: Ints | None
    cold_factors: np.ndarray | None
    item_weights: ItemWeights | None

    @staticmethod
    def of(engine: Engine) -> ItemScorer:
        """The items of an engine on the processor."""
        items, cold = engine.items, engine.cold_items
        return ItemScorer(
            items.candidate.numpy(),
            items.bias.numpy(),
            None if cold is None else cold.items,
            None if cold is None else cold.factors.numpy(),
            engine.item_weights,
        )

    def weighted(self, asker: Asker) -> tuple[Ints, np.ndarray]:
        """The items that item–item weights add to, int64 ``[e]`` in ascending order, and what they
        add, float32 ``[e]``."""
        shares = asker.parts.shares
        if self.item_weights is None or shares is None or not len(asker.items):
            return _NONE, np.empty(0, dtype=np.float32)
        found = []
        for scenario, weight in asker.scenarios:
            columns, values = self.item_weights.entries(asker.rows, shares, scenario)
            found.append((columns, values if weight == 1 else values * np.float32(weight)))
        columns, values = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        if not len(columns):
            return _NONE, values
        order = np.argsort(columns, kind="stable")
        columns, values = columns[order], values[order].astype(np.float64)
        first = np.ones(len(columns), dtype=bool)
        np.not_equal(columns[1:], columns[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        return columns[starts].astype(np.int64), np.add.reduceat(values, starts).astype(np.float32)

    def scores(self, asker: Asker, found: Ints) -> tuple[Ints, np.ndarray]:
        """``found`` (int64, any order) and all items that item–item weights add to: distinct rows
        in ascending order, and their scores float32."""
        near, added = self.weighted(asker)
        rows = distinct(np.concatenate([near, found]))
        scores = np.einsum("nd,d->n", self.candidate.take(rows, axis=0), asker.parts.vector)
        scores += self.bias[rows]
        scores[np.searchsorted(rows, near)] += added
        if self.cold_rows is not None and self.cold_factors is not None:
            place = np.minimum(np.searchsorted(self.cold_rows, rows), len(self.cold_rows) - 1)
            cold = np.flatnonzero(self.cold_rows[place] == rows)
            factors = self.cold_factors.take(place[cold], axis=0)
            scores[cold] += np.einsum("nr,r->n", factors, asker.parts.factors)
        return rows, scores
