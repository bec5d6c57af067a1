"""One history's scores on the processor, without what batches need.

A batch costs some forty small operations before its first product, each far longer than the sums
that one user needs. Here the same pooling takes a handful; what does not depend on the history
comes from the model itself. Tests hold both ways of scoring to the same values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kgrec.graph.snapshot import Ints
from kgrec.nn import (
    Histories,
    HybridModel,
    ItemVectors,
    ItemWeights,
    TimeScales,
    history_state,
    pool_weights,
)
from kgrec.scoring.cold_items import ColdItems

_KNOWN_AGES = 512  # patterns of ages whose weights are kept
_FEW_EVENTS = 512  # longer histories are weights no memory


class _EventWeights(NamedTuple):
    """What the events of a history weigh: in every pool float32 ``[p, n]``, whose gates are
    ``[p, d + r]``, and among the item weights, float32 ``[n]``."""

    pools: np.ndarray
    gates: np.ndarray
    shares: np.ndarray | None


@dataclass(frozen=True, eq=False)
class SingleUserScorer:
    """The vectors of ``model`` as arrays; ``known`` as ``HybridModel.known`` gives it.

    The sum of ``ColdItems.score_contributions`` is one pool more: ``event`` float32 ``[n, d + r]``
    holds the query vectors and beside them the event factors (r is 0 without cold items).
    """

    event: np.ndarray
    candidate: np.ndarray
    bias: np.ndarray
    gates: np.ndarray
    state_gates: np.ndarray | None
    horizon: np.ndarray | None
    known: np.ndarray
    scales: TimeScales
    sharpness: float  # one over the temperature
    shrinkage: float
    model: HybridModel | None  # where scenarios make a difference
    cold_rows: Ints | None
    cold_factors: np.ndarray | None
    item_weights: ItemWeights | None

    @staticmethod
    def build(
        model: HybridModel,
        items: ItemVectors,
        known: Tensor,
        cold: ColdItems | None = None,
        item_weights: ItemWeights | None = None,
    ) -> SingleUserScorer:
        """For vectors on the processor; ``items`` with those of new items in their places."""
        query = items.query.numpy()
        return SingleUserScorer(
            event=query if cold is None else np.hstack([query, cold.event_factors.numpy()]),
            candidate=items.candidate.numpy(),
            bias=items.bias.numpy(),
            gates=model.pool_gate.detach().numpy(),
            state_gates=model.pool_state.detach().numpy() if model.shape.scales.pools > 1 else None,
            horizon=model.horizon.detach().numpy() if model.shape.horizons else None,
            known=known.numpy(),
            scales=model.shape.scales,
            sharpness=1 / model.shape.temperature,
            shrinkage=model.shape.shrinkage,
            model=model if model.adapts else None,
            cold_rows=None if cold is None else cold.items,
            cold_factors=None if cold is None else cold.factors.numpy(),
            item_weights=item_weights,
        )

    def scores(self, history: Histories) -> np.ndarray:
        """float32 ``[n]`` for a batch of one history, whose events have no texts of their own."""
        weights, size = self._event_weights(history), self.candidate.shape[1]
        pooled = self._pooled(history.item, weights)
        user = unit(pooled[:size])
        if self.shrinkage:
            user *= len(history.item) / (len(history.item) + self.shrinkage)
        if self.model is not None:
            user = adapted(self.model, user, history)
        row = history.user[0]
        if row >= 0 and len(self.known):
            user += self.known[row]
        if self.horizon is not None:
            user += self.horizon[int(history.later[0])]
        user *= self.sharpness
        scores: np.ndarray = self.candidate.dot(user)
        scores += self.bias
        if self.item_weights is not None and weights.shares is not None:
            scores += self.item_weights.of_one(
                history.item, weights.shares, int(history.scenario[0])
            )
        if self.cold_factors is not None:
            scores[self.cold_rows] += self.cold_factors.dot(pooled[size:])
        return scores

    def _pooled(self, items: Ints, weights: _EventWeights) -> np.ndarray:
        """h and the sum of directions, float32 ``[d + r]``."""
        if not len(items):
            return np.zeros(self.event.shape[1], dtype=np.float32)
        pools = weights.pools.dot(self.event.take(items, axis=0))
        pools *= weights.gates
        pooled: np.ndarray = pools[0] if len(pools) == 1 else np.add.reduce(pools)
        return pooled

    def _event_weights(self, history: Histories) -> _EventWeights:
        age, visit, later = history.age, history.visit, bool(history.later[0])
        if len(age) > _FEW_EVENTS:
            return self._compute_weights(age, visit, later)
        # Histories without times that are equally long share all of this.
        return self._cached_weights(age.tobytes(), None if visit is age else visit.tobytes(), later)

    @cached_property
    def _cached_weights(self) -> Callable[[bytes, bytes | None, bool], _EventWeights]:
        @lru_cache(maxsize=_KNOWN_AGES)
        def kept(age: bytes, visit: bytes | None, later: bool) -> _EventWeights:
            ages, visits = (np.frombuffer(part, np.float32) for part in (age, visit or age))
            return self._compute_weights(ages, visits, later)

        return kept

    def _compute_weights(self, age: np.ndarray, visit: np.ndarray, later: bool) -> _EventWeights:
        indptr = np.array([0, len(age)])
        gates = self.gates[int(later) if len(self.gates) > 1 else 0]
        if self.state_gates is not None:
            state = history_state(indptr, visit)[0]
            gates = gates + np.tensordot(state, self.state_gates, axes=1)
        pools = pool_weights(indptr, age, visit, self.scales)
        shares = None if self.item_weights is None else self.item_weights.shares(indptr, age)
        beside = self.event.shape[1] - gates.shape[1]
        if beside:
            gates = np.pad(gates, ((0, 1), (0, beside)))
            gates[-1, -beside:] = 1
            pools = np.pad(pools, ((0, 1), (0, 0)), constant_values=max(len(age), 1) ** -0.5)
        return _EventWeights(pools, gates, shares)


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length one; zero stays zero."""
    vector /= max(math.sqrt(vector.dot(vector)), 1e-12)
    return vector


def adapted(model: HybridModel, user: np.ndarray, history: Histories) -> np.ndarray:
    """F_k of a user's vector, and the scenario's own taste; float32 ``[d]``."""
    code = torch.from_numpy(history.scenario)
    state = torch.from_numpy(history_state(history.indptr, history.visit))
    with torch.inference_mode():
        vector = model.adapted(torch.from_numpy(user).unsqueeze(0), code, state)
        bias = model.head.bias(code) if history.scenario[0] >= 0 else None
        vector = vector if bias is None else vector + bias
    return np.asarray(vector.numpy()[0])
