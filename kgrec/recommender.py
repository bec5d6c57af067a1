"""Recommender: the public surface, from a graph to explained recommendations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.disk.paths import given_path
from graph_schema.names import ITEM, USER
from graph_schema.settings import given_settings
from kgrec.answers.pair_scores import GivenPairs, score_pairs
from kgrec.answers.recognised import recognised_scenarios
from kgrec.answers.ruled_answers import held_items, rule_effects
from kgrec.answers.user_lists import best_users, similar_users_frame
from kgrec.answers.vectors import Vectors, vectors_of
from kgrec.arguments import (
    Missing,
    Time,
    all_integers,
    as_id,
    check_choice,
    check_count,
    check_flag,
    check_k,
    check_mapping,
    check_seed,
    check_text,
    id_list,
)
from kgrec.config import Effort, RecommenderConfig
from kgrec.device import choose_device
from kgrec.errors import NotFittedError, RequestError
from kgrec.evaluation.exposure_rerank import (
    ExposureTarget,
    ItemGroupSpec,
    Reranked,
    rerank_exposure,
    trained_counts,
)
from kgrec.evaluation.fairness import FairnessRequest, measure_fairness
from kgrec.evaluation.fairness_report import FairnessReport
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.evaluation.judging import JudgeReport, judge_lists
from kgrec.evaluation.model_evaluation import EvaluationRequest, evaluate_model
from kgrec.explain.comparison import Comparison, WhyNot
from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.explain.word_attribution import Method, Source, attribute_words, find_text
from kgrec.explain.word_contributions import WordContributions
from kgrec.explore import GraphExplorer
from kgrec.explore.model_importance import (
    ImportanceRequest,
    importance_query,
    measure_importance,
)
from kgrec.explore.user_page import UserPage
from kgrec.features.texts import TextReader
from kgrec.feedback.seen_items import ExcludeSeen
from kgrec.fitting.fit import FitOptions
from kgrec.fitting.pipeline import run_pipeline
from kgrec.fitting.plan import with_effort
from kgrec.graph import GraphSnapshot
from kgrec.graph.removal import without
from kgrec.graph.source import read_source
from kgrec.leaks.search import leaks_at_fit
from kgrec.metrics.evaluate import EvaluationReport
from kgrec.paths.index import Constraints, NodeLike
from kgrec.persistence.model_folder import load_teacher, read_state, write_state
from kgrec.persistence.precision import Precision
from kgrec.progress import Progress
from kgrec.query import Horizon, Query
from kgrec.questions.answers import GivenAnswers
from kgrec.questions.labels import Unsure
from kgrec.questions.lists import check_alone
from kgrec.questions.selection import About
from kgrec.ranking import Where
from kgrec.ratings.rating import predict_pairs, with_like
from kgrec.ratings.requests import RatedHistories
from kgrec.rules import Rules
from kgrec.rules.conflicts import check_graph
from kgrec.scenarios import with_scenarios
from kgrec.scenarios.examples import GivenExamples
from kgrec.scenarios.new_scenario import check_name
from kgrec.scoring.given_histories import GivenHistories
from kgrec.scoring.item_clusters.build import check_extra
from kgrec.scoring.lookup import item_rows, known_users
from kgrec.scoring.ranked_lists import (
    ListOptions,
    Ranked,
    ranked_frame,
    similar_items,
    with_integers,
)
from kgrec.search.requests import SEARCHED, SearchRequest, query_catalog, search_items
from kgrec.session import with_plain_sessions
from kgrec.social.reasons import explain_user
from kgrec.state import FittedState, adapted, fitted_state, with_ratings
from kgrec.stores.base import GraphStore, RemovalReport
from kgrec.stores.removal import Ids, counts, read_removal

if TYPE_CHECKING:
    from graph_schema.conversion.frames import Frame


@with_plain_sessions
class Recommender:
    """A knowledge-graph recommender: fit it on a store or catalog, then recommend and explain.

    Interactions whose split is "test" are never part of the graph that the model sees; those
    marked "valid" choose the model and count as history afterwards.

    All methods that answer for users accept a ``Query`` in place of user ids, so that what was
    recommended can be explained, compared and evaluated in the same circumstances; the keywords
    are shorthand for its fields. Likewise ``constraints`` (a ``Constraints``) may replace the
    keywords that limit items or paths. Several threads may use a recommender at once; changes
    (``fit``, ``update``, ``remove``, ``adapt``, ``fit_ratings``) take effect one after another.

    Parameters
    ----------
    config : RecommenderConfig, optional
        The settings; ``fit`` chooses those that are left open from the data. It is never changed:
        the settings that were used are ``state.config``.
    """

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        self.config = given_settings(config, RecommenderConfig, "config")
        self._state: FittedState | None = None
        self._changes = RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_changes"}

    def __setstate__(self, values: dict[str, Any]) -> None:
        vars(self).update(values, _changes=RLock())

    @classmethod
    def of(cls, state: FittedState) -> Recommender:
        """A recommender that answers from ``state``."""
        recommender = cls(state.config)
        recommender._state = state
        return recommender

    @property
    def state(self) -> FittedState:
        """The fitted model, graph and indexes, as one immutable value.

        Raises
        ------
        NotFittedError
            Before ``fit`` or ``load``.
        """
        if self._state is None:
            raise NotFittedError(
                "this Recommender is not fitted; call fit() or Recommender.load()."
            )
        return self._state

    @property
    def snapshot(self) -> GraphSnapshot:
        """The graph that the recommender answers from, without test rows."""
        return self.state.snapshot

    @property
    def graph(self) -> GraphExplorer:
        """The graph for exploring: ``neighbours``, ``paths`` and ``subgraph`` of any nodes."""
        return self.state.explorer

    @property
    def history(self) -> list[dict[str, float]]:
        """The log of training: a record per epoch; empty before ``fit``."""
        return [] if self._state is None else self._state.training_log

    @property
    def tuning(self) -> list[dict[str, Any]]:
        """The trials of ``fit(tune=)``, a record each; empty without."""
        return [] if self._state is None else self._state.trials

    @property
    def rating_history(self) -> list[dict[str, float]]:
        """The log of the rating model's training: a record per epoch; empty without one."""
        return [] if self._state is None else self._state.rating_log

    @property
    def rules(self) -> Rules:
        """The rules that lists obey (``kgrec.Rules``); none by default.

        Set them to check them against the graph and each other, and to have them hold from the
        next request on. ``fit`` keeps them, ``save`` and ``load`` have them as ``rules.toml`` in
        the model's folder.

        Raises
        ------
        RequestError
            For rules on attributes, items or scenarios that are not there, rules in conflict, and
            rules that leave nothing; then nothing has changed.
        """
        found = None if self._state is None else self._state.rules
        return Rules() if found is None else found

    @rules.setter
    def rules(self, rules: Rules) -> None:
        if not isinstance(rules, Rules):
            raise RequestError(f"rules are a {type(rules).__name__}; give kgrec.Rules.of(...).")
        with self._changes:
            self._state = self.state.with_rules(rules)

    def fit(
        self,
        source: GraphStore | Catalog | GraphSnapshot | str | Path,
        *,
        seed: int = 0,
        device: str | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        tune: int | None = None,
        effort: Effort | None = None,
    ) -> Self:
        """Read the graph, encode its texts, train, and be ready to answer.

        Where the catalog marks no rows "valid", some are held out to choose the model, which then
        learns from all rows. Equal data, settings and seed give equal models on one processor.

        Parameters
        ----------
        source : GraphStore, Catalog, GraphSnapshot or path
            Where the graph is read from; a path is that of a folder of ``kgrec snapshot``.
        seed : int
            Seed of everything random, from 0; None draws one.
        device : str, optional
            "cpu", "cuda", ...; by default an accelerator where there is one.
        progress : callable, optional
            Called with (what is being done, steps done, steps in all).
        checkpoint : path, optional
            Folder that keeps the state of training at every validation.
        resume : bool
            Continue from ``checkpoint``, to the same result; anew, with a warning, without one.
        tune : int, optional
            Number of trials before training: the given settings, then others of
            ``kgrec.fitting.tuning.search_space.SPACE``, compared on validation rows. They are kept
            in ``checkpoint`` + ".tuning"; ``state.config`` has the best, ``tuning`` lists all.
        effort : "quick", "normal" or "thorough", optional
            In place of ``config.training.effort``; see ``kgrec.config.TrainingConfig``.

        Returns
        -------
        Recommender
            Itself.

        Raises
        ------
        TrainingError
            Where training can't start or diverges.
        StoreError, CatalogError, SourceError, TextModelError
            Where the graph can't be read, or the language model can't be loaded.
        DeviceError
            Where the device can't be used.
        MissingExtraError
            Where ``config.ranking`` is "clusters" and the extra ann is not installed.
        RequestError
            For a scenario rule that does not fit the data, and ``resume`` without ``checkpoint``.
        """
        seed = check_seed(seed)
        resume = check_flag(resume, "resume")
        if resume and checkpoint is None:
            raise RequestError("resume=True needs checkpoint=: the folder to continue from.")
        config = with_effort(self.config, effort, tune).with_full_paths()
        check_extra(config.ranking)
        target, reader = choose_device(device), TextReader(config)
        whole = read_source(source, progress, config.context.read)
        full = with_scenarios(whole, config.scenarios)
        leaks = leaks_at_fit(full, private=config.privacy is not None)
        visible = full.without_splits(("test",))
        check_graph(self.rules, visible)
        options = FitOptions(
            seed=seed,
            device=target,
            checkpoint=None if checkpoint is None else given_path(checkpoint, "checkpoint"),
            resume=resume,
            teacher=load_teacher(config, target),
            progress=progress,
        )
        encode = partial(reader.read, progress=progress)
        result = run_pipeline(visible, config, encode, options, tune)
        mapping, erased = (getattr(source, name, None) for name in ("mapping", "tombstones"))
        state = fitted_state(full, result, reader, mapping, seed, progress, erased, leaks)
        with self._changes:
            kept = None if self._state is None else self._state.rules
            self._state = replace(state, rules=kept)
        return self

    def recommend(
        self,
        users: str | Sequence[str] | Query | None = None,
        *,
        histories: GivenHistories | None = None,
        k: int = 10,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
        exclude_seen: ExcludeSeen = True,
        where: Where | None = None,
        exclude: Sequence[str] | None = None,
        horizon: Horizon = "next",
        missing: Missing = "error",
        target: Literal["items", "users"] = "items",
        answers: GivenAnswers | None = None,
        constraints: Constraints | None = None,
        explore: float | None = None,
        seed: int | str | None = None,
    ) -> pd.DataFrame:
        """The ``k`` best items for each user.

        Parameters
        ----------
        users : str, sequence of str or Query, optional
            Ids in the graph, or a Query.
        histories, scenario, context, horizon
            The other fields of a ``Query``.
        k : int
            Length of the lists, at least 1. Lists are shorter where fewer items are left.
        candidates : sequence of str, optional
            Item ids to choose among; they replace the items of a scenario.
        exclude_seen : bool or mapping
            Leave out the items of the user's history; by kind of event, whether or for how long
            after it: ``{"buy": True, "view": "30d"}``. True stands for
            ``FeedbackConfig.exclude_seen``, where that says something.
        where : mapping or callable, optional
            Conditions on the items' attributes, such as ``{"genre": "Comedy", "year": (1990,
            None)}``: a value, a list of values, a range of numbers or dates with open ends as
            None, None for items without a value, or ``{"not": ...}``; see
            ``kgrec.ranking.filters.conditions``.
        exclude : sequence of str, optional
            Item ids that are in no list.
        missing : {"error", "ignore"}
            What to do with users and items that are not in the graph: an error that names them
            all, or leave them out.
        answers : mapping or sequence of pairs, optional
            What a new user said about items and entities, as in ``ask``, in place of ``users`` and
            ``histories``: the list of user "0" is made from them alone, in closed form. Items that
            were answered yes or no count as seen.
        target : {"items", "users"}
            "users": whom to follow, by who follows whom, taste and what both chose, as ``fit``
            weighted them. ``candidates``, ``where`` and ``exclude`` are then about users,
            ``exclude_seen`` leaves out those that are followed already, and the column item_id is
            recommended_id.
        constraints : Constraints, optional
            ``candidates``, ``where`` and ``exclude`` in one value.
        explore : float, optional
            Share of the places, from 0 to 0.5, that show another item than the best for them, drawn
            at random (``kgrec.ranking.exploration``). The frame then has two more columns:
            probability (float64: of this item at this rank) and list_id (str).
        seed : int or str, optional
            Seed of ``explore``, or a list_id to draw the same places again; by default one is
            drawn for the request.

        Returns
        -------
        pandas.DataFrame
            Columns user_id ("0", "1", ... for histories without a user), item_id, score (float32,
            any real number; comparable within a list) and rank (int64, from 1). Ids of users come
            back as they were given, str or int64; those of items are int64 where the request, or
            the frames that the model was fitted on, have integers.

        Raises
        ------
        RequestError
            For unknown users, items, scenarios or attributes, and conditions that leave nothing.
        """
        state = self.state
        limits = Constraints.of(
            constraints, missing, candidates=candidates, where=where, exclude=exclude
        )
        if answers is not None:
            check_alone(users=users, histories=histories, scenario=scenario, context=context)
            check_alone(target=None if target == "items" else target, explore=explore)
            seen = check_flag(exclude_seen, "exclude_seen")
            return state.questions.recommend(answers, k, exclude_seen=seen, constraints=limits)
        query = Query.of(users, histories, scenario, context, horizon, missing)
        if check_choice(target, "target", ("items", "users")) == "items":
            return state.lists(query, k, limits, exclude_seen).frame(explore, seed)
        if explore is not None:
            raise RequestError("explore is for lists of items; leave it out with users.")
        seen, request = check_flag(exclude_seen, "exclude_seen"), state.resolver.resolve(query)
        hidden = state.resolver.hidden_users(request)
        people = state.people.best(request, check_k(k), limits, exclude_seen=seen, hidden=hidden)
        return ranked_frame(("user_id", "recommended_id"), request.ids, people, request.integers)

    def rank(
        self,
        users: str | Sequence[str] | Query | None = None,
        *,
        histories: GivenHistories | None = None,
        k: int = 10,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
        exclude_seen: ExcludeSeen = True,
        where: Where | None = None,
        exclude: Sequence[str] | None = None,
        horizon: Horizon = "next",
        missing: Missing = "error",
        answers: GivenAnswers | None = None,
        constraints: Constraints | None = None,
        explore: float | None = None,
        seed: int | str | None = None,
    ) -> Ranked:
        """``recommend`` as arrays, which takes less time than a frame.

        Parameters are those of ``recommend``.

        Returns
        -------
        Ranked
            ``ids`` object and ``scores`` float32, both ``[users, k]``, padded with None and -inf
            where fewer items are left. With ``explore`` an ``ExploredLists``, which has
            ``probabilities`` float64 ``[users, k]`` and ``list_ids`` object ``[users]`` too.

        Raises
        ------
        RequestError
            As ``recommend``.
        """
        state = self.state
        limits = Constraints.of(
            constraints, missing, candidates=candidates, where=where, exclude=exclude
        )
        if answers is not None:
            check_alone(users=users, histories=histories, scenario=scenario, context=context)
            check_alone(explore=explore)
            seen = check_flag(exclude_seen, "exclude_seen")
            return state.questions.rank(answers, k, exclude_seen=seen, constraints=limits)
        query = Query.of(users, histories, scenario, context, horizon, missing)
        return state.lists(query, k, limits, exclude_seen).ranked(explore, seed)

    def ask(
        self,
        k: int = 1,
        answers: GivenAnswers | None = None,
        *,
        about: About = "items",
        candidates: Sequence[str] | None = None,
        where: Where | None = None,
        exclude: Sequence[str] | None = None,
        targets: Where | None = None,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """The questions to a new user whose answers are expected to improve the list most.

        From the covariance of users' choices, facts and attributes of items, in closed form, which
        the first question computes. Without a fitted model, as where there are no interactions yet:
        ``kgrec.Questions``.

        Parameters
        ----------
        k, answers, about, targets
            As in ``Questions.ask``: how many, what was said so far, such as ``{"588": "yes",
            "Entity:e1": "no", "50": "unknown"}``, and conditions on the items of the list.
        candidates, where, exclude, constraints
            Which items may be asked about, as in ``recommend``.

        Returns
        -------
        pandas.DataFrame
            Columns label ("Item" or "Entity"), id, name, gain, yes (probability) and rank.

        Raises
        ------
        RequestError
            As ``Questions.ask``.
        """
        limits = Constraints.of(constraints, candidates=candidates, where=where, exclude=exclude)
        asked = self.state.questions
        return asked.ask(k, answers, about=about, targets=targets, constraints=limits)

    def explain_answers(
        self, answers: GivenAnswers, item: str, *, k: int = 5, writer: Writer | str = "en"
    ) -> Explanation:
        """Why ``item`` has its score in ``recommend(answers=...)``: see ``Questions.explain``.

        Contributions of the answers add up to score − baseline.

        Raises
        ------
        RequestError
            For unknown ids, and answers that contradict each other.
        """
        return self.state.questions.explain(answers, item, k=k, writer=writer)

    def unsure(self, of: Unsure = "users", k: int = 10) -> pd.DataFrame:
        """The users, items or scenarios of which more interactions would tell most.

        Parameters
        ----------
        of : {"users", "items", "scenarios"}
            See ``Questions.unsure``.
        k : int
            Length of the list.

        Returns
        -------
        pandas.DataFrame
            Columns label, id (str), uncertainty (float64), interactions and rank (int64).

        Raises
        ------
        RequestError
            As ``Questions.unsure``.
        """
        return self.state.questions.unsure(of, k)

    def explain_user(
        self,
        user: str | Query,
        other: str,
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        writer: Writer | str = "en",
    ) -> Explanation:
        """Why the user ``other`` is recommended to ``user``: paths through users and items of both.

        Parameters
        ----------
        user, history
            As in ``explain``.
        other : str
            Id of the user in the list of ``recommend(target="users")``.
        k : int
            Number of paths, at most.
        writer : Writer or str
            Words of the sentences.

        Returns
        -------
        Explanation
            ``item_id`` is the other user; ``baseline`` is what the number of their followers adds,
            and ``parts`` what each feature adds.

        Raises
        ------
        RequestError
            For unknown users.
        """
        state, words = self.state, Writer.of(writer)
        request = state.resolver.resolve_one(Query.of_one(user, history))
        row = int(known_users(state.snapshot.users, [as_id(other, "other")])[0])
        return explain_user(state.people, state.explainer, request, row, check_k(k), words)

    def similar(
        self,
        items: str | Sequence[str] | None = None,
        k: int = 10,
        *,
        users: str | Sequence[str] | Query | None = None,
        candidates: Sequence[str] | None = None,
        where: Where | None = None,
        exclude: Sequence[str] | None = None,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """The items with the most similar vectors; with ``users`` in place of ``items``, users.

        Parameters
        ----------
        items : str or sequence of str
            Ids of items.
        users : str, sequence of str or Query, optional
            In place of items: the answer is that of ``similar_users``.
        k : int
            Length of the lists, at least 1.
        candidates, where, exclude, constraints
            Which items may be in the lists, as in ``recommend``.

        Returns
        -------
        pandas.DataFrame
            Columns item_id, similar_id (str), score (float32: cosine, -1 to 1) and rank (int64).

        Raises
        ------
        RequestError
            For unknown items or attributes, conditions that leave nothing, and ``k`` below 1.
        """
        limits = Constraints.of(constraints, candidates=candidates, where=where, exclude=exclude)
        if users is not None:
            if items is not None or limits != Constraints():
                raise RequestError(
                    "users is given beside items or conditions on items; leave one out."
                )
            return self.similar_users(users, k)
        state = self.state
        integers = state.snapshot.answers_integers(ITEM, all_integers(items))
        ids = id_list(items, "items")
        options = ListOptions.build(state.snapshot, limits, k)
        rows = item_rows(state.snapshot.items, ids)
        rules = None if state.bound_rules is None else state.bound_rules.for_all("similar")
        ranked = similar_items(state.engine, rows, options.k, options.mask, rules)
        similar = ranked.with_ids(state.engine, integers)
        return ranked_frame(("item_id", "similar_id"), ids, similar, integers)

    def recommend_users(
        self,
        items: str | Sequence[str],
        k: int = 10,
        *,
        users: str | Sequence[str] | Query | None = None,
        histories: GivenHistories | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        exclude_seen: bool = True,
    ) -> pd.DataFrame:
        """The ``k`` users with the highest scores for each item.

        Scores are those of ``recommend`` for these users and items, whatever the scenario's own
        items are.

        Parameters
        ----------
        items : str or sequence of str
            Ids of items.
        k : int
            Length of the lists, at least 1. Lists are shorter where fewer users are left.
        users : str, sequence of str or Query, optional
            The users to choose among; None: all in the graph, or those of ``histories``.
        histories, scenario, context, horizon
            The other fields of a ``Query``.
        exclude_seen : bool
            Leave out users whose history has the item.

        Returns
        -------
        pandas.DataFrame
            Columns item_id, user_id (str), score (float32) and rank (int64, from 1).

        Raises
        ------
        RequestError
            For unknown items, users or scenarios, and ``k`` below 1.
        """
        state, k, ids = self.state, check_k(k), id_list(items, "items")
        integers = state.snapshot.answers_integers(ITEM, all_integers(items))
        rows = item_rows(state.snapshot.items, ids)
        if users is None and histories is None:
            users = state.snapshot.users.ids.tolist()
        query = Query.of(users, histories, scenario, context, horizon)
        request = state.resolver.resolve(query)
        seen = check_flag(exclude_seen, "exclude_seen")
        hidden = None if state.bound_rules is None else state.bound_rules.hidden_users_for_all()
        ranked = best_users(state.engine, request, rows, k, exclude_seen=seen, hidden=hidden)
        if state.snapshot.answers_integers(USER, request.integers or all_integers(items)):
            ranked = with_integers(ranked)
        return ranked_frame(("item_id", "user_id"), ids, ranked, integers)

    def similar_users(
        self,
        users: str | Sequence[str] | Query | None = None,
        k: int = 10,
        *,
        histories: GivenHistories | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
    ) -> pd.DataFrame:
        """The users in the graph whose vectors are most similar to those of ``users``.

        The vectors hold history, attributes and scenario (see ``vectors``). Users of whom nothing
        is known are similar to nobody.

        Parameters
        ----------
        users, histories, scenario, context, horizon
            As in ``recommend``; the users in the graph are compared in the same scenario and
            horizon.
        k : int
            Length of the lists, at least 1.

        Returns
        -------
        pandas.DataFrame
            Columns user_id, similar_id (str), score (float32: cosine, -1 to 1) and rank (int64).

        Raises
        ------
        RequestError
            For unknown users, items or scenarios, and ``k`` below 1.
        """
        state, k = self.state, check_k(k)
        query = Query.of(users, histories, scenario, context, horizon)
        return similar_users_frame(state.resolver, query, k)

    def score(
        self,
        pairs: GivenPairs,
        *,
        histories: GivenHistories | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
    ) -> pd.DataFrame:
        """The scores of given pairs of users and items: those of ``recommend`` for these users.

        Any item has a score, also one of the user's history.

        Parameters
        ----------
        pairs : pandas.DataFrame or sequence of (user, item)
            Columns user_id and item_id; a column ``scenario`` names the scenario of each pair
            (where it is empty, it is inferred).
        histories : mapping, optional
            Item ids by user, as in a ``Query``; users who are not in it have their stored history.
        scenario, context, horizon
            As in ``recommend``.

        Returns
        -------
        pandas.DataFrame
            The pairs in their order with one column more: score (float32).

        Raises
        ------
        RequestError
            For unknown users and items, all of which are named, an unknown scenario, and pairs
            that lack an id or have a column score.
        """
        query = Query(None, histories, scenario, context, horizon)
        return score_pairs(self.state.resolver, pairs, query)

    def vectors(
        self, kind: str = "item", ids: str | Sequence[str] | Query | None = None
    ) -> Vectors:
        """The vectors that scores are computed from, to use in other programs.

        ``Vectors`` says what their products mean, and what of a score is not in them.

        Parameters
        ----------
        kind : {"item", "history_item", "user"}
            Items as candidates, items as events of a history, or users.
        ids : str, sequence of str or Query, optional
            Which items or users; None: all in the graph. Users may come as a ``Query``, with
            histories and a scenario.

        Returns
        -------
        Vectors
            ``ids``, ``vectors`` float32 ``[n, d]``, ``to_frame()`` and ``save(path)``.

        Raises
        ------
        RequestError
            For an unknown kind, and unknown ids.
        """
        return vectors_of(self.state.resolver, kind, ids)

    def search(
        self,
        text: str,
        *,
        user: str | Query | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        k: int = 10,
        where: Where | None = None,
        candidates: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """Items for a query by title, whole text, names of entities and meaning, best first.

        Typing errors are forgiven. With ``user`` the items found are ordered for that user;
        without, items that are chosen often come first among equals. Markup and control characters
        are removed from the text, and what follows ``MAX_QUERY`` characters is left out.

        Returns
        -------
        pandas.DataFrame
            Columns item_id (str), score (float32), rank (int64, from 1) and found_by ("title",
            "text", "meaning", or the name of an entity).

        Raises
        ------
        RequestError
            For a text without words, an unknown user or scenario, or filters that leave nothing.
        """
        state = self.state
        request = None
        if user is not None:
            request = state.resolver.resolve_one(Query.of_one(user, None, scenario, context))
            request = state.resolver.with_rules(request, "search")
        search = SearchRequest(
            text,
            check_k(k),
            request,
            scenario,
            Constraints.of(constraints, candidates=candidates, where=where, exclude=exclude),
            state.bound_rules,
        )
        return search_items(state.engine, state.indexes.searcher, state.reader, search)

    def log_query(
        self,
        user: str | None,
        text: str,
        item: str | None = None,
        timestamp: int | None = None,
        *,
        store: GraphStore | None = None,
        event: str | None = SEARCHED,
    ) -> Catalog:
        """What a user searched for, and the item chosen, as a catalog with one (:Query).

        Write it to a store for the next ``fit``: the words that led to an item are then training
        data. ``update`` with the catalog makes this model read it before that. The same query
        logged twice is one.

        Parameters
        ----------
        user : str or None
            Who searched.
        text : str
            The query.
        item : str, optional
            The item chosen from what the query found.
        timestamp : int, optional
            Unix seconds; now by default.
        store : GraphStore, optional
            Where the catalog is written, too.
        event : str or None
            Kind of the interaction with the chosen item; None where it is kept elsewhere.

        Raises
        ------
        RequestError
            For a text without words, an item that is not in the graph, or one without a user.
        CatalogError, StoreError
            Where the store refuses it.
        """
        if store is not None and not isinstance(store, GraphStore):
            raise RequestError(f"store is a {type(store).__name__}; see kgrec.connect().")
        news = query_catalog(self.snapshot.items, user, text, item, timestamp, event)
        if store is not None:
            store.write(news)
        return news

    def recognise(
        self,
        users: str | Sequence[str] | Query | None = None,
        *,
        histories: GivenHistories | None = None,
        text: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """How likely each scenario is for each request.

        ``users`` and ``histories`` as for ``recommend``, or neither: then ``text``, a search query,
        or ``context``, user attributes and ``hour`` (0 to 23, UTC), are the only evidence, for user
        "0". Each adds to the others as independent evidence. Probabilities by history are
        calibrated on users held out by ``fit``, and include "none of these" for a history unlike
        all others. The scenario chosen must reach its threshold; rare scenarios are weighted up. A
        scenario without histories in training is recognised by texts, if the graph has its
        description or events by now.

        Returns
        -------
        pandas.DataFrame
            Columns user_id, scenario (None: none of these), probability (float64, 0 to 1), rank
            (int64, from 1) and chosen (bool: the answer).

        Raises
        ------
        RequestError
            Where the model knows histories in fewer than two scenarios, or nothing is asked.
        """
        return recognised_scenarios(self.state.resolver, users, histories, text, context)

    def rule_effects(
        self,
        users: str | Sequence[str] | Query,
        k: int = 10,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """What the rules do to the lists of ``recommend``.

        ``users``, ``k`` and ``constraints`` as there.

        Returns
        -------
        pandas.DataFrame
            A row for each item that is in the list with rules or without, and each rule about it:
            user_id, item_id (str), rank and rank_without (Int64, missing where that list lacks
            it), score and score_without (float64), rule, effect, author and reason (str, "" where
            no rule is about the item).

        Raises
        ------
        RequestError
            As ``recommend``.
        """
        return rule_effects(self.state.lists(Query.of(users), k, Constraints.of(constraints)))

    def held(
        self,
        users: str | Sequence[str] | Query,
        k: int = 10,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """The items that rules hold back from the lists of ``recommend`` until somebody decides.

        ``users``, ``k`` and ``constraints`` as there.
        ``kgrec.rules.RuleFolder.add_held`` keeps the rows beside the model.

        Returns
        -------
        pandas.DataFrame
            Columns rule, item_id, user_id, scenario (str, "" for none), score (float64), rank
            (int64: the place it would have), reason (str: its best path) and time (str, UTC).

        Raises
        ------
        RequestError
            As ``recommend``.
        """
        state, query = self.state, Query.of(users)
        asked = state.lists(query, k, Constraints.of(constraints))
        reason = partial(state.reason, asked.request, stored=query.stored)
        return held_items(state.resolver, asked, reason)

    def explain(
        self,
        user: str | Query,
        item: str,
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        relations: Sequence[str] | None = None,
        via: Sequence[NodeLike] | NodeLike | None = None,
        avoid: Sequence[NodeLike] | NodeLike | None = None,
        since: Time | None = None,
        max_hops: int | None = None,
        constraints: Constraints | None = None,
        writer: Writer | str = "en",
    ) -> Explanation:
        """Why ``item`` scores as it does for ``user``: paths with contributions that add up.

        Constraints limit what is shown, never what contributed.

        Parameters
        ----------
        user : str or Query
            A user's id, or a Query about one user.
        item : str
            The item's id.
        k : int
            Number of paths, at most.
        history : sequence of str, optional
            Item ids, oldest first, that take the place of the stored history; the user need not
            be stored.
        scenario, context, horizon
            As in ``recommend``; "auto" and "mixture" too.
        relations : sequence of str, optional
            Relationship types allowed besides the user's own history.
        via, avoid : node or sequence of nodes, optional
            Nodes that every path must, or must not, contain: ids or (label, id) pairs.
        since : int, str or datetime, optional
            Only events from this time on: unix seconds, or what else a timestamp may be.
        max_hops : int, optional
            Length of paths, 1 to 4; 4 by default.
        constraints : Constraints, optional
            The five before in one value.
        writer : Writer or str
            Words of the sentences: a language ("en", "de") or a Writer.

        Returns
        -------
        Explanation
            Score, baseline, paths with contributions, sentences, Cypher, pictures.

        Raises
        ------
        RequestError
            For unknown ids or impossible constraints.
        """
        limits = Constraints.of(
            constraints,
            relations=relations,
            via=via,
            avoid=avoid,
            since=since,
            max_hops=max_hops,
        )
        query = Query.of_one(user, history, scenario, context, horizon)
        return self._explained(query, [item], k, limits, writer)[0]

    def explain_all(
        self,
        user: str | Query,
        items: Sequence[str],
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        constraints: Constraints | None = None,
        writer: Writer | str = "en",
    ) -> list[Explanation]:
        """``explain`` for several items of one user, sooner than one by one."""
        query = Query.of_one(user, history, scenario, context, horizon)
        return self._explained(
            query, id_list(items, "items"), k, Constraints.of(constraints), writer
        )

    def page(
        self,
        user: str | Query,
        path: str | Path,
        *,
        k: int = 10,
        paths: int = 3,
        title: str | None = None,
        foot: str = "",
    ) -> Path:
        """Save one HTML page about a user: the list, the reasons, and the graph to click through.

        It has ``k`` items with about ``paths`` reasons each, and ``foot`` as its last line. Other
        users are on it as counts alone. Returns the file; raises RequestError as ``recommend``.
        """
        state, query, place = self.state, Query.of_one(user), given_path(path, "path")
        case, most, foot = state.case(query), check_count(paths, "paths"), check_text(foot, "foot")
        title = None if title is None else check_text(title, "title")
        rows = state.lists(query, k).rows().rows[0]
        return UserPage.of(case, rows[rows >= 0].tolist(), most).write(
            place, title=title, foot=foot
        )

    def counterfactual(
        self,
        user: str | Query,
        item: str,
        *,
        k: int = 10,
        max_events: int = 5,
        add: bool = False,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        constraints: Constraints | None = None,
    ) -> Counterfactual:
        """The fewest events without which ``item`` leaves the list, or an item that brings it in.

        Every change is tried by a whole forward pass over the changed history, in the scenario of
        the unchanged one.

        Parameters
        ----------
        k : int
            Length of the list.
        max_events : int
            Events to remove, at most.
        add : bool
            Look for single items that would bring ``item`` in if chosen now.
        constraints : Constraints, optional
            ``candidates``, ``where`` and ``exclude`` of the list.
        user, history, scenario, context, horizon
            As in ``explain``.

        Raises
        ------
        RequestError
            For unknown ids, or counts below 1.
        """
        limit = check_count(max_events, "max_events")
        state, query = self.state, Query.of_one(user, history, scenario, context, horizon)
        case, row = state.case(query), state.item_row(item)
        limits = Constraints.of(constraints)
        if check_flag(add, "add"):
            return case.added(row, check_k(k), limits)
        return case.without(row, check_k(k), limit, limits)

    def why_not(
        self,
        user: str | Query,
        item: str,
        *,
        k: int = 10,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        constraints: Constraints | None = None,
        writer: Writer | str = "en",
    ) -> WhyNot:
        """Why ``item`` is not among the ``k`` best.

        Its rank, how it differs from the last item of the list, what lowers its score or is
        missing, and what would bring it in. Parameters as in ``counterfactual``.

        Raises
        ------
        RequestError
            For unknown ids, or ``k`` below 1.
        """
        state, query = self.state, Query.of_one(user, history, scenario, context, horizon)
        case, row = state.case(query), state.item_row(item)
        return case.why_not(row, check_k(k), Constraints.of(constraints), Writer.of(writer))

    def compare(
        self,
        user: str | Query,
        item_a: str,
        item_b: str,
        *,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        writer: Writer | str = "en",
    ) -> Comparison:
        """Why one item scores other than another, by part of the model and by event.

        Raises
        ------
        RequestError
            For unknown ids.
        """
        state, query = self.state, Query.of_one(user, history, scenario, context, horizon)
        case = state.case(query)
        return case.compare(state.item_row(item_a), state.item_row(item_b), Writer.of(writer))

    def words(
        self,
        user: str | Query,
        item: str,
        *,
        source: Source = "item",
        of: str | None = None,
        method: Method = "gradients",
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
    ) -> WordContributions:
        """Which words of a text moved the score of ``item``, all else unchanged.

        A text's way through other items of the graph is not followed.

        Parameters
        ----------
        source : {"item", "reviews", "history"}
            The item's own text; a review of it; or what the user wrote about an item of the
            history. Reviews are the user's own, unless ``kgrec.show_people`` shows others'.
        of : str, optional
            Id of the review, or of the history's item; by default what moves the score most.
        method : {"gradients", "occlusion"}
            Integrated gradients, or leaving out one word at a time (``kgrec.text.saliency``).
        user, history, scenario, context, horizon
            As in ``explain``.

        Raises
        ------
        RequestError
            Where there is no such text, or the model reads none.
        TextModelError
            Where the language model can't be loaded.
        """
        state = self.state
        row = state.item_row(item)
        query = Query.of_one(user, history, scenario, context, horizon)
        request = replace(state.resolver.resolve_one(query), rules=None)
        robust = state.config.text.robust_reviews
        whose = state.people_shown
        found = find_text(state.engine, request, row, source, of, whose, robust=robust)
        node = int(state.engine.messages.item_nodes(np.array(row)))
        name = state.indexes.explainer.index.space.display_name(node)
        return attribute_words(state.reader.encoder, request.ids[0], item, name, found, method)

    def importance(
        self,
        by: str = "relation",
        *,
        scenario: str | Sequence[str] | None = None,
        users: int | Sequence[str] | Query = 100,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        k: int = 10,
        seed: int = 0,
        constraints: Constraints | None = None,
    ) -> pd.DataFrame:
        """What moves the scores of many users' ``k`` best items most.

        Parameters
        ----------
        by : {"relation", "part", "entity", "text"}
            Relations; parts of the model; nodes between history and item; history items by text.
        scenario : str or sequence of str, optional
            Scenarios to measure, one after another.
        users : int, sequence of str or Query
            How many users with a history to draw (by ``seed``), or which.
        context, horizon
            As in ``recommend``.
        constraints : Constraints, optional
            ``candidates`` and ``where`` of the lists.

        Returns
        -------
        pandas.DataFrame
            Columns scenario ("" without one), name, kind, node ("Item:588" or ""), mean and
            mean_absolute (of the contribution to a score, float64), share (signed, of score −
            baseline over all) and scores (in how many it had a part). By relation and part the
            means add up to the mean gain: what no relation carried has rows too.

        Raises
        ------
        RequestError
            For unknown ids or scenarios, and where no user has a history.
        """
        state = self.state
        query, scenarios = importance_query(state.engine, users, scenario, context, horizon, seed)
        request = ImportanceRequest(by, query, scenarios, check_k(k), Constraints.of(constraints))
        return measure_importance(state.resolver, state.indexes.explainer.index, request)

    def fit_ratings(
        self, like: float | None = None, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """Train the rating model on the ratings of the graph that this Recommender answers from.

        The rows that chose the ranking model choose the epoch by logloss, and count as history
        afterwards; test rows are never read. The answers of ``recommend`` stay as they are.

        Parameters
        ----------
        like : float, optional
            A rating of at least this is a like; by default ``config.ratings.like``.
        seed : int
            Seed of everything random.
        progress : callable, optional
            As in ``fit``.

        Raises
        ------
        TrainingError
            Where there are no ratings, where all or none are likes, or where training diverges.
        RequestError
            Where ``like`` is no finite number.
        """
        seed = check_seed(seed)
        with self._changes:
            config = with_like(self.config.ratings, like)
            self._state = with_ratings(self.state, config, seed, progress)
        return self

    def predict(
        self,
        pairs: pd.DataFrame,
        *,
        histories: RatedHistories | None = None,
        past_only: bool = False,
    ) -> pd.DataFrame:
        """How likely users like items, and how they would rate them.

        Parameters
        ----------
        pairs : pandas.DataFrame
            Columns user_id and item_id; ``timestamp`` (unix seconds, datetimes or ISO 8601 text;
            without it no rating counts as near in time) and ``scenario`` (else inferred) are
            optional. Other columns are kept; none may be called like or rating.
        histories : mapping or DataFrame, optional
            Ratings that take the place of stored ones and need no stored user: ``{user: {item:
            rating}}``, or a frame with user_id, item_id, rating and perhaps timestamp.
        past_only : bool
            Read only ratings before the pair's timestamp; by default all other ratings of its
            user.

        Returns
        -------
        pandas.DataFrame
            ``pairs`` with two columns more: like (float64, probability) and rating (float32, on
            the scale of the data).

        Raises
        ------
        RequestError
            For unknown ids, scenarios, values that are no numbers, and pairs that have a column
            like or rating already.
        ModelError
            Where no rating model was fitted.
        """
        state = self.state
        return predict_pairs(
            state.engine,
            state.predictor,
            state.resolver.user_scenarios,
            pairs,
            histories,
            past_only=check_flag(past_only, "past_only"),
        )

    def adapt(
        self,
        scenario: str,
        examples: GivenExamples = (),
        *,
        description: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
    ) -> Self:
        """Add a new scenario, or tune a known one, from a few interactions, in place.

        Without examples a new scenario uses the parameters that all scenarios share; with a
        description or attributes, those halfway to the mean of similar scenarios. Examples move it
        from there: the maximum a posteriori under a Gaussian prior with the spread of the other
        scenarios, by the softmax over ``candidates``. Only what belongs to the scenario changes:
        answers in other scenarios stay the same bit by bit.

        Parameters
        ----------
        scenario : str
            Its name.
        examples : DataFrame or sequence of pairs
            Columns user_id, item_id (and timestamp), or (user, item) pairs. Users may be new: then
            their examples become their history, as by ``update``; nothing is stored of known users.
        description : str, optional
            What the scenario is about, in words.
        attributes : mapping, optional
            Attributes of the scenario's node in the graph.
        candidates : sequence of str, optional
            Item ids that the examples choose among; by default all, or the scenario's own where
            the model was trained so. Later requests choose among all items, or their own
            ``candidates``.

        Raises
        ------
        RequestError
            For an invalid name, unknown items, and examples without an id; then nothing has
            changed.
        TrainingError
            Where the examples can't be learned; then nothing has changed.
        """
        with self._changes:
            self._state = adapted(
                self.state,
                check_name(scenario),
                examples,
                None if description is None else check_text(description, "description"),
                check_mapping(attributes, "attributes", "{'season': 'winter'}") or {},
                candidates,
            )
        return self

    def evaluate(
        self,
        *,
        split: Literal["test", "valid"] = "test",
        history: Literal["now", "train"] = "now",
        ks: Sequence[int] = (10, 20),
        by: str | None = None,
        keep_users: bool = False,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> EvaluationReport:
        """Full ranking of all items for every user with rows in ``split``.

        Items of the history are not ranked.

        Parameters
        ----------
        split : {"test", "valid"}
            The held-out rows to find.
        history : {"now", "train"}
            Whether a user's validation rows are part of the history when testing, as in a live
            system, or not.
        ks : sequence of int
            List lengths of the metrics.
        by : str, optional
            A user attribute; the report has figures for each of its values.
        keep_users : bool
            Keep every user's values, which ``compare_reports`` needs.
        scenario, context
            The scenario and context of all users, as in ``recommend``.

        Raises
        ------
        RequestError
            Where no row has the split, and for an unknown attribute or scenario.
        """
        state = self.state
        request = EvaluationRequest(split, history, ks, by, keep_users, scenario, context)
        return evaluate_model(state.resolver, state.full_snapshot, state.texts_of, request)

    def judge(
        self,
        log: FeedbackLog | pd.DataFrame | str | PathLike[str],
        *,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        exclude_seen: ExcludeSeen = True,
        missing: Missing = "error",
    ) -> JudgeReport:
        """The reward that this model's lists would have had, by a log of another one's.

        Parameters
        ----------
        log : FeedbackLog, DataFrame or path
            What ``recommend(explore=...)`` showed, and the rewards; see ``FeedbackLog.read``.
        scenario, context, horizon, exclude_seen
            Of this model's lists, as in ``recommend``.
        missing : {"error", "ignore"}
            What to do with users of the log that are not in the graph.

        Returns
        -------
        JudgeReport
            Estimates of the mean reward of a place, each with its 95 % interval.

        Raises
        ------
        RequestError
            Where the log can't be read, its effective size for this model is below 100, its
            probabilities can't be true, or this model's histories contain the log's items.
        """
        state, query = self.state, Query((), None, scenario, context, horizon, missing)
        return judge_lists(
            state.resolver, state.item_search, log, query, exclude_seen, state.config.feedback
        )

    def fairness(
        self,
        *,
        k: int = 10,
        by: str | Sequence[str] = (),
        items: str | Sequence[str] = (),
        group: ItemGroupSpec | None = None,
        shares: Sequence[float] = (),
        explained: int = 50,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> FairnessReport:
        """Exposure and quality of the lists of ``k``, and of their explanations, by group.

        Users are those with test rows (all with a history where the catalog has none, and then
        quality can't be measured); validation rows are part of their histories.

        Parameters
        ----------
        by, items : str or sequence of str
            Attributes of users and items to group by. Items are always grouped by training
            popularity too, users by history length and by taste.
        group, shares
            A group of items as in ``rerank``, and shares of the exposure: the report then has the
            cost of giving the group each share.
        explained : int
            Users, drawn with ``seed``, whose whole list is explained; 0 for none.

        Raises
        ------
        RequestError
            For unknown attributes or groups, and where there is no user to report on.
        """
        state = self.state
        request = FairnessRequest(
            k=check_k(k),
            by=id_list(by, "by"),
            items=id_list(items, "items"),
            group=group,
            shares=shares,
            explained=explained,
            seed=seed,
        )

        def explain(user: int, item: int) -> Explanation:
            query = Query([str(state.snapshot.users.ids[user])])
            return state.case(query).explain([item], 5, None, Writer.of("en"))[0]

        return measure_fairness(state.resolver, state.full_snapshot, explain, request, progress)

    def rerank(
        self,
        users: str | Sequence[str] | Query | None = None,
        *,
        group: ItemGroupSpec,
        share: float | None = None,
        boost: float | None = None,
        histories: GivenHistories | None = None,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        horizon: Horizon = "next",
        k: int = 10,
        candidates: Sequence[str] | None = None,
        exclude_seen: ExcludeSeen = True,
        where: Where | None = None,
        exclude: Sequence[str] | None = None,
        constraints: Constraints | None = None,
    ) -> Reranked:
        """The best lists of ``k`` in which a group of items has ``share`` of the exposure.

        A place has the exposure 1 / log2(rank + 1). The share is counted over all users of the
        request, so pass many; for one more user give the ``boost`` of an earlier result in place of
        ``share``.

        Parameters
        ----------
        group : str, mapping or callable
            "head", "middle", "tail" or "cold" (by training popularity), or a condition on
            attributes as in ``where``.
        share, boost : float
            Either the share of the exposure (0 to 1), or what is added to the group's scores.
        users, histories, scenario, context, horizon, k, candidates, exclude_seen, where, exclude
            As in ``recommend``.

        Raises
        ------
        RequestError
            For a share that no lists reach, with the range that they do.
        """
        state, target = self.state, ExposureTarget(group, share, boost)
        limits = Constraints.of(constraints, candidates=candidates, where=where, exclude=exclude)
        query = Query.of(users, histories, scenario, context, horizon)
        asked = state.lists(query, k, limits, exclude_seen)
        trained = trained_counts(state.full_snapshot)
        return rerank_exposure(state.engine, asked.request, target, asked.options, trained)

    def update(
        self,
        news: Catalog | pd.DataFrame,
        *,
        strict: bool = False,
        erase_empty: bool = False,
        weights: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Add new users, items, entities, facts and interactions at once, without training.

        Updating twice changes nothing. The store is not written; see ``GraphStore.write``.

        Parameters
        ----------
        news : Catalog or DataFrame
            A frame has interactions; one without a time counts as the newest of its user.
            Attributes of known nodes that are not mentioned stay as they are; others are converted
            to the types that the graph has for them.
        strict : bool
            Refuse interactions, facts and texts that name users, items, entities or scenarios which
            neither the graph nor the tables of ``news`` hold. By default they are new ones.
        erase_empty : bool
            An empty value (None, NaN, "") in a column of attributes erases what the graph has. By
            default it says nothing. Titles, names, kinds and descriptions are never erased.
        weights : bool
            Also bring up to date what is in closed form; see ``FittedState.with_added_weights``.
        progress : callable, optional
            As in ``fit``.

        Raises
        ------
        CatalogError
            Where the new data break the schema, where a value does not fit its column in the graph
            or, with ``strict``, for unknown ids; then nothing has changed.
        """
        with self._changes:
            state = self.state
            if news is None:
                raise RequestError("news is None; pass a Catalog or a DataFrame of interactions.")
            flags = check_flag(strict, "strict"), check_flag(erase_empty, "erase_empty")
            answering = state.grown(state.merged(news, *flags), progress)
            if check_flag(weights, "weights"):
                answering = answering.with_added_weights()
            answering.engine.warm_up()
            _ = answering.bound_rules  # raises where the news and a rule don't go together
            self._state = answering
        return self

    def remove(
        self,
        *,
        users: Ids = (),
        items: Ids = (),
        entities: Ids = (),
        reviews: Ids = (),
        queries: Ids = (),
        interactions: Frame | None = None,
        facts: Frame | None = None,
        missing: Missing = "error",
    ) -> RemovalReport:
        """Remove users, items, entities, texts, interactions and facts at once, without training.

        They are in no answer any more, and vectors, biases and weights that belong to a removed
        item or entity are deleted, so that one that comes back by ``update`` is new. What the
        parameters that all share have learned from them stays until the next ``fit``, as do the
        values of attributes that several nodes had. The store is not written; see
        ``GraphStore.remove``. Folders saved before keep everything: save again. Vectors of texts
        in the cache (``kgrec.text``) are found by the whole text alone.

        Parameters
        ----------
        users, items, entities, reviews, queries, interactions, facts, missing
            As in ``GraphStore.remove``, but of the interactions' columns only user_id, item_id,
            timestamp, rating, event, scenario and split can be compared.

        Returns
        -------
        RemovalReport
            How many rows of each frame left, and how many named ones were missing.

        Raises
        ------
        RequestError
            If an argument can't be read, something is missing, or the model could not answer
            afterwards, as without any item; nothing has changed then.
        TextModelError
            If the review of a held-out event that left must be encoded, as it is now part of the
            graph, and the language model can't be loaded; nothing has changed then.
        """
        strict = check_choice(missing, "missing", ("error", "ignore")) == "error"
        removal = read_removal(
            users=users,
            items=items,
            entities=entities,
            reviews=reviews,
            queries=queries,
            interactions=interactions,
            facts=facts,
        )
        with self._changes:
            left, done = without(self.state.full_snapshot, removal, strict)
            report = RemovalReport(*counts(removal, done))
            if any(report.rows.values()):
                updated = self.state.without(left)
                updated.engine.warm_up()
                _ = updated.resolver  # raises where a rule has lost what it reads
                self._state = updated
        return report

    def save(self, folder: str | Path, *, precision: Precision = "fp32") -> None:
        """Write everything needed to answer into ``folder`` (safetensors, Parquet, JSON).

        ``precision="int8"`` rounds the parameters and text vectors: a quarter of their size.

        Raises
        ------
        ModelError
            Where the folder holds other files, or can't be written.
        """
        write_state(self.state, given_path(folder, "folder"), precision)

    @classmethod
    def load(cls, folder: str | Path, *, device: str | None = None) -> Recommender:
        """Load what ``save`` wrote; no store is needed.

        Raises
        ------
        ModelError
            For a folder that is missing, incomplete, changed, of another program, or of another
            version of the format.
        DeviceError
            Where the device can't be used.
        """
        return cls.of(read_state(given_path(folder, "folder"), choose_device(device)))

    def _explained(
        self,
        query: Query,
        items: Sequence[str],
        k: int,
        constraints: Constraints | None,
        writer: Writer | str,
    ) -> list[Explanation]:
        state = self.state
        case, rows = state.case(query), item_rows(state.snapshot.items, items).tolist()
        return case.explain(rows, check_k(k), constraints, Writer.of(writer))
