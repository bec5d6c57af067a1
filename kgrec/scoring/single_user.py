"""Scores for one history on the processor, without the overhead of batches.

Batched scoring takes about 40 small tensor operations, whose overhead is most of the time for one
user. Here the same pooling takes a few array operations. Tests hold both ways to the same values.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kgrec.graph.snapshot import Ints
from kgrec.nn import (
    STATE_SIZE,
    Histories,
    HybridModel,
    ItemVectors,
    ItemWeights,
    TimeScales,
    history_state,
    pool_weights,
)
from kgrec.nn.histories import history_counts, plain_events
from kgrec.scoring.cold_items import ColdItems, factor_shares

_CACHED_AGES = 512  # patterns of ages whose weights are cached
_LARGEST_TABLE = 2048  # items
_SHORTEST = 1e-12  # length that a vector is divided by, at least
_FIRST = torch.zeros(1, dtype=torch.int64)
_MAX_CACHED_EVENTS = 512  # weights of longer histories are not cached


class _EventWeights(NamedTuple):
    """Weights of a history's events.

    Attributes
    ----------
    pools : float32 ``[p, n]``
        Weights in each pool.
    gates : float32 ``[p, d + r]``
        Gates of the pools.
    shares : float32 ``[n]`` or None
        Shares in the item–item weights; None without such weights.
    """

    pools: np.ndarray
    gates: np.ndarray
    shares: np.ndarray | None


class UserParts(NamedTuple):
    """What the scores of one user are computed from.

    Attributes
    ----------
    vector : float32 ``[d]``
        The user's vector divided by the temperature, to be multiplied with candidate vectors.
    factors : float32 ``[r]``
        The same for the factors of ``ColdItems``; r is 0 without cold items.
    shares : float32 ``[n]`` or None
        The events' shares in the item–item weights; None without such weights.
    """

    vector: np.ndarray
    factors: np.ndarray
    shares: np.ndarray | None


@dataclass(frozen=True, eq=False)
class SingleUserScorer:
    """The vectors and parameters of a model, as arrays, to score one history.

    Attributes
    ----------
    event : float32 ``[n, d + r]`` or ``[2 n, d + r]``
        Query vectors (below them those of negative events, where there may be some), and beside
        them what each event adds to cold items, which is summed as one more pool: the event factors
        of ``ColdItems``, or their products with the factors of the cold items where those are fewer
        (r is 0 without cold items).
    candidate, bias : float32 ``[n, d]``, ``[n]``
        Candidate vectors and biases; for cold items, predicted ones.
    gates, state_gates, horizon : float32
        Parameters of the pools and horizons; None where the model has none.
    known : float32 ``[m, d]``
        See ``HybridModel.known``.
    scales : TimeScales
        Time scales of the pools.
    sharpness : float
        One over the temperature.
    shrinkage : float
        Events at which a history counts half.
    model : HybridModel or None
        The model, where scenarios make a difference.
    cold_rows, cold_factors : int64 ``[c]``, float32 ``[c, r]``, or None
        Rows and factors of ``ColdItems``; no factors where ``event`` has the products.
    item_weights : ItemWeights or None
        Item–item weights.
    """

    event: np.ndarray
    candidate: np.ndarray
    bias: np.ndarray
    gates: np.ndarray
    state_gates: np.ndarray | None
    horizon: np.ndarray | None
    known: np.ndarray
    scales: TimeScales
    sharpness: float
    shrinkage: float
    model: HybridModel | None
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
        """From vectors on the processor; ``items`` with predicted vectors for cold items."""
        with torch.inference_mode():
            query, factors = model.event_table(items.query).numpy(), None
        if cold is not None:
            added, factors = cold.event_factors.numpy(), cold.factors.numpy()
            if len(factors) < factors.shape[1]:
                added, factors = added @ factors.T, None
            unlike = np.zeros((len(query) - len(added), added.shape[1]), dtype=np.float32)
            query = np.hstack([query, np.vstack([added, unlike]) if len(unlike) else added])
        return SingleUserScorer(
            event=query,
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
            cold_factors=factors,
            item_weights=item_weights,
        )

    def scores(self, history: Histories) -> np.ndarray:
        """float32 ``[n]``: the scores for a batch of one history, whose events have no texts."""
        by_table = self._reads_table(history)
        scores, added = (self._scores_of_table if by_table else self._scores_of_vector)(history)
        if self.cold_rows is not None:
            factors = self.cold_factors
            scores[self.cold_rows] += added if factors is None else factors.dot(added)
        return scores

    def _scores_of_vector(self, history: Histories) -> tuple[np.ndarray, np.ndarray]:
        """The scores without what events add to cold items, and ``UserParts.factors``."""
        user, factors, shares = self.user_parts(history)
        scores: np.ndarray = self.candidate.dot(user)
        scores += self.bias
        if self.item_weights is not None and shares is not None:
            rows = self.item_weights.rows(history.item, history.weight)
            scores += self.item_weights.of_one(rows, shares, int(history.scenario[0]))
        return scores, factors

    def user_parts(self, history: Histories) -> UserParts:
        """What ``scores`` computes for the user alone, whatever the items."""
        weights, size = self._event_weights(history), self.candidate.shape[1]
        pooled = self._pooled(history.event_rows(len(self.candidate)), weights)
        user = unit(pooled[:size])
        if self.shrinkage or history.weight is not None:
            count = float(history_counts(history.indptr, history.weight)[0])
            user *= count / max(count + self.shrinkage, 1.0)
        if self.model is not None:
            user = adapted(self.model, user, history)
        row = history.user[0]
        if row >= 0 and len(self.known):
            user += self.known[row]
        if self.horizon is not None:
            user += self.horizon[int(history.later[0])]
        user *= self.sharpness
        return UserParts(user, pooled[size:], weights.shares)

    @cached_property
    def table(self) -> Tensor | None:
        """float32 ``[n, n]`` or ``[n, 2 n]``: the products of each item's gated query vector with
        all candidate vectors over the temperature, and beside them the item–item weights.

        Where the user's vector is the mean of the events, scores are sums of its rows, which are
        far less to read than all candidate vectors. None where it is more than that, and for
        catalogs whose table would be large.
        """
        (n_items, size), weights = self.candidate.shape, self.item_weights
        if n_items > _LARGEST_TABLE or not self._ageless or self.scales.pools > 1:
            return None
        if self.model is not None or self.horizon is not None or len(self.gates) > 1:
            return None
        products = (
            self.event[:n_items, :size] * (self.gates[0, 0] * self.sharpness)
        ) @ self.candidate.T
        if weights is None:
            return torch.from_numpy(products)
        if weights.own:
            return None
        return torch.from_numpy(np.hstack([products, weights.within(-1)[:n_items].toarray()]))

    def _reads_table(self, history: Histories) -> bool:
        """Whether the table is there, and less to read than the candidate vectors."""
        if history.weight is not None or (history.user[0] >= 0 and len(self.known)):
            return False
        return 0 < len(history.item) <= self.candidate.shape[1] and self.table is not None

    def _scores_of_table(self, history: Histories) -> tuple[np.ndarray, np.ndarray]:
        """``_scores_of_vector`` by ``table``."""
        assert self.table is not None
        weights, items = self._event_weights(history), history.item
        n_items, size = self.candidate.shape
        pooled = self._pooled(items, weights)
        sums = np.asarray(torch.embedding_bag(self.table, torch.from_numpy(items), _FIRST)[0][0])
        mean = pooled[:size]
        length = max(math.sqrt(mean.dot(mean)), _SHORTEST)
        share = len(items) / (len(items) + self.shrinkage)
        scores: np.ndarray = sums[:n_items] * np.float32(share * weights.pools[0, 0] / length)
        scores += self.bias
        if weights.shares is not None:
            scores += sums[n_items:] * weights.shares[0]
        return scores, pooled[size:]

    def _pooled(self, items: Ints, weights: _EventWeights) -> np.ndarray:
        """float32 ``[d + r]``: the pooled history, and the sum of the event factors."""
        if not len(items):
            return np.zeros(self.event.shape[1], dtype=np.float32)
        pools = weights.pools.dot(self.event.take(items, axis=0))
        pools *= weights.gates
        pooled: np.ndarray = pools[0] if len(pools) == 1 else np.add.reduce(pools)
        return pooled

    def _event_weights(self, history: Histories) -> _EventWeights:
        age, visit, later = history.age, history.visit, bool(history.later[0])
        if history.weight is not None:
            return self._compute_weights(age, visit, later, history.weight)
        if self._ageless:  # one key for all histories of a length
            age = visit = plain_events(len(age))[1]
        if len(age) > _MAX_CACHED_EVENTS:
            return self._compute_weights(age, visit, later)
        # Histories of equal length without timestamps have the same weights.
        return self._cached_weights(age.tobytes(), None if visit is age else visit.tobytes(), later)

    @cached_property
    def _ageless(self) -> bool:
        """Whether weights depend on the number of events alone, not on their ages."""
        decays: tuple[float, ...] = ()
        if self.item_weights is not None:
            decays = (self.item_weights.decay, *(self.item_weights.further or ())[:1])
        endless = all(map(math.isinf, (*self.scales.events, *self.scales.visits, *decays)))
        return endless and self.state_gates is None

    @cached_property
    def _cached_weights(self) -> Callable[[bytes, bytes | None, bool], _EventWeights]:
        own = weakref.ref(self)  # otherwise only the garbage collector would free the two

        @lru_cache(maxsize=_CACHED_AGES)
        def cached(age: bytes, visit: bytes | None, later: bool) -> _EventWeights:
            ages, visits = (np.frombuffer(part, np.float32) for part in (age, visit or age))
            scorer = own()
            assert scorer is not None
            return scorer._compute_weights(ages, visits, later)

        return cached

    def _compute_weights(
        self, age: np.ndarray, visit: np.ndarray, later: bool, weight: np.ndarray | None = None
    ) -> _EventWeights:
        indptr = np.array([0, len(age)])
        gates = self.gates[int(later) if len(self.gates) > 1 else 0]
        if self.state_gates is not None:
            state = history_state(indptr, visit)
            gates = gates + state.dot(self.state_gates.reshape(STATE_SIZE, -1)).reshape(gates.shape)
        pools, shares = pool_weights(indptr, age, visit, self.scales, weight), None
        if self.item_weights is not None:
            shares = self.item_weights.shares(indptr, age, weight, np.array([later]))
        if self.cold_rows is not None:
            pools, gates = self._with_factors(pools, gates, weight)
        return _EventWeights(pools, gates, shares)

    def _with_factors(
        self, pools: np.ndarray, gates: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same with one more pool, which sums what events add to cold items, nothing else."""
        (n_pools, length), size = pools.shape, gates.shape[1]
        more_pools = np.empty((n_pools + 1, length), dtype=np.float32)
        more_pools[:-1], more_pools[-1] = pools, max(length, 1) ** -0.5
        if weight is not None:
            more_pools[-1] = factor_shares(np.array([0, length]), weight)
        more_gates = np.zeros((n_pools + 1, self.event.shape[1]), dtype=np.float32)
        more_gates[:-1, :size], more_gates[-1, size:] = gates, 1
        return more_pools, more_gates


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector scaled to length one, in place; a zero vector stays zero."""
    vector /= max(math.sqrt(vector.dot(vector)), _SHORTEST)
    return vector


def adapted(model: HybridModel, user: np.ndarray, history: Histories) -> np.ndarray:
    """float32 ``[d]``: the user's vector after the scenario head, plus the scenario's bias."""
    code = torch.from_numpy(history.scenario)
    state = torch.from_numpy(history_state(history.indptr, history.visit))
    with torch.inference_mode():
        vector = model.adapted(torch.from_numpy(user).unsqueeze(0), code, state)
        bias = model.head.bias(code) if history.scenario[0] >= 0 else None
        vector = vector if bias is None else vector + bias
    return np.asarray(vector.numpy()[0])
