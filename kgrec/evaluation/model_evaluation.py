"""Evaluation of a fitted engine on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from torch import Tensor

from kgrec.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_mapping,
    check_text,
    given_ids,
)
from kgrec.errors import RequestError
from kgrec.features.texts import TextFeatures
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.evaluate import EvaluationReport, evaluate_ranking
from kgrec.metrics.groups import popularity_groups
from kgrec.query import Resolver
from kgrec.ranking import pairs_to_csr
from kgrec.scoring.lookup import check_scenario
from kgrec.scoring.ranked_lists import score_request
from kgrec.scoring.scenario_codes import mask_other_items


@dataclass(frozen=True)
class EvaluationRequest:
    """Settings of an evaluation; see ``Recommender.evaluate`` for the fields."""

    split: Literal["test", "valid"] = "test"
    history: Literal["now", "train"] = "now"
    ks: Sequence[int] = (10, 20)
    by: str | None = None
    keep_users: bool = False
    scenario: str | None = None
    context: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_choice(self.split, "split", ("test", "valid"))
        check_choice(self.history, "history", ("now", "train"))
        for k in given_ids(self.ks, "ks"):
            check_count(k, "ks")
        if self.by is not None:
            check_text(self.by, "by")
        check_flag(self.keep_users, "keep_users")
        check_scenario(self.scenario)
        check_mapping(self.context, "context", "{'gender': 'F'}")


def evaluate_model(
    resolver: Resolver,
    full: GraphSnapshot,
    texts_of: Callable[[GraphSnapshot], TextFeatures],
    request: EvaluationRequest,
) -> EvaluationReport:
    """Rank all items for every user with rows in the split.

    ``full`` is the snapshot with the held-out rows, of which those that are targets by the model's
    weights of events are to be found. Of these only user and item are read: the
    scenario of each user is that of the request, else inferred from the rule or from earlier
    events, never from the held-out row. Raises RequestError.
    """
    split, present = request.split, resolver.engine
    held = full.interactions.select(np.asarray(full.interactions.split == split))
    if not len(held):
        raise RequestError(f"no interaction has split {split!r}; give the catalog a split.")
    feedback = present.model.shape.feedback
    if feedback is not None:
        held = held.select(feedback.targets_of(held))
        if not len(held):
            raise RequestError(
                f"no interaction with split {split!r} is a target by the model's feedback settings."
            )
    train = full.without_splits(("valid", "test"))
    seen = (present.snapshot if split == "test" else train).interactions
    if split == "valid" or request.history == "train":
        resolver = resolver.over(present.over(train, texts_of(train)))
    engine = resolver.engine
    later = split == "test" and request.history == "train"  # validation rows are missing between
    n_users, n_items = len(full.users), len(full.items)
    interactions = np.bincount(train.interactions.item, minlength=n_items)

    def score(rows: Ints) -> Tensor:
        ranking = resolver.of_users(rows, request.scenario, request.context, later=later)
        scores = score_request(engine, ranking)
        return mask_other_items(scores, engine.scenario_items, ranking.histories.scenario)

    report = evaluate_ranking(
        score,
        n_items=n_items,
        targets=pairs_to_csr(held.user, held.item, n_users),
        seen=pairs_to_csr(seen.user, seen.item, n_users),
        ks=[int(k) for k in given_ids(request.ks, "ks")],
        groups=None if request.by is None else user_groups(full, request.by),
        item_popularity=interactions,
        target_groups=popularity_groups(interactions),
        keep_users=request.keep_users,
    )
    return replace(report, users=full.users.ids[report.users])


def user_groups(snapshot: GraphSnapshot, by: str) -> np.ndarray:
    """object ``[m]``: each user's value of attribute ``by``, as text. Raises RequestError."""
    attributes = snapshot.users.attributes
    if by not in attributes.columns:
        known = ", ".join(map(str, attributes.columns)) or "none"
        raise RequestError(f"users have no attribute {by!r}; they have: {known}.")
    return attributes[by].astype(object).fillna("unknown").astype(str).to_numpy(dtype=object)
