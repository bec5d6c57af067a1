"""Lists in which a group of items has a given share of the exposure, and the cost in score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from kgrec.arguments import check_number
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import RequestError
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.groups import POPULARITY, popularity_groups
from kgrec.progress import Progress
from kgrec.ranking import Where, attribute_mask
from kgrec.ranking.exposure import Choices, boosted_lists, lists_with_share
from kgrec.rules.rule import PLACING
from kgrec.rules.ruled_lists import changed
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import item_frame
from kgrec.scoring.ranked_lists import (
    ListOptions,
    RankedRows,
    batch_size,
    ranked_frame,
    score_request,
    seen_items,
)
from kgrec.scoring.request import Request
from kgrec.visualization.notebook import fragment

_SHOWN = 20  # rows of the lists in a notebook

ItemGroupSpec: TypeAlias = str | Where


@dataclass(frozen=True, eq=False)
class Reranked:
    """Lists in which a group of items has ``share`` of the exposure.

    Attributes
    ----------
    frame : DataFrame
        The lists, with the columns of ``recommend``; scores are those of the model, without boost.
    boost : float
        Added to the scores of the group for ranking; pass it to ``rerank`` to treat another request
        in the same way.
    share, share_before : float
        The group's share of the exposure, 0 to 1, and its share without the boost.
    score_loss : float
        Decrease of the mean score of a list position, weighted by exposure. No other lists with
        this share have a smaller one.
    """

    frame: pd.DataFrame
    boost: float
    share: float
    share_before: float
    score_loss: float

    def _repr_html_(self) -> str:
        """The exposure and the first and last rows of the lists, for notebooks."""
        rows = self.frame.to_html(index=False, max_rows=_SHOWN, border=0)
        return fragment(str(self), rows)

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of the exposure (without a boost {self.share_before:.1%}) by a "
            f"boost of {self.boost:+.4f}; the mean score of a place falls by {self.score_loss:.4f}"
        )


@dataclass(frozen=True)
class ExposureTarget:
    """A ``group`` of items with either its wanted ``share`` of the exposure or the ``boost`` of its
    scores. Raises RequestError unless exactly one of the two is given."""

    group: ItemGroupSpec
    share: float | None = None
    boost: float | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.boost is None):
            raise RequestError("give either share (of the exposure, 0 to 1) or boost, not both.")
        for name in ("share", "boost"):
            value = getattr(self, name)
            if value is not None:
                check_number(value, name)


def rerank_exposure(
    engine: Engine,
    request: Request,
    target: ExposureTarget,
    options: ListOptions,
    interactions: Ints,
) -> Reranked:
    """The best lists that reach ``target``; see ``Recommender.rerank``.

    ``interactions`` int64 ``[n_items]`` are the training interactions of each item. Raises
    RequestError for a share that no lists reach, with the range that they do.
    """
    if not len(request):
        raise RequestError("nobody to recommend to; pass at least one user or history.")
    _check_places(request)
    if isinstance(target.group, str):
        check_not_private(engine.private, f"the group {target.group!r}, by popularity,")
    options = replace(options, k=min(options.k, len(engine.snapshot.items)))
    k = options.k
    inside = group_mask(engine.snapshot, interactions, target.group, options.mask)
    choices = choices_for(engine, request, inside, options)
    plain = boosted_lists(choices, k)
    if target.share is None:
        assert target.boost is not None
        found = boosted_lists(choices, k, float(target.boost))
    else:
        found = lists_with_share(choices, k, target.share)
    rows = RankedRows(found.rows, found.scores.astype(np.float32))
    ranked = rows.with_ids(engine, request.integers)
    return Reranked(
        frame=ranked_frame(("user_id", "item_id"), request.ids, ranked, request.integers),
        boost=found.boost,
        share=found.share,
        share_before=plain.share,
        score_loss=plain.place_score - found.place_score,
    )


def _check_places(request: Request) -> None:
    """Raises RequestError where rules set places, which an exposure can't change."""
    for one in () if request.rules is None else request.rules.profiles:
        if one.placement is not None:
            name = next(rule.name for rule in one.rules if rule.effect in PLACING)
            raise RequestError(
                f"the rule {name!r} sets places of these lists, which rerank would move; rerank "
                "without it, and add the boost that you get as a rule: Rule(name, 'boost', ...)."
            )


def choices_for(
    engine: Engine,
    request: Request,
    inside: np.ndarray,
    options: ListOptions,
    progress: Progress | None = None,
) -> Choices:
    """The items that may come into each list; ``inside`` bool ``[n_items]`` is the group."""
    size, k = batch_size(len(inside), engine.device), min(options.k, len(inside))
    parts = []
    for start in range(0, len(request), size):
        part = request.part(start, start + size)
        histories, mask = part.histories, options.mask
        seen = seen_items(engine, part, options.seen)
        scores = score_request(engine, replace(part, rules=None))
        if part.rules is not None:
            changed(scores, part.rules)
        if options.within_scenario:
            mask = engine.candidates(histories.scenario, mask)
        parts.append(Choices.of(scores, k, inside, seen=seen, candidates=mask))
        if progress is not None:
            progress("users ranked", start + len(part), len(request))
    return Choices.joined(parts)


def group_mask(
    snapshot: GraphSnapshot,
    interactions: Ints,
    group: ItemGroupSpec,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """bool ``[n_items]``: the items of a group. ``mask`` bool ``[n_items]`` are those that may be
    recommended. Raises RequestError where none or all of these are in the group."""
    if isinstance(group, str):
        if group not in POPULARITY:
            raise RequestError(
                f"no group of items is called {group!r}; use one of {', '.join(POPULARITY)}, or a "
                "condition on attributes such as {'genres': 'Western'}."
            )
        inside = np.asarray(popularity_groups(interactions) == group)
    else:
        inside = attribute_mask(item_frame(snapshot.items), group)
    allowed = inside if mask is None else inside & mask
    if not allowed.any():
        raise RequestError("the group holds no item that may be recommended; change its condition.")
    if allowed.sum() == (len(inside) if mask is None else mask.sum()):
        raise RequestError("the group holds every item, so its share is 1; change its condition.")
    return inside


def trained_counts(full: GraphSnapshot) -> Ints:
    """int64 ``[n_items]``: the number of training interactions of each item of a full snapshot."""
    train = full.without_splits(("valid", "test")).interactions
    return np.bincount(train.item, minlength=len(full.items))
