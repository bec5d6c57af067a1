"""Lists that give a group of items a stated share of the exposure, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.groups import POPULARITY, popularity_groups
from kgrec.query import (
    Asked,
    GivenHistories,
    ask,
    candidate_mask,
    check_k,
    item_frame,
)
from kgrec.ranking import Where, attribute_mask
from kgrec.ranking.exposure import Choices, boosted_lists, lists_with_share
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import Ranked, batch_size
from kgrec.support import Progress, ranked_frame, without_splits

if TYPE_CHECKING:
    from kgrec.recommender import Recommender

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


def rerank_exposure(
    model: Recommender,
    users: str | Sequence[str] | None = None,
    *,
    group: ItemGroupSpec,
    share: float | None = None,
    boost: float | None = None,
    histories: GivenHistories | None = None,
    k: int = 10,
    candidates: Sequence[str] | None = None,
    exclude_seen: bool = True,
    where: Where | None = None,
) -> Reranked:
    """The best lists of ``k`` in which a group of items has ``share`` of the exposure.

    ``group`` is "head", "middle", "tail" or "cold" (by training popularity), or a condition on
    attributes as ``where`` takes it. A place is worth 1 / log2(rank + 1), and the share is counted
    over all these users together, so ask for many; for one more user give ``boost`` (what an
    earlier answer had) in place of ``share``. The rest is as for ``recommend``. Raises RequestError
    for a share that no lists reach, with the range that they do.
    """
    if (share is None) == (boost is None):
        raise RequestError("give either share (of the exposure, 0 to 1) or boost, and not both.")
    engine, k = model._engine, check_k(k)
    asked = ask(engine, users, histories, None)
    if not len(asked):
        raise RequestError("nobody to recommend to; pass at least one user or history.")
    mask = candidate_mask(engine.snapshot, candidates, where)
    inside = group_mask(engine.snapshot, trained_counts(model), group, mask)
    own = candidates is None
    choices = choices_for(engine, asked, k, inside, mask=mask, exclude_seen=exclude_seen, own=own)
    plain = boosted_lists(choices, k)
    if share is None:
        assert boost is not None
        found = boosted_lists(choices, k, boost)
    else:
        found = lists_with_share(choices, k, share)
    ranked = Ranked(engine.item_ids[found.rows], found.scores.astype(np.float32))
    return Reranked(
        frame=ranked_frame(("user_id", "item_id"), asked.ids, ranked),
        boost=found.boost,
        share=found.share,
        share_before=plain.share,
        score_loss=plain.place_score - found.place_score,
    )


def choices_for(
    engine: Engine,
    asked: Asked,
    k: int,
    inside: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    exclude_seen: bool = True,
    own: bool = True,
    progress: Progress | None = None,
) -> Choices:
    """What may come into everybody's list of ``k``; ``inside`` and ``mask`` bool ``[n_items]``,
    ``own`` as for ``rank_items``."""
    size = batch_size(len(inside), engine.device)
    parts = []
    for start in range(0, len(asked), size):
        part = asked.part(start, start + size)
        seen = (part.histories.indptr, part.histories.item) if exclude_seen else None
        scores = engine.score(part.histories, part.context)
        allowed = engine.candidates(part.histories.scenario, mask) if own else mask
        parts.append(Choices.of(scores, k, inside, seen=seen, candidates=allowed))
        if progress is not None:
            progress("users ranked", start + len(part), len(asked))
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


def trained_counts(model: Recommender) -> Ints:
    """int64 ``[n_items]``: the training interactions of each item, without held-out rows."""
    full = model._full
    assert full is not None
    train = without_splits(full, ("valid", "test")).interactions
    return np.bincount(train.item, minlength=len(full.items))
