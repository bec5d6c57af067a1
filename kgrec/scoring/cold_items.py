"""Predicted vectors for items without training interactions (cold items).

Ridge regression over the trained items, on the similarity of what is known of the items
(``ItemSimilarity``), predicts a cold item's candidate vector and bias, and its factors: its row
among the leading right singular vectors of the history matrix. Both parts of the score are linear
in the history, so explanations stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from scipy.linalg import cho_factor, cho_solve
from torch import Tensor

from kgrec.arrays import offsets
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories, HistoryBatch, ItemVectors
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.item_similarity import ItemSimilarity
from kgrec.scoring.similarity_weights import FACTOR_WEIGHT, RIDGE, choose_part_weights

_DIRECTIONS = 128  # of the history matrix, at most
_MOST = 6000  # trained items to learn from, at most: the regression is cubic in them
_FEWEST = 20  # with fewer trained items there is nothing to learn from
_HELD_SHARE = 0.05  # of the trained items, held out to set the scale
_JUDGES = 1000  # users who set the scale, at most


@dataclass(frozen=True, eq=False)
class ColdItems:
    """Predicted vectors and scores of the items without training interactions.

    Attributes
    ----------
    items : int64 ``[c]``
        Their rows, ascending.
    candidate : float32 ``[c, d]``
        Predicted candidate vectors, which replace those of the model; not normalised.
    bias : float32 ``[c]``
        Predicted biases, which replace those of the model.
    factors : float32 ``[c, r]``
        Predicted factors of the history matrix. Their product with the mean of the history's
        ``event_factors`` (Σ by the square root of the number of events) is added to the score.
    event_factors : float32 ``[n, r]``
        The factors of every item as an event; zero for items that the regression does not use.
    similarity : ItemSimilarity
        How similar cold items are to trained ones.
    trained : int64 ``[w]``
        The trained items of the regression.
    coefficients : float64 ``[w, d + 1 + r]``
        Coefficients of the regression: vector, bias and factors, by trained item.
    mean : float64 ``[d + 1 + r]``
        The prediction for an item that is similar to no trained item.
    """

    items: Ints
    candidate: Tensor
    bias: Tensor
    factors: Tensor
    event_factors: Tensor
    similarity: ItemSimilarity
    trained: Ints
    coefficients: np.ndarray
    mean: np.ndarray

    def replace_in(self, vectors: ItemVectors) -> ItemVectors:
        """The vectors with those of new items in their places."""
        rows = torch.as_tensor(self.items).to(vectors.candidate.device)
        candidate, bias = vectors.candidate.clone(), vectors.bias.clone()
        candidate[rows], bias[rows] = self.candidate, self.bias
        return replace(vectors, candidate=candidate, bias=bias)

    def score_contributions(self, histories: Histories, batch: HistoryBatch) -> Tensor:
        """What is added to the scores of new items, float32 ``[B, c]``."""
        counts = np.diff(histories.indptr)
        weights = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        values = torch.as_tensor(weights).to(self.event_factors.device)
        return batch.pattern.matmul(values, self.event_factors) @ self.factors.T

    def position(self, item: int) -> int:
        """Which of the new items it is, -1 for a trained one."""
        place = int(np.searchsorted(self.items, item))
        return place if place < len(self.items) and self.items[place] == item else -1


def predict_cold_items(bound: BoundModel) -> ColdItems | None:
    """None where every item was trained, or too few to learn from."""
    known = bound.trained_rows
    new = np.setdiff1d(np.arange(len(bound.snapshot.items)), known)
    if not len(new) or len(known) < _FEWEST:
        return None
    similarity = ItemSimilarity.build(bound)
    if not similarity.blocks:
        return None
    used = _most_chosen(bound, known)
    targets, event = _targets(bound, used)
    size = bound.model.shape.embedding_size
    similarity = similarity.with_weights(choose_part_weights(similarity, used, targets, size))
    scale = _Scale.measure(bound, similarity, used, targets, event)
    coefficients, mean = _regress(similarity, used, targets)
    factors = scale.factors(size, coefficients.shape[1])
    coefficients, mean = coefficients * factors, mean * factors
    mean[size] += scale.shift
    parts = [
        similarity.matrix(rows, used) @ coefficients
        for rows in np.array_split(new, len(new) // _MOST + 1)
    ]
    foretold = mean + np.concatenate(parts)
    told = torch.as_tensor(foretold.astype(np.float32)).to(bound.device)
    return ColdItems(
        items=new,
        candidate=told[:, :size].contiguous(),
        bias=told[:, size].contiguous(),
        factors=told[:, size + 1 :].contiguous(),
        event_factors=torch.as_tensor(event).to(bound.device),
        similarity=similarity,
        trained=used,
        coefficients=coefficients,
        mean=mean,
    )


@dataclass(frozen=True)
class _Scale:
    """new score = ``gain`` · (foretold vector's + ``weight`` · history directions') + ``shift``:
    the scale of what the model itself says of trained items that are held out as if new, less one
    standard deviation of the error, so that a new item passes a trained one where it is sure to."""

    gain: float
    weight: float
    shift: float

    def factors(self, size: int, width: int) -> np.ndarray:
        factors = np.full(width, self.gain)
        factors[size + 1 :] *= self.weight
        return factors

    @staticmethod
    def measure(
        bound: BoundModel,
        similarity: ItemSimilarity,
        used: Ints,
        targets: np.ndarray,
        event: np.ndarray,
    ) -> _Scale:
        rng = np.random.default_rng(0)
        held = np.zeros(len(used), dtype=bool)
        held[rng.permutation(len(used))[: max(2, int(_HELD_SHARE * len(used)))]] = True
        coefficients, mean = _regress(similarity, used[~held], targets[~held])
        foretold = mean + similarity.matrix(used[held], used[~held]) @ coefficients
        judges = np.flatnonzero(bound.sequences.lengths() > 1)
        judges = np.sort(rng.permutation(judges)[:_JUDGES])
        histories = _without(bound.stored(judges), used[held])
        users = _users(bound, histories)
        size = users.shape[1]
        by_vector = users @ foretold[:, :size].T + foretold[:, size]
        by_choice = _pool(histories, event) @ foretold[:, size + 1 :].T
        weight = FACTOR_WEIGHT * _spread(by_vector) / max(_spread(by_choice), 1e-12)
        both = (by_vector + weight * by_choice).ravel()
        says = (users @ targets[held, :size].T + targets[held, size]).ravel()
        gain = max(float(np.cov(both, says)[0, 1] / max(both.var(ddof=1), 1e-12)), 0.0)
        shift = float(says.mean() - gain * both.mean())
        return _Scale(gain, weight, shift - float((says - gain * both).std()))


def _regress(
    similarity: ItemSimilarity, rows: Ints, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel ridge regression of ``targets`` ``[w, t]``: effects ``[w, t]`` and their mean."""
    mean = targets.mean(axis=0)
    kernel = similarity.matrix(rows, rows)
    kernel[np.diag_indices(len(rows))] += RIDGE
    return cho_solve(cho_factor(kernel, overwrite_a=True), targets - mean), mean


def _targets(bound: BoundModel, used: Ints) -> tuple[np.ndarray, np.ndarray]:
    """What is foretold: candidate vector, bias and history directions, float64 ``[w, d + 1 + r]``;
    and the directions of every item as an event, float32 ``[n, r]``, zero for items not used."""
    vectors = bound.trained_items
    directions = _directions(_history(bound, used))
    event = np.zeros((len(bound.snapshot.items), directions.shape[1]), dtype=np.float32)
    event[used] = directions
    parts = (
        vectors.candidate.cpu().numpy()[used],
        vectors.bias.cpu().numpy()[used, None],
        directions,
    )
    return np.concatenate(parts, axis=1).astype(np.float64), event


def _directions(history: sp.csr_matrix) -> np.ndarray:
    """float64 ``[w, r]``: leading right singular vectors of ``[m, w]``, by randomised subspace
    iteration (Halko, Martinsson & Tropp, 2011)."""
    size = min(_DIRECTIONS, min(history.shape) - 1)
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((history.shape[1], size + 10))
    for _ in range(4):
        basis = np.linalg.qr(history.T @ (history @ basis))[0]
    left, _, _ = np.linalg.svd(basis.T @ (history.T @ (history @ basis)))
    return np.asarray(basis @ left[:, :size])


def _history(bound: BoundModel, used: Ints) -> sp.csr_matrix:
    """Ones where a user has one of the items ``used``, ``[m, w]``."""
    seen = bound.snapshot.interactions
    place = np.full(len(bound.snapshot.items), -1)
    place[used] = np.arange(len(used))
    column = place[seen.item]
    cells = (np.ones(int((column >= 0).sum())), (seen.user[column >= 0], column[column >= 0]))
    matrix = sp.csr_matrix(cells, shape=(len(bound.snapshot.users), len(used)))
    matrix.data[:] = 1.0
    return matrix


def _most_chosen(bound: BoundModel, known: Ints) -> Ints:
    if len(known) <= _MOST:
        return known
    counts = np.bincount(bound.snapshot.interactions.item, minlength=known.max() + 1)[known]
    return np.sort(known[np.argsort(-counts, kind="stable")[:_MOST]])


def _users(bound: BoundModel, histories: Histories) -> np.ndarray:
    """float64 ``[B, d]``: user vectors by the temperature."""
    model = bound.model.eval()
    batch = HistoryBatch.build(
        histories, len(bound.snapshot.items), model.shape.scales, bound.device
    )
    with torch.inference_mode():
        users = model.user_vectors(bound.trained_items, bound.inputs, batch)
    return users.double().cpu().numpy() / model.shape.temperature


def _pool(histories: Histories, event: np.ndarray) -> np.ndarray:
    counts = np.diff(histories.indptr)
    weights = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts)
    cells = (weights, histories.item, histories.indptr)
    return np.asarray(sp.csr_matrix(cells, shape=(len(counts), len(event))) @ event)


def _without(histories: Histories, items: Ints) -> Histories:
    keep = ~np.isin(histories.item, items)
    indptr = offsets(keep)[histories.indptr]
    return replace(
        histories,
        indptr=indptr,
        item=histories.item[keep],
        age=histories.age[keep],
        visit=histories.visit[keep],
        text=histories.text[keep],
    )


def _spread(scores: np.ndarray) -> float:
    """The standard deviation of scores within a user."""
    return float((scores - scores.mean(axis=1, keepdims=True)).std())
