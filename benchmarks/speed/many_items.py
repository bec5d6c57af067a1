"""Recommenders over many items: with generated vectors, or trained on a generated graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
import torch

from benchmarks.speed.generate import EVENTS_PER_ITEM, INTERACTION_SHARE, generate
from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.arrays import unit_rows
from kgrec.nn import ItemWeights

WIDTH: Final = 64
PER_USER: Final = 8  # items of a history, of two groups
GROUP_ITEMS: Final = 500  # items of a group
NEIGHBOURS: Final = 20  # items that have an item–item weight for an item
BIAS: Final = 0.05  # spread of the biases, in units of a cosine
HELD: Final = 200  # users whose last item validates


def with_generated_vectors(
    n_items: int, seed: int, *, weights: bool, group_items: int = GROUP_ITEMS
) -> Recommender:
    """A recommender over items in groups of ``group_items``, whose vectors scatter around that of
    their group as far as groups lie apart; histories are 8 items of two groups.

    With ``weights`` each item also has item–item weights from 20 items of its group. Nothing is
    learned of these: the model is fitted for one epoch, then its vectors are replaced.
    """
    rng = np.random.default_rng(seed)
    groups = max(n_items // group_items, 2)
    group = rng.permutation(n_items) % groups
    recommender = _fitted(_catalog(rng, group), epochs=1)
    state = recommender.state
    order = _numbers(state.engine.item_ids[:-1])
    vectors = _around(rng, group)[order]
    engine = state.engine
    _replace_vectors(engine.model.state_dict(), vectors, rng, engine.model.shape.temperature)
    engine = engine.refreshed()
    if weights:
        matrix = _weights(rng, group[order])
        engine = engine.with_weights(ItemWeights(matrix, decay=np.inf))
    return Recommender.of(replace(state, engine=engine))


def trained(n_items: int, seed: int, epochs: int) -> Recommender:
    """A recommender trained on the graph of ``benchmarks.scale`` with so many items."""
    edges = int(n_items * EVENTS_PER_ITEM / INTERACTION_SHARE)
    return _fitted(generate(edges, seed), epochs=epochs, knowledge=True)


def _fitted(catalog: Catalog, epochs: int, *, knowledge: bool = False) -> Recommender:
    config = RecommenderConfig(
        model=ModelConfig(embedding_size=WIDTH, use_knowledge=knowledge, use_text=False),
        training=TrainingConfig(epochs=epochs, valid_every=epochs, sampling="sampled", refit=False),
        ranking="exact",
    )
    return Recommender(config).fit(catalog, device="cpu")


def _catalog(rng: np.random.Generator, group: np.ndarray) -> Catalog:
    """Every item is in one history at least."""
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    users = len(group) // PER_USER
    chosen = np.repeat(rng.integers(0, len(sizes), (users, 2)), PER_USER // 2, axis=1)
    item = by_group[starts[chosen] + rng.integers(0, sizes[chosen])]
    held = np.zeros(item.shape, dtype=bool)
    held[:HELD, -1] = True
    alone = np.setdiff1d(np.arange(len(group)), item[~held])
    user = np.concatenate([np.repeat(np.arange(users), PER_USER), np.arange(len(alone)) % users])
    split = np.full(len(user), "train", dtype=object)
    split[np.flatnonzero(held)] = "valid"
    return Catalog.from_frames(
        interactions=pa.table(
            {
                "user_id": np.char.add("u", user.astype(str)),
                "item_id": np.char.add("i", np.concatenate([item.ravel(), alone]).astype(str)),
                "split": split,
            }
        )
    )


def _numbers(ids: np.ndarray) -> np.ndarray:
    return np.array([int(one[1:]) for one in ids])


def _around(rng: np.random.Generator, group: np.ndarray) -> np.ndarray:
    """float32 ``[n, WIDTH]``: unit vectors around those of their groups."""
    centres = rng.standard_normal((int(group.max()) + 1, WIDTH)).astype(np.float32)
    scattered = centres[group] + rng.standard_normal((len(group), WIDTH)).astype(np.float32)
    return unit_rows(scattered).astype(np.float32)


def _replace_vectors(
    parameters: dict[str, torch.Tensor],
    vectors: np.ndarray,
    rng: np.random.Generator,
    temperature: float,
) -> None:
    """Set the learned vectors and biases of all items, in place."""
    for side in ("query", "candidate"):
        parameters[f"features.{side}_id"].copy_(torch.from_numpy(vectors))
    bias = rng.standard_normal(len(vectors)).astype(np.float32) * BIAS / temperature
    parameters["item_bias"].copy_(torch.from_numpy(bias))


def _weights(rng: np.random.Generator, group: np.ndarray) -> sp.csr_matrix:
    """float32 ``[n, n]``: NEIGHBOURS entries in every column, of items of the same group."""
    by_group = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    n, column = len(group), np.repeat(np.arange(len(group)), NEIGHBOURS)
    row = by_group[starts[group[column]] + rng.integers(0, sizes[group[column]])]
    values = rng.random(len(row), dtype=np.float32)
    return sp.csr_matrix((values, (row, column)), shape=(n, n))
