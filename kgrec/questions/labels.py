"""Labels: the users, items and scenarios of which more interactions would tell most."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.names import ITEM, USER
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.questions.prior import NOISE, Prior

Unsure: TypeAlias = Literal["users", "items", "scenarios"]
UNSURE: Final = ("users", "items", "scenarios")
COLUMNS: Final = ("label", "id", "uncertainty", "interactions", "rank")
_USERS: Final = 1_024  # whose covariances are computed at once


def most_unsure(snapshot: GraphSnapshot, prior: Prior, of: str, k: int) -> pd.DataFrame:
    """The ``k`` nodes of a kind (one of UNSURE) of which least is known, as a table with COLUMNS.

    users: the variance left in the scores of all items, weighted by how often they are chosen,
    after the items of the history (a small shop's users come first). items: the variance that an
    answer about the item takes from all scores, divided by one plus the users who chose it: few
    know it, and much depends on it. scenarios: the variance of a choice, summed over items, divided
    by one plus the users with events in the scenario. Raises RequestError without any scenario.
    """
    label, values, counts = _values(snapshot, prior, of)
    order = np.argsort(-values, kind="stable")[:k]
    ids = snapshot.table(label).ids[order]
    frame = pd.DataFrame(
        {
            "label": label,
            "id": ids.astype(object),
            "uncertainty": values[order].astype(np.float64),
            "interactions": counts[order].astype(np.int64),
            "rank": np.arange(1, len(order) + 1, dtype=np.int64),
        }
    )
    return frame[list(COLUMNS)]


def _values(snapshot: GraphSnapshot, prior: Prior, of: str) -> tuple[str, Floats, Ints]:
    if of == "users":
        return USER, _of_users(snapshot, prior), _counts(snapshot)
    if of == "items":
        return ITEM, _of_items(prior), prior.counts
    users = _users_of_scenarios(snapshot)
    if not len(users):
        raise RequestError(
            "the graph has no scenarios, so none lacks examples; ask about users or items."
        )
    mean = prior.items.mean
    return "Scenario", float((mean * (1 - mean)).sum()) / (1.0 + users), users


def _counts(snapshot: GraphSnapshot) -> Ints:
    return np.bincount(snapshot.interactions.user, minlength=len(snapshot.users))


def _weighted(prior: Prior) -> Floats:
    """float64 ``[r, r]``: Σ m v vᵀ over items with mean m and loadings v."""
    factors = prior.items.factors
    return np.asarray(factors.T @ (factors * prior.items.mean[:, None]))


def _of_items(prior: Prior) -> Floats:
    factors = prior.items.factors
    taken = ((factors @ _weighted(prior)) * factors).sum(axis=1)
    whole = (factors**2).sum(axis=1) + prior.items.noise - NOISE
    return np.asarray(taken / np.maximum(whole, 1e-12) / (1.0 + prior.counts))


def _of_users(snapshot: GraphSnapshot, prior: Prior) -> Floats:
    factors, noise = prior.items.factors, prior.items.noise
    events, weighted = snapshot.interactions, _weighted(prior)
    starts = events.indptr(len(snapshot.users))
    scaled = factors / np.sqrt(noise)[:, None]
    found = np.empty(len(snapshot.users))
    for first in range(0, len(found), _USERS):
        users = range(first, min(first + _USERS, len(found)))
        precision = np.stack([np.eye(factors.shape[1])] * len(users))
        for place, user in enumerate(users):
            mine = scaled[np.unique(events.item[starts[user] : starts[user + 1]])]
            precision[place] += mine.T @ mine
        left = np.linalg.inv(precision)
        found[first : first + len(users)] = np.einsum("uij,ij->u", left, weighted)
    return found


def _users_of_scenarios(snapshot: GraphSnapshot) -> Ints:
    """int64 ``[scenarios]``: the users with events in each."""
    events = snapshot.interactions
    pairs = pd.DataFrame({"scenario": events.scenario.astype(str), "user": events.user})
    counts = pairs.drop_duplicates().groupby("scenario").size()
    return counts.reindex(snapshot.scenarios.ids).fillna(0).to_numpy(dtype=np.int64)
