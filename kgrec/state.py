"""FittedState: everything that a recommender answers from, replaced as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from graph_schema.catalog import Catalog
from graph_schema.mapping import GraphMapping
from kgrec.answers.asked_lists import AskedLists
from kgrec.arguments import check_count, check_flag
from kgrec.config import ExplainConfig, RatingConfig, RecommenderConfig
from kgrec.differential_privacy.public import public_part
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.errors import ModelError, RequestError
from kgrec.evaluation.exposure_counts import count_by_exposure
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.explain.explained_request import Case
from kgrec.explain.explainer import Explainer
from kgrec.explore.explorer import GraphExplorer
from kgrec.explore.graph_indexes import GraphIndexes
from kgrec.features.tables import KeptRows
from kgrec.features.texts import (
    TextFeatures,
    TextReader,
    same_texts,
    scenarios_of,
    texts_without,
)
from kgrec.feedback.seen_items import ExcludeSeen, SeenRule
from kgrec.feedback.weights import without_negative
from kgrec.fitting.closed_form import CountedGraph, FitOrigin
from kgrec.fitting.evidence.decision import Decision
from kgrec.fitting.pipeline import PipelineResult
from kgrec.fitting.validation import training_split
from kgrec.graph import GraphSnapshot
from kgrec.graph.merge import MergedGraph, merge_snapshots
from kgrec.graph.news import merged_events, merged_news
from kgrec.graph.source import read_source
from kgrec.leaks.finding import LeakReport
from kgrec.paths.index import Constraints
from kgrec.paths.people import ShownPeople
from kgrec.progress import Progress
from kgrec.query import Query, Resolver
from kgrec.questions.questions import Questions
from kgrec.ratings.model import RatingModel
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.rating import bind_predictor, fit_ratings, with_new_scenario
from kgrec.rules import BoundRules, Rules
from kgrec.rules.conflicts import checked
from kgrec.scenarios.adaptation import Adaptation, offered_rows
from kgrec.scenarios.assignment import with_scenarios
from kgrec.scenarios.examples import GivenExamples, ScenarioExamples
from kgrec.scenarios.fitted_recogniser import FittedRecogniser, fit_scenario_recogniser
from kgrec.scenarios.inferred_scenarios import UserScenarios
from kgrec.scenarios.new_scenario import with_scenario
from kgrec.scenarios.routing import BoundRecogniser
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.build import clusters_for, wants_clusters
from kgrec.scoring.item_clusters.lists import ItemSearch
from kgrec.scoring.item_clusters.stored import ItemClusters
from kgrec.scoring.live_events import LiveEvents
from kgrec.scoring.lookup import item_rows
from kgrec.scoring.ranked_lists import ListOptions
from kgrec.scoring.relative_scores import HeldScores, held_scores
from kgrec.scoring.request import Request
from kgrec.session import with_plain_sessions
from kgrec.social.blend import PLAIN, Blend
from kgrec.social.lists import People, fitted_blend
from kgrec.stores.people.erased_people import RATINGS, ErasedPeople, Tombstones, without_erased
from kgrec.training.scenarios.maml import Start

COUNTED_BY_EXPOSURE = "items_counted_by_exposure"  # in the log of training


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
    held_scores : HeldScores or None
        Scores of the validation rows of the fit, which the rating model reads, where there are
        ratings; None once the graph has changed.
    names_people : bool
        Whether answers show other people by id and name, for the operator; it is saved nowhere.
    origin : FitOrigin or None
        What the fit chose; None for a model of an older version.
    erased : ErasedPeople or None
        The people who were erased since; None without any.
    counted : CountedGraph or None
        What the item–item weights count; None where they are to be computed anew.
    leaks : LeakReport or None
        What in the data of the fit tells test rows, without rows; None where it was not looked for.
    decisions : tuple of Decision or None
        What the fit compared and chose; None for a model of an older version.
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
    held_scores: HeldScores | None = None
    names_people: bool = False
    origin: FitOrigin | None = None
    erased: ErasedPeople | None = None
    counted: CountedGraph | None = None
    leaks: LeakReport | None = None
    decisions: tuple[Decision, ...] | None = None

    @cached_property
    def explainer(self) -> Explainer:
        """Explains scores, and says of other people what the settings allow."""
        return self.indexes.explainer.showing(self.people_shown)

    @cached_property
    def explorer(self) -> GraphExplorer:
        """The graph for exploring, likewise."""
        return self.indexes.explorer.showing(self.people_shown)

    @property
    def people_shown(self) -> ShownPeople:
        """How answers speak of people other than the one who asks."""
        return ShownPeople(self.config.explain.fewest_people, self.names_people)

    def showing_people(self, names: bool, fewest: int | None) -> FittedState:
        """The same state with other people named, or counted from ``fewest`` on (None: as now)."""
        explain = self.config.explain
        if fewest is not None:
            explain = ExplainConfig(fewest_people=check_count(fewest, "fewest"))
        other = copy(self)  # with what was computed before, since none of it depends on this
        changed = {
            "config": self.config.model_copy(update={"explain": explain}),
            "names_people": check_flag(names, "names"),
        }
        vars(other).update(changed)
        for cached in ("explainer", "explorer", "questions"):
            vars(other).pop(cached, None)
        return other

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

    def counted_by_exposure(
        self, log: FeedbackLog | pd.DataFrame | str | PathLike[str]
    ) -> FittedState:
        """A state in which young items count as if they had been shown as often as others.

        Parameters
        ----------
        log : FeedbackLog, DataFrame or path
            The lists that were shown, explored ones, and their rewards; see ``FeedbackLog.read``.
            The model was fitted, or updated, with the rewarded events. Timestamps, in unix seconds,
            say which items are younger than the log.

        Raises
        ------
        RequestError
            Where the log can't be read, too few known items were rewarded in it, or the state is
            counted by exposure already, or is differentially private.
        """
        check_not_private(self.engine.private, "counts of items by exposure")
        if any(COUNTED_BY_EXPOSURE in record for record in self.training_log):
            raise RequestError(
                "this model's young items are counted by exposure already; fit a new model, and "
                "give it one log of all lists."
            )
        engine, found = count_by_exposure(self.engine, log)
        clusters = clusters_for(engine, self.config.ranking, self.item_clusters)
        logged = [*self.training_log, {COUNTED_BY_EXPOSURE: float(found)}]
        return replace(
            self, engine=engine, item_clusters=clusters, training_log=logged, counted=None
        )

    def with_added_weights(self) -> FittedState:
        """A state whose closed-form parts count all rows of its graph.

        See ``FitOrigin.added``. Raises RequestError for a private model, and ModelError where the
        fit is not known, or young items were counted by exposure.
        """
        check_not_private(self.engine.private, "weights of new rows")
        if self.origin is None or any(COUNTED_BY_EXPOSURE in one for one in self.training_log):
            raise ModelError(
                "new rows can't be added to this model's item-item weights, as an older version "
                "fitted it, or its young items were counted by exposure; fit a new model."
            )
        engine, counted = self.origin.added(self.engine, self.config, self.counted)
        clusters = clusters_for(engine, self.config.ranking, self.item_clusters)
        return replace(self, engine=engine, item_clusters=clusters, counted=counted)

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
        return Questions(liked, self.explainer, rules)

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

    def admitted(self, news: Catalog) -> Catalog:
        """``news`` without people who were erased from the model, with a warning."""
        tombstones = None if self.erased is None else self.erased.tombstones
        return without_erased(news, tombstones, "the model")

    def merged(self, news: Catalog | pd.DataFrame, strict: bool, erase_empty: bool) -> MergedGraph:
        """The whole graph with what ``news`` says; see ``Recommender.update``."""
        graph = self.full_snapshot
        plain = None if self.erased is not None else merged_events(graph, news)
        if plain is not None:
            return plain
        catalog = news if isinstance(news, Catalog) else Catalog.from_frames(interactions=news)
        return merged_news(graph, self.admitted(catalog), strict=strict, erase_empty=erase_empty)

    def texts_of(self, snapshot: GraphSnapshot, progress: Progress | None = None) -> TextFeatures:
        """The vectors of a snapshot's texts: the present ones if the texts are the same, else
        computed by the language model. Raises TextModelError."""
        if same_texts(self.engine.snapshot, snapshot):
            return self.engine.texts
        private = self.engine.private
        return self.reader.read(public_part(snapshot) if private else snapshot, progress)

    def lists(
        self,
        query: Query,
        k: int,
        limits: Constraints | None = None,
        exclude_seen: ExcludeSeen = True,
    ) -> AskedLists:
        """The lists of ``k`` items that a query asks for, not made yet. Raises RequestError."""
        request, feedback = self.resolver.resolve(query), self.config.feedback
        options = ListOptions.build(
            self.snapshot,
            Constraints() if limits is None else limits,
            k,
            exclude_seen=exclude_seen,
            feedback=feedback,
        )
        return AskedLists(self.engine, request, options, self.item_search)

    def item_row(self, item: str) -> int:
        """The row of an item. Raises RequestError for one that is not in the graph."""
        return int(item_rows(self.snapshot.items, [item])[0])

    def case(self, query: Query) -> Case:
        """A query about one user, ready to be explained. Raises RequestError."""
        request = self.resolver.resolve_one(query)
        seen = SeenRule.of(True, self.config.feedback.exclude_seen)
        stored = query.stored and not self.engine.private
        return Case.of(self.engine, self.explainer, request, stored=stored, seen=seen)

    def reason(self, request: Request, row: int, item: int, *, stored: bool) -> str:
        """The best path to item row ``item`` for a row of a request in words; "" without one."""
        one = request.part(row, row + 1)
        stored = stored and not self.engine.private
        case = Case.of(self.engine, self.explainer, one, stored=stored)
        paths = case.explain_score(item, k=1).explanation.paths
        return paths[0].sentence if paths else ""

    def over(self, full: GraphSnapshot, progress: Progress | None = None) -> FittedState:
        """A state with the same model over another graph ``full``, which may contain test rows."""
        visible = full.without_splits(("test",))
        return self._around(full, self.engine.over(visible, self.texts_of(visible, progress)))

    def grown(self, merged: MergedGraph, progress: Progress | None = None) -> FittedState:
        """A state over the graph and what came since; what the regression of cold items learned
        before stays."""
        full = with_scenarios(merged.snapshot, self.config.scenarios)
        visible = merged.without_splits(full, self.engine.snapshot, ("test",))
        engine, private = self.engine, self.engine.private
        before, after = (public_part(s) if private else s for s in (engine.snapshot, visible))
        texts = engine.texts
        if not same_texts(engine.snapshot, visible):
            texts = self.reader.grown(texts, before, after, progress)
        return self._around(full, engine.grown(visible, texts), self.indexes)

    def _around(
        self, full: GraphSnapshot, engine: Engine, earlier: GraphIndexes | None = None
    ) -> FittedState:
        """A state with another engine, over the part of ``full`` without test rows; ``earlier``:
        the indexes that its own grow from."""
        indexes = GraphIndexes.of(engine, self.indexes.mapping, earlier)
        clusters = clusters_for(engine, self.config.ranking, self.item_clusters)
        return replace(
            self,
            full_snapshot=full,
            engine=engine,
            indexes=indexes,
            item_clusters=clusters,
            held_scores=None,
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
        kept = self.keeping(rows)
        if kept.engine is engine and _same_events(engine.snapshot, visible):
            return self._around(full, engine.grown(visible, texts), self.indexes)
        engine = kept.engine.over(visible, texts)
        return replace(
            kept,
            full_snapshot=full,
            engine=engine,
            indexes=GraphIndexes.of(engine, self.indexes.mapping),
            item_clusters=clusters_for(engine, self.config.ranking, self.item_clusters),
            held_scores=None,
            counted=None,
        )

    def keeping(self, rows: KeptRows) -> FittedState:
        """A state whose models have these rows of the vocabulary alone; its engine is to be bound
        again (``Engine.over``)."""
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
        _ = (self.explainer, self.explorer)
        _ = (self.item_search, self.engine.bound.item_parts, self.resolver.recogniser.prototypes)
        if self.engine.item_weights is not None:
            self.engine.item_weights.warm_up(self.engine.device)
        if self.rating_model is not None:
            self.predictor.warm_up()
        return self


def _same_events(before: GraphSnapshot, after: GraphSnapshot) -> bool:
    """Whether a part of a graph still has all its users and interactions."""
    counts = [(len(graph.users), len(graph.interactions)) for graph in (before, after)]
    return counts[0] == counts[1]


def fitted_state(
    full: GraphSnapshot,
    result: PipelineResult,
    reader: TextReader,
    mapping: GraphMapping | None,
    seed: int,
    progress: Progress | None = None,
    tombstones: Path | None = None,
    leaks: LeakReport | None = None,
) -> FittedState:
    """The state of a fit on the part of ``full`` without test rows, with its recogniser and, where
    the settings ask for them, ratings. ``tombstones`` is the file of the people who were erased
    from the store, whom updates leave out; ``leaks`` is what was found in the data.

    Raises TextModelError, TrainingError, ErasureError.
    """
    erased = Tombstones.read(tombstones)
    fitted = result.fitted
    visible = full.without_splits(("test",))
    whole = len(fitted.engine.snapshot.interactions) == len(visible.interactions)
    state = FittedState(
        config=result.config,
        full_snapshot=full,
        engine=fitted.engine,
        reader=reader,
        indexes=GraphIndexes.of(fitted.engine, mapping),
        start=fitted.start,
        training_log=result.chosen.training_log,
        trials=result.trials,
        origin=FitOrigin(
            fitted.item_weights, fitted.vectors, fitted.plan, seed, whole, len(visible.interactions)
        ),
        erased=None if erased is None else ErasedPeople(erased),
        leaks=leaks,
        decisions=result.decisions,
    ).over(full, progress)
    state.engine.warm_up()
    if state.engine.private:
        return state
    state = replace(
        state,
        counted=_counted(state),
        recogniser=fit_scenario_recogniser(state.engine, seed),
        follow_blend=fitted_blend(state.engine, seed),
        held_scores=held_scores(
            result.chosen.engine,
            visible.interactions,
            result.held,
            seed,
        ),
    )
    if state.config.ratings.enabled:
        state = with_ratings(state, state.config.ratings, seed, progress)
    return state


def _counted(state: FittedState) -> CountedGraph | None:
    """What the item–item weights count right after a fit."""
    engine, origin = state.engine, state.origin
    if origin is None or engine.weights is None:
        return None
    rows = origin.rows(engine, state.config)
    return CountedGraph.of_fit(engine.snapshot, rows, origin.item_weights.ridge)


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
        scores=state.held_scores,
    )
    resolved = state.config.model_copy(update={"ratings": config})
    erased = None if state.erased is None else state.erased.without_part(RATINGS)
    return replace(
        state,
        config=resolved,
        rating_model=fitted.model,
        rating_log=fitted.history,
        erased=erased,
    )


def adapted(
    state: FittedState,
    name: str,
    given: GivenExamples,
    description: str | None,
    attributes: Mapping[str, Any],
    candidates: Sequence[str] | None,
) -> FittedState:
    """The state with a scenario added, or tuned, from a few interactions; see
    ``Recommender.adapt``. Raises RequestError, TrainingError."""
    engine = state.engine
    examples = ScenarioExamples.read(engine, given)
    offered = offered_rows(engine, name, candidates, examples)
    full = with_scenario(state.full_snapshot, name, description, attributes)
    visible = with_scenario(engine.snapshot, name, description, attributes)
    vectors = state.reader.read_scenarios(scenarios_of(visible))
    texts = replace(engine.texts, scenarios=vectors)
    new = name not in engine.vocabulary.scenarios
    engine = engine.with_scenarios(snapshot=visible, texts=texts)
    engine = Adaptation(name, examples, offered, state.start).run(engine)
    state = replace(state, full_snapshot=full, engine=engine)
    new_users = examples.new_user_events(engine, name)
    if new_users is not None:
        state = state.over(merge_snapshots(full, read_source(new_users, None)))
    state.engine.warm_up()
    if new and state.rating_model is not None:
        state = replace(state, rating_model=with_new_scenario(state.rating_model))
    return state
