"""Weights of the parts of item similarity (graph, attributes, text, ...), chosen by leave-one-out
prediction of trained items: texts get a large weight where the graph is sparse, a small one beside
a rich graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np
import torch

from kgrec.features.blocks import compared_parts
from kgrec.graph.snapshot import Ints
from kgrec.scoring.cold_similarity.item_similarity import ItemSimilarity
from kgrec.threads import decomposing

RIDGE: Final = 1.0  # of the regression
FACTOR_WEIGHT: Final = 1.25  # weight of the history factors beside the model's vectors
_MAX_ITEMS = 1000  # items to choose by, at most: each candidate takes cubic time in them
_MIN_GAIN = 1e-3  # a smaller gain changes no weight
PartWeights: TypeAlias = Mapping[str, float]


def choose_part_weights(
    similarity: ItemSimilarity, rows: Ints, targets: np.ndarray, size: int
) -> PartWeights:
    """The weights with the best leave-one-out prediction of ``targets`` ``[rows, size + 1 + r]``:
    vectors, biases and factors of the trained items ``rows``.

    The search starts at the similarity's weights and changes one weight at a time, the best change
    first, until no change gains enough.
    """
    if len(rows) > _MAX_ITEMS:
        drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:_MAX_ITEMS])
        rows, targets = rows[drawn], targets[drawn]
    unit = similarity.with_weights(dict.fromkeys(similarity.blocks, 1.0))
    kernels = {part: unit.part_matrix(part, rows, rows) for part in similarity.blocks}
    chosen = {part: similarity.weights[part] for part in kernels}
    best = leave_one_out_score(kernels, chosen, targets, size)
    while True:
        scored = [
            (leave_one_out_score(kernels, candidate, targets, size), candidate)
            for candidate in _single_changes(chosen)
        ]
        score, candidate = max(scored, key=lambda pair: pair[0])
        if score <= best + _MIN_GAIN:
            return chosen
        chosen, best = candidate, score


def _single_changes(weights: dict[str, float]) -> Iterator[dict[str, float]]:
    """All weights that differ from ``weights`` in one part."""
    for part, similarity in compared_parts(weights).items():
        values = (value for value in similarity.tried if value != weights[part])
        yield from ({**weights, part: value} for value in values)


def leave_one_out_score(
    kernels: Mapping[str, np.ndarray], weights: PartWeights, targets: np.ndarray, size: int
) -> float:
    """The explained share of the vectors' variance, plus FACTOR_WEIGHT times that of the factors
    (at least 0), where each item is predicted from all others.

    By the closed form of leave-one-out residuals (Allen, 1974). ``kernels`` are ``[n, n]``.
    """
    kernel = np.sum([weights[part] * kernels[part] for part in kernels], axis=0)
    kernel[np.diag_indices(len(kernel))] += RIDGE
    inverse = _inverse(kernel)
    centred = targets - targets.mean(axis=0)
    residuals = (inverse @ centred) / np.diag(inverse)[:, None]
    vectors, factors = slice(0, size), slice(size + 1, None)
    shares = [
        1 - _squares(residuals[:, columns]) / _squares(centred[:, columns])
        for columns in (vectors, factors)
    ]
    return shares[0] + FACTOR_WEIGHT * max(shares[1], 0.0)


def _inverse(kernel: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric positive definite matrix, three times as fast as ``inv``.

    By PyTorch, which lets other threads run meanwhile; SciPy does not.
    """
    with decomposing(len(kernel)):
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(kernel)))
    return np.asarray(inverse.numpy())


def _squares(values: np.ndarray) -> float:
    return max(float((values**2).sum()), 1e-12)
