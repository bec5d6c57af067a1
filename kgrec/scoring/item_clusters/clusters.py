"""Clusters of item vectors, by spherical k-means (Dhillon & Modha, 2001)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.arrays import unit_rows
from kgrec.graph.snapshot import Ints

_PER_CLUSTER: Final = 64  # vectors that k-means reads for each cluster, at most
_ROUNDS: Final = 8  # of k-means
_CELLS: Final = 2**24  # products in memory at once: 64 MB


@dataclass(frozen=True, eq=False)
class Clusters:
    """A division of n vectors into clusters.

    ``centroids`` float32 ``[c, w]``, of unit length; ``cluster`` int32 ``[n]``: that of each
    vector, the one with the highest product.
    """

    centroids: np.ndarray
    cluster: np.ndarray

    @staticmethod
    def of(vectors: np.ndarray, seed: int = 0) -> Clusters:
        """Divide ``vectors`` (float32 ``[n, w]``) into 4√n clusters.

        Equal vectors and seed give equal clusters, with any number of threads.
        """
        rng = np.random.default_rng(seed)
        count = cluster_count(len(vectors))
        drawn = rng.permutation(len(vectors))[: count * _PER_CLUSTER]
        sample = vectors[np.sort(drawn)]
        centroids = unit_rows(vectors[np.sort(drawn[:count])]).astype(np.float32)
        for _ in range(_ROUNDS):
            centroids = _moved(sample, centroids, rng)
        return Clusters(centroids, _nearest(vectors, centroids))

    def over(self, vectors: np.ndarray) -> Clusters:
        """The same centroids for other vectors ``[m, w]``."""
        return replace(self, cluster=_nearest(vectors, self.centroids))

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads, with names that begin with ``prefix``."""
        return {f"{prefix}centroids": self.centroids, f"{prefix}cluster": self.cluster}

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray], prefix: str) -> Clusters:
        """The clusters that ``arrays`` wrote."""
        return Clusters(arrays[f"{prefix}centroids"], arrays[f"{prefix}cluster"])


def cluster_count(n: int) -> int:
    """How many clusters n vectors are divided into: 4√n, and no more than n / 8."""
    return max(1, min(4 * math.isqrt(n), n // 8))


def _moved(sample: np.ndarray, centroids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One round of k-means; a cluster that has no vector gets one at random."""
    near = _nearest(sample, centroids)
    place = (np.ones(len(sample), dtype=np.float32), near, np.arange(len(sample) + 1))
    sums = sp.csr_matrix(place, shape=(len(sample), len(centroids))).T.tocsr() @ sample
    empty = np.flatnonzero(np.bincount(near, minlength=len(centroids)) == 0)
    sums[empty] = sample[rng.integers(0, len(sample), len(empty))]
    return unit_rows(sums).astype(np.float32)


def _nearest(vectors: np.ndarray, centroids: np.ndarray) -> Ints:
    """int32 ``[n]``: the centroid with the highest product with each vector."""
    columns = torch.from_numpy(centroids).T
    size = max(1, _CELLS // max(len(centroids), 1))
    nearest = np.empty(len(vectors), dtype=np.int32)
    with torch.inference_mode():
        for start in range(0, len(vectors), size):
            part = torch.from_numpy(np.ascontiguousarray(vectors[start : start + size]))
            nearest[start : start + size] = (part @ columns).argmax(dim=1).numpy()
    return nearest
