"""Evaluation of a fitted engine on the rows that its graph never held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from torch import Tensor

from kgrec.errors import RequestError
from kgrec.evaluation import EvaluationReport, evaluate_ranking
from kgrec.features.texts import TextFeatures
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.groups import popularity_groups
from kgrec.ranking import pairs_to_csr
from kgrec.scenarios.user_scenarios import scenarios_of
from kgrec.scoring.engine import Engine, rebound
from kgrec.scoring.scenario_codes import keep_own
from kgrec.support import user_groups, without_splits


def evaluate_engine(
    now: Engine,
    full: GraphSnapshot,
    texts_of: Callable[[GraphSnapshot], TextFeatures],
    *,
    split: Literal["test", "valid"],
    history: Literal["now", "train"],
    ks: Sequence[int],
    by: str | None,
    keep_users: bool = False,
) -> EvaluationReport:
    """Rank all items for every user with rows in ``split``; see ``Recommender.evaluate``.

    Of the held-out rows only user and item are read: who is asked about is in the scenario that a
    rule or their own earlier events tell. Raises RequestError.
    """
    held = full.interactions.select(np.asarray(full.interactions.split == split))
    if not len(held):
        raise RequestError(f"no interaction has split {split!r}; give the catalog a split.")
    train = without_splits(full, ("valid", "test"))
    seen = (now.snapshot if split == "test" else train).interactions
    engine = now
    if split == "valid" or history == "train":
        engine = rebound(now, train, texts_of(train))
    later = split == "test" and history == "train"  # the rows between are missing
    n_users, n_items = len(full.users), len(full.items)
    trained = np.bincount(train.interactions.item, minlength=n_items)

    def score(rows: Ints) -> Tensor:
        asked = engine.stored(rows, scenarios_of(engine, rows), later=later)
        return keep_own(engine.score(asked), engine.own_items, asked.scenario)

    report = evaluate_ranking(
        score,
        n_items=n_items,
        targets=pairs_to_csr(held.user, held.item, n_users),
        seen=pairs_to_csr(seen.user, seen.item, n_users),
        ks=ks,
        groups=None if by is None else user_groups(full, by),
        item_popularity=trained,
        target_groups=popularity_groups(trained),
        keep_users=keep_users,
    )
    return replace(report, users=full.users.ids[report.users])
