"""Features of pairs of users: what the graph, taste, items and attributes have in common.

Neighbourhood measures are those of Liben-Nowell & Kleinberg (CIKM 2003) and Zhou, Lü & Zhang (Eur.
Phys. J. B 2009); all are computed for one user and all others at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import scipy.sparse as sp

from kgrec.arrays import binary_matrix, unit_rows, unit_sparse_rows
from kgrec.features.attribute_tokens import AttributeTokens, visible_attributes
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.nn.singular_vectors import right_singular_vectors
from kgrec.questions.prior import items_of_entities
from kgrec.social.follows import Follows

GRAPH: Final = (
    "resource allocation",
    "common neighbours",
    "three steps",
    "random walk",
    "communities",
    "follows back",
)
COMMON: Final = (
    "taste",
    "shared items",
    "shared entities",
    "attributes",
    "neighbours of similar users",
    "popularity",
)
NAMES: Final = (*GRAPH, *COMMON)
_WALK: Final = 0.5  # of a random walk's weight goes on with each step
_STEPS: Final = 5
_FACTORS: Final = 64
_NEAREST: Final = 30  # similar users whose neighbours are counted


@dataclass(frozen=True, eq=False)
class Profiles:
    """What is known of users beside whom they follow; rows of length one, or zero.

    ``taste`` float32 ``[m, d]``: vectors of histories; ``items``, ``entities``, ``attributes``
    CSR ``[m, ·]``.
    """

    taste: Floats
    items: sp.csr_matrix
    entities: sp.csr_matrix
    attributes: sp.csr_matrix

    def rows(self, users: Ints) -> Profiles:
        """Those of some users alone."""
        parts = (self.taste, self.items, self.entities, self.attributes)
        return Profiles(*(part[users] for part in parts))


@dataclass(frozen=True, eq=False)
class Profiler:
    """Makes profiles of histories over one snapshot.

    ``centre`` float32 ``[d]``: the mean vector of its users; ``rarity`` float64 ``[n_items]``;
    ``entities`` CSR ``[n_items, entities]``.
    """

    centre: Floats
    rarity: Floats
    entities: sp.csr_matrix

    @staticmethod
    def of(
        snapshot: GraphSnapshot, taste: Floats, blind_to: tuple[str, ...] = ()
    ) -> tuple[Profiler, Profiles]:
        """That of a snapshot and the profiles of its users; ``taste`` float32 ``[m, d]`` are
        vectors of their histories; attributes in ``blind_to`` are not read."""
        events = snapshot.interactions
        shape = (len(snapshot.users), len(snapshot.items))
        chosen = binary_matrix(events.user, events.item, shape)
        counts = np.asarray(chosen.sum(axis=0)).ravel()
        rarity = np.log1p(shape[0] / np.maximum(counts, 1.0))
        attributes = visible_attributes(snapshot.users.attributes, blind_to)
        values = AttributeTokens.build(attributes).matrix(attributes).astype(np.float64)
        active = taste[np.diff(chosen.indptr) > 0]
        centre = active.mean(axis=0) if len(active) else np.zeros(taste.shape[1], np.float32)
        profiler = Profiler(centre, rarity, _entities(snapshot))
        return profiler, profiler.profiles(chosen, taste, values)

    def profiles(self, chosen: sp.csr_matrix, taste: Floats, values: sp.csr_matrix) -> Profiles:
        """Profiles of histories: ``chosen`` CSR ``[B, n_items]``, their vectors float32 ``[B, d]``
        and attribute values CSR ``[B, ·]``."""
        return Profiles(
            unit_rows(taste - self.centre) * _active(chosen)[:, None],
            unit_sparse_rows(sp.csr_matrix(chosen @ sp.diags(self.rarity))),
            unit_sparse_rows(sp.csr_matrix(chosen @ self.entities)),
            unit_sparse_rows(values),
        )


def _active(chosen: sp.csr_matrix) -> Floats:
    """float32 ``[m]``: one for users with a history, zero for others."""
    return np.asarray(np.diff(chosen.indptr) > 0, dtype=np.float32)


def _entities(snapshot: GraphSnapshot) -> sp.csr_matrix:
    """float64 CSR ``[n_items, entities]``: facts between both, rare entities with more weight."""
    joined = sp.csr_matrix(items_of_entities(snapshot).T)
    counts = np.asarray(joined.sum(axis=0)).ravel()
    rarity = np.log1p(len(snapshot.items) / np.maximum(counts, 1.0))
    return sp.csr_matrix(joined @ sp.diags(rarity))


@dataclass(frozen=True, eq=False)
class PairFeatures:
    """Features of users and all others over a graph of follows."""

    follows: Follows
    profiles: Profiles

    def of(self, users: Ints, mine: Profiles | None = None) -> Floats:
        """float32 ``[B, m, NAMES]`` of stored users (int64 rows ``[B]``), with their own profiles
        or ``mine``."""
        found = self.of_profiles(self.profiles.rows(users) if mine is None else mine)
        graph = self._graph(users)
        found[:, :, : len(GRAPH)] = np.stack(graph, axis=2)
        return found

    def of_profiles(self, mine: Profiles) -> Floats:
        """float32 ``[B, m, NAMES]`` of users who follow nobody, by their profiles alone."""
        found = np.zeros((mine.taste.shape[0], self.follows.out.shape[0], len(NAMES)), np.float32)
        taste = np.maximum(_products(mine.taste, self.profiles.taste), 0.0)
        items = (mine.items @ self.profiles.items.T).toarray()
        entities = (mine.entities @ self.profiles.entities.T).toarray()
        attributes = (mine.attributes @ self.profiles.attributes.T).toarray()
        near = _nearest(taste + items + entities)
        common = (
            taste,
            items,
            entities,
            attributes,
            (near @ self._normalised).toarray(),
            np.broadcast_to(np.log1p(self.follows.degree), taste.shape),
        )
        found[:, :, len(GRAPH) :] = np.stack([np.asarray(one) for one in common], axis=2)
        return found

    def _graph(self, users: Ints) -> list[Floats]:
        joined, degree = self.follows.joined, np.maximum(self.follows.degree, 1.0)
        mine = joined[users]
        shared = (mine @ joined).toarray()
        allocated = (mine @ self._spread).toarray()
        length = np.sqrt(degree[users])[:, None] * np.sqrt(degree)[None]
        walk = self._normalised[users].toarray()
        steps, total = [walk], np.zeros_like(walk)
        for number in range(1, _STEPS):
            steps.append(np.asarray((self._normalised.T @ steps[-1].T).T))
            total += _WALK**number * steps[-1]
        vectors = self._vectors
        alike = np.maximum(_products(vectors[users], vectors), 0.0)
        back = np.zeros_like(walk)
        if not self.follows.mutual:
            back = self.follows.out.T.tocsr()[users].toarray()
        return [allocated, shared / length, steps[2], total, alike, back]

    @cached_property
    def _spread(self) -> sp.csr_matrix:
        """Rows of users joined to one, each with what a row gives to each."""
        degree = np.maximum(self.follows.degree, 1.0)
        return sp.csr_matrix(sp.diags(1 / degree) @ self.follows.joined)

    @cached_property
    def _normalised(self) -> sp.csr_matrix:
        """D^-½ S D^-½ for the joined users S of degrees D."""
        scale = sp.diags(np.maximum(self.follows.degree, 1.0) ** -0.5)
        return sp.csr_matrix(scale @ self.follows.joined @ scale)

    @cached_property
    def _vectors(self) -> Floats:
        """float64 ``[m, <= 64]``: leading singular vectors of the normalised graph, by their
        values."""
        found = right_singular_vectors(self._normalised, _FACTORS)
        values = np.linalg.norm(self._normalised @ found, axis=0)
        return np.asarray(found * np.sqrt(values))


def _products(rows: Floats, others: Floats) -> Floats:
    """``[B, m]``: inner products, whose last digits depend on no number of threads."""
    return np.asarray(np.einsum("bd,md->bm", rows, others))


def _nearest(similarity: Floats) -> sp.csr_matrix:
    """float64 CSR: the _NEAREST largest of each row, as they are; the others are zero."""
    size = similarity.shape[1]
    count = min(_NEAREST, size)
    place = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(similarity, place, axis=1)
    row = np.repeat(np.arange(len(similarity)), count)
    return sp.csr_matrix((values.ravel(), (row, place.ravel())), shape=similarity.shape)
