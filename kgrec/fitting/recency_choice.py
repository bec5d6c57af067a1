"""How much recent events of a history count in a model in closed form: for the next event, and for
the further future, each chosen on validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from kgrec.fitting.item_weight_choice import DECAY, WeightGrid, weight_scores
from kgrec.fitting.validation import ComparedQueries, is_gain
from kgrec.graph.snapshot import Interactions
from kgrec.nn import ItemWeights
from kgrec.scoring.engine import Engine
from kgrec.threads import follow

DECAYS: Final = (DECAY, 12.0, 50.0, math.inf)
_MOST_CUT = 0.5  # of a history, where its latest events are left out


@dataclass(frozen=True)
class Recency:
    """How much recent events count.

    Attributes
    ----------
    vectors : int
        Place among the engines to compare, which differ in how vectors of events are pooled.
    decay : float
        Time scale of the item–item weights' shares, in events.
    strength : float
        Factor of the item–item weights.
    ndcg : float
        NDCG@10 on validation rows.
    """

    vectors: int
    decay: float
    strength: float
    ndcg: float


def choose_recency(
    engines: Sequence[Engine],
    weights: ItemWeights,
    strength: float,
    valid: Interactions,
    seed: int,
    *,
    later: bool,
    grid: WeightGrid,
) -> Recency:
    """The best of all choices on validation rows; the first engine, the decay and the strength that
    there are, unless another choice gains as much as ``grid`` demands.

    Parameters
    ----------
    engines : sequence of Engine
        They differ in how vectors of events are pooled.
    weights : ItemWeights
        Of strength one.
    strength : float
        Their factor until now.
    valid : Interactions
        The validation rows.
    seed : int
        Draws queries where there are many.
    later : bool
        Choose for the further future: as many of a user's latest events as the user has validation
        rows are left out of the history, at most half of it.
    grid : WeightGrid
        The strengths to try.
    """
    compared = ComparedQueries.build(engines[0], valid, seed)
    if later:
        compared = ComparedQueries(replace(compared.queries, later=True))
        engines = [_with_gap(engine, valid) for engine in engines]
    queries = compared.queries
    now = Recency(0, weights.decay, strength, -math.inf)
    found: dict[Recency, np.ndarray] = {}
    scores = [compared.map(partial(queries.score, engine)) for engine in engines]
    for decay in DECAYS:
        follow()
        weighted = engines[0].with_weights(replace(weights, decay=decay, later=None))
        added = compared.map(partial(weight_scores, weighted, queries))
        for place, own in enumerate(scores):
            for factor in grid.strengths:
                values = compared.values(own + factor * added)
                one = Recency(place, decay, factor, float(values.mean()))
                found[one] = values
                if (place, decay, factor) == (0, weights.decay, strength):
                    now = one
    best = max(found, key=lambda one: one.ndcg)
    return best if is_gain(found[best], found[now], grid.errors) else now


def _with_gap(engine: Engine, valid: Interactions) -> Engine:
    """The engine over histories without their latest events."""
    events = engine.snapshot.interactions
    n_users = len(engine.snapshot.users)
    indptr = events.indptr(n_users)
    missing = np.bincount(valid.user, minlength=n_users)
    missing = np.minimum(missing, (_MOST_CUT * np.diff(indptr)).astype(np.int64))
    age = indptr[events.user + 1] - 1 - np.arange(len(events))
    kept = events.select(age >= missing[events.user])
    shorter = replace(engine.snapshot, interactions=kept)
    bound = replace(
        engine.bound, snapshot=shorter, given_inputs=engine.inputs, given_sequences=None
    )
    return Engine.bind(bound, predicts_cold=False)
