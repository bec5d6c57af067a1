"""Weights of the parts of item similarity (graph, attributes, text, ...), chosen by leave-one-out
prediction of trained items: texts get a large weight where the graph is sparse, a small one beside
a rich graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import numpy as np
from scipy.linalg import lapack

from kgrec.features.blocks import compared_parts
from kgrec.graph.snapshot import Ints
from kgrec.scoring.item_similarity import ItemSimilarity

RIDGE: Final = 1.0  # of the regression
FACTOR_WEIGHT: Final = 1.25  # what "whom it would have been chosen by" weighs against the vector
_ITEMS = 1000  # to choose by, at most: each try is cubic in them
_GAIN = 1e-3  # less is no reason to leave what is usual
PartWeights: TypeAlias = Mapping[str, float]


def choose_part_weights(
    similarity: ItemSimilarity, rows: Ints, targets: np.ndarray, size: int
) -> PartWeights:
    """The weights that foretell ``targets`` ``[rows, size + 1 + r]`` best, reached by the best
    change of one part at a time. What counts is the share of the vectors' variance that all others
    tell of an item, and of the directions' where any is told, by the closed form of leaving one
    out (Allen, 1974)."""
    if len(rows) > _ITEMS:
        drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:_ITEMS])
        rows, targets = rows[drawn], targets[drawn]
    unit = similarity.with_weights(dict.fromkeys(similarity.blocks, 1.0))
    kernels = {part: unit.part_matrix(part, rows, rows) for part in similarity.blocks}
    chosen = {part: similarity.weights[part] for part in kernels}
    best = leave_one_out_score(kernels, chosen, targets, size)
    while True:
        tried = [
            (leave_one_out_score(kernels, other, targets, size), other)
            for other in _single_changes(chosen)
        ]
        told, other = max(tried, key=lambda found: found[0])
        if told <= best + _GAIN:
            return chosen
        chosen, best = other, told


def _single_changes(weights: dict[str, float]) -> Iterator[dict[str, float]]:
    """All that differ from ``weights`` in one part."""
    for part, similarity in compared_parts(weights).items():
        tried = (value for value in similarity.tried if value != weights[part])
        yield from ({**weights, part: value} for value in tried)


def leave_one_out_score(
    kernels: Mapping[str, np.ndarray], weights: PartWeights, targets: np.ndarray, size: int
) -> float:
    kernel = np.sum([weights[part] * kernels[part] for part in kernels], axis=0)
    kernel[np.diag_indices(len(kernel))] += RIDGE
    inverse = _inverse(kernel)
    centred = targets - targets.mean(axis=0)
    left = (inverse @ centred) / np.diag(inverse)[:, None]
    vectors, directions = slice(0, size), slice(size + 1, None)
    shares = [1 - _squares(left[:, of]) / _squares(centred[:, of]) for of in (vectors, directions)]
    return shares[0] + FACTOR_WEIGHT * max(shares[1], 0.0)


def _inverse(kernel: np.ndarray) -> np.ndarray:
    """Of a symmetric positive definite matrix, at a third of what any other's takes."""
    factor, _ = lapack.dpotrf(kernel, lower=True)
    lower, _ = lapack.dpotri(factor, lower=True)
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)


def _squares(values: np.ndarray) -> float:
    return max(float((values**2).sum()), 1e-12)
