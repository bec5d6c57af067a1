"""Validation rows, and the queries that models are compared by."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from kgrec.arrays import Csr, contains, pairs_to_csr, ranges, take_rows
from kgrec.config import RecommenderConfig
from kgrec.feedback import EventWeights
from kgrec.graph.columns import among, parts_of_users
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Interactions, Ints
from kgrec.metrics.evaluate import EvaluationReport, evaluate_ranking
from kgrec.metrics.protocols import random_split, user_time_split
from kgrec.nn import Histories
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import mask_other_items, scenario_codes

FEW_QUERIES = 2_500  # where many settings are compared
_MAX_QUERIES = 5_000  # queries that settings are compared by, at most
_MAX_SCORES = 60_000_000  # scores in memory, at most
_BATCH = 512


def training_split(visible: GraphSnapshot, config: RecommenderConfig, seed: int) -> np.ndarray:
    """bool ``[n]``: the interactions that are validation rows.

    Those with split "valid" in the catalog; without any, the latest of each user, or random ones
    where no interaction of the user has a timestamp, or no user has two that differ. Warns
    where some interactions have none.
    """
    events = visible.interactions
    if has_valid_split(visible):
        return among(events.split, ("valid",))
    share = config.training.valid_share
    held, missing = np.zeros(len(events), dtype=bool), 0
    ordered = events.tells_order(len(visible.users))
    for part in parts_of_users(events.indptr(len(visible.users))):
        rows = events.select(np.arange(part.start, part.stop))
        untimed = int((rows.timestamp == NO_TIME).sum())
        timed = ordered and untimed < len(rows)
        split = user_time_split if timed else random_split
        held[part] = split(rows, (1 - share, share, 0.0), seed) == "valid"
        missing += untimed
    if 0 < missing < len(events):
        warnings.warn(
            f"{missing:,} of {len(events):,} interactions have no time: they count as older than "
            "those that have one. Rows that choose the model are held out by time, at random for "
            "users without any time.",
            stacklevel=4,
        )
    return held


def choosing_rows(train: Interactions, valid: Interactions) -> Interactions:
    """The validation rows; none, with a warning, where each is of an item that its user has among
    the training rows, so that no list could contain it and nothing can be compared."""
    if not len(valid):
        return valid
    n_users = int(max(train.user[-1:].max(initial=0), valid.user[-1])) + 1
    indptr, own = train.indptr(n_users), valid.indptr(n_users)
    for part in parts_of_users(indptr + own):  # most often the first one decides
        users = slice(*np.searchsorted(indptr + own, (part.start, part.stop)))
        rows, new = (slice(at[users.start], at[users.stop]) for at in (indptr, own))
        known = pairs_to_csr(train.user[rows], train.item[rows], n_users)
        if not contains(known, valid.user[new], valid.item[new]).all():
            return valid
    warnings.warn(
        f"None of the {len(valid):,} validation rows is of an item that is new to its user, so "
        "none can choose the epoch: the last one is kept.",
        stacklevel=4,
    )
    return valid.select(np.zeros(len(valid), dtype=bool))


def target_rows(config: RecommenderConfig, valid: Interactions) -> Interactions:
    """The validation rows that lists are to find, by the settings of feedback; with a warning where
    there is none."""
    weights = EventWeights.of(config.feedback)
    if weights is None or not len(valid):
        return valid
    wanted = weights.targets_of(valid)
    if not wanted.any():
        warnings.warn(
            f"None of the {len(valid):,} validation rows is a target of feedback, so none can "
            "choose the epoch: the last one is kept.",
            stacklevel=4,
        )
    return valid.select(wanted)


def has_valid_split(visible: GraphSnapshot) -> bool:
    """Whether the catalog has rows with split "valid"."""
    return "valid" in pd.unique(visible.interactions.split)


@dataclass(frozen=True, eq=False)
class ValidationQueries:
    """One query for each user and scenario with validation rows (q queries).

    Attributes
    ----------
    user : int64 ``[q]``
        Rows of the users.
    scenario : int64 ``[q]``
        Codes of the scenarios; -1 for none.
    targets : CSR
        The held-out items of each query.
    seen : CSR
        The items of the user's history, in any scenario.
    n_items : int
        Number of items that are ranked.
    names : tuple of str
        Names of the scenarios by code.
    scenario_items : bool ``[K + 1, n_items]`` or None
        The items of each scenario; see ``Engine.scenario_items``.
    later : bool
        Whether scores are for the further future instead of the next event.
    """

    user: Ints
    scenario: Ints
    targets: Csr
    seen: Csr
    n_items: int
    names: tuple[str, ...]
    scenario_items: np.ndarray | None
    later: bool = False

    @staticmethod
    def build(engine: Engine, valid: Interactions, *, most: int, seed: int) -> ValidationQueries:
        """The queries of ``valid``, or ``most`` of them drawn with ``seed`` if there are more."""
        names, seen = tuple(engine.vocabulary.scenarios), engine.snapshot.interactions
        width = len(names) + 1
        keys, query = np.unique(
            valid.user * width + scenario_codes(valid.scenario, engine.vocabulary) + 1,
            return_inverse=True,
        )
        chosen = np.arange(len(keys))
        if len(keys) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
        user = keys[chosen] // width
        indptr, people = seen.indptr(len(engine.snapshot.users)), np.unique(user)
        rows = ranges(indptr[people], indptr[people + 1] - indptr[people])
        known = pairs_to_csr(seen.user[rows], seen.item[rows], len(engine.snapshot.users))
        return ValidationQueries(
            user=user,
            scenario=keys[chosen] % width - 1,
            targets=take_rows(pairs_to_csr(query, valid.item, len(keys)), chosen),
            seen=take_rows(known, user),
            n_items=len(engine.snapshot.items),
            names=names,
            scenario_items=engine.scenario_items,
        )

    def __len__(self) -> int:
        return len(self.user)

    def some(self, rows: Ints) -> ValidationQueries:
        """The queries ``rows`` (int64) alone."""
        return replace(
            self,
            user=self.user[rows],
            scenario=self.scenario[rows],
            targets=take_rows(self.targets, rows),
            seen=take_rows(self.seen, rows),
        )

    def histories(self, engine: Engine, rows: Ints) -> Histories:
        """The histories of the queries ``rows``."""
        return engine.stored(self.user[rows], self.scenario[rows], later=self.later)

    def score(self, engine: Engine, rows: Ints) -> Tensor:
        """float32 ``[B, n]``: the engine's scores for the queries ``rows``."""
        return engine.score(self.histories(engine, rows))

    def evaluate(
        self, score: Callable[[Ints], Tensor], *, keep_users: bool = False
    ) -> EvaluationReport:
        """NDCG@10 over all queries and by scenario; ``score`` takes int64 rows of queries and
        returns scores float32 ``[B, n]``. With ``keep_users`` the report has the values of each."""
        labels = np.array([*self.names, ""], dtype=object)[self.scenario]
        return evaluate_ranking(
            lambda rows: mask_other_items(score(rows), self.scenario_items, self.scenario[rows]),
            n_items=self.n_items,
            targets=self.targets,
            seen=self.seen,
            ks=(10,),
            groups=labels if self.names else None,
            keep_users=keep_users,
        )


@dataclass(frozen=True, eq=False)
class ComparedQueries:
    """Validation queries, few enough that all their scores fit into memory."""

    queries: ValidationQueries

    @staticmethod
    def build(
        engine: Engine, valid: Interactions, seed: int, most: int = _MAX_QUERIES
    ) -> ComparedQueries:
        """The queries of ``valid``, or a sample of ``most`` drawn with ``seed``."""
        most = max(1, min(most, _MAX_SCORES // max(len(engine.snapshot.items), 1)))
        return ComparedQueries(ValidationQueries.build(engine, valid, most=most, seed=seed))

    def map(self, score: Callable[[Ints], Tensor]) -> Tensor:
        """float32 ``[q, n]``: ``score`` of all queries (int64 rows), batch by batch."""
        rows = np.arange(len(self.queries))
        parts = np.array_split(rows, len(rows) // _BATCH + 1)
        with torch.inference_mode():
            return torch.cat([score(part) for part in parts])

    def values(self, scores: Tensor) -> np.ndarray:
        """float64 ``[q]``: NDCG@10 of each query by scores float32 ``[q, n]``."""

        def score(rows: Ints) -> Tensor:
            return scores[torch.from_numpy(rows).to(scores.device)]

        found = self.queries.evaluate(score, keep_users=True).per_user["ndcg@10"]
        return np.asarray(found, dtype=np.float64)

    def ndcg(self, scores: Tensor) -> float:
        """NDCG@10 of scores float32 ``[q, n]``."""
        return float(self.values(scores).mean())


def is_gain(values: np.ndarray, before: np.ndarray, errors: float) -> bool:
    """Whether the mean of ``values`` (float64 ``[q]``) is above that of ``before``, the same
    queries, by more than ``errors`` standard errors of the difference."""
    difference = values - before
    error = float(difference.std()) / np.sqrt(max(len(difference), 1))
    return bool(difference.mean() > errors * error)
