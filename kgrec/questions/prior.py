"""Prior: what is expected of a new user before any answer, in closed form.

A Gaussian process over the items. The mean is how often an item is chosen; the covariance is that
of the users' choices, with rows of the graph and of the items' attributes added as in
``kgrec.training.item_weights``, so that it exists without any user too. It is kept as a factor of
few columns and a variance of each item's own (factor analysis): n · r numbers, never n · n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from graph_schema.names import ENTITY, ITEM
from kgrec.arrays import binary_matrix
from kgrec.features.attribute_tokens import AttributeTokens
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.nn.singular_vectors import right_singular_vectors
from kgrec.threads import decomposing
from kgrec.training.item_weights import touches

FACTORS = 64  # columns of the factor
ACTIVITY = 0.5  # a user of n choices counts n^-ACTIVITY
USERS = 100.0  # users from whose choices the covariance is trusted as much as the graph's
NOISE = 0.02  # variance of an answer about an item, beside what the item's own variance is
_LEAST = 1e-9  # share of the largest variance, below which a factor is none
EVEN = 0.5  # probability of a yes where nothing is known, and of liking an entity


class Loadings(NamedTuple):
    """What answers about some nodes say: the mean answer float64 ``[m]`` (the probability of a
    yes), the loadings of the factors float64 ``[m, r]``, and the variance of an answer that the
    factors don't explain, float64 ``[m]``."""

    mean: Floats
    factors: Floats
    noise: Floats

    def of(self, rows: Ints) -> Loadings:
        """Those of some rows alone (int64 ``[m]``)."""
        return Loadings(self.mean[rows], self.factors[rows], self.noise[rows])


@dataclass(frozen=True, eq=False)
class Prior:
    """What is expected of a new user.

    Attributes
    ----------
    items : Loadings
        Of the items, in the rows of the snapshot.
    entities : Loadings
        Of the entities: an answer is whether one likes the items of an entity more than others.
    known : int64 ``[entities]``
        Items of each entity that have a loading; one with none can't be asked about.
    counts : int64 ``[n_items]``
        Users who chose each item.
    """

    items: Loadings
    entities: Loadings
    known: Ints
    counts: Ints

    @staticmethod
    def of(
        snapshot: GraphSnapshot,
        *,
        factors: int = FACTORS,
        activity: float = ACTIVITY,
        trust_at: float = USERS,
    ) -> Prior:
        """The prior from a snapshot's interactions, facts and attributes of items.

        Time O((e + f) r + n r²) and memory O(e + f + n r) for n items, e interactions, f facts and
        r factors.
        """
        chosen = _history(snapshot)
        weight = _user_weights(chosen, activity)
        mean = _means(chosen, weight)
        deviation = np.sqrt(mean * (1 - mean))
        trust = float(weight.sum()) / (float(weight.sum()) + trust_at)
        rows = [_scaled(chosen, np.sqrt(weight * trust / max(float(weight.sum()), 1.0)))]
        alike = _item_rows(snapshot)
        rows.append(sp.csr_matrix(alike @ sp.diags(np.sqrt(1 - trust) * deviation)))
        stacked = sp.vstack(rows, format="csr")
        variance = np.asarray(stacked.multiply(stacked).sum(axis=0)).ravel() - trust * mean**2
        found = _factor(stacked, np.sqrt(trust) * mean, factors)
        own = np.maximum(variance - (found**2).sum(axis=1), 0.0)
        items = Loadings(mean, found, own + NOISE)
        counts = np.asarray(chosen.sum(axis=0)).ravel().astype(np.int64)
        return Prior(items, *_entity_loadings(snapshot, items, deviation), counts)


def _history(snapshot: GraphSnapshot) -> sp.csr_matrix:
    """float64 CSR ``[users with events, n_items]``: one where a user has the item."""
    events = snapshot.interactions
    shape = (len(snapshot.users), len(snapshot.items))
    whole = binary_matrix(events.user, events.item, shape)
    return whole[np.flatnonzero(np.diff(whole.indptr))]


def _user_weights(chosen: sp.csr_matrix, activity: float) -> Floats:
    """float64 ``[users]``, of mean one."""
    weight = np.diff(chosen.indptr).astype(np.float64) ** -activity
    return np.asarray(weight / weight.mean()) if len(weight) else weight


def _means(chosen: sp.csr_matrix, weight: Floats) -> Floats:
    """float64 ``[n]``: the share of users who chose an item, drawn to the mean of all by one user;
    EVEN without users."""
    if not len(weight):
        return np.full(chosen.shape[1], EVEN)
    sums = chosen.T @ weight
    return np.asarray((sums + sums.mean() / weight.sum()) / (weight.sum() + 1.0))


def _scaled(matrix: sp.csr_matrix, by_row: Floats) -> sp.csr_matrix:
    return sp.csr_matrix(sp.diags(by_row) @ matrix)


def _item_rows(snapshot: GraphSnapshot) -> sp.csr_matrix:
    """float64 CSR ``[·, n]``: rows of the graph's nodes and of attribute values; each item's column
    has length one, or is empty where nothing is known of it."""
    tokens = AttributeTokens.build(snapshot.items.attributes)
    values = tokens.matrix(snapshot.items.attributes).T.tocsr().astype(np.float64)
    per_value = np.maximum(np.asarray(values.multiply(values).sum(axis=1)).ravel(), 1e-12)
    rows = sp.vstack(
        [*(one.astype(np.float64) for one in touches(snapshot)), _scaled(values, per_value**-0.5)],
        format="csr",
    )
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=0)).ravel())
    return sp.csr_matrix(rows @ sp.diags(1 / np.where(length > 0, length, 1.0)))


def _factor(rows: sp.csr_matrix, mean: Floats, size: int) -> Floats:
    """V float64 ``[n, <= size]`` with V Vᵀ nearest to RᵀR − m mᵀ, within the leading right singular
    vectors of R."""
    basis = right_singular_vectors(rows, size + 1)
    with decomposing(basis.shape[1]):
        inside, along = rows @ basis, mean @ basis
        values, vectors = np.linalg.eigh(inside.T @ inside - np.outer(along, along))
        order = np.argsort(-values, kind="stable")[:size]
        order = order[values[order] > _LEAST * max(float(values.max(initial=0.0)), _LEAST)]
        return np.asarray(basis @ (vectors[:, order] * np.sqrt(values[order])))


def _entity_loadings(
    snapshot: GraphSnapshot, items: Loadings, deviation: Floats
) -> tuple[Loadings, Ints]:
    """The loadings of entities, and how many items each has: the mean of its items' loadings per
    deviation, less that of all items, as of an answer with even odds."""
    n_entities = len(snapshot.entities)
    at = items_of_entities(snapshot)
    counts = np.diff(at.indptr)
    unit = items.factors / np.maximum(deviation, 1e-9)[:, None]
    mean = _scaled(at, 1 / np.maximum(counts, 1)) @ unit - unit.mean(axis=0)
    found = np.where(counts[:, None] > 0, EVEN * mean, 0.0)
    variance = EVEN * (1 - EVEN)
    length = np.sqrt((found**2).sum(axis=1))
    found *= np.minimum(1.0, np.sqrt(variance / 2) / np.maximum(length, 1e-9))[:, None]
    noise = variance - (found**2).sum(axis=1)
    return Loadings(np.full(n_entities, EVEN), found, noise), counts.astype(np.int64)


def items_of_entities(snapshot: GraphSnapshot) -> sp.csr_matrix:
    """float64 CSR ``[entities, n_items]``: one where a fact joins the two."""
    entity, item = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for facts in snapshot.facts:
        ends = (facts.head_label, facts.tail_label)
        if ends in ((ITEM, ENTITY), (ENTITY, ITEM)):
            first, second = (facts.head, facts.tail)[:: 1 if ends[0] == ITEM else -1]
            item.append(first)
            entity.append(second)
    shape = (len(snapshot.entities), len(snapshot.items))
    return binary_matrix(np.concatenate(entity), np.concatenate(item), shape)
