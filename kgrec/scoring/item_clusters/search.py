"""Search for the items with the highest products: in the clusters nearest to a user's vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from kgrec.extras import require
from kgrec.graph.snapshot import Ints
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.clusters import Clusters

_WIDTH: Final = 16  # numbers in a register
_ADDED: Final = 100_000  # vectors copied at once


class ItemPart(NamedTuple):
    """Items whose score, without item–item weights, is a product of vectors.

    ``rows`` int64 ``[n]``, ascending; ``vectors`` float32 ``[n, w]``: the candidate vector, the
    bias times the temperature, and for cold items the factors times the temperature. So the
    product with (user vector, 1, factors) is the score times the temperature, and no part of a
    vector outweighs the others.
    """

    rows: Ints
    vectors: np.ndarray


def item_parts(engine: Engine) -> list[ItemPart]:
    """The items with a vector of the model, then the cold ones, where there are any."""
    items, cold = engine.items, engine.cold_items
    temperature = np.float32(engine.model.shape.temperature)
    bias = items.bias.numpy()[:, None] * temperature
    vectors = np.hstack([items.candidate.numpy(), bias])
    if cold is None:
        return [ItemPart(np.arange(len(vectors)), vectors)]
    known = np.setdiff1d(np.arange(len(vectors)), cold.items)
    factors = cold.factors.numpy() * temperature
    return [
        ItemPart(known, vectors[known]),
        ItemPart(cold.items, np.hstack([vectors[cold.items], factors])),
    ]


@dataclass(frozen=True, eq=False)
class PartSearch:
    """The clusters of one part, in a faiss index; ``count`` is their number, ``width`` w.

    An inverted file (Sivic & Zisserman, 2003; Jégou, Douze & Schmid, 2011): a query is compared
    with all vectors of the nearest clusters. Their numbers have 8 bits, which takes half of the
    time and a quarter of the memory; what is found is scored exactly anyway. Not a graph of
    neighbours (HNSW): for inner products it misses items whatever the effort.
    """

    index: Any
    count: int
    width: int

    @staticmethod
    def of(part: ItemPart, clusters: Clusters) -> PartSearch:
        """Raises MissingExtraError without faiss."""
        faiss = require("faiss", extra="ann")
        add = require("faiss.contrib.ivf_tools", extra="ann").add_preassigned
        centroids = _padded(clusters.centroids)
        count, width = centroids.shape
        nearest = faiss.IndexFlatIP(width)
        nearest.add(centroids)
        number, product = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFScalarQuantizer(nearest, width, count, number, product, False)
        index.train(_padded(np.stack([part.vectors.min(axis=0), part.vectors.max(axis=0)])))
        cluster, rows = clusters.cluster.astype(np.int64), part.rows.astype(np.int64)
        for start in range(0, len(rows), _ADDED):
            some = slice(start, start + _ADDED)
            add(index, _padded(part.vectors[some]), cluster[some], rows[some])
        return PartSearch(index, count, part.vectors.shape[1])

    def options(self, share: float, allowed: AllowedItems | None) -> Any:
        """What ``best`` is to do: search ``share`` of the clusters for items that are ``allowed``
        (None: all)."""
        return require("faiss", extra="ann").SearchParametersIVF(
            nprobe=max(1, math.ceil(share * self.count)),
            sel=None if allowed is None else allowed.selector,
        )

    def best(self, query: np.ndarray, k: int, options: Any) -> Ints:
        """int64 ``[<= k]``: the items with the highest products with ``query`` (float32, w numbers
        or more, of which the others are not read).

        One query at a time, whose result depends on nothing else: faiss multiplies many at once in
        another order.
        """
        padded = np.zeros((1, self.index.d), dtype=np.float32)
        padded[0, : self.width] = query[: self.width]
        found = self.index.search(padded, k, params=options)[1][0]
        return np.asarray(found[found >= 0])


def _padded(vectors: np.ndarray) -> np.ndarray:
    """float32 ``[n, w]`` with zeros up to a width that the processor's instructions divide."""
    missing = -vectors.shape[1] % _WIDTH
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, missing))), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class AllowedItems:
    """The items that a search may return: bool ``[n]``, and the same for faiss."""

    mask: np.ndarray
    bits: np.ndarray
    selector: Any

    @staticmethod
    def of(mask: np.ndarray) -> AllowedItems:
        """From bool ``[n]``."""
        bits = np.packbits(mask, bitorder="little")
        selector = require("faiss", extra="ann").IDSelectorBitmap(bits)
        return AllowedItems(mask, bits, selector)
