"""What is made of the release and of public data: popularity, item–item weights, item vectors.

All of it is computed from the noisy matrices, facts and texts of items; people's rows are not read
again, so it costs no further privacy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse.linalg import eigsh

from kgrec.differential_privacy.choices import Release
from kgrec.differential_privacy.pair_prior import PairPrior, Similarities, ridge_weights

_LEVELLED: Final = 0.4  # power of both items' popularity that weights are divided by
_LEVELLED_LATER: Final = 0.6
_RIDGE: Final = 16.0  # by the mean count of an item
_WIDTH: Final = 128  # columns of the vectors for what comes later
_FILLED: Final = 64  # columns of the public directions that fill candidate vectors up
_GRAPH: Final = (0.05, 0.3)  # weight of the public part: the least, and by noise to choices squared
_GRAPH_LATER: Final = 0.5
_ATTRIBUTES: Final = 0.4  # of attributes beside facts and words
_NEAR_LATER: Final = 2.0  # of ``near`` for what comes later, by noise to choices squared


@dataclass(frozen=True, eq=False)
class Estimate:
    """What lists are made from.

    Attributes
    ----------
    popularity : float32 ``[n]``
        About how often an item is chosen; the mean is 1.
    weights : float32 ``[n, n]``
        Row j: what an event with item j adds to the scores of all items for what comes next; zero
        on the diagonal. The largest is 1.
    query, candidate : float32 ``[n, d]``
        Vectors whose products are what an event adds to scores for what comes later. Candidates
        have length one: what is missing is filled up in the direction of an item's facts, which
        queries do not have.
    """

    popularity: np.ndarray
    weights: np.ndarray
    query: np.ndarray
    candidate: np.ndarray

    @staticmethod
    def of(release: Release, public: Similarities) -> Estimate:
        """The estimate from a release of people's choices and what is public."""
        graph = _of_mean_one(public.facts + public.words)
        graph += np.float32(_ATTRIBUTES) * _of_mean_one(public.attributes)
        popularity, ratio = _popularity(np.diagonal(release.near), release.near_noise)
        rough, _ = _popularity(np.diagonal(release.whole), release.whole_noise)
        both = np.sqrt(popularity * rough)
        prior = PairPrior.of(popularity, public.facts + public.words)
        near = prior.without_noise(release.near, popularity, release.near_noise, public)
        whole = prior.without_noise(release.whole, both, release.whole_noise, public)
        count = max(float(np.diagonal(release.near).mean()), release.near_noise / 10)
        ridge = ridge_weights(near, count * popularity, _RIDGE * count)
        weights = _of_mean_one(ridge / _level(popularity, _LEVELLED))
        weights += np.float32(_GRAPH[0] + _GRAPH[1] * ratio**2) * graph
        later = _of_mean_one(whole / _level(both, _LEVELLED_LATER))
        later += np.float32(_NEAR_LATER * ratio**2) * _of_mean_one(
            near / _level(popularity, _LEVELLED)
        )
        later += np.float32(_GRAPH_LATER) * graph
        vectors, values = _leading(later, _WIDTH)
        query, candidate = _of_equal_length(vectors, vectors * values, graph)
        return Estimate(
            popularity, weights / (np.abs(weights).max(initial=0.0) or 1.0), query, candidate
        )


def _popularity(counts: np.ndarray, noise: float) -> tuple[np.ndarray, float]:
    """The popularity float32 ``[n]`` behind noisy ``counts``, and the noise by the mean count.

    Counts are drawn to their mean by the share of noise in their variance.
    """
    mean = max(float(counts.mean()), noise / 10)
    spread = max(float(counts.var()) - noise**2, 0.0)
    drawn = mean + spread / (spread + noise**2) * (counts - mean)
    found = np.maximum(drawn, 0) + min(noise, mean)
    return np.asarray(found / found.mean(), dtype=np.float32), noise / mean


def _leading(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors float32 ``[n, k]`` and eigenvalues of the ``count`` largest absolute values; all
    of a small matrix."""
    size = len(matrix)
    if size <= 2 * count:
        values, vectors = np.linalg.eigh(matrix)
    else:
        start = np.ones(size, dtype=matrix.dtype)  # a fixed one: equal matrices, equal vectors
        values, vectors = eigsh(matrix, k=count, which="LM", tol=1e-4, v0=start)
    return vectors.astype(np.float32), values.astype(np.float32)


def _of_equal_length(
    query: np.ndarray, candidate: np.ndarray, graph: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The vectors with more columns, so that candidates have length one; products of queries with
    candidates stay as they are, but for a common factor."""
    longest = float(np.sqrt((candidate**2).sum(axis=1).max(initial=0.0))) or 1.0
    candidate = candidate / longest
    missing = np.sqrt(np.maximum(1 - (candidate**2).sum(axis=1), 0))
    vectors, values = _leading(graph, min(_FILLED, len(graph)))
    filling = np.column_stack([vectors * np.sqrt(np.abs(values)), np.full(len(graph), 1e-3)])
    filling /= np.linalg.norm(filling, axis=1, keepdims=True)
    silent = np.zeros_like(filling)
    wide = np.hstack([query, silent]), np.hstack([candidate, filling * missing[:, None]])
    return wide[0].astype(np.float32), wide[1].astype(np.float32)


def _level(popularity: np.ndarray, power: float) -> np.ndarray:
    """float32 ``[n, n]``: the product of both items' popularity to a power."""
    one = popularity ** np.float32(power)
    return np.outer(one, one)


def _of_mean_one(matrix: np.ndarray) -> np.ndarray:
    """The matrix, scaled so that its cells have the mean 1 by absolute value; zeros stay."""
    mean = np.abs(matrix).mean() if matrix.size else 0.0
    return np.asarray(matrix / mean if mean else matrix, dtype=np.float32)
