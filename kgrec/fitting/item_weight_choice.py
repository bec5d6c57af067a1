"""Settings of the item–item weights, chosen on validation rows: their strength, their ridge, and
how much the graph and the words of texts count in the regression, and in a model in closed form how
much recent events count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Final

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from kgrec.arrays import distinct
from kgrec.fitting.evidence.decision import Evidence
from kgrec.fitting.evidence.weights import (
    keep_defaults,
    keep_neighbours,
    keep_recency,
    keep_strengths,
    keep_weights,
    scenario_name,
)
from kgrec.fitting.validation import FEW_QUERIES, ComparedQueries, ValidationQueries, is_gain
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
DECAYS: Final = (DECAY, 12.0, 50.0, math.inf)
_MOST_CUT = 0.5  # of a history, where its latest events are left out


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
    decay : float or None
        In events, the time scale on which an event's share falls; None: by the plan.
    later : tuple of float or None
        The time scale and a factor of the shares where scores are for the further future; None: as
        for the next event.
    scenario : ScenarioWeightSettings or None
        Settings of the weights of single scenarios, where scenarios have items of their own.
    popularity : float
        Weight of log(1 + interactions) that was added to trained biases.
    """

    graph: float
    strength: float
    ridge: float = RIDGES[0]
    ndcg: float = field(default=math.nan, compare=False)
    words: bool = False
    decay: float | None = None
    later: tuple[float, float] | None = None
    scenario: ScenarioWeightSettings | None = None
    popularity: float = 0.0


@dataclass(frozen=True)
class WeightGrid:
    """The settings to compare.

    Attributes
    ----------
    graphs : tuple of float
        Values of ``ItemWeightSettings.graph``; a later one is taken where it gains enough.
    ridges : tuple of float
        Values of ``ItemWeightSettings.ridge``.
    strengths : tuple of float
        Values of ``ItemWeightSettings.strength``.
    errors : float
        Standard errors that reading the graph or words must gain.
    decay : float or None
        The value of ``ItemWeightSettings.decay``.
    """

    graphs: tuple[float, ...] = GRAPHS
    ridges: tuple[float, ...] = RIDGES
    strengths: tuple[float, ...] = STRENGTHS
    errors: float = 0.0
    decay: float | None = None


DEFAULT_GRID: Final = WeightGrid()
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
    grid: WeightGrid = DEFAULT_GRID,
    progress: Progress | None = None,
    evidence: Evidence | None = None,
) -> tuple[ItemWeightSettings, Engine]:
    """The settings that are best on validation rows (the smallest strength among equals), and the
    engine with these weights; ``engine`` has none.

    First the weights that all scenarios share are chosen, then those of single scenarios.
    ``texts``: whether words of texts may be read; ``evidence`` keeps what was compared.
    """
    best, final = NO_WEIGHTS, engine
    evidence = evidence or Evidence()
    if not len(valid):
        keep_defaults(evidence, best, "no validation rows")
        return best, final
    validation = ComparedQueries.build(engine, valid, seed)
    queries = validation.queries
    model_scores = validation.map(partial(queries.score, engine))
    reached = validation.values(model_scores)
    best = replace(best, ndcg=float(reached.mean()))
    tried = [(best, reached)]
    groups = _candidates(engine, texts, grid)
    for number, (words, candidates) in enumerate(groups):
        if progress is not None:
            progress(f"item weights: valid NDCG@10 {best.ndcg:.4f}", number, len(groups))
        fitted = _fit_weights(engine, candidates, plan, words)
        found = _scored_group(
            engine,
            validation,
            model_scores,
            zip(candidates, fitted, strict=True),
            grid.strengths,
        )
        tried += [(one, values) for one, values, _ in found]
        settings, values, weights = max(found, key=lambda one: one[0].ndcg)
        if is_gain(values, reached, grid.errors if best.strength else 0.0):
            best, reached = settings, values
            final = engine.with_weights(weights.times(settings.strength))
    if progress is not None:
        progress(f"item weights: valid NDCG@10 {best.ndcg:.4f}", len(groups), len(groups))
    keep_weights(evidence, tried, best)
    keep_neighbours(evidence, len(distinct(engine.snapshot.interactions.item)))
    if engine.scenario_items is None:
        return best, final
    return _choose_scenario_weights(validation, best, final, plan, model_scores, evidence)


def _scored_group(
    engine: Engine,
    validation: ComparedQueries,
    model_scores: Tensor,
    fitted: Iterable[tuple[ItemWeightSettings, ItemWeights]],
    strengths: Sequence[float],
) -> list[tuple[ItemWeightSettings, np.ndarray, ItemWeights]]:
    """Settings that read the same rows, with every strength, their NDCG@10 of each query, and the
    weights, of strength one."""
    found: list[tuple[ItemWeightSettings, np.ndarray, ItemWeights]] = []
    for candidate, weights in fitted:
        follow()
        weighted = engine.with_weights(weights)
        added = validation.map(partial(weight_scores, weighted, validation.queries))
        for strength in strengths:
            values = validation.values(model_scores + strength * added)
            ndcg = float(values.mean())
            found.append((replace(candidate, strength=strength, ndcg=ndcg), values, weights))
    return found


def choose_strength(
    engines: Sequence[Engine],
    weights: ItemWeights,
    settings: ItemWeightSettings,
    valid: Interactions,
    seed: int,
    grid: WeightGrid = DEFAULT_GRID,
    *,
    names: Sequence[str] = (),
    evidence: Evidence | None = None,
) -> tuple[int, ItemWeightSettings]:
    """The place of the engine that is best on validation rows beside ``weights``, of strength one
    and given settings, and the settings with the best strength and its NDCG@10.

    The engines differ in their vectors alone; one is taken in place of an earlier one where it
    gains as much as ``grid`` demands. ``evidence`` keeps what was compared, by the engines'
    ``names``.
    """
    validation = ComparedQueries.build(engines[0], valid, seed, FEW_QUERIES)
    queries = validation.queries
    added = validation.map(partial(weight_scores, engines[0].with_weights(weights), queries))
    best, place, reached = settings, -1, np.zeros(len(queries))
    tried = []
    for number, engine in enumerate(engines):
        scores = validation.map(partial(queries.score, engine))
        found = []
        for strength in grid.strengths:
            follow()
            found.append((validation.values(scores + strength * added), strength))
        values, strength = max(found, key=lambda one: float(one[0].mean()))
        tried.append([(one, of_each) for of_each, one in found])
        if place < 0 or is_gain(values, reached, grid.errors):
            best, place = replace(settings, strength=strength, ndcg=float(values.mean())), number
            reached = values
    if evidence is not None:
        named = zip(names, tried, strict=True)
        every = [(name, values) for name, found in named for _, values in found]
        evidence.compared("vectors", every, names[place])
        keep_strengths(evidence, tried[place], best.strength)
    return place, best


def _choose_scenario_weights(
    validation: ComparedQueries,
    best: ItemWeightSettings,
    final: Engine,
    plan: Plan,
    model_scores: Tensor,
    evidence: Evidence,
) -> tuple[ItemWeightSettings, Engine]:
    """``final`` is the best engine so far; ``model_scores`` are those without weights."""
    tried = [(scenario_name(None), best.ndcg)]
    queries, shared = validation.queries, final.weights
    if shared is None:
        shared = _fit_weights(final, [best], plan, None)[0].times(0.0)
    inside = torch.from_numpy(queries.scenario >= 0).to(model_scores.device).unsqueeze(1)
    base = final.with_weights(shared)
    nowhere = replace(queries, scenario=np.full(len(queries), -1))
    outside = validation.map(partial(weight_scores, base, nowhere))
    for ridge, outside_weight in product(SCENARIO_RIDGES, OUTSIDE_WEIGHTS):
        candidate = ScenarioWeightSettings(outside_weight, ridge)
        by_scenario = scenario_weights(base, candidate, plan)
        unscaled = base.with_weights(shared.with_own(by_scenario, 1.0))
        added = validation.map(partial(weight_scores, unscaled, queries))
        for strength in SCENARIO_STRENGTHS:
            total = model_scores + torch.where(inside, strength * added, outside)
            ndcg = validation.ndcg(total)
            tried.append((scenario_name(candidate), ndcg))
            if ndcg > best.ndcg:
                best = replace(best, scenario=replace(candidate, strength=strength), ndcg=ndcg)
                final = base.with_weights(shared.with_own(by_scenario, strength))
    evidence.means("weights_by_scenario", tried, scenario_name(best.scenario), len(queries))
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
    engine: Engine, texts: bool, grid: WeightGrid
) -> list[tuple[sp.csr_matrix | None, list[ItemWeightSettings]]]:
    """The settings to compare, with strength one: those that differ in the ridge alone together,
    with the words that they read."""
    ridges, graphs = grid.ridges, grid.graphs
    if len(engine.vocabulary.items) > _MANY_ITEMS:
        ridges, graphs = RIDGES[1:2], (1.0,)
    known = item_words(engine.snapshot) if texts else None
    return [
        (
            words,
            [
                ItemWeightSettings(graph, 1.0, ridge, words=words is not None, decay=grid.decay)
                for ridge in ridges
            ],
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
    first = settings[0]
    fitted = fit_item_weights(
        engine.snapshot,
        graph=first.graph,
        words=words,
        ridges=[each.ridge for each in settings],
        decay=decay_of(plan, first),
        shrinkage=plan.shrinkage,
        device=engine.device,
        feedback=engine.model.shape.feedback,
        user_cap=plan.user_cap,
    )
    return [replace(weights, further=first.later) for weights in fitted]


def decay_of(plan: Plan, settings: ItemWeightSettings) -> float:
    """The time scale on which an event's share of the weights falls, in events."""
    if settings.decay is not None:
        return settings.decay
    return DECAY if plan.scales.pools > 1 else np.inf


def weight_scores(engine: Engine, queries: ValidationQueries, rows: Ints) -> Tensor:
    """float32 ``[B, n]``: the scores that the item–item weights add for the queries ``rows``."""
    histories = queries.histories(engine, rows)
    n_items = len(engine.snapshot.items)
    columns = 2 * n_items if histories.has_negative else n_items
    events = histories.event_rows(n_items)
    pattern = SparsePattern.build(histories.indptr, events, columns, engine.device)
    assert engine.item_weights is not None
    return engine.item_weights.scores(histories, pattern)


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
    evidence: Evidence,
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
    evidence : Evidence
        Keeps what was compared.
    """
    compared = ComparedQueries.build(engines[0], valid, seed, FEW_QUERIES)
    if later:
        compared = ComparedQueries(replace(compared.queries, later=True))
        engines = [_with_gap(engine, valid) for engine in engines]
    queries = compared.queries
    now = Recency(0, weights.decay, strength, -math.inf)
    found: dict[Recency, np.ndarray] = {}
    scores = [compared.map(partial(queries.score, engine)) for engine in engines]
    for decay in DECAYS:
        follow()
        weighted = engines[0].with_weights(replace(weights, decay=decay, further=None))
        added = compared.map(partial(weight_scores, weighted, queries))
        for place, own in enumerate(scores):
            for factor in grid.strengths:
                values = compared.values(own + factor * added)
                one = Recency(place, decay, factor, float(values.mean()))
                found[one] = values
                if (place, decay, factor) == (0, weights.decay, strength):
                    now = one
    best = max(found, key=lambda one: one.ndcg)
    chosen = best if is_gain(found[best], found[now], grid.errors) else now
    keep_recency(evidence, found.items(), chosen, later=later)
    return chosen


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
