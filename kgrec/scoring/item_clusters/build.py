"""Clusters for an engine: made, and searched as far as the recall demands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

import numpy as np

from kgrec.config.model import Ranking
from kgrec.extras import require
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.clusters import Clusters
from kgrec.scoring.item_clusters.lists import ItemSearch
from kgrec.scoring.item_clusters.search import ItemPart, item_parts
from kgrec.scoring.item_clusters.stored import FEW, MEASURED_K, ItemClusters, Searched
from kgrec.scoring.ranked_lists import ListOptions, rank_items
from kgrec.scoring.request import Request

MANY_ITEMS: Final = 100_000
RECALL: Final = 0.99
_USERS: Final = 500  # whose lists measure the recall
_SHARES: Final = 2.0 ** (np.arange(-32, 1) / 4)  # of the clusters, which are tried in turn


def check_extra(ranking: Ranking) -> None:
    """Raises MissingExtraError where ``ranking`` asks for clusters and faiss is not installed."""
    if ranking == "clusters":
        require("faiss", extra="ann")


def clusters_for(
    engine: Engine,
    ranking: Ranking,
    before: ItemClusters | None = None,
    *,
    many: int = MANY_ITEMS,
) -> ItemClusters | None:
    """The clusters of the engine's items; None where lists are to be found by scoring all items.

    With the clusters of a graph ``before`` its centroids, and how many are searched, stay: every
    item gets the cluster of its vector. ``many``: with more items than so many, "auto" is clusters.
    Raises MissingExtraError without faiss, where ``ranking`` asks for clusters.
    """
    if not wants_clusters(engine, ranking, many=many):
        return None
    check_extra(ranking)
    if before is None:
        return measured(engine, divided(engine))
    parts = item_parts(engine)
    known = {one.centroids.shape[1]: one for one in before.parts}
    return replace(before, parts=tuple(_divided(part, known) for part in parts))


def wants_clusters(engine: Engine, ranking: Ranking, *, many: int = MANY_ITEMS) -> bool:
    """Whether lists over the engine's items are to be found in clusters."""
    if engine.device.type != "cpu" or ranking == "exact":
        return False
    if ranking == "clusters":
        return True
    return len(engine.snapshot.items) > many and find_spec("faiss") is not None


def _divided(part: ItemPart, known: Mapping[int, Clusters]) -> Clusters:
    """The part in the clusters that are ``known`` for vectors of its width, else in new ones."""
    before = known.get(part.vectors.shape[1])
    return Clusters.of(part.vectors) if before is None else before.over(part.vectors)


def divided(engine: Engine) -> ItemClusters:
    """The items in clusters, all of which are searched."""
    parts = tuple(Clusters.of(part.vectors) for part in item_parts(engine))
    return ItemClusters(parts, Searched(1.0, math.nan), Searched(1.0, math.nan), users=0)


def measured(engine: Engine, clusters: ItemClusters) -> ItemClusters:
    """The clusters, searched as little as a recall of ``RECALL`` allows, compared with scores of
    all items for stored users, of whom k-means knows nothing."""
    filled = np.flatnonzero(engine.sequences.lengths())
    if not len(filled):
        return clusters
    users = filled[np.unique(np.linspace(0, len(filled) - 1, _USERS).astype(np.int64))]
    request, search = Request(engine.stored(users)), ItemSearch.of(engine, clusters)
    whole = _searched(engine, request, search, None, 0.0)
    some = np.random.default_rng(0).random(clusters.items) < FEW
    few = _searched(engine, request, search, some, whole.share)
    return replace(clusters, whole=whole, few=few, users=len(users))


def _searched(
    engine: Engine, request: Request, search: ItemSearch, mask: np.ndarray | None, first: float
) -> Searched:
    """The smallest share from ``first`` on that has the recall, for lists among ``mask``."""
    exact = rank_items(engine, request, ListOptions(MEASURED_K, mask)).rows
    for share in _SHARES[first <= _SHARES].tolist():
        limits = search.limits_for(share, exact.shape[1], mask)
        found = np.full(exact.shape, -1, dtype=np.int64)
        for row, (items, _) in enumerate(search.lists(engine, request, limits)):
            found[row, : len(items)] = items
        recall = recall_of(found, exact)
        if recall >= RECALL:
            break
    return Searched(share, recall)


def recall_of(found: np.ndarray, exact: np.ndarray) -> float:
    """The share of the items of ``exact`` that the same row of ``found`` has; both int64
    ``[B, k]``, padded with -1."""
    hits = ((exact[:, :, None] == found[:, None, :]).any(axis=2) & (exact >= 0)).sum()
    return float(hits / max(int((exact >= 0).sum()), 1))
