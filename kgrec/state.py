"""FittedState: everything that a recommender answers from, replaced as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from graph_schema.mapping import GraphMapping
from kgrec.config import RatingConfig, RecommenderConfig
from kgrec.differential_privacy.public import public_part
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import ModelError, RequestError
from kgrec.explain.explained_request import Case
from kgrec.explain.explainer import Explainer
from kgrec.explore.explorer import GraphExplorer
from kgrec.features.tables import KeptRows
from kgrec.features.texts import TextFeatures, TextReader, same_texts, texts_without
from kgrec.feedback.seen_items import SeenRule
from kgrec.feedback.weights import without_negative
from kgrec.fitting.pipeline import PipelineResult
from kgrec.fitting.validation import training_split
from kgrec.graph import GraphSnapshot
from kgrec.progress import Progress
from kgrec.query import Query, Resolver
from kgrec.questions.questions import Questions
from kgrec.ratings.model import RatingModel
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.rating import bind_predictor, fit_ratings
from kgrec.rules import BoundRules, Rules
from kgrec.rules.conflicts import checked
from kgrec.scenarios.fitted_recogniser import FittedRecogniser, fit_scenario_recogniser
from kgrec.scenarios.inferred_scenarios import UserScenarios
from kgrec.scenarios.routing import BoundRecogniser
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.build import clusters_for, wants_clusters
from kgrec.scoring.item_clusters.lists import ItemSearch
from kgrec.scoring.item_clusters.stored import ItemClusters
from kgrec.scoring.live_events import LiveEvents
from kgrec.scoring.request import Request
from kgrec.search.ranker import Searcher
from kgrec.session import with_plain_sessions
from kgrec.social.blend import PLAIN, Blend
from kgrec.social.lists import People, fitted_blend
from kgrec.training.scenarios.maml import Start


@dataclass(frozen=True, eq=False)
class GraphIndexes:
    """Indexes of a snapshot for explanations, exploring and search; independent of scenarios."""

    snapshot: GraphSnapshot
    texts: TextFeatures
    mapping: GraphMapping | None = None

    @cached_property
    def explainer(self) -> Explainer:
        """The index of the graph's paths, for explanations."""
        return Explainer(self.snapshot, mapping=self.mapping)

    @cached_property
    def explorer(self) -> GraphExplorer:
        """The graph for exploring."""
        return GraphExplorer(self.explainer)

    @cached_property
    def searcher(self) -> Searcher:
        """The indexes of titles, texts and entity names, for search."""
        return Searcher(self.snapshot, self.texts)

    @staticmethod
    def of(engine: Engine, mapping: GraphMapping | None) -> GraphIndexes:
        """The indexes of an engine's snapshot; of its public part where the model is private."""
        shown = public_part(engine.snapshot) if engine.private else engine.snapshot
        return GraphIndexes(shown, engine.texts, mapping)

    def warm_up(self) -> None:
        """Build all indexes now."""
        self.explainer.warm_up()
        self.explorer.warm_up()
        self.searcher.warm_up()


@with_plain_sessions
@dataclass(frozen=True, eq=False)
class FittedState:
    """A fitted recommender.

    It is immutable: each change makes a new state that replaces the old one in a single assignment,
    so no thread sees half of a change.

    Attributes
    ----------
    config : RecommenderConfig
        The settings used, with the best ones of a search (``fit(tune=)``).
    full_snapshot : GraphSnapshot
        The graph with the rows that are held out for testing.
    engine : Engine
        The model over the graph that answers come from, without test rows.
    reader : TextReader
        The language model, loaded when the first text needs it.
    indexes : GraphIndexes
        Indexes of the graph for explanations, exploring and search.
    item_clusters : ItemClusters or None
        Clusters of the items, where lists are found in them (``config.ranking``).
    start : Start or None
        The parameters from which a new scenario starts, if meta-training learned them.
    recogniser : FittedRecogniser or None
        Recognises scenarios, if training had histories in at least two.
    rating_model : RatingModel or None
        Predicts likes and ratings, if it was fitted.
    follow_blend : Blend or None
        How users are recommended to users, if the graph had enough user → user facts to choose it.
    training_log, rating_log : list of dict
        One record per epoch: loss and validation metrics.
    trials : list of dict
        One record per trial of a search over settings.
    live : LiveEvents or None
        Events since the graph was read, as a service adds them; they are saved nowhere.
    rules : Rules or None
        The rules of people that lists obey; None where none were set.
    """

    config: RecommenderConfig
    full_snapshot: GraphSnapshot
    engine: Engine
    reader: TextReader
    indexes: GraphIndexes
    item_clusters: ItemClusters | None = None
    start: Start | None = None
    recogniser: FittedRecogniser | None = None
    rating_model: RatingModel | None = None
    follow_blend: Blend | None = None
    training_log: list[dict[str, float]] = field(default_factory=list)
    rating_log: list[dict[str, float]] = field(default_factory=list)
    trials: list[dict[str, Any]] = field(default_factory=list)
    live: LiveEvents | None = None
    rules: Rules | None = None

    @property
    def snapshot(self) -> GraphSnapshot:
        """The graph that the recommender answers from, without test rows."""
        return self.engine.snapshot

    @cached_property
    def resolver(self) -> Resolver:
        """Turns queries into requests to the engine."""
        return Resolver(
            self.engine,
            UserScenarios.infer(self.engine, self.config.scenarios.rule),
            BoundRecogniser(self.engine, self.recogniser, self.reader),
            self.live,
            self.bound_rules,
        )

    @cached_property
    def bound_rules(self) -> BoundRules | None:
        """The rules over the graph; None without any. Raises RequestError where an attribute that
        one reads has left the graph, or two are in conflict."""
        if self.rules is None:
            return None
        return checked(self.rules, self.snapshot, self.scenarios, strict=False)

    @property
    def scenarios(self) -> list[str]:
        """The names of the scenarios that requests may have."""
        names: list[str] = self.engine.vocabulary.scenarios.tolist()
        return names

    def with_rules(self, rules: Rules) -> FittedState:
        """A state whose lists obey these rules. Raises RequestError for rules that do not fit the
        graph or each other."""
        checked(rules, self.snapshot, self.scenarios)
        return replace(self, rules=rules)

    @cached_property
    def predictor(self) -> RatingPredictor:
        """The rating model over the graph. Raises ModelError without a rating model."""
        if self.rating_model is None:
            raise ModelError(
                "this Recommender has no rating model; call fit_ratings(), or set ratings.enabled "
                "before fit()."
            )
        return bind_predictor(self.engine, self.rating_model)

    @cached_property
    def questions(self) -> Questions:
        """Questions to new users over the graph; what they read is computed by the first."""
        check_not_private(self.engine.private, "questions to new users")
        bound = self.bound_rules
        rules = None if bound is None else bound.for_all("recommend")
        liked = without_negative(self.engine.model.shape.feedback, self.snapshot)
        return Questions(liked, self.indexes.explainer, rules)

    @cached_property
    def people(self) -> People:
        """The users of the graph, to be recommended to users; computed by the first such list."""
        check_not_private(self.engine.private, "users recommended to users")
        return People(self.engine, self.follow_blend or PLAIN)

    @cached_property
    def item_search(self) -> ItemSearch | None:
        """The search for lists in clusters of items; None where all items are scored. Raises
        MissingExtraError without faiss."""
        clusters, ranking = self.item_clusters, self.config.ranking
        if clusters is None or not wants_clusters(self.engine, ranking, many=0):
            return None
        return ItemSearch.of(self.engine, clusters)

    def texts_of(self, snapshot: GraphSnapshot, progress: Progress | None = None) -> TextFeatures:
        """The vectors of a snapshot's texts: the present ones if the texts are the same, else
        computed by the language model. Raises TextModelError."""
        if same_texts(self.engine.snapshot, snapshot):
            return self.engine.texts
        private = self.engine.private
        return self.reader.read(public_part(snapshot) if private else snapshot, progress)

    def case(self, query: Query) -> Case:
        """A query about one user, ready to be explained. Raises RequestError."""
        request = self.resolver.resolve_one(query)
        seen = SeenRule.of(True, self.config.feedback.exclude_seen)
        stored = query.stored and not self.engine.private
        return Case.of(self.engine, self.indexes.explainer, request, stored=stored, seen=seen)

    def reason(self, request: Request, row: int, item: int, *, stored: bool) -> str:
        """The best path to item row ``item`` for a row of a request in words; "" without one."""
        one = request.part(row, row + 1)
        stored = stored and not self.engine.private
        case = Case.of(self.engine, self.indexes.explainer, one, stored=stored)
        paths = case.explain_score(item, k=1).explanation.paths
        return paths[0].sentence if paths else ""

    def over(self, full: GraphSnapshot, progress: Progress | None = None) -> FittedState:
        """A state with the same model over another graph ``full``, which may contain test rows."""
        visible = full.without_splits(("test",))
        engine = self.engine.over(visible, self.texts_of(visible, progress))
        indexes = GraphIndexes.of(engine, self.indexes.mapping)
        clusters = clusters_for(engine, self.config.ranking, self.item_clusters)
        return replace(
            self, full_snapshot=full, engine=engine, indexes=indexes, item_clusters=clusters
        )

    def without(self, full: GraphSnapshot) -> FittedState:
        """A state over a part ``full`` of the graph, without what was learned of items and entities
        that are not in it: their vectors, biases and weights.

        No text is encoded again, unless one of a held-out event becomes visible.

        Raises
        ------
        RequestError
            Where no item that training saw is left.
        """
        visible = full.without_splits(("test",))
        engine = self.engine
        rows = engine.vocabulary.kept(visible)
        if not len(rows.items):
            raise RequestError(
                "none of the items that the model was trained on would be left; nothing was "
                "removed. Cure: keep some, or fit a new model."
            )
        robust = self.config.text.robust_reviews
        before, after = engine.snapshot, visible
        if engine.private:
            before, after = public_part(before), public_part(after)
        texts = texts_without(engine.texts, before, after, robust=robust)
        if texts is None:
            texts = self.reader.read(after)
        kept = self._keeping(rows)
        engine = kept.engine.over(visible, texts)
        return replace(
            kept,
            full_snapshot=full,
            engine=engine,
            indexes=GraphIndexes.of(engine, self.indexes.mapping),
            item_clusters=clusters_for(engine, self.config.ranking, self.item_clusters),
        )

    def _keeping(self, rows: KeptRows) -> FittedState:
        """A state whose models have these rows of the vocabulary alone."""
        engine, recogniser, ratings = self.engine, self.recogniser, self.rating_model
        if engine.vocabulary.is_whole(rows):
            return self
        if recogniser is not None:
            recogniser = replace(recogniser, model=recogniser.model.keeping(rows.items))
        engine = replace(
            engine,
            model=engine.model.keeping(rows),
            vocabulary=engine.vocabulary.keeping(rows),
            weights=None if engine.weights is None else engine.weights.placed(rows.items),
        )
        ratings = None if ratings is None else ratings.keeping(rows)
        return replace(self, engine=engine, recogniser=recogniser, rating_model=ratings)

    def warm_up(self) -> FittedState:
        """Compute all cached values, so that the first request is as fast as the next and threads
        share them. The language model is still loaded by the first text that needs it, and what
        questions to new users and lists of users need is computed by the first of them. Returns
        the state."""
        self.engine.warm_up()
        self.engine.messages.warm_up()
        self.indexes.warm_up()
        _ = (self.item_search, self.engine.bound.item_parts, self.resolver.recogniser.prototypes)
        if self.engine.item_weights is not None:
            self.engine.item_weights.warm_up(self.engine.device)
        if self.rating_model is not None:
            self.predictor.warm_up()
        return self


def fitted_state(
    full: GraphSnapshot,
    result: PipelineResult,
    reader: TextReader,
    mapping: GraphMapping | None,
    seed: int,
    progress: Progress | None = None,
) -> FittedState:
    """The state of a fit on the part of ``full`` without test rows, with its recogniser and, where
    the settings ask for them, ratings. Raises TextModelError, TrainingError."""
    fitted = result.fitted
    state = FittedState(
        config=result.config,
        full_snapshot=full,
        engine=fitted.engine,
        reader=reader,
        indexes=GraphIndexes.of(fitted.engine, mapping),
        start=fitted.start,
        training_log=result.chosen.training_log,
        trials=result.trials,
    ).over(full, progress)
    state.engine.warm_up()
    if state.engine.private:
        return state
    state = replace(
        state,
        recogniser=fit_scenario_recogniser(state.engine, seed),
        follow_blend=fitted_blend(state.engine, seed),
    )
    if state.config.ratings.enabled:
        state = with_ratings(state, state.config.ratings, seed, progress)
    return state


def with_ratings(
    state: FittedState, config: RatingConfig, seed: int, progress: Progress | None
) -> FittedState:
    """The state with a rating model, fitted with these settings."""
    check_not_private(state.engine.private, "a rating model")
    held = training_split(state.snapshot, state.config, seed)
    count = state.config.context.count
    fitted = fit_ratings(
        state.engine,
        config,
        held,
        seed=seed,
        progress=progress,
        no_context=() if count is None else (count,),
    )
    resolved = state.config.model_copy(update={"ratings": config})
    return replace(state, config=resolved, rating_model=fitted.model, rating_log=fitted.history)
