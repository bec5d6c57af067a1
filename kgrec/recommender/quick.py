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

from kgrec.nn import Histories, HybridModel, ItemVectors, scale_weights
from kgrec.nn.heads import NoHead, ScenarioHead

_KNOWN_AGES = 512  # patterns of ages whose weights are kept
_FEW_EVENTS = 512  # longer histories are worth no memory


@dataclass(frozen=True, eq=False)
class QuickScorer:
    """Views of the vectors of ``model`` as arrays; ``known`` as ``HybridModel.known`` gives it."""

    query: np.ndarray
    candidate: np.ndarray
    bias: np.ndarray
    gate: np.ndarray
    known: np.ndarray
    scales: tuple[float, ...]
    sharpness: float  # one over the temperature
    head: ScenarioHead | None

    @staticmethod
    def build(model: HybridModel, items: ItemVectors, known: Tensor) -> QuickScorer:
        """For vectors on the processor."""
        return QuickScorer(
            query=items.query.numpy(),
            candidate=items.candidate.numpy(),
            bias=items.bias.numpy(),
            gate=model.pool_gate.detach().numpy(),
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
        user *= self.sharpness
        scores: np.ndarray = self.candidate.dot(user)
        scores += self.bias
        return scores

    def _pooled(self, history: Histories) -> np.ndarray:
        """h, float32 ``[d]``."""
        if not len(history.item):
            return np.zeros(self.query.shape[1], dtype=np.float32)
        weights = _weights(history.age, self.scales)
        pools = weights.dot(self.query.take(history.item, axis=0))
        pools *= self.gate
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


def _weights(age: np.ndarray, scales: tuple[float, ...]) -> np.ndarray:
    """``scale_weights`` of one history: float32 ``[S, n]``."""
    if len(age) > _FEW_EVENTS:
        return scale_weights(np.array([0, len(age)]), age, scales)
    return _kept_weights(age.tobytes(), scales)


@lru_cache(maxsize=_KNOWN_AGES)
def _kept_weights(age: bytes, scales: tuple[float, ...]) -> np.ndarray:
    """Histories without times that are equally long share their ages."""
    ages = np.frombuffer(age, dtype=np.float32)
    return scale_weights(np.array([0, len(ages)]), ages, scales)
