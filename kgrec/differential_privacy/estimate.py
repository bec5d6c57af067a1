"""What is made of the release and of public data: popularity, item–item weights, item vectors.

All of it is computed from the noisy matrices, facts and texts of items; people's rows are not read
again, so it costs no further privacy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import nnls
from scipy.sparse.linalg import eigsh

from kgrec.differential_privacy.choices import Release
from kgrec.differential_privacy.mechanism import with_noise

_LEVELLED: Final = 0.4  # power of both items' popularity that ``near`` is divided by
_LEVELLED_LATER: Final = 0.5
_WHITENED: Final = -0.15  # power of the popularity that cells are divided by before eigenvalues
_SPARSE: Final = 3.2  # noises that a single cell must exceed to count by itself
_COMPONENTS: Final = 64  # eigenvalues that may rise above the noise
_WIDTH: Final = 128  # columns of the vectors for what comes later
_FILLED: Final = 64  # columns of the public directions that fill candidate vectors up
_GRAPH: Final = (0.25, 0.6)  # weight of the public part: the least, and by noise to choices squared
_GRAPH_LATER: Final = 0.5
_ATTRIBUTES: Final = 0.4  # of attributes beside facts and words
_NEAR_LATER: Final = 2.0  # of ``near`` for what comes later, by noise to choices squared
_MARGIN: Final = 1.02  # of the edge of the noise


@dataclass(frozen=True, eq=False)
class Similarities:
    """Cosines of what is public of items, float32 ``[n, n]``, zero on the diagonal: their facts,
    the words of their texts, and their attributes."""

    facts: np.ndarray
    words: np.ndarray
    attributes: np.ndarray


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
        near = _near(release, popularity, public) / _level(popularity, _LEVELLED)
        share = _GRAPH[0] + _GRAPH[1] * ratio**2
        weights = _of_mean_one(near) + np.float32(share) * graph
        rough, _ = _popularity(np.diagonal(release.whole), release.whole_noise)
        both = np.sqrt(popularity * rough)
        later = _of_mean_one(_whole(release) / _level(both, _LEVELLED_LATER))
        later += np.float32(_NEAR_LATER * ratio**2) * _of_mean_one(near)
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


def _near(release: Release, popularity: np.ndarray, public: Similarities) -> np.ndarray:
    """``release.near`` without most of its noise, zero on the diagonal.

    It is the sum of what popularity and public similarity say of a pair; of the eigenvalues of the
    rest that are above the edge of the noise; and of the single cells far above the noise.
    """
    expected = _expected(release.near, popularity, public)
    rest = release.near - expected
    np.fill_diagonal(rest, 0.0)
    whitened = popularity**_WHITENED
    scale = np.outer(whitened, whitened)
    edge = noise_edge(release.near_noise, whitened)
    vectors, values = _above(rest / scale, edge, signed=True)
    low_rank = ((vectors * values) @ vectors.T) * scale
    np.fill_diagonal(low_rank, 0.0)
    rest -= low_rank
    cells = np.maximum(np.abs(rest) - _SPARSE / 2**0.5 * release.near_noise, 0)
    return np.asarray(expected + low_rank + np.sign(rest) * cells)


def _expected(near: np.ndarray, popularity: np.ndarray, public: Similarities) -> np.ndarray:
    """Least squares of ``near`` on products of popularity with public similarities, none of which
    counts below zero; float32 ``[n, n]``, zero on the diagonal."""
    pairs = np.outer(popularity, popularity)
    roots = np.sqrt(pairs)
    features = [
        one * similarity
        for one in (pairs, roots)
        for similarity in (np.float32(1), public.facts, public.words, public.attributes)
    ]
    for one in features:
        np.fill_diagonal(one, 0.0)
    products = np.array([[np.vdot(a, b) for b in features] for a in features], dtype=np.float64)
    targets = np.array([np.vdot(one, near) for one in features], dtype=np.float64)
    size = np.sqrt(np.maximum(np.diagonal(products), 1e-12))
    scaled = products / np.outer(size, size) + 1e-6 * np.eye(len(size))
    lower = np.linalg.cholesky(scaled)
    found, _ = nnls(lower.T, np.linalg.solve(lower, targets / size))
    total = np.zeros_like(near)
    for one, coefficient in zip(features, found / size, strict=True):
        total += one * np.float32(coefficient)
    return total


def _whole(release: Release) -> np.ndarray:
    """``release.whole`` from its eigenvalues above the edge of the noise alone, zero on the
    diagonal."""
    edge = noise_edge(release.whole_noise, np.ones(len(release.whole)))
    vectors, values = _above(release.whole, edge, signed=False)
    found = (vectors * values) @ vectors.T
    np.fill_diagonal(found, 0.0)
    return np.asarray(found)


def noise_edge(noise: float, scale: np.ndarray) -> float:
    """The largest eigenvalue of symmetric noise alone (see ``with_noise``), whose cells were
    divided by the ``scale``, float ``[n]``, of both items.

    With the scale 1 it is σ √(2 n), the edge of Wigner's semicircle; else it is measured on noise
    that is drawn for this alone.
    """
    if (scale == 1).all():
        return float(noise * np.sqrt(2 * len(scale)))
    rng = np.random.default_rng(0)
    drawn = with_noise(np.zeros((len(scale), len(scale)), dtype=np.float32), noise, rng)
    return float(np.abs(_leading(drawn / np.outer(scale, scale), 1)[1]).max())


def _above(matrix: np.ndarray, edge: float, *, signed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors float32 ``[n, k]`` with eigenvalues above ``edge``, by absolute value where
    ``signed``, and these values without what noise adds to them: √(λ² - edge²)."""
    vectors, values = _leading(matrix, _COMPONENTS)
    kept = (np.abs(values) if signed else values) > _MARGIN * edge
    values = values[kept]
    return vectors[:, kept], np.sign(values) * np.sqrt(values**2 - np.float32(edge) ** 2)


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
