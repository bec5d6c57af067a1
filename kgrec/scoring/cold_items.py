"""Predicted vectors for items without training interactions (cold items).

Ridge regression over the trained items, on the similarity of what is known of the items
(``ItemSimilarity``), predicts a cold item's candidate vector and bias, and its factors: its row
among the leading right singular vectors of the history matrix. Both parts of the score are linear
in the history, so explanations stay exact.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from kgrec.arrays import binary_matrix, offsets, row_numbers
from kgrec.feedback.weights import liked_matrix
from kgrec.graph.columns import count_rows
from kgrec.graph.snapshot import GraphSnapshot, Ints, Strings
from kgrec.nn import Histories, HistoryBatch, ItemVectors
from kgrec.nn.histories import history_counts
from kgrec.nn.singular_vectors import right_singular_vectors
from kgrec.scoring.bound_model import BoundModel
from kgrec.scoring.cold_similarity.item_similarity import ItemSimilarity
from kgrec.scoring.cold_similarity.weights import (
    FACTOR_WEIGHT,
    RIDGE,
    PartWeights,
    choose_part_weights,
)
from kgrec.sparse import SparsePattern
from kgrec.threads import decomposing

_MAX_FACTORS = 128  # of the history matrix
_MAX_TRAINED = 6000  # trained items of the regression: it takes cubic time in them
_MIN_TRAINED = 20  # with fewer trained items nothing is predicted
_HELD_SHARE = 0.05  # of the trained items, held out to set the scale
_BLOCK_USERS = 500_000  # users whose rows of the history matrix are made at once
_MAX_USERS = 1000  # users whose scores set the scale


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
        """The vectors with predicted ones for the cold items."""
        rows = torch.as_tensor(self.items).to(vectors.candidate.device)
        candidate, bias = vectors.candidate.clone(), vectors.bias.clone()
        candidate[rows], bias[rows] = self.candidate, self.bias
        return replace(vectors, candidate=candidate, bias=bias)

    def score_contributions(self, histories: Histories, batch: HistoryBatch) -> Tensor:
        """float32 ``[B, c]``: what the factors add to the scores of the cold items."""
        return self.factors_of(histories, batch) @ self.factors.T

    def factors_of(self, histories: Histories, batch: HistoryBatch) -> Tensor:
        """float32 ``[B, r]``: the histories' factors, to be multiplied with those of items."""
        shares = factor_shares(histories.indptr, histories.weight)
        values, pattern = torch.as_tensor(shares).to(self.event_factors.device), batch.pattern
        if histories.weight is not None:  # rows of likes alone
            indptr, n_items, device = histories.indptr, len(self.event_factors), values.device
            pattern = SparsePattern.build(indptr, histories.item, n_items, device)
        return pattern.matmul(values, self.event_factors)

    def factors_of_one(self, history: Histories) -> np.ndarray:
        """float32 ``[r]``: ``factors_of`` a single history, on the processor."""
        events = self.event_factors.numpy().take(history.item, axis=0)
        if history.weight is not None:
            shares = factor_shares(history.indptr, history.weight)
            return np.asarray(shares @ events)
        return np.asarray(events.sum(axis=0) * np.float32(max(len(events), 1) ** -0.5))

    def position(self, item: int) -> int:
        """The position of an item row in ``items``; -1 for a trained item."""
        place = int(np.searchsorted(self.items, item))
        return place if place < len(self.items) and self.items[place] == item else -1


def factor_shares(indptr: Ints, weight: np.ndarray | None) -> np.ndarray:
    """float32 ``[nnz]``: what the factors of each event are multiplied by: its weight above 0, over
    the square root of the number of events by weights."""
    counts, whole = np.diff(indptr), history_counts(indptr, weight)
    if weight is None:
        return np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    shares = np.repeat(1.0 / np.sqrt(np.maximum(whole, 1)), counts) * np.maximum(weight, 0)
    return np.asarray(shares, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ColdRegression:
    """What trained items teach of items without interactions: the regression, on its scale.

    It is learned from one graph and holds for later ones, in which other items are new: a trained
    item's interactions and facts of today change nothing of it.

    Attributes
    ----------
    items : object ``[w]``
        Ids of the trained items of the regression, in canonical order.
    weights : mapping
        The weights of the parts of the similarity.
    coefficients : float64 ``[w, d + 1 + r]``
    mean : float64 ``[d + 1 + r]``
    event_factors : float32 ``[w, r]``
        As in ``ColdItems``; the factors of ``items`` as events.
    """

    items: Strings
    weights: PartWeights
    coefficients: np.ndarray
    mean: np.ndarray
    event_factors: np.ndarray

    @staticmethod
    def learn(bound: BoundModel) -> ColdRegression | None:
        """The regression of a graph's trained items; None where there are too few, or nothing is
        known to compare items by."""
        trained = bound.trained_rows
        if len(trained) < _MIN_TRAINED:
            return None
        similarity = ItemSimilarity.build(bound)
        if not similarity.blocks:
            return None
        used = _most_popular(bound, trained)
        targets, event_factors = _regression_targets(bound, used)
        size = bound.model.shape.embedding_size
        weights = choose_part_weights(similarity, used, targets, size)
        similarity = similarity.with_weights(weights)
        scale = _Scale.measure(bound, similarity, used, targets, event_factors)
        coefficients, mean = _regress(similarity, used, targets)
        gains = scale.gains(size, coefficients.shape[1])
        # The same order of the cells as after loading, for the same sums.
        coefficients, mean = np.asfortranarray(coefficients * gains), mean * gains
        mean[size] += scale.shift
        ids = bound.snapshot.items.ids[used]
        return ColdRegression(ids, weights, coefficients, mean, event_factors[used])

    def predict(self, bound: BoundModel) -> ColdItems | None:
        """The vectors of a graph's cold items, which has all of ``items``; None without any."""
        cold = np.setdiff1d(np.arange(len(bound.snapshot.items)), bound.trained_rows)
        if not len(cold):
            return None
        used = bound.snapshot.items.rows(self.items)
        similarity = ItemSimilarity.build(bound).with_weights(self.weights)
        size = bound.model.shape.embedding_size
        parts = [
            similarity.matrix(rows, used) @ self.coefficients
            for rows in np.array_split(cold, len(cold) // _MAX_TRAINED + 1)
        ]
        predicted = self.mean + np.concatenate(parts)
        columns = torch.as_tensor(predicted.astype(np.float32)).to(bound.device)
        factors = self.event_factors
        event_factors = np.zeros((len(bound.snapshot.items), factors.shape[1]), np.float32)
        event_factors[used] = factors
        return ColdItems(
            items=cold,
            candidate=columns[:, :size].contiguous(),
            bias=columns[:, size].contiguous(),
            factors=columns[:, size + 1 :].contiguous(),
            event_factors=torch.as_tensor(event_factors).to(bound.device),
            similarity=similarity,
            trained=used,
            coefficients=self.coefficients,
            mean=self.mean,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads, beside the ids."""
        names, values = zip(*self.weights.items(), strict=True)
        return {
            "coefficients": np.ascontiguousarray(self.coefficients.T),
            "mean": self.mean,
            "event_factors": np.ascontiguousarray(self.event_factors),
            "weights": np.array(values, dtype=np.float64),
            "parts": np.frombuffer("\n".join(names).encode(), dtype=np.uint8),
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray], items: Strings) -> ColdRegression:
        """The regression that ``arrays`` wrote. Raises ValueError for other shapes."""
        names = arrays["parts"].tobytes().decode().split("\n")
        weights = dict(zip(names, arrays["weights"].tolist(), strict=True))
        columns, mean, factors = (
            arrays[name] for name in ("coefficients", "mean", "event_factors")
        )
        found = ColdRegression(items, weights, columns.T, mean, factors)
        if not len(items) == len(found.coefficients) == len(found.event_factors):
            raise ValueError("the regression of cold items is of other items")
        return found


class ColdOrigin:
    """The regression of cold items, learned when it is first asked for, from the graph that a model
    was fitted on or loaded with; later graphs share it, so that no update learns it again.

    Parameters
    ----------
    bound : BoundModel
        The model over the graph that it is learned from; it is let go of afterwards.
    """

    def __init__(self, bound: BoundModel) -> None:
        self._bound: BoundModel | None = bound
        self._snapshot: Callable[[], GraphSnapshot | None] = weakref.ref(bound.snapshot)
        self._learned: tuple[ColdRegression | None] | None = None

    @staticmethod
    def learned(regression: ColdRegression, bound: BoundModel, *, own: bool) -> ColdOrigin:
        """The origin of a regression that was learned before: from the graph of ``bound``, where
        that is its ``own``, else from another one."""
        origin = ColdOrigin(bound)
        origin._learned, origin._bound = (regression,), None
        if not own:
            origin._snapshot = lambda: None
        return origin

    def of_graph(self, snapshot: GraphSnapshot) -> bool:
        """Whether the regression is learned from this graph."""
        return self._snapshot() is snapshot

    @property
    def known(self) -> ColdRegression | None:
        """The regression where it was learned already; else None."""
        return None if self._learned is None else self._learned[0]

    @property
    def regression(self) -> ColdRegression | None:
        """The regression; None with too few trained items."""
        bound, learned = self._bound, self._learned
        if learned is None:
            if bound is None:  # learned by another thread in between
                return self.regression
            learned = self._learned = (ColdRegression.learn(bound),)
            self._bound = None
        return learned[0]


@dataclass(frozen=True)
class _Scale:
    """How predictions become scores on the scale of the model's scores.

    score = ``gain`` · (score of the predicted vector + ``weight`` · score of the factors) +
    ``shift``, fitted to the model's scores of trained items that are held out as if they were cold.
    The shift is lowered by one standard deviation of the error, so that a cold item passes a
    trained one only where that is likely.
    """

    gain: float
    weight: float
    shift: float

    def gains(self, size: int, width: int) -> np.ndarray:
        """float64 ``[width]``: the factor of each column of the regression."""
        gains = np.full(width, self.gain)
        gains[size + 1 :] *= self.weight
        return gains

    @staticmethod
    def measure(
        bound: BoundModel,
        similarity: ItemSimilarity,
        used: Ints,
        targets: np.ndarray,
        event_factors: np.ndarray,
    ) -> _Scale:
        """Fit the scale on held-out trained items and a sample of users."""
        rng = np.random.default_rng(0)
        held = np.zeros(len(used), dtype=bool)
        held[rng.permutation(len(used))[: max(2, int(_HELD_SHARE * len(used)))]] = True
        coefficients, mean = _regress(similarity, used[~held], targets[~held])
        predicted = mean + similarity.matrix(used[held], used[~held]) @ coefficients
        sample = np.flatnonzero(bound.sequences.lengths() > 1)
        sample = np.sort(rng.permutation(sample)[:_MAX_USERS])
        histories = _without_items(bound.stored(sample), used[held])
        users = _user_vectors(bound, histories)
        size = users.shape[1]
        by_vector = users @ predicted[:, :size].T + predicted[:, size]
        by_factors = _pooled(histories, event_factors) @ predicted[:, size + 1 :].T
        weight = FACTOR_WEIGHT * _spread(by_vector) / max(_spread(by_factors), 1e-12)
        both = (by_vector + weight * by_factors).ravel()
        expected = (users @ targets[held, :size].T + targets[held, size]).ravel()
        gain = max(float(np.cov(both, expected)[0, 1] / max(both.var(ddof=1), 1e-12)), 0.0)
        shift = float(expected.mean() - gain * both.mean())
        return _Scale(gain, weight, shift - float((expected - gain * both).std()))


def _regress(
    similarity: ItemSimilarity, rows: Ints, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel ridge regression of ``targets`` ``[w, t]``: coefficients ``[w, t]``, mean ``[t]``."""
    mean = targets.mean(axis=0)
    kernel = similarity.matrix(rows, rows)
    kernel[np.diag_indices(len(rows))] += RIDGE
    with decomposing(len(kernel)):  # PyTorch's let other threads run meanwhile, SciPy's do not
        factor = torch.linalg.cholesky(torch.from_numpy(kernel))
        return torch.cholesky_solve(torch.from_numpy(targets - mean), factor).numpy(), mean


def _regression_targets(bound: BoundModel, used: Ints) -> tuple[np.ndarray, np.ndarray]:
    """The targets of the items ``used``, float64 ``[w, d + 1 + r]``: candidate vector, bias and
    factors; and the factors of all items, float32 ``[n, r]``, zero for items not used."""
    vectors = bound.trained_items
    factors = right_singular_vectors(_history_matrix(bound, used), _MAX_FACTORS)
    event_factors = np.zeros((len(bound.snapshot.items), factors.shape[1]), dtype=np.float32)
    event_factors[used] = factors
    parts = (
        vectors.candidate.cpu().numpy()[used],
        vectors.bias.cpu().numpy()[used, None],
        factors,
    )
    return np.concatenate(parts, axis=1).astype(np.float64), event_factors


def _history_matrix(bound: BoundModel, used: Ints) -> sp.csr_matrix:
    """CSR ``[m, w]``: what each user's events say for the items ``used``; one where there is an
    interaction, without weights of events."""
    events, n_users = bound.snapshot.interactions, len(bound.snapshot.users)
    place = np.full(len(bound.snapshot.items), -1)
    place[used] = np.arange(len(used))
    feedback = bound.model.shape.feedback
    if feedback is not None:
        some = events.select(place[events.item] >= 0)
        return liked_matrix(feedback, some, place[some.item], (n_users, len(used)))
    blocks, indptr = [], events.indptr(n_users)
    for start in range(0, max(n_users, 1), _BLOCK_USERS):
        users = indptr[start : start + _BLOCK_USERS + 1]
        column = place[events.item[users[0] : users[-1]]]
        row = row_numbers(users)[column >= 0]
        blocks.append(binary_matrix(row, column[column >= 0], (len(users) - 1, len(used))))
    return sp.csr_matrix(sp.vstack(blocks))


def _most_popular(bound: BoundModel, trained: Ints) -> Ints:
    """The trained items with the most interactions, ascending."""
    if len(trained) <= _MAX_TRAINED:
        return trained
    counts = count_rows(bound.snapshot.interactions.item, len(bound.snapshot.items))[trained]
    return np.sort(trained[np.argsort(-counts, kind="stable")[:_MAX_TRAINED]])


def _user_vectors(bound: BoundModel, histories: Histories) -> np.ndarray:
    """float64 ``[B, d]``: user vectors divided by the temperature."""
    model = bound.model.eval()
    batch = HistoryBatch.build(
        histories, len(bound.snapshot.items), model.shape.scales, bound.device
    )
    with torch.inference_mode():
        users = model.user_vectors(bound.trained_items, bound.inputs, batch)
    return users.double().cpu().numpy() / model.shape.temperature


def _pooled(histories: Histories, event_factors: np.ndarray) -> np.ndarray:
    """float64 ``[B, r]``: the factors of each history, as in ``score_contributions``."""
    weights = factor_shares(histories.indptr, histories.weight).astype(np.float64)
    cells, shape = (weights, histories.item, histories.indptr), (len(histories), len(event_factors))
    return np.asarray(sp.csr_matrix(cells, shape=shape) @ event_factors)


def _without_items(histories: Histories, items: Ints) -> Histories:
    """The histories without the events of ``items``."""
    keep = ~np.isin(histories.item, items)
    return histories.select(keep, offsets(keep)[histories.indptr])


def _spread(scores: np.ndarray) -> float:
    """The standard deviation of the scores around each user's mean."""
    return float((scores - scores.mean(axis=1, keepdims=True)).std())
