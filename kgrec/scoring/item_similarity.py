"""How alike items are in what is known of them: shared nodes of the graph, attributes, texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np
import scipy.sparse as sp

from kgrec.features.hybrid_layer import ATTRIBUTES, KNOWLEDGE, TEXT
from kgrec.graph.snapshot import Ints
from kgrec.scoring.bound_model import BoundModel

# What the parts weigh against each other where nothing tells them apart (see likeness_weights).
USUAL: Final[Mapping[str, float]] = {KNOWLEDGE: 1.0, ATTRIBUTES: 0.3, TEXT: 0.1}
Block: TypeAlias = Any  # np.ndarray, or scipy.sparse.csr_matrix, which carries no types


@dataclass(frozen=True, eq=False)
class Likeness:
    """Features ``[n, f]`` of all items by part; two items are as alike as the sum of the parts'
    inner products, each by its weight. Rows of a part have equal lengths, zero where an item lacks
    it."""

    blocks: Mapping[str, Block]
    weights: Mapping[str, float] = field(default_factory=lambda: USUAL)

    @staticmethod
    def of(bound: BoundModel) -> Likeness:
        """From the parts that the model reads. A node or token that few items share says
        more: it weighs log(n / items)."""
        parts, n_items = bound.model.shape.parts, len(bound.snapshot.items)
        blocks: dict[str, Block] = {}
        if KNOWLEDGE in parts:
            starts, tokens, _ = bound.messages.received
            blocks[KNOWLEDGE] = _rare(starts, tokens, len(bound.messages.sources), n_items)
        if ATTRIBUTES in parts:
            held = bound.inputs.items.tokens
            starts = np.append(held.pattern.indptr.cpu().numpy(), len(held.pattern.indices))
            blocks[ATTRIBUTES] = _unit(
                _ones(starts, held.pattern.indices.cpu().numpy(), held.shape)
            )
        if TEXT in parts:
            blocks[TEXT] = bound.texts.items[TEXT]
        return Likeness(blocks)

    def weighing(self, weights: Mapping[str, float]) -> Likeness:
        """The same parts, other weights."""
        return replace(self, weights=weights)

    def between(self, rows: Ints, others: Ints) -> np.ndarray:
        """float64 ``[rows, others]``."""
        total = np.zeros((len(rows), len(others)))
        for part in self.blocks:
            total += self.by(part, rows, others)
        return total

    def by(self, part: str, rows: Ints, others: Ints) -> np.ndarray:
        """What ``part`` adds to it, float64 ``[rows, others]``."""
        block = self.blocks[part]
        product = block[rows] @ block[others].T
        dense = product.toarray() if sp.issparse(product) else product.astype(np.float64)
        return np.asarray(dense * self.weights[part])


def _rare(starts: Ints, tokens: Ints, n_tokens: int, n_items: int) -> sp.csr_matrix:
    links = _ones(starts, tokens, (n_items, n_tokens))
    held = np.asarray(links.sum(axis=0)).ravel()
    return _unit(sp.csr_matrix(links @ sp.diags(np.log(n_items / np.maximum(held, 1)))))


def _ones(starts: Ints, columns: Ints, shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.ones(len(columns)), columns, starts), shape=shape)


def _unit(matrix: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_matrix(sp.diags(1.0 / np.where(length > 0, length, 1.0)) @ matrix)
