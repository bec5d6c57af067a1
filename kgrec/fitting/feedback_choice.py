"""The weights of ratings, chosen on validation rows by item–item weights in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from kgrec.arrays import Csr, distinct, pairs_to_csr, take_rows
from kgrec.config import RecommenderConfig
from kgrec.config.feedback import AUTO
from kgrec.feedback import EventWeights
from kgrec.feedback.defaults import rating_values, rating_weights
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.item_weight_choice import DECAY
from kgrec.graph.snapshot import GraphSnapshot, Interactions, Ints
from kgrec.metrics.evaluate import evaluate_ranking
from kgrec.nn import ItemWeights
from kgrec.progress import Progress
from kgrec.sparse import SparsePattern
from kgrec.threads import follow
from kgrec.training import fit_item_weights, follows_in_time
from kgrec.training.data.examples import Sequences

_RIDGES = (10.0, 3.0)
_MIN_GAIN = 0.005  # of NDCG: a smaller one changes nothing, so that chance decides less often
_MAX_USERS = 5_000  # whose validation rows choose, at most
_MAX_ITEMS = 20_000  # with more nothing is compared: the first weights are taken


def with_rating_weights(
    config: RecommenderConfig,
    train: GraphSnapshot,
    valid: Interactions,
    seed: int,
    progress: Progress | None = None,
    evidence: Evidence | None = None,
) -> RecommenderConfig:
    """The settings with weights of ratings, where ``feedback.like`` is set and these are not.

    Candidates (``rating_weights``) are compared by NDCG@10 on ``valid``, the validation rows that
    are targets; the first of about equal ones is taken, and the first of all without such rows.
    ``evidence`` keeps what was compared.
    """
    evidence = evidence or Evidence()
    feedback = config.feedback
    if feedback.ratings != AUTO or feedback.like is None or feedback.like == AUTO:
        return config
    values = rating_values(train.interactions)
    candidates = rating_weights(values, feedback.like)
    best = candidates[0]
    n_items = len(distinct(train.interactions.item))
    if len(candidates) > 1 and len(valid) and n_items <= _MAX_ITEMS:
        best = _compared(config, candidates, train, valid, seed, progress, evidence)
    elif len(candidates) > 1:
        note = f"{len(valid):,} validation rows, {n_items:,} items"
        evidence.add(Decision("ratings", _name(best), "few", note=note))
    chosen = feedback.model_copy(update={"ratings": best})
    return config.model_copy(update={"feedback": chosen})


def _compared(
    config: RecommenderConfig,
    candidates: Sequence[dict[str, float]],
    train: GraphSnapshot,
    valid: Interactions,
    seed: int,
    progress: Progress | None,
    evidence: Evidence,
) -> dict[str, float]:
    question = _Question.build(train, valid, seed)
    best, highest = candidates[0], 0.0
    tried = []
    for number, candidate in enumerate(candidates):
        follow()
        weights = EventWeights.of(config.feedback.model_copy(update={"ratings": candidate}))
        ndcg = question.ndcg(weights, config.training.user_cap)
        tried.append((_name(candidate), ndcg))
        if ndcg > highest * (1 + _MIN_GAIN):
            best, highest = candidate, ndcg
        if progress is not None:
            progress(f"ratings: valid NDCG@10 {highest:.4f}", number + 1, len(candidates))
    note = f"an earlier one stays unless a later one gains {_MIN_GAIN:.1%}"
    evidence.means("ratings", tried, _name(best), len(question.user), note)
    return best


def _name(weights: Mapping[str, float]) -> str:
    """Weights of ratings in words."""
    said = [f"{ratings} counts {weight:g}" for ratings, weight in weights.items()]
    return "ratings " + ", ".join(said) if said else "all ratings count alike"


class _Question:
    """The users with validation rows, the items they are to find, and the training events."""

    def __init__(self, train: GraphSnapshot, user: Ints, targets: Csr, decay: float) -> None:
        self.train, self.user, self.targets, self.decay = train, user, targets, decay
        self.items = distinct(train.interactions.item)
        item = np.searchsorted(self.items, train.interactions.item)
        self._seen = take_rows(pairs_to_csr(train.interactions.user, item, len(train.users)), user)

    @staticmethod
    def build(train: GraphSnapshot, valid: Interactions, seed: int) -> _Question:
        items = distinct(train.interactions.item)
        place = np.minimum(np.searchsorted(items, valid.item), len(items) - 1)
        known = items[place] == valid.item
        user = distinct(valid.user[known])
        if len(user) > _MAX_USERS:
            user = np.sort(np.random.default_rng(seed).choice(user, _MAX_USERS, replace=False))
        whole = pairs_to_csr(valid.user[known], place[known], len(train.users))
        decay = DECAY if follows_in_time(train.interactions, valid) else np.inf
        return _Question(train, user, take_rows(whole, user), decay)

    def ndcg(self, weights: EventWeights | None, user_cap: float | None) -> float:
        """NDCG@10 of item–item weights with these weights of events, with the best ridge."""
        found = fit_item_weights(
            self.train,
            graph=0.0,
            ridges=_RIDGES,
            decay=self.decay,
            device=torch.device("cpu"),
            feedback=weights,
            user_cap=user_cap,
        )
        nothing = np.full(len(self.train.interactions), -1)
        sequences = Sequences.build(self.train, nothing, nothing, weights)
        return max(self._evaluated(one, sequences) for one in found)

    def _evaluated(self, one: ItemWeights, sequences: Sequences) -> float:
        n_items = len(self.items)

        def score(rows: Ints) -> torch.Tensor:
            histories = sequences.histories(self.user[rows])
            histories = replace(histories, item=np.searchsorted(self.items, histories.item))
            events = histories.event_rows(n_items)
            pattern = SparsePattern.build(histories.indptr, events, 2 * n_items, "cpu")
            with torch.inference_mode():
                return one.scores(histories, pattern)

        report = evaluate_ranking(
            score, n_items=n_items, targets=self.targets, seen=self._seen, ks=(10,)
        )
        return report["ndcg@10"]
