"""Recommender: the public surface, from a graph to explained recommendations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd

from graph_schema import Catalog
from kgrec.config import RecommenderConfig
from kgrec.errors import ModelError
from kgrec.evaluation import EvaluationReport
from kgrec.evaluation.exposure_rerank import rerank_exposure
from kgrec.evaluation.fairness import measure_fairness
from kgrec.evaluation.model_evaluation import evaluate_engine
from kgrec.explain.recommender_mixin import Explaining
from kgrec.explore.recommender_mixin import Exploring
from kgrec.features.texts import TextFeatures, TextReader, same_texts
from kgrec.fitting.pipeline import fit_stages
from kgrec.graph import GraphSnapshot
from kgrec.graph.merge import merge_snapshots
from kgrec.graph.source import read_source
from kgrec.persistence import model_folder as saving
from kgrec.query import (
    Asked,
    GivenHistories,
    Horizon,
    candidate_mask,
    check_k,
    id_list,
    item_rows,
)
from kgrec.ranking import Where
from kgrec.ratings.recommender_mixin import Rating
from kgrec.scenarios import with_scenarios
from kgrec.scenarios.adaptation import Adapting
from kgrec.scenarios.recogniser_fit import fit_signs
from kgrec.scenarios.recognition import Recognising
from kgrec.scoring.engine import Engine, rebound
from kgrec.scoring.ranked_lists import Ranked, rank_items, similar_items
from kgrec.search.requests import Searching
from kgrec.stores import GraphStore
from kgrec.support import (
    Progress,
    choose_device,
    ranked_frame,
    without_splits,
)


class Recommender(Adapting, Explaining, Exploring, Rating, Recognising, Searching):
    """A knowledge-graph recommender: fit it on a store or catalog, then ask.

    Interactions whose split is "test" are never part of the graph it sees; those marked "valid"
    choose the model and count as history afterwards.
    """

    def __init__(self, config: RecommenderConfig | None = None) -> None:
        self.config = config or RecommenderConfig()
        self.history: list[dict[str, float]] = []
        self.tuning: list[dict[str, Any]] = []
        self.rating_history: list[dict[str, float]] = []
        self._full: GraphSnapshot | None = None
        self._now: Engine | None = None
        self._reader = TextReader(self.config)

    def fit(
        self,
        source: GraphStore | Catalog | GraphSnapshot,
        *,
        seed: int = 0,
        device: str | None = None,
        progress: Progress | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        tune: int | None = None,
    ) -> Self:
        """Read the graph, encode its texts, train, and be ready to answer.

        ``device`` is "cuda" where there is one unless given. ``progress`` is called with (what,
        done, total). With ``checkpoint`` (a folder) the state is kept there at every validation,
        and ``resume=True`` goes on from it to the same result. ``tune`` first tries so many
        settings (the given ones, then others of ``fitting.search_space.SPACE``) on validation rows:
        ``config`` becomes the best, ``tuning`` lists the tries, which are kept in ``checkpoint`` +
        ".tuning". Equal data, settings and seed give equal models on one CPU. Where the catalog
        marks no rows "valid", some are held out to choose by, and the model is trained again on
        all. Raises TrainingError, StoreError, CatalogError, TextModelError, RequestError (rules).
        """
        full = with_scenarios(read_source(source, progress), self.config.scenarios)
        visible = without_splits(full, ("test",))
        stages = fit_stages(
            visible,
            self.config,
            partial(self._reader.read, progress=progress),
            seed=seed,
            device=device,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            resume=resume,
            tune=tune,
            progress=progress,
        )
        mapping, rule = getattr(source, "mapping", None), self.config.scenarios.rule
        engine = replace(stages.fitted.engine, mapping=mapping, rule=rule)
        now = rebound(engine, visible, self._texts_of(visible, progress, engine))
        _, signs = now.items, fit_signs(now, seed)  # ready to answer
        self._full, self._now, self._rater, self._recogniser = full, now, None, signs
        self.config, self.tuning, self.history = stages.config, stages.tries, stages.chosen.history
        if self.config.ratings.enabled:
            self.fit_ratings(seed=seed, progress=progress)
        return self

    def _texts_of(
        self, snapshot: GraphSnapshot, progress: Progress | None = None, of: Engine | None = None
    ) -> TextFeatures:
        """Those at hand, where the snapshot has the same texts as ``of`` (else today's engine)."""
        engine = of or self._engine
        same = same_texts(engine.snapshot, snapshot)
        return engine.texts if same else self._reader.read(snapshot, progress)

    @property
    def snapshot(self) -> GraphSnapshot:
        """The graph that answers come from: all but what is held out for testing."""
        return self._engine.snapshot

    @property
    def _engine(self) -> Engine:
        if self._now is None:
            raise ModelError("this Recommender is not fitted; call fit() or Recommender.load().")
        return self._now

    def recommend(
        self,
        users: str | Sequence[str] | None = None,
        *,
        histories: GivenHistories | None = None,
        k: int = 10,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
        exclude_seen: bool = True,
        where: Where | None = None,
        horizon: Horizon = "next",
    ) -> pd.DataFrame:
        """The ``k`` best items for each user: columns user_id, item_id, score, rank (from 1).

        ``users`` are ids in the graph; ``histories`` (item ids, oldest first; by user id or as a
        list) take the place of stored ones and need no stored user. ``context`` gives attributes
        of a user that the graph does not know, e.g. ``{"gender": "F"}``. Without ``scenario`` a
        rule by users (``ScenarioConfig``) tells it, else it is none; "auto" and "mixture" go by
        ``recognise``. ``candidates`` and ``where`` narrow the items. ``horizon`` "later" asks for
        what users will choose after more events, for histories that end long ago, where training
        saw times. Fewer rows come where fewer items are left. Raises RequestError.
        """
        asked = self._ask(users, histories, scenario, context, horizon)
        ranked = self._ranked(asked, k, candidates, exclude_seen, where)
        return ranked_frame(("user_id", "item_id"), asked.ids, ranked)

    def rank(
        self,
        users: str | Sequence[str] | None = None,
        *,
        histories: GivenHistories | None = None,
        k: int = 10,
        scenario: str | None = None,
        context: Mapping[str, Any] | None = None,
        candidates: Sequence[str] | None = None,
        exclude_seen: bool = True,
        where: Where | None = None,
        horizon: Horizon = "next",
    ) -> Ranked:
        """What ``recommend`` puts into a frame, as arrays and in less time: ``ids`` object and
        ``scores`` float32, both ``[users, k]``, None and -inf where fewer items are left."""
        asked = self._ask(users, histories, scenario, context, horizon)
        return self._ranked(asked, k, candidates, exclude_seen, where)

    def _ranked(
        self,
        asked: Asked,
        k: int,
        candidates: Sequence[str] | None,
        exclude_seen: bool,
        where: Where | None,
    ) -> Ranked:
        mask = candidate_mask(self._engine.snapshot, candidates, where)
        return rank_items(
            self._engine, asked, check_k(k), mask=mask, exclude_seen=exclude_seen,
            own=candidates is None,
        )  # fmt: skip

    def similar(self, items: str | Sequence[str], k: int = 10) -> pd.DataFrame:
        """Items whose vectors are closest: columns item_id, similar_id, score (cosine), rank."""
        k = check_k(k)
        ids = id_list(items, "items")
        ranked = similar_items(self._engine, item_rows(self.snapshot.items, ids), k)
        return ranked_frame(("item_id", "similar_id"), ids, ranked)

    def evaluate(
        self,
        *,
        split: Literal["test", "valid"] = "test",
        history: Literal["now", "train"] = "now",
        ks: Sequence[int] = (10, 20),
        by: str | None = None,
        keep_users: bool = False,
    ) -> EvaluationReport:
        """Full ranking of all items for every user with rows in ``split``.

        With history "now" a user's validation rows are part of the history when testing, as in a
        live system; with "train" they are not. Either way what was seen is no candidate. ``by``
        names a user attribute to report groups for; ``keep_users`` keeps every user's values, as
        ``compare_reports`` needs them. Raises RequestError.
        """
        engine = self._engine
        assert self._full is not None
        return evaluate_engine(
            engine,
            self._full,
            self._texts_of,
            split=split,
            history=history,
            ks=ks,
            by=by,
            keep_users=keep_users,
        )

    fairness = measure_fairness
    rerank = rerank_exposure

    def update(self, news: Catalog | pd.DataFrame, *, progress: Progress | None = None) -> Self:
        """New users, items, entities, facts and interactions take effect at once, untrained.

        ``news`` is a frame of interactions, or a Catalog; what it does not say of known users and
        items stays as it is. Updating twice changes nothing. The store is not written; see
        ``GraphStore.write``. Raises CatalogError, leaving everything as it was.
        """
        engine = self._engine
        assert self._full is not None
        catalog = news if isinstance(news, Catalog) else Catalog.from_frames(interactions=news)
        merged = merge_snapshots(self._full, read_source(catalog, None))
        merged = with_scenarios(merged, self.config.scenarios)
        visible = without_splits(merged, ("test",))
        now = rebound(engine, visible, self._texts_of(visible, progress))
        _ = now.items
        self._full, self._now = merged, now
        return self

    def save(self, folder: str | Path) -> None:
        """Write everything needed to answer into ``folder`` (safetensors, Parquet, JSON)."""
        engine = self._engine
        assert self._full is not None
        saving.save(
            saving.Saved(
                config=self.config,
                model=engine.model,
                vocabulary=engine.vocabulary,
                snapshot=self._full,
                texts=engine.texts,
                history=self.history,
                mapping=engine.mapping,
                tuning=self.tuning,
                weights=engine.weights,
                start=engine.start,
                rater=self._rater,
                recogniser=self._recogniser,
                rating_history=self.rating_history,
            ),
            Path(folder),
        )

    @classmethod
    def load(cls, folder: str | Path, *, device: str | None = None) -> Recommender:
        """What ``save`` wrote, ready to answer; no store is needed. Raises ModelError."""
        target = choose_device(device)
        saved = saving.load(Path(folder), target)
        full = saved.snapshot
        visible = without_splits(full, ("test",))
        recommender = cls(saved.config)
        recommender.history, recommender.tuning = saved.history, saved.tuning
        recommender._rater, recommender.rating_history = saved.rater, saved.rating_history
        recommender._recogniser = saved.recogniser
        recommender._full = full
        recommender._now = Engine(
            saved.model,
            saved.vocabulary,
            visible,
            saved.texts,
            target,
            saved.mapping,
            saved.weights,
            saved.config.scenarios.rule,
            saved.start,
        )
        return recommender
