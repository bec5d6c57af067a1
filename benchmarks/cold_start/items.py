"""Cold items: nothing that anybody did with them is trained on, and only they are ranked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from graph_schema.names import ENTITY, ITEM
from kgrec import Recommender
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import hit_matrix, user_metrics
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.baselines import binary_history

DRAWN_WITH: Final = 2026
SHARE: Final = 20  # one item in twenty chooses, another one tests
K: Final = 10
PROTOCOL: Final = (
    "item ids sorted as numbers, numpy.random.default_rng(2026).permutation: the first 149 choose, "
    "the next 149 test; no interaction of the 298 is trained on, all are targets; candidates are "
    "the 149, history is train and valid without the 298; NDCG@10 over users with targets"
)
Scores = np.ndarray  # float [n_users, candidates]


@dataclass(frozen=True, eq=False)
class ColdItemTrial:
    """``fit`` is the graph that is left; ``choose`` and ``test`` int64 rows of the cold items."""

    whole: GraphSnapshot
    fit: GraphSnapshot
    choose: Ints
    test: Ints

    @staticmethod
    def draw(snapshot: GraphSnapshot) -> ColdItemTrial:
        """Rows of a snapshot are sorted as numbers already where the ids are numbers."""
        count = len(snapshot.items)
        order = np.random.default_rng(DRAWN_WITH).permutation(count)
        share = count // SHARE
        choose, test = order[:share], order[share : 2 * share]
        events = snapshot.interactions
        held = np.isin(events.item, order[: 2 * share]) | np.asarray(events.split == "test")
        return ColdItemTrial(snapshot, snapshot.without(held), choose, test)

    @property
    def history(self) -> sp.csr_matrix:
        """float32 CSR ``[n_users, n_items]`` of ones: what everybody is known by."""
        return binary_history(self.fit.interactions, len(self.fit.users), len(self.fit.items))

    def ndcg(self, items: Ints, score: Callable[[Ints], Scores]) -> float:
        """NDCG@10 of ``score`` (of candidate rows) over the users with a target in ``items``."""
        return float(self.users_ndcg(items, score).mean())

    def ndcg_of(self, model: Recommender, items: Ints) -> float:
        """NDCG@10 of a fitted model, asked as anybody would ask it."""
        return float(self.users_ndcg_of(model, items).mean())

    def users_ndcg(self, items: Ints, score: Callable[[Ints], Scores]) -> np.ndarray:
        """float64 ``[users with a target in items]``: what ``ndcg`` is the mean of."""
        values = np.asarray(score(items))
        order = np.argsort(-values, axis=1, kind="stable")[:, :K]
        return self._ndcg_of_lists(items, items[order])

    def users_ndcg_of(self, model: Recommender, items: Ints) -> np.ndarray:
        """float64 ``[users with a target in items]``: what ``ndcg_of`` is the mean of."""
        ranked = model.rank(
            self.fit.users.ids.tolist(), k=K, candidates=self.fit.items.ids[items].tolist()
        )
        lists = self.fit.items.rows(ranked.ids.ravel()).reshape(ranked.ids.shape)
        return self._ndcg_of_lists(items, lists)

    def _ndcg_of_lists(self, items: Ints, lists: Ints) -> np.ndarray:
        events = self.whole.interactions
        wanted = np.isin(events.item, items)
        targets = pairs_to_csr(events.user[wanted], events.item[wanted], len(self.whole.users))
        counts = np.diff(targets[0])
        asked = counts > 0
        lists = np.pad(lists, ((0, 0), (0, K - lists.shape[1])), constant_values=-1)
        hits = hit_matrix(lists, targets)[asked]
        return np.asarray(user_metrics(hits, counts[asked], (K,))[f"ndcg@{K}"])


def entity_cosine(trial: ColdItemTrial) -> Callable[[Ints], Scores]:
    """Σ over the history of cos(item, candidate), items as bags of entities weighted by
    log(n / items with the entity)."""
    shape = (len(trial.fit.items), len(trial.fit.entities))
    pairs = [
        (facts.head, facts.tail)
        for facts in trial.fit.facts
        if (facts.head_label, facts.tail_label) == (ITEM, ENTITY)
    ]
    head, tail = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    links = sp.csr_matrix((np.ones(len(head)), (head, tail)), shape=shape)
    links.data[:] = 1.0
    degree = np.asarray(links.sum(axis=0)).ravel()
    return _cosine(trial, links @ sp.diags(np.log(shape[0] / np.maximum(degree, 1))))


def text_cosine(trial: ColdItemTrial, texts: np.ndarray) -> Callable[[Ints], Scores]:
    """The same over text vectors float32 ``[n_items, size]``."""
    return _cosine(trial, sp.csr_matrix(texts))


def _cosine(trial: ColdItemTrial, features: sp.csr_matrix) -> Callable[[Ints], Scores]:
    length = np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    unit = sp.csr_matrix(sp.diags(1.0 / np.maximum(length, 1e-12)) @ features)
    profile = trial.history @ unit
    return lambda items: np.asarray((profile @ unit[items].T).todense())


def at_random(trial: ColdItemTrial, seed: int) -> Callable[[Ints], Scores]:
    """Every user's own order, drawn with ``seed``."""
    users = len(trial.fit.users)
    return lambda items: np.random.default_rng(seed).random((users, len(items)))


def figures(trial: ColdItemTrial, score: Callable[[Ints], Scores]) -> dict[str, Any]:
    """NDCG@10 on the items that choose and on those that test."""
    return {
        "ndcg@10": round(trial.ndcg(trial.test, score), 5),
        "choose_ndcg@10": round(trial.ndcg(trial.choose, score), 5),
    }
