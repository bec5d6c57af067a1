"""Young items counted as if they had been shown as often as others, by a log of lists.

A model counts events, so an item that was shown a hundred times stays behind one that was shown for
years, however good it is. Where item i had R_i rewards in L_i looks of a log,

    rate_i = (R_i + a m) / (L_i + a),    factor_i = max(1, rate_i s / c_i)

m is the mean rate of young items, and rate_i the mean of a gamma posterior with this prior. A place
is as many looks as its rank is rewarded beside the first one. c_i is the number of users with an
event of the item, and s, the median of c_j / rate_j over the items that are not young, the looks
that a known item's count stands for. So factor_i c_i is the count that the item would have after so
many looks: a count weighted by inverse propensities (Schnabel et al. 2016), normalised by itself.

A ridge regression's weights into an item are linear in its events, so item–item weights into it are
multiplied by its factor. Its bias grows as biases of the model's items do with their counts.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from os import PathLike
from typing import Final

import numpy as np
import pandas as pd
import torch

from kgrec.errors import RequestError
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.graph.snapshot import NO_TIME, Floats, GraphSnapshot, Ints
from kgrec.scoring.engine import Engine

_PRIOR: Final = 1.0  # a, looks with the mean rate of young items that are added to each
_LARGEST: Final = 50.0  # factor
_SHRINKAGE: Final = 20.0  # rows with the mean reward that are added to each rank's
_LOOKS, _REWARDS, _KNOWN = 50.0, 5, 10  # known items, with so many of each, that say what s is


@dataclass(frozen=True, eq=False)
class ShownItems:
    """What a log shows, ``[n]`` each: ``item`` int64 (rows of items, -1 for others), ``position``
    int64 from 1, ``rewarded`` bool. ``start``: when the log begins, in unix seconds; None where it
    does not say."""

    item: Ints
    position: Ints
    rewarded: np.ndarray
    start: int | None = None

    @staticmethod
    def of(log: FeedbackLog, snapshot: GraphSnapshot) -> ShownItems:
        """The rows of a log; a reward above 0 counts as one."""
        item = np.asarray(snapshot.items.rows(log.item_id.tolist()))
        times = None if log.timestamp is None else pd.to_numeric(log.timestamp, errors="coerce")
        known = times is not None and np.isfinite(times).any()
        start = int(np.nanmin(times)) if known and times is not None else None
        return ShownItems(item, log.position, log.reward > 0.0, start)

    def looks(self) -> Floats:
        """float64 ``[n]``: how often each place's rank is rewarded beside the first rank."""
        count = np.bincount(self.position)
        total = np.bincount(self.position, weights=self.rewarded, minlength=len(count))
        by_rank = (total + _SHRINKAGE * self.rewarded.mean()) / (count + _SHRINKAGE)
        return np.asarray(by_rank[self.position] / by_rank[1])


def count_by_exposure(
    engine: Engine, log: FeedbackLog | pd.DataFrame | str | PathLike[str]
) -> tuple[Engine, int]:
    """The engine with young items counted by how often they were shown, and how many these are.

    Raises RequestError for a log that can't be read, or in which too few known items were rewarded.
    """
    shown = ShownItems.of(FeedbackLog.read(log), engine.snapshot)
    factors = exposure_factors(engine, shown)
    return with_factors(engine, factors), int((factors > 1.0).sum())


def young_items(engine: Engine, start: int | None) -> np.ndarray:
    """bool ``[n_items]``: the new items (``kgrec.graph.new_items``), and those without an event
    from before ``start``."""
    young = np.zeros(len(engine.snapshot.items), dtype=bool)
    young[engine.new_items] = True
    if start is not None:
        rows = engine.snapshot.interactions
        time = np.asarray(rows.timestamp)
        before = np.asarray(rows.item)[(time < start) | (time == NO_TIME)]
        young |= np.bincount(before, minlength=len(young)) == 0
    return young


def exposure_factors(engine: Engine, shown: ShownItems) -> Floats:
    """float64 ``[n_items]``: by what each item's count is multiplied; 1 for those that are not
    young, have no event, or were not shown. Raises RequestError."""
    n_items = len(engine.snapshot.items)
    young = young_items(engine, shown.start)
    kept = shown.item >= 0
    item, users = shown.item[kept], _users(engine.snapshot)
    looks = np.bincount(item, weights=shown.looks()[kept], minlength=n_items)
    rewards = np.bincount(item, weights=shown.rewarded[kept], minlength=n_items)
    known = ~young & (looks >= _LOOKS) & (rewards >= _REWARDS) & (users > 0)
    if known.sum() < _KNOWN:
        raise RequestError(
            f"the log has {known.sum()} items that are not new, were shown often and rewarded at "
            f"least {_REWARDS} times; {_KNOWN} are needed to say what a count stands for. Log more "
            "lists, and fit on events from before the log too."
        )
    standard = np.median(users[known] * looks[known] / rewards[known])
    prior = rewards[young].sum() / max(looks[young].sum(), 1.0)
    rate = (rewards + _PRIOR * prior) / (looks + _PRIOR)
    counted = np.clip(rate * standard / np.maximum(users, 1), 1.0, _LARGEST)
    return np.where(young & (looks > 0) & (users > 0), counted, 1.0)


def with_factors(engine: Engine, factors: Floats) -> Engine:
    """The engine with counts of items multiplied by ``factors`` (float64 ``[n_items]``)."""
    raised = np.flatnonzero(factors > 1.0)
    row = engine.inputs.items.item_row.cpu().numpy()
    raised = raised[row[raised] >= 0]
    if not len(raised):
        return engine
    own = np.ones(len(engine.vocabulary.items))
    own[row[raised]] = factors[raised]
    model = copy.deepcopy(engine.model)
    with torch.no_grad():
        added = torch.from_numpy(_added_bias(engine, own, row)).to(model.item_bias)
        model.item_bias.add_(added)
    weights = None if engine.weights is None else engine.weights.into(own)
    changed = replace(engine, model=model.eval(), weights=weights)
    return changed.over(engine.snapshot, engine.texts)


def _added_bias(engine: Engine, factors: Floats, row: Ints) -> Floats:
    """float64, by item of the vocabulary: the slope of biases on log(1 + users), at least 0, times
    what a factor adds to that logarithm."""
    users, trained = np.zeros(len(factors)), row >= 0
    users[row[trained]] = _users(engine.snapshot)[trained]
    bias = engine.model.item_bias.detach().cpu().numpy().astype(np.float64)
    count = np.log1p(users)
    centred = count - count.mean()
    slope = max(float(centred @ bias / max(centred @ centred, 1e-12)), 0.0)
    return np.asarray(slope * (np.log1p(users * factors) - count))


def _users(snapshot: GraphSnapshot) -> Ints:
    """int64 ``[n_items]``: users with an event of each item."""
    n_items, rows = len(snapshot.items), snapshot.interactions
    pairs = np.unique(np.asarray(rows.user, dtype=np.int64) * n_items + np.asarray(rows.item))
    return np.bincount(pairs % n_items, minlength=n_items)
