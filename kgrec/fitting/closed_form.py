"""The quick fit: a model in closed form, without a step of training.

Items' vectors are the leading right singular vectors of the normalised history matrix, so that the
vector part of the score is the low-pass filter of GF-CF (Shen et al., CIKM 2021), or, where these
find more, the factors of alternating least squares (Hu, Koren & Volinsky, ICDM 2008). The bias is
the logarithm of an item's popularity; item–item weights by ridge regression read users, the graph
and words of texts. What else a model has (graph encoder, attributes, heads) is there and adds
nothing.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.config import RecommenderConfig
from kgrec.features.names import IDS
from kgrec.features.texts import same_texts
from kgrec.feedback.weights import liked_matrix
from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.evidence.weights import keep_defaults
from kgrec.fitting.item_weight_choice import (
    STRENGTHS,
    ItemWeightSettings,
    ScenarioWeightSettings,
    WeightGrid,
    choose_item_weights,
    choose_recency,
    choose_strength,
    decay_of,
    scenario_weights,
    with_item_weights,
)
from kgrec.fitting.popularity import liked_counts, vocabulary_rows
from kgrec.fitting.validation import training_split
from kgrec.graph.snapshot import GraphSnapshot, Interactions, rows_in
from kgrec.nn import ItemWeights, TimeScales
from kgrec.nn.least_squares_factors import ItemFactors, least_squares_factors
from kgrec.nn.singular_vectors import right_singular_vectors
from kgrec.progress import Progress
from kgrec.scoring.engine import Engine
from kgrec.threads import follow
from kgrec.training import Plan
from kgrec.training.data.item_words import named_item_words
from kgrec.training.item_weights import NamedRows, regression_rows
from kgrec.training.weight_sums import CountedRows, WeightSums, added_weights

GRAPHS = (0.0, 1.0, 4.0)  # how much a node of the graph counts beside a user
POPULARITIES = (0.1, 0.0, 0.2, 0.4)  # weight of the logarithm of the popularity, beside a cosine
_ALONE_POPULARITIES = (0.0,)  # where the item–item weights stand alone
_SIZES = ((1_000, (32, 64)), (6_000, (64, 128)), (200_000, (128, 512)))  # by number of items
_SIZES_OF_MANY = (64,)
_LEAST_SQUARES = 64  # columns of these factors
_MOST_LEAST_SQUARES = 6_000  # items
ERRORS = 0.0  # standard errors that a choice away from the first must gain
_LONG_EVENTS = 15  # of a user on average, from which the further future has a choice of its own
_FEW_ITEMS = 2_000  # with fewer, weights are computed anew in less time than rows are compared
MORE_STRENGTHS = (128.0,)  # of item–item weights: sparse data have small ones
_STRENGTH = 16.0  # of the item–item weights, without validation rows
_NO_ROWS = "no validation rows"
_SILENT = ("friends_gate",)  # parameters beside the features that are not zero at first


@dataclass(frozen=True)
class VectorSettings:
    """Settings of the closed-form vectors.

    Attributes
    ----------
    size : int
        Number of columns.
    popularity : float
        Weight of log(1 + interactions of the item), beside a cosine.
    recent : tuple of bool
        For the next event, then for the further future: whether recent events count more where the
        model has several pools; else all events of a history count equally.
    used : bool
        Whether the vectors count at all; else the item–item weights and the popularity alone.
    least_squares : bool
        Whether they are factors of alternating least squares; else singular vectors.
    """

    size: int
    popularity: float
    recent: tuple[bool, bool] = (False, False)
    used: bool = True
    least_squares: bool = False

    @property
    def name(self) -> str:
        """What the vectors are, in words."""
        if not self.used:
            return "no vectors"
        kind = "factors of alternating least squares" if self.least_squares else "singular vectors"
        return f"{self.size} {kind}, popularity {self.popularity:g}"


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """A model in closed form over a training graph, and the settings chosen for it."""

    engine: Engine
    vectors: VectorSettings
    weights: ItemWeightSettings


MakeEngine = Callable[[int], Engine]  # an untrained one with so many columns


def choose_closed_form(
    make: MakeEngine,
    n_items: int,
    valid: Interactions,
    plan: Plan,
    seed: int,
    *,
    texts: bool,
    progress: Progress | None = None,
    evidence: Evidence | None = None,
) -> ClosedForm:
    """The model with the best settings on validation rows; the first of each without such rows.
    ``n_items`` is the number of items with interactions; ``evidence`` keeps what was compared.

    The item–item weights are chosen beside the first vectors, then the vectors and the strength of
    the weights beside these weights. Where rows are split by time all that is chosen with recent
    events counting more, then how much they count, and where this changes, the vectors again.
    """
    evidence = evidence or Evidence()
    pooling = (plan.temporal, plan.temporal)
    engines = {
        replace(vectors, recent=pooling): _pooling(engine, pooling)
        for vectors, engine in _engines(make, plan, n_items)
    }
    vectors, first = next(iter(engines.items()))
    if not len(valid):
        weights = ItemWeightSettings(1.0 if first.snapshot.facts else 0.0, _STRENGTH)
        evidence.add(Decision("vectors", vectors.name, "few", note=_NO_ROWS))
        keep_defaults(evidence, weights, _NO_ROWS)
        return ClosedForm(with_item_weights(first, weights, plan).refreshed(), vectors, weights)
    grid = WeightGrid(GRAPHS, strengths=(*STRENGTHS, *MORE_STRENGTHS), errors=ERRORS)
    weights, best = choose_item_weights(
        first, valid, plan, seed, texts=texts, grid=grid, progress=progress, evidence=evidence
    )
    if best.weights is None or weights.scenario is not None:
        why = "beside weights of their own for each scenario the first vectors are taken"
        note = "no weights gained" if best.weights is None else why
        evidence.add(Decision("vectors", vectors.name, "data", note=note))
        return ClosedForm(best.refreshed(), vectors, weights)
    alone = best.weights.times(1 / weights.strength)
    choose = partial(choose_strength, valid=valid, seed=seed, grid=grid, evidence=evidence)
    names = [one.name for one in engines]
    place, weights = choose(list(engines.values()), alone, weights, names=names)
    vectors = list(engines)[place]
    if plan.temporal:
        recent, weights = _recency(engines[vectors], weights, alone, valid, seed, grid, evidence)
        changed = not recent[0] or weights.decay != alone.decay
        alone = replace(alone, decay=weights.decay or alone.decay, further=weights.later)
        compared = list(engines) if changed else [vectors]
        engines = {replace(one, recent=recent): _pooling(engines[one], recent) for one in compared}
        place = 0
        if changed:
            pooled = list(engines.values())
            place, weights = choose(pooled, alone, weights, names=names)
        vectors = list(engines)[place]
    engine = engines[vectors]
    return ClosedForm(
        engine.with_weights(alone.times(weights.strength)).refreshed(), vectors, weights
    )


def _recency(
    engine: Engine,
    weights: ItemWeightSettings,
    alone: ItemWeights,
    valid: Interactions,
    seed: int,
    grid: WeightGrid,
    evidence: Evidence,
) -> tuple[tuple[bool, bool], ItemWeightSettings]:
    """Whether vectors of recent events count more, and the settings of the weights with how much
    recent events count there, for both horizons; ``alone`` are the weights of strength one."""
    kinds = (True, False)
    engines = [_pooling(engine, (kind, kind)) for kind in kinds]
    choose = partial(
        choose_recency,
        engines,
        alone,
        weights.strength,
        valid,
        seed,
        grid=grid,
        evidence=evidence,
    )
    following = later = choose(later=False)
    if _long_histories(engine):
        later = choose(later=True)
    chosen = replace(
        weights,
        strength=following.strength,
        ndcg=following.ndcg,
        decay=following.decay,
        later=(later.decay, later.strength / following.strength),
    )
    return (kinds[following.vectors], kinds[later.vectors]), chosen


def _long_histories(engine: Engine) -> bool:
    """Whether histories without their latest events still say much of a user."""
    events = engine.snapshot.interactions
    return len(events) >= _LONG_EVENTS * len(np.unique(events.user))


def fit_closed_form(
    make: MakeEngine, vectors: VectorSettings, weights: ItemWeightSettings, plan: Plan
) -> ClosedForm:
    """The model with given settings."""
    engine = make(vectors.size)
    engine = with_closed_form_vectors(engine, engine.snapshot, vectors, plan)
    return ClosedForm(with_item_weights(engine, weights, plan).refreshed(), vectors, weights)


def with_closed_form_vectors(
    engine: Engine, rows: GraphSnapshot, vectors: VectorSettings, plan: Plan
) -> Engine:
    """The engine with vectors and biases of these rows, a part of its snapshot with the same items,
    and without item–item weights and predicted vectors."""
    over = replace(engine, snapshot=rows, weights=None)
    if not vectors.used:
        found = _no_vectors(over, vectors.size)
    elif vectors.least_squares:
        found = least_squares_factors(_history(over), vectors.size)
    else:
        found = _singular_vectors(over, vectors.size)
    made = _with_vectors(over, found, vectors.popularity, plan)
    return _pooling(made, vectors.recent)


def _pooling(engine: Engine, recent: tuple[bool, bool]) -> Engine:
    """The engine whose vectors of events are pooled so for each horizon; see ``VectorSettings``."""
    model = copy.deepcopy(engine.model)
    scales = model.shape.scales.events
    endless = int(np.argmax(scales)) if scales else 0
    with torch.no_grad():
        for gates, several in zip(model.pool_gate, recent, strict=False):
            gates.fill_(1 / model.shape.scales.pools if several else 0.0)
            if not several:
                gates[endless] = 1.0
    return engine.with_model(model, predicts_cold=False)


@dataclass(frozen=True, eq=False)
class CountedGraph:
    """What the item–item weights of a model count.

    Attributes
    ----------
    graph : GraphSnapshot
        The graph, without test rows, as it was when they were computed.
    sums : WeightSums or None
        Sums over its rows; None where there are no weights.
    """

    graph: GraphSnapshot
    sums: WeightSums | None

    @staticmethod
    def of_fit(graph: GraphSnapshot, rows: GraphSnapshot, ridge: float) -> CountedGraph:
        """After a fit to ``rows`` of the graph: products are computed when they are needed."""
        events = rows.interactions
        return CountedGraph(graph, WeightSums(ridge * len(events) / len(np.unique(events.item))))


@dataclass(frozen=True)
class FitOrigin:
    """What a fit chose.

    Attributes
    ----------
    item_weights : ItemWeightSettings
        Settings of the item–item weights.
    vectors : VectorSettings or None
        Settings of closed-form vectors, with effort "quick".
    plan : Plan
        The hyperparameters.
    seed : int
        Seed of everything random.
    all_rows : bool
        Whether the model was fitted to all rows but those of the split "test"; else validation rows
        were left out, too.
    events : int or None
        How many events it was fitted to; None where an older version made it.
    """

    item_weights: ItemWeightSettings
    vectors: VectorSettings | None
    plan: Plan
    seed: int
    all_rows: bool
    events: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = asdict(self)
        if math.isnan(values["item_weights"]["ndcg"]):
            values["item_weights"]["ndcg"] = None
        return values

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> FitOrigin:
        """What ``to_json`` returned. Raises KeyError, TypeError for other values."""
        weights, vectors, plan = dict(values["item_weights"]), values["vectors"], values["plan"]
        scenario = weights.pop("scenario")
        ndcg, later = weights.pop("ndcg"), weights.pop("later", None)
        if vectors is not None:  # models of earlier versions don't say
            vectors = {**vectors, "recent": tuple(vectors.get("recent", (True, True)))}
        return FitOrigin(
            ItemWeightSettings(
                **{**weights, "later": None if later is None else tuple(later)},
                ndcg=math.nan if ndcg is None else ndcg,
                scenario=None if scenario is None else ScenarioWeightSettings(**scenario),
            ),
            None if vectors is None else VectorSettings(**vectors),
            Plan(**{**plan, "scales": TimeScales(*map(tuple, plan["scales"]))}),
            values["seed"],
            values["all_rows"],
            values.get("events"),
        )

    def refitted(self, engine: Engine, config: RecommenderConfig) -> Engine:
        """The engine with its closed-form parts fitted to its own graph, with the same settings.

        These are the item–item weights, and with effort "quick" the items' vectors and biases.
        Events of items that the vocabulary lacks, as items that came later, are not read.
        """
        rows = self._known(engine, self.rows(engine, config))
        weights = None if engine.weights is None else self._weights(engine, rows)
        return self._with_vectors(engine, rows).with_weights(weights)

    def added(
        self, engine: Engine, config: RecommenderConfig, counted: CountedGraph | None
    ) -> tuple[Engine, CountedGraph]:
        """``refitted``, and the graph that its weights count now.

        The weights equal those of ``refitted`` to 1e-6, but also have items that came later, and
        are computed from what changed since ``counted``, the graph that those of ``engine`` count;
        None computes them anew. With more than 6,000 items their ridge stays while the new one is
        within 5 % of it.
        """
        rows = self.rows(engine, config)
        weights, sums = None, None
        if engine.weights is not None and len(rows.interactions):
            before = None
            if counted is not None and counted.sums is not None:
                over = replace(engine, snapshot=counted.graph)
                before = self.rows(over, config), counted.sums
            weights, sums = added_item_weights(engine, rows, before, self.item_weights, self.plan)
        made = self._with_vectors(engine, self._known(engine, rows)).with_weights(weights)
        return made, CountedGraph(engine.snapshot, sums)

    def _with_vectors(self, engine: Engine, rows: GraphSnapshot) -> Engine:
        """The engine with closed-form vectors of these rows, where it has such."""
        if self.vectors is None:
            return engine
        made = with_closed_form_vectors(engine, rows, self.vectors, self.plan).refreshed()
        inside = engine.given_scenario_items
        return replace(made.with_context(engine.context), given_scenario_items=inside)

    def rows(self, engine: Engine, config: RecommenderConfig) -> GraphSnapshot:
        """The rows to fit to: without validation rows where the fit had none."""
        graph = engine.snapshot
        if not self.all_rows:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the fit has warned
                graph = graph.without(training_split(graph, config, self.seed), ("train",))
        return graph

    def _known(self, engine: Engine, graph: GraphSnapshot) -> GraphSnapshot:
        """The rows of known items alone."""
        known = engine.inputs.items.item_row.cpu().numpy() >= 0
        events = graph.interactions
        mask = known[np.asarray(events.item)]
        return graph if mask.all() else replace(graph, interactions=events.select(mask))

    def _weights(self, engine: Engine, rows: GraphSnapshot) -> ItemWeights | None:
        """The weights over the vocabulary; None where the fit chose none, or no event is left."""
        over = replace(engine, snapshot=rows, weights=None)
        if not len(rows.interactions):
            return None
        found = with_item_weights(over, self.item_weights, self.plan).weights
        if found is None:
            return None
        fitted = rows.items.ids[np.unique(rows.interactions.item)]
        return found.placed(rows_in(fitted, engine.vocabulary.items))


def added_item_weights(
    engine: Engine,
    rows: GraphSnapshot,
    before: tuple[GraphSnapshot, WeightSums] | None,
    settings: ItemWeightSettings,
    plan: Plan,
) -> tuple[ItemWeights, WeightSums]:
    """The item–item weights of ``rows``, and their sums; ``before`` are the rows that the weights
    of the engine count, and their sums. Weights of single scenarios are computed anew, and all of
    them where there are few items, which takes less time."""
    if len(np.unique(rows.interactions.item)) < _FEW_ITEMS:
        before = None
    old = None if before is None else before[0]
    words, words_before = _words(rows, old) if settings.words else (None, None)
    now = _counted(engine, rows, words, settings, plan)
    known = None
    if before is not None:
        counted = _counted(engine, before[0], words_before, settings, plan)
        known = counted, before[1], _matrix_over(engine, counted)
    matrix, sums = added_weights(known, now, settings.ridge, settings.strength, engine.device)
    weights = ItemWeights(matrix, decay_of(plan, settings), plan.shrinkage, further=settings.later)
    if settings.scenario is not None:
        over = replace(engine, snapshot=rows, weights=None)
        own = scenario_weights(over, settings.scenario, plan)
        weights = weights.with_own(own, settings.scenario.strength)
    ids = engine.vocabulary.items
    later = now.items[rows_in(ids, now.items) < 0]
    every = np.concatenate([ids, later])
    return replace(weights.placed(rows_in(now.items, every)), later=tuple(later.tolist())), sums


def _words(rows: GraphSnapshot, before: GraphSnapshot | None) -> tuple[NamedRows, NamedRows | None]:
    """The words of both graphs."""
    words = NamedRows(*named_item_words(rows))
    if before is None:
        return words, None
    same = same_texts(before, rows)
    return words, words if same else NamedRows(*named_item_words(before))


def _counted(
    engine: Engine,
    rows: GraphSnapshot,
    words: NamedRows | None,
    settings: ItemWeightSettings,
    plan: Plan,
) -> CountedRows:
    found = regression_rows(
        rows,
        graph=settings.graph,
        words=words,
        feedback=engine.model.shape.feedback,
        user_cap=plan.user_cap,
    )
    return CountedRows(found, rows.users.ids, rows.items.ids[found.items])


def _matrix_over(engine: Engine, counted: CountedRows) -> sp.csr_matrix:
    """The weights of the engine over the items of these rows."""
    assert engine.weights is not None
    known = rows_in(engine.vocabulary.items, counted.items)
    return engine.weights.over(known, counted.items).matrix


def _engines(make: MakeEngine, plan: Plan, n_items: int) -> Iterator[tuple[VectorSettings, Engine]]:
    """The engines to compare, without item–item weights and predicted vectors."""
    sizes = next((sizes for most, sizes in _SIZES if n_items <= most), _SIZES_OF_MANY)
    untrained = {size: make(size) for size in sizes}
    found = _singular_vectors(untrained[sizes[-1]], sizes[-1])
    for size, engine in untrained.items():
        for popularity in POPULARITIES:
            follow()
            made = _with_vectors(engine, found.leading(size), popularity, plan)
            yield VectorSettings(size, popularity), made
    size, engine = next(iter(untrained.items()))
    for popularity in _ALONE_POPULARITIES:
        made = _with_vectors(engine, _no_vectors(engine, size), popularity, plan)
        yield VectorSettings(size, popularity, used=False), made
    size = _LEAST_SQUARES
    if size not in untrained or n_items > _MOST_LEAST_SQUARES:
        return
    factors = least_squares_factors(_history(untrained[size]), size)
    for popularity in POPULARITIES:
        follow()
        made = _with_vectors(untrained[size], factors, popularity, plan)
        yield VectorSettings(size, popularity, least_squares=True), made


def _history(engine: Engine) -> sp.csr_matrix:
    """CSR float32 ``[users, n]``: what each user's events say for an item of the vocabulary."""
    shape = (len(engine.snapshot.users), len(engine.vocabulary.items))
    events = engine.snapshot.interactions
    return liked_matrix(engine.model.shape.feedback, events, vocabulary_rows(engine), shape)


def _no_vectors(engine: Engine, size: int) -> ItemFactors:
    nothing = np.zeros((len(engine.vocabulary.items), size), dtype=np.float32)
    return ItemFactors(nothing, nothing)


def _singular_vectors(engine: Engine, size: int) -> ItemFactors:
    """The leading right singular vectors of D_u^-½ X D_i^-½, for the history matrix X with degrees
    D, as candidates, and times D_i^-½ as events; zero columns where there are fewer."""
    matrix = _history(engine)
    scale = [
        sp.diags(np.maximum(np.asarray(matrix.sum(axis=axis)).ravel(), 1.0) ** -0.5)
        for axis in (1, 0)
    ]
    normalised = sp.csr_matrix(scale[0] @ matrix @ scale[1], dtype=np.float32)
    found = right_singular_vectors(normalised, size)
    vectors = np.pad(found, ((0, 0), (0, size - found.shape[1])))
    counts = liked_counts(engine)
    return ItemFactors(vectors / np.sqrt(np.maximum(counts, 1.0))[:, None], vectors)


def _with_vectors(engine: Engine, vectors: ItemFactors, popularity: float, plan: Plan) -> Engine:
    """The engine with closed-form parameters, over the same inputs."""
    model = copy.deepcopy(engine.model)
    counts = liked_counts(engine)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("features.") or name in _SILENT:
                parameter.zero_()
        table = {"query_id": vectors.query, "candidate_id": vectors.candidate}
        for name, values in table.items() if IDS in model.shape.parts else ():
            model.get_parameter(f"features.{name}").copy_(torch.from_numpy(values))
        bias = popularity / plan.temperature * np.log1p(counts)
        model.item_bias.copy_(torch.from_numpy(bias.astype(np.float32)))
    return engine.with_model(model, predicts_cold=False)
