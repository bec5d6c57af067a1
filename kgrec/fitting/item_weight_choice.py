"""Settings of the item–item weights, chosen on validation rows: their strength, their ridge, and
how much the graph and the words of texts count in the regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
from kgrec.progress import Progress
from kgrec.scoring.engine import Engine
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.sparse import SparsePattern
from kgrec.threads import follow
from kgrec.training import Plan, fit_item_weights, fit_own_weights
from kgrec.training.data.item_words import item_words

STRENGTHS: Final = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0)
SCENARIO_STRENGTHS: Final = (4.0, 8.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0)
RIDGES: Final = (10.0, 3.0, 1.0)  # small ones suit sparse data: a pair seen twice is evidence
GRAPHS: Final = (0.0, 1.0)  # how much a node of the graph counts beside a user
SCENARIO_RIDGES: Final = (3.0, 1.0)
OUTSIDE_WEIGHTS: Final = (0.1, 0.03)  # weights of users without events in the scenario
_MANY_ITEMS = 200_000  # with more items, the middle ridge alone is tried, with the graph
DECAY = 4.0  # in events, where the model has several time scales
_MAX_QUERIES = 5_000  # validation queries, at most
_MAX_SCORES = 60_000_000  # scores in memory, at most
_BATCH = 512


@dataclass(frozen=True)
class ScenarioWeightSettings:
    """Settings of the weights of single scenarios; see ``fit_own_weights``.

    Attributes
    ----------
    outside_weight : float
        Weight of users without events in the scenario.
    ridge : float
        Ridge of the regression.
    strength : float
        Factor of the weights.
    """

    outside_weight: float
    ridge: float
    strength: float = 1.0


@dataclass(frozen=True)
class ItemWeightSettings:
    """Settings of the item–item weights; see ``fit_item_weights``.

    Attributes
    ----------
    graph : float
        How much a node of the graph counts beside a user in the regression; 0: not at all.
    strength : float
        Factor of the weights; 0 for no weights.
    ridge : float
        Ridge of the regression, per event of an average item.
    ndcg : float
        NDCG@10 of model and weights on validation rows; NaN without validation rows.
    words : bool
        The regression reads the words of texts, too.
    scenario : ScenarioWeightSettings or None
        Settings of the weights of single scenarios, where scenarios have items of their own.
    """

    graph: float
    strength: float
    ridge: float = RIDGES[0]
    ndcg: float = field(default=math.nan, compare=False)
    words: bool = False
    scenario: ScenarioWeightSettings | None = None


NO_WEIGHTS: Final = ItemWeightSettings(graph=0.0, strength=0.0)


def with_item_weights(engine: Engine, settings: ItemWeightSettings, plan: Plan) -> Engine:
    """The engine with item–item weights that are fitted to its snapshot."""
    if not settings.strength and settings.scenario is None:
        return engine
    words = item_words(engine.snapshot) if settings.words else None
    weights = _fit_weights(engine, [settings], plan, words)[0].times(settings.strength)
    if settings.scenario is not None:
        by_scenario = scenario_weights(engine, settings.scenario, plan)
        weights = weights.with_own(by_scenario, settings.scenario.strength)
    return engine.with_weights(weights)


def choose_item_weights(
    engine: Engine,
    valid: Interactions,
    plan: Plan,
    seed: int,
    *,
    texts: bool,
    graphs: Sequence[float] = GRAPHS,
    progress: Progress | None = None,
) -> tuple[ItemWeightSettings, Engine]:
    """The settings that are best on validation rows (the smallest strength among equals), and the
    engine with these weights; ``engine`` has none.

    First the weights that all scenarios share are chosen, then those of single scenarios.
    ``texts``: whether words of texts may be read; ``graphs`` are the values of
    ``ItemWeightSettings.graph`` to try.
    """
    best, final = NO_WEIGHTS, engine
    if not len(valid):
        return best, final
    validation = _Validation.build(engine, valid, seed)
    queries = validation.queries
    model_scores = validation.map(partial(queries.score, engine))
    highest = validation.ndcg(model_scores)
    best = replace(best, ndcg=highest)
    groups = _candidates(engine, texts, graphs)
    for number, (words, candidates) in enumerate(groups):
        if progress is not None:
            progress(f"item weights: valid NDCG@10 {highest:.4f}", number, len(groups))
        fitted = _fit_weights(engine, candidates, plan, words)
        for candidate, weights in zip(candidates, fitted, strict=True):
            follow()
            added = validation.map(partial(_weight_scores, engine.with_weights(weights), queries))
            for strength in STRENGTHS:
                ndcg = validation.ndcg(model_scores + strength * added)
                if ndcg > highest:
                    best, highest = replace(candidate, strength=strength, ndcg=ndcg), ndcg
                    final = engine.with_weights(weights.times(strength))
    if progress is not None:
        progress(f"item weights: valid NDCG@10 {highest:.4f}", len(groups), len(groups))
    if engine.scenario_items is None:
        return best, final
    return _choose_scenario_weights(validation, best, final, plan, model_scores)


def choose_strength(
    engines: Sequence[Engine],
    weights: ItemWeights,
    settings: ItemWeightSettings,
    valid: Interactions,
    seed: int,
) -> tuple[int, ItemWeightSettings]:
    """The place of the engine that is best on validation rows beside ``weights``, of strength one
    and given settings, and the settings with the best strength and its NDCG@10.

    The engines differ in their vectors alone; the first of equals is taken.
    """
    validation = _Validation.build(engines[0], valid, seed)
    queries = validation.queries
    added = validation.map(partial(_weight_scores, engines[0].with_weights(weights), queries))
    best, place = replace(settings, ndcg=-np.inf), 0
    for number, engine in enumerate(engines):
        scores = validation.map(partial(queries.score, engine))
        for strength in STRENGTHS:
            follow()
            ndcg = validation.ndcg(scores + strength * added)
            if ndcg > best.ndcg:
                best, place = replace(settings, strength=strength, ndcg=ndcg), number
    return place, best


def _choose_scenario_weights(
    validation: _Validation,
    best: ItemWeightSettings,
    final: Engine,
    plan: Plan,
    model_scores: Tensor,
) -> tuple[ItemWeightSettings, Engine]:
    """``final`` is the best engine so far; ``model_scores`` are those without weights."""
    queries, shared = validation.queries, final.weights
    if shared is None:
        shared = _fit_weights(final, [best], plan, None)[0].times(0.0)
    inside = torch.from_numpy(queries.scenario >= 0).to(model_scores.device).unsqueeze(1)
    base = final.with_weights(shared)
    nowhere = replace(queries, scenario=np.full(len(queries), -1))
    outside = validation.map(partial(_weight_scores, base, nowhere))
    for ridge, outside_weight in product(SCENARIO_RIDGES, OUTSIDE_WEIGHTS):
        candidate = ScenarioWeightSettings(outside_weight, ridge)
        by_scenario = scenario_weights(base, candidate, plan)
        unscaled = base.with_weights(shared.with_own(by_scenario, 1.0))
        added = validation.map(partial(_weight_scores, unscaled, queries))
        for strength in SCENARIO_STRENGTHS:
            total = model_scores + torch.where(inside, strength * added, outside)
            ndcg = validation.ndcg(total)
            if ndcg > best.ndcg:
                best = replace(best, scenario=replace(candidate, strength=strength), ndcg=ndcg)
                final = base.with_weights(shared.with_own(by_scenario, strength))
    return best, final


def scenario_weights(
    engine: Engine, settings: ScenarioWeightSettings, plan: Plan
) -> tuple[sp.csr_matrix | None, ...]:
    return fit_own_weights(
        engine.snapshot,
        scenario_codes(engine.snapshot.interactions.scenario, engine.vocabulary),
        len(engine.vocabulary.scenarios),
        elsewhere=settings.outside_weight,
        ridge=settings.ridge,
        device=engine.device,
        feedback=engine.model.shape.feedback,
        user_cap=plan.user_cap,
    )


def _candidates(
    engine: Engine, texts: bool, graphs: Sequence[float]
) -> list[tuple[sp.csr_matrix | None, list[ItemWeightSettings]]]:
    """The settings to compare, with strength one: those that differ in the ridge alone together,
    with the words that they read."""
    ridges: tuple[float, ...] = RIDGES
    if len(engine.vocabulary.items) > _MANY_ITEMS:
        ridges, graphs = RIDGES[1:2], (1.0,)
    known = item_words(engine.snapshot) if texts else None
    return [
        (
            words,
            [ItemWeightSettings(graph, 1.0, ridge, words=words is not None) for ridge in ridges],
        )
        for words in ((None,) if known is None or not known.nnz else (None, known))
        for graph in (graphs if engine.snapshot.facts else (0.0,))
    ]


def _fit_weights(
    engine: Engine,
    settings: Sequence[ItemWeightSettings],
    plan: Plan,
    words: sp.csr_matrix | None,
) -> list[ItemWeights]:
    """Weights of strength one, for settings that differ in the ridge alone."""
    return fit_item_weights(
        engine.snapshot,
        graph=settings[0].graph,
        words=words,
        ridges=[each.ridge for each in settings],
        decay=decay_of(plan),
        shrinkage=plan.shrinkage,
        device=engine.device,
        feedback=engine.model.shape.feedback,
        user_cap=plan.user_cap,
    )


def decay_of(plan: Plan) -> float:
    """The time scale on which an event's share of the weights falls, in events."""
    return DECAY if plan.scales.pools > 1 else np.inf


def _weight_scores(engine: Engine, queries: ValidationQueries, rows: Ints) -> Tensor:
    """float32 ``[B, n]``: the scores that the item–item weights add for the queries ``rows``."""
    histories = engine.stored(queries.user[rows], queries.scenario[rows])
    n_items = len(engine.snapshot.items)
    columns = 2 * n_items if histories.has_negative else n_items
    events = histories.event_rows(n_items)
    pattern = SparsePattern.build(histories.indptr, events, columns, engine.device)
    assert engine.item_weights is not None
    return engine.item_weights.scores(histories, pattern)


@dataclass(frozen=True, eq=False)
class _Validation:
    """Validation queries, few enough that all their scores fit into memory."""

    queries: ValidationQueries

    @staticmethod
    def build(engine: Engine, valid: Interactions, seed: int) -> _Validation:
        """The queries of ``valid``, or a sample drawn with ``seed``."""
        most = max(1, min(_MAX_QUERIES, _MAX_SCORES // max(len(engine.snapshot.items), 1)))
        return _Validation(ValidationQueries.build(engine, valid, most=most, seed=seed))

    def map(self, score: Callable[[Ints], Tensor]) -> Tensor:
        """float32 ``[q, n]``: ``score`` of all queries (int64 rows), batch by batch."""
        rows = np.arange(len(self.queries))
        parts = np.array_split(rows, len(rows) // _BATCH + 1)
        with torch.inference_mode():
            return torch.cat([score(part) for part in parts])

    def ndcg(self, scores: Tensor) -> float:
        """NDCG@10 of scores float32 ``[q, n]``."""

        def score(rows: Ints) -> Tensor:
            return scores[torch.from_numpy(rows).to(scores.device)]

        return self.queries.evaluate(score)["ndcg@10"]
