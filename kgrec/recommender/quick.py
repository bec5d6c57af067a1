"""One history's scores on the processor, without what batches need.

A batch costs some forty small operations before its first product, each far longer than the sums
that one user needs. Here the same pooling takes a handful; what does not depend on the history
comes from the model itself. Tests hold both ways of scoring to the same values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from kgrec.nn import (
    Histories,
    HybridModel,
    ItemVectors,
    TimeScales,
    history_state,
    pool_weights,
)
from kgrec.nn.heads import NoHead, ScenarioHead

_KNOWN_AGES = 512  # patterns of ages whose weights are kept
_FEW_EVENTS = 512  # longer histories are worth no memory


@dataclass(frozen=True, eq=False)
class QuickScorer:
    """Views of the vectors of ``model`` as arrays; ``known`` as ``HybridModel.known`` gives it."""

    query: np.ndarray
    candidate: np.ndarray
    bias: np.ndarray
    gates: np.ndarray
    state_gates: np.ndarray | None
    horizon: np.ndarray | None
    known: np.ndarray
    scales: TimeScales
    sharpness: float  # one over the temperature
    head: ScenarioHead | None

    @staticmethod
    def build(model: HybridModel, items: ItemVectors, known: Tensor) -> QuickScorer:
        """For vectors on the processor."""
        return QuickScorer(
            query=items.query.numpy(),
            candidate=items.candidate.numpy(),
            bias=items.bias.numpy(),
            gates=model.pool_gate.detach().numpy(),
            state_gates=model.pool_state.detach().numpy() if model.shape.scales.pools > 1 else None,
            horizon=model.horizon.detach().numpy() if model.shape.horizons else None,
            known=known.numpy(),
            scales=model.shape.scales,
            sharpness=1 / model.shape.temperature,
            head=None if type(model.head) is NoHead else model.head,
        )

    def scores(self, history: Histories) -> np.ndarray:
        """float32 ``[n]`` for a batch of one history, whose events have no texts of their own."""
        user = unit(self._pooled(history))
        if self.head is not None:
            user = adapted(self.head, user, history.scenario)
        row = history.user[0]
        if row >= 0 and len(self.known):
            user += self.known[row]
        if self.horizon is not None:
            user += self.horizon[int(history.later[0])]
        user *= self.sharpness
        scores: np.ndarray = self.candidate.dot(user)
        scores += self.bias
        return scores

    def _pooled(self, history: Histories) -> np.ndarray:
        """h, float32 ``[d]``."""
        if not len(history.item):
            return np.zeros(self.query.shape[1], dtype=np.float32)
        weights, state = _weights(history.age, history.visit, self.scales)
        pools = weights.dot(self.query.take(history.item, axis=0))
        gates = self.gates[0 if self.horizon is None else int(history.later[0])]
        if self.state_gates is not None:
            gates = gates + np.tensordot(state, self.state_gates, axes=1)
        pools *= gates
        pooled: np.ndarray = pools[0] if len(pools) == 1 else pools.sum(axis=0)
        return pooled


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length one; zero stays zero."""
    vector /= max(math.sqrt(vector.dot(vector)), 1e-12)
    return vector


def adapted(head: ScenarioHead, user: np.ndarray, scenario: np.ndarray) -> np.ndarray:
    """H_k of a user's vector, and the scenario's own taste; float32 ``[d]``."""
    code = torch.from_numpy(scenario)
    with torch.inference_mode():
        vector = head(torch.from_numpy(user).unsqueeze(0), code)
        bias = head.bias(code) if scenario[0] >= 0 else None
        vector = vector if bias is None else vector + bias
    return np.asarray(vector.numpy()[0])


def _weights(
    age: np.ndarray, visit: np.ndarray, scales: TimeScales
) -> tuple[np.ndarray, np.ndarray]:
    """``pool_weights`` and ``history_state`` of one history: float32 ``[S, n]`` and ``[f]``."""
    if len(age) > _FEW_EVENTS:
        return _made_weights(age, visit, scales)
    return _kept_weights(age.tobytes(), visit.tobytes(), scales)


@lru_cache(maxsize=_KNOWN_AGES)
def _kept_weights(age: bytes, visit: bytes, scales: TimeScales) -> tuple[np.ndarray, np.ndarray]:
    """Histories without times that are equally long share their ages."""
    ages, visits = (np.frombuffer(part, dtype=np.float32) for part in (age, visit))
    return _made_weights(ages, visits, scales)


def _made_weights(
    age: np.ndarray, visit: np.ndarray, scales: TimeScales
) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.array([0, len(age)])
    return pool_weights(indptr, age, visit, scales), history_state(indptr, visit)[0]
