"""Baselines that any model must beat: popularity, ItemKNN, EASE and EASE on recent history.

Each has ``fit(interactions, n_users, n_items)`` and ``score(history)``, where ``history`` is a
scipy CSR matrix ``[B, n_items]`` of weights (1 for an item in the history) and the answer is
float32 ``[B, n_items]``. All are deterministic.
"""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from scipy import sparse

from graph_schema.errors import TrainingError
from kgrec.arrays import row_numbers
from kgrec.graph.snapshot import Interactions

History: TypeAlias = Any  # scipy.sparse.csr_matrix, which carries no types


class Baseline(Protocol):
    name: str

    def fit(self, interactions: Interactions, n_users: int, n_items: int) -> Self: ...

    def score(self, history: History) -> np.ndarray: ...


def binary_history(interactions: Interactions, n_users: int, n_items: int) -> History:
    """float32 CSR ``[n_users, n_items]``: one where a user interacted with an item."""
    matrix = _matrix(interactions, np.ones(len(interactions)), n_users, n_items)
    matrix.data[:] = 1.0
    return matrix


def recent_history(
    interactions: Interactions, n_users: int, n_items: int, tau: float = 4.0
) -> History:
    """CSR ``[n_users, n_items]`` with weights exp(-age / tau), where age is the number of later
    events of the user; several events of one item add up. Rows must be sorted as Interactions are.
    """
    indptr = interactions.indptr(n_users)
    age = indptr[interactions.user + 1] - 1 - np.arange(len(interactions))
    return _matrix(interactions, np.exp(-age / tau), n_users, n_items)


def _matrix(interactions: Interactions, weights: np.ndarray, n_users: int, n_items: int) -> History:
    cells = (weights.astype(np.float32), (interactions.user, interactions.item))
    return sparse.csr_matrix(cells, shape=(n_users, n_items))


def _training_matrix(interactions: Interactions, n_users: int, n_items: int) -> History:
    if not len(interactions):
        raise TrainingError("there are no interactions to fit on; check the split's name.")
    return binary_history(interactions, n_users, n_items)


class Popularity:
    """The same list for every user: items by the number of users who interacted with them."""

    name = "popularity"

    def fit(self, interactions: Interactions, n_users: int, n_items: int) -> Self:
        counts = _training_matrix(interactions, n_users, n_items).sum(axis=0)
        self.counts = np.asarray(counts, dtype=np.float32).ravel()
        return self

    def score(self, history: History) -> np.ndarray:
        return np.tile(self.counts, (history.shape[0], 1))


class ItemKNN:
    """Sum of cosine similarities to the ``neighbours`` most similar items of each history item.

    ``shrink`` is added to the denominator (Deshpande and Karypis 2004).
    """

    name = "item-knn"

    def __init__(self, neighbours: int = 100, shrink: float = 10.0) -> None:
        self.neighbours, self.shrink = neighbours, shrink

    def fit(self, interactions: Interactions, n_users: int, n_items: int) -> Self:
        matrix = _training_matrix(interactions, n_users, n_items)
        counts = np.asarray((matrix.T @ matrix).todense(), dtype=np.float32)
        norms = np.sqrt(np.diag(counts))
        similarity = counts / (norms[:, None] * norms[None, :] + self.shrink)
        np.fill_diagonal(similarity, 0.0)
        if self.neighbours < n_items:
            cut = -np.partition(-similarity, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
            similarity[similarity < cut[:, None]] = 0.0
        self.similarity = similarity
        return self

    def score(self, history: History) -> np.ndarray:
        return np.asarray(history @ self.similarity, dtype=np.float32)


class EASE:
    """Linear item-to-item model with a closed form (Steck 2019); ``regularisation`` is its λ.

    Memory grows with n_items², time with n_items³: for catalogs up to about 20,000 items.
    """

    name = "ease"

    def __init__(self, regularisation: float = 250.0) -> None:
        self.regularisation = regularisation

    def fit(self, interactions: Interactions, n_users: int, n_items: int) -> Self:
        matrix = _training_matrix(interactions, n_users, n_items).astype(np.float64)
        gram = np.asarray((matrix.T @ matrix).todense())
        gram[np.diag_indices(n_items)] += self.regularisation
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self.weights = weights.astype(np.float32)
        return self

    def score(self, history: History) -> np.ndarray:
        return np.asarray(history @ self.weights, dtype=np.float32)


def history_rows(csr: tuple[np.ndarray, np.ndarray], n_items: int) -> History:
    """A scipy CSR ``[B, n_items]`` of ones from (indptr, item rows)."""
    indptr, items = csr
    cells = (np.ones(len(items), dtype=np.float32), (row_numbers(indptr), items))
    return sparse.csr_matrix(cells, shape=(len(indptr) - 1, n_items))
