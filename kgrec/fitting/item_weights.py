"""How much item–item weights count, and whether they read the graph and the words of reviews:
chosen on validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Final

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from kgrec.fitting.validation import ValidationQueries
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.nn import ItemWeights
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.sparse import SparsePattern
from kgrec.training import Plan, fit_item_weights, fit_own_weights
from kgrec.training.data.review_words import review_words

STRENGTHS: Final = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0)
SCENARIO_STRENGTHS: Final = (4.0, 8.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0)
RIDGES: Final = (10.0, 1.0)  # a little one suits sparse data, where a pair seen twice says much
SCENARIO_RIDGES: Final = (3.0, 1.0)
OUTSIDE_WEIGHTS: Final = (0.1, 0.03)  # what users count in a scenario in which they have no events
_RIDGED_ITEMS = 10_000  # more are regressed once, by the first ridge
_RECENT = 4.0  # events: the decay where training is on time cuts
_MAX_QUERIES = 5_000  # users who choose, at most
_MAX_SCORES = 60_000_000  # numbers kept while choosing, at most
_BATCH = 512


@dataclass(frozen=True)
class ScenarioWeightSettings:
    """How weights of a scenario's own are fitted; see ``fit_own_weights``."""

    outside_weight: float
    ridge: float
    strength: float = 1.0


@dataclass(frozen=True)
class ItemWeightSettings:
    """What was chosen: ``strength`` 0 is to have none, ``ridge`` is per event of an average item;
    and NDCG@10 of the whole on validation rows, NaN without any. ``own`` is chosen where scenarios
    have items of their own."""

    graph: bool
    strength: float
    ridge: float = RIDGES[0]
    ndcg: float = field(default=math.nan, compare=False)
    words: bool = False
    scenario: ScenarioWeightSettings | None = None


NO_WEIGHTS: Final = ItemWeightSettings(graph=False, strength=0.0)


def with_item_weights(engine: Engine, settings: ItemWeightSettings, plan: Plan) -> Engine:
    """The engine with the item–item weights of its own snapshot."""
    if not settings.strength and settings.scenario is None:
        return engine
    words = review_words(engine.snapshot) if settings.words else None
    weights = _fit_weights(engine, settings, plan, words).times(settings.strength)
    if settings.scenario is not None:
        weights = weights.with_own(
            _fit_scenario_weights(engine, settings.scenario), settings.scenario.strength
        )
    return engine.with_weights(weights)


def choose_item_weights(
    engine: Engine,
    valid: Interactions,
    plan: Plan,
    seed: int,
) -> tuple[ItemWeightSettings, Engine]:
    """The best on validation rows, the least strength among equals, and the engine with it;
    ``engine`` has no weights. First what scenarios share, then what stands in its place there."""
    best, final = NO_WEIGHTS, engine
    if not len(valid):
        return best, final
    kept = _KeptScores.of(engine, valid, seed)
    queries = kept.queries
    alone = kept.map(lambda rows: queries.score(engine, rows))
    highest = kept.ndcg(alone)
    best = replace(best, ndcg=highest)
    kinds = _candidates(engine)
    words = review_words(engine.snapshot) if any(kind.words for kind in kinds) else None
    for kind in kinds:
        weights = _fit_weights(engine, kind, plan, words if kind.words else None)
        added = kept.map(partial(_weight_scores, engine.with_weights(weights), queries))
        for strength in STRENGTHS:
            metric = kept.ndcg(alone + strength * added)
            if metric > highest:
                best, highest = replace(kind, strength=strength, ndcg=metric), metric
                final = engine.with_weights(weights.times(strength))
    if engine.scenario_items is None:
        return best, final
    return _choose_scenario_weights(kept, best, final, plan, alone)


def _choose_scenario_weights(
    kept: _KeptScores, best: ItemWeightSettings, final: Engine, plan: Plan, alone: Tensor
) -> tuple[ItemWeightSettings, Engine]:
    """``alone`` are the kept' scores without weights; ``final`` is the best engine so far."""
    queries, shared = kept.queries, final.weights
    if shared is None:
        shared = _fit_weights(final, best, plan, None).times(0.0)
    inside = torch.from_numpy(queries.scenario >= 0).to(alone.device).unsqueeze(1)
    asked = final.with_weights(shared)
    outside = kept.map(partial(_weight_scores, asked, replace(queries, scenario=_nowhere(queries))))
    for ridge, outside_weight in product(SCENARIO_RIDGES, OUTSIDE_WEIGHTS):
        kind = ScenarioWeightSettings(outside_weight, ridge)
        own = _fit_scenario_weights(asked, kind)
        added = kept.map(
            partial(_weight_scores, asked.with_weights(shared.with_own(own, 1.0)), queries)
        )
        for strength in SCENARIO_STRENGTHS:
            metric = kept.ndcg(alone + torch.where(inside, strength * added, outside))
            if metric > best.ndcg:
                best = replace(best, scenario=replace(kind, strength=strength), ndcg=metric)
                final = asked.with_weights(shared.with_own(own, strength))
    return best, final


def _nowhere(queries: ValidationQueries) -> Ints:
    return np.full(len(queries), -1)


def _fit_scenario_weights(
    engine: Engine, kind: ScenarioWeightSettings
) -> tuple[sp.csr_matrix | None, ...]:
    return fit_own_weights(
        engine.snapshot,
        scenario_codes(engine.snapshot.interactions.scenario, engine.vocabulary),
        len(engine.vocabulary.scenarios),
        elsewhere=kind.outside_weight,
        ridge=kind.ridge,
        device=engine.device,
    )


def _candidates(engine: Engine) -> list[ItemWeightSettings]:
    """All weights that are tried, of strength one."""
    graphs = (False, True) if engine.snapshot.facts else (False,)
    ridges = RIDGES if len(engine.vocabulary.items) <= _RIDGED_ITEMS else RIDGES[:1]
    read = len(engine.snapshot.reviews) and len(engine.texts.events)  # else texts are switched off
    return [
        ItemWeightSettings(graph, 1.0, ridge, words=words)
        for words in ((False, True) if read else (False,))
        for graph in graphs
        for ridge in ridges
    ]


def _fit_weights(
    engine: Engine, settings: ItemWeightSettings, plan: Plan, words: sp.csr_matrix | None
) -> ItemWeights:
    return fit_item_weights(
        engine.snapshot,
        graph=settings.graph,
        words=words,
        ridge=settings.ridge,
        decay=_RECENT if plan.scales.pools > 1 else np.inf,
        shrinkage=plan.shrinkage,
        device=engine.device,
    )


def _weight_scores(engine: Engine, queries: ValidationQueries, rows: Ints) -> Tensor:
    """What the engine's item–item weights add for queries ``rows``, float32 ``[B, n]``."""
    histories = engine.stored(queries.user[rows], queries.scenario[rows])
    n_items = len(engine.snapshot.items)
    pattern = SparsePattern.build(histories.indptr, histories.item, n_items, engine.device)
    assert engine.item_weights is not None
    return engine.item_weights.scores(histories, pattern)


@dataclass(frozen=True, eq=False)
class _KeptScores:
    """ValidationQueries whose scores are kept."""

    queries: ValidationQueries

    @staticmethod
    def of(engine: Engine, valid: Interactions, seed: int) -> _KeptScores:
        """At most so many that their scores fit; drawn with ``seed`` where there are more."""
        most = max(1, min(_MAX_QUERIES, _MAX_SCORES // max(len(engine.snapshot.items), 1)))
        return _KeptScores(ValidationQueries.build(engine, valid, most=most, seed=seed))

    def map(self, score: Callable[[Ints], Tensor]) -> Tensor:
        """What ``score`` says of every query (int64 rows), float32 ``[queries, n]``."""
        rows = np.arange(len(self.queries))
        parts = np.array_split(rows, len(rows) // _BATCH + 1)
        with torch.inference_mode():
            return torch.cat([score(part) for part in parts])

    def ndcg(self, scores: Tensor) -> float:
        report = self.queries.evaluate(
            lambda rows: scores[torch.from_numpy(rows).to(scores.device)]
        )
        return report["ndcg@10"]
