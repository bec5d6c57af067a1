"""Similarity of items by what is known of them: shared nodes of the graph, attributes, texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from kgrec.features.blocks import block_of, compared_parts
from kgrec.graph.snapshot import Ints
from kgrec.scoring.bound_model import BoundModel

Block: TypeAlias = Any  # np.ndarray, or scipy.sparse.csr_matrix, which carries no types


@dataclass(frozen=True, eq=False)
class ItemSimilarity:
    """The similarity of two items: a weighted sum of inner products, one for each part.

    Attributes
    ----------
    blocks : mapping
        Features ``[n, f]`` of all items by part. The rows of a part have equal lengths, or length
        zero where the item lacks the part.
    weights : mapping
        The weight of each part.
    """

    blocks: Mapping[str, Block]
    weights: Mapping[str, float]

    @staticmethod
    def build(bound: BoundModel) -> ItemSimilarity:
        """From the parts that the model reads, with their usual weights.

        A node or token has the weight log(n / items): those that few items share count more.
        """
        items, compared = bound.inputs.items, compared_parts(bound.model.shape.parts)
        blocks = {part: block_of(part).compared(part, items) for part in compared}
        return ItemSimilarity(blocks, {part: each.usual for part, each in compared.items()})

    def with_weights(self, weights: Mapping[str, float]) -> ItemSimilarity:
        """The same parts with other weights."""
        return replace(self, weights=weights)

    def matrix(self, rows: Ints, others: Ints) -> np.ndarray:
        """float64 ``[rows, others]``: the similarities of item rows."""
        first, *more = self.blocks
        total = self.part_matrix(first, rows, others).astype(np.float64, copy=False)
        for part in more:
            total += self.part_matrix(part, rows, others)
        return total

    def part_matrix(self, part: str, rows: Ints, others: Ints) -> np.ndarray:
        """float64 ``[rows, others]``: the contribution of one part to ``matrix``."""
        block = self.blocks[part]
        product = block[rows] @ block[others].T
        dense = product.toarray() if sp.issparse(product) else product.astype(np.float64)
        dense *= self.weights[part]
        return np.asarray(dense)
