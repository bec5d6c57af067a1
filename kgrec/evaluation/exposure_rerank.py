"""Lists that give a group of items a stated share of the exposure, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.groups import POPULARITY, popularity_groups
from kgrec.paths.index import Constraints
from kgrec.progress import Progress
from kgrec.ranking import Where, attribute_mask
from kgrec.ranking.exposure import Choices, boosted_lists, lists_with_share
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask, item_frame
from kgrec.scoring.ranked_lists import Ranked, batch_size, ranked_frame, score_request
from kgrec.scoring.request import Request

ItemGroupSpec: TypeAlias = str | Where


@dataclass(frozen=True, eq=False)
class Reranked:
    """Lists in which a group of items has ``share`` of the exposure.

    ``frame`` is as ``recommend`` gives it; its scores are the model's own. ``boost`` was added to
    the scores of the group to rank; pass it to ``rerank`` for the same treatment of another
    request. ``share_before`` is the group's share without it. ``score_loss`` is how much the mean
    score of a place, weighing its exposure, falls: no lists with this share lose less.
    """

    frame: pd.DataFrame
    boost: float
    share: float
    share_before: float
    score_loss: float

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of the exposure (without a boost {self.share_before:.1%}) by a "
            f"boost of {self.boost:+.4f}; the mean score of a place falls by {self.score_loss:.4f}"
        )


@dataclass(frozen=True)
class ExposureTarget:
    """The ``group`` of items, and either the ``share`` of the exposure that it is to get or the
    ``boost`` of its scores. Raises RequestError unless one of the two is given."""

    group: ItemGroupSpec
    share: float | None = None
    boost: float | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.boost is None):
            raise RequestError("give either share (of the exposure, 0 to 1) or boost, not both.")


def rerank_exposure(
    engine: Engine,
    request: Request,
    target: ExposureTarget,
    k: int,
    *,
    trained: Ints,
    constraints: Constraints,
    exclude_seen: bool,
) -> Reranked:
    """The best lists of ``k`` that reach ``target``; see ``Recommender.rerank``.

    ``trained`` int64 ``[n_items]`` are the items' training interactions. Raises RequestError for a
    share that no lists reach, with the range that they do.
    """
    if not len(request):
        raise RequestError("nobody to recommend to; pass at least one user or history.")
    mask = candidate_mask(engine.snapshot, constraints.candidates, constraints.where)
    inside = group_mask(engine.snapshot, trained, target.group, mask)
    within_scenario = constraints.candidates is None
    choices = choices_for(
        engine,
        request,
        k,
        inside,
        mask=mask,
        exclude_seen=exclude_seen,
        within_scenario=within_scenario,
    )
    plain = boosted_lists(choices, k)
    if target.share is None:
        assert target.boost is not None
        found = boosted_lists(choices, k, target.boost)
    else:
        found = lists_with_share(choices, k, target.share)
    ranked = Ranked(engine.item_ids[found.rows], found.scores.astype(np.float32))
    return Reranked(
        frame=ranked_frame(("user_id", "item_id"), request.ids, ranked),
        boost=found.boost,
        share=found.share,
        share_before=plain.share,
        score_loss=plain.place_score - found.place_score,
    )


def choices_for(
    engine: Engine,
    request: Request,
    k: int,
    inside: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    exclude_seen: bool = True,
    within_scenario: bool = True,
    progress: Progress | None = None,
) -> Choices:
    """What may come into everybody's list of ``k``; ``inside`` and ``mask`` bool ``[n_items]``,
    ``within_scenario`` as for ``rank_items``."""
    size = batch_size(len(inside), engine.device)
    parts = []
    for start in range(0, len(request), size):
        part = request.part(start, start + size)
        seen = (part.histories.indptr, part.histories.item) if exclude_seen else None
        scores = score_request(engine, part)
        allowed = engine.candidates(part.histories.scenario, mask) if within_scenario else mask
        parts.append(Choices.of(scores, k, inside, seen=seen, candidates=allowed))
        if progress is not None:
            progress("users ranked", start + len(part), len(request))
    return Choices.joined(parts)


def group_mask(
    snapshot: GraphSnapshot, trained: Ints, group: ItemGroupSpec, mask: np.ndarray | None = None
) -> np.ndarray:
    """bool ``[n_items]``; RequestError where the group, or what is left beside it, is empty."""
    if isinstance(group, str):
        if group not in POPULARITY:
            raise RequestError(
                f"no group of items is called {group!r}; use one of {', '.join(POPULARITY)}, or a "
                "condition on attributes such as {'genres': 'Western'}."
            )
        inside = np.asarray(popularity_groups(trained) == group)
    else:
        inside = attribute_mask(item_frame(snapshot.items), group)
    allowed = inside if mask is None else inside & mask
    if not allowed.any():
        raise RequestError("the group holds no item that may be recommended; change its condition.")
    if allowed.sum() == (len(inside) if mask is None else mask.sum()):
        raise RequestError("the group holds every item, so its share is 1; change its condition.")
    return inside


def trained_counts(full: GraphSnapshot) -> Ints:
    """int64 ``[n_items]``: the training interactions of each item of a snapshot, without held-out
    rows."""
    train = full.without_splits(("valid", "test")).interactions
    return np.bincount(train.item, minlength=len(full.items))
