"""What is expected of pairs of items before the release is read: the prior that takes noise out.

A matrix of pairs is a mean plus a Gaussian random matrix R with cov(R_ij, R_kl) = c K_ik K_jl, for
a positive semidefinite K over the items that is public up to popularity: an item varies by itself
and together with those that share its facts and words. With K = V diag(λ) Vᵀ the noise, equal in
every cell, is equal in this basis too, so that the posterior mean has a closed form: each cell of
Vᵀ R V is multiplied by c λ_i λ_j / (c λ_i λ_j + noise²). (Gaussian process regression with a
Kronecker product for its covariance: Stegle et al., NeurIPS 2011.) The one number c is that of the
greatest likelihood of the noisy cells: empirical Bayes, which reads the release alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg
from scipy.optimize import nnls

_POWER: Final = 0.5  # of an item's popularity, in the standard deviation of its pairs
_TOGETHER: Final = 0.5  # variance with items of the same facts and words, beside the item's own
_LEAST: Final = 1e-6  # eigenvalue of K
_BINS: Final = 256  # of products of eigenvalues
_SCALES: Final = np.concatenate([[0.0], np.exp(np.linspace(-12, 6, 73))])  # of c, by noise²


@dataclass(frozen=True, eq=False)
class Similarities:
    """Cosines of what is public of items, float32 ``[n, n]``, zero on the diagonal: their facts,
    the words of their texts, and their attributes."""

    facts: np.ndarray
    words: np.ndarray
    attributes: np.ndarray


@dataclass(frozen=True, eq=False)
class PairPrior:
    """The eigenvalues, float32 ``[n]``, and eigenvectors, float32 ``[n, n]``, of K."""

    values: np.ndarray
    vectors: np.ndarray

    @staticmethod
    def of(popularity: np.ndarray, together: np.ndarray) -> PairPrior:
        """The prior of items of a ``popularity`` (float32 ``[n]``) that vary together by a public
        similarity (float32 ``[n, n]``, zero on the diagonal)."""
        one = popularity ** np.float32(_POWER)
        kernel = np.float32(_TOGETHER) * together
        np.fill_diagonal(kernel, 1.0)
        kernel *= np.outer(one, one)
        values, vectors = scipy.linalg.eigh(kernel, overwrite_a=True, check_finite=False)
        return PairPrior(np.maximum(values, np.float32(_LEAST)), vectors)

    def without_noise(
        self, pairs: np.ndarray, popularity: np.ndarray, noise: float, public: Similarities
    ) -> np.ndarray:
        """The posterior mean of ``pairs``, float32 ``[n, n]``, zero on the diagonal.

        ``pairs`` float32 ``[n, n]``: symmetric, with noise of standard deviation ``noise`` / √2
        beside the diagonal. The prior mean is what ``popularity`` (float32 ``[n]``) and public
        similarity say of pairs.
        """
        mean = expected_pairs(pairs, popularity, public)
        rest = pairs - mean
        np.fill_diagonal(rest, 0.0)
        rest = self.vectors.T @ rest @ self.vectors
        variance = np.outer(self.values, self.values)
        variance *= np.float32(likeliest_scale(rest, variance, noise**2 / 2))
        rest *= variance / (variance + np.float32(noise**2 / 2))
        mean += self.vectors @ rest @ self.vectors.T
        np.fill_diagonal(mean, 0.0)
        return np.asarray((mean + mean.T) / 2)


def likeliest_scale(cells: np.ndarray, variance: np.ndarray, noise: float) -> float:
    """The c for which independent ``cells`` of variance c ``variance`` + ``noise`` are likeliest.

    ``cells`` and ``variance`` are symmetric, float ``[n, n]``; those above the diagonal are read.
    """
    rows, columns = np.triu_indices(len(cells), 1)
    if not len(rows):
        return 0.0
    squares = np.asarray(cells[rows, columns], dtype=np.float64) ** 2
    given = np.asarray(variance[rows, columns], dtype=np.float64)
    edges = np.geomspace(given.min(), given.max() * (1 + 1e-9), _BINS)
    place = np.searchsorted(edges, given, side="right")
    count = np.bincount(place)
    filled = count > 0
    count, found = count[filled], np.bincount(place, squares)[filled]
    mean = np.bincount(place, given)[filled] / count
    scales = _SCALES * noise / mean.max()
    total = np.multiply.outer(scales, mean) + noise
    likelihood = -(count * np.log(total) + found / total).sum(axis=1)
    return float(scales[int(np.argmax(likelihood))])


def expected_pairs(pairs: np.ndarray, popularity: np.ndarray, public: Similarities) -> np.ndarray:
    """Least squares of ``pairs`` on products of popularity with public similarities, none of which
    counts below zero; float32 ``[n, n]``, zero on the diagonal."""
    products_of_both = np.outer(popularity, popularity)
    roots = np.sqrt(products_of_both)
    features = [
        one * similarity
        for one in (products_of_both, roots)
        for similarity in (np.float32(1), public.facts, public.words, public.attributes)
    ]
    for one in features:
        np.fill_diagonal(one, 0.0)
    products = np.array([[np.vdot(a, b) for b in features] for a in features], dtype=np.float64)
    targets = np.array([np.vdot(one, pairs) for one in features], dtype=np.float64)
    size = np.sqrt(np.maximum(np.diagonal(products), 1e-12))
    scaled = products / np.outer(size, size) + 1e-6 * np.eye(len(size))
    lower = np.linalg.cholesky(scaled)
    found, _ = nnls(lower.T, np.linalg.solve(lower, targets / size))
    total = np.zeros_like(pairs)
    for one, coefficient in zip(features, found / size, strict=True):
        total += one * np.float32(coefficient)
    return total


def ridge_weights(pairs: np.ndarray, counts: np.ndarray, ridge: float) -> np.ndarray:
    """Item–item weights by ridge regression of each item on all others (EASE: Steck, WWW 2019),
    float32 ``[n, n]``, zero on the diagonal; row j: what an event with item j adds.

    ``pairs``, float ``[n, n]``, and ``counts``, float ``[n]``, are the Gram matrix beside and on
    its diagonal. ``ridge`` is doubled until the matrix is positive definite, which estimates need
    not be.
    """
    gram = pairs.astype(np.float64)
    while True:
        np.fill_diagonal(gram, counts + ridge)
        try:
            factor = scipy.linalg.cholesky(gram, lower=True, check_finite=False)
            break
        except scipy.linalg.LinAlgError:
            ridge *= 2
    inverse, _ = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = -inverse / np.diagonal(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float32)
