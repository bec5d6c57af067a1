"""Rating: whether users will like items, and how they will rate them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from kgrec.config import RecommenderConfig
from kgrec.config.ratings import RatingConfig
from kgrec.errors import ModelError
from kgrec.features.build import build_tables
from kgrec.fitting.fit import training_split
from kgrec.nn import ModelInputs
from kgrec.ratings.fit import RatingData, fit_rating_model
from kgrec.ratings.model import RatingModel
from kgrec.ratings.pools import RatedEvents
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.requests import RatedHistories, ask_ratings
from kgrec.ratings.reviews import Reviews, gather
from kgrec.ratings.training import OnEpoch
from kgrec.support import Progress

if TYPE_CHECKING:
    from kgrec.scoring.engine import Engine


class Rating:
    """The part of Recommender that foretells likes and ratings."""

    config: RecommenderConfig
    rating_history: list[dict[str, float]]
    _rater: RatingModel | None = None
    _rating_predictor: tuple[Engine, RatingPredictor] | None = None

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def fit_ratings(
        self, like: float | None = None, *, seed: int = 0, progress: Progress | None = None
    ) -> Self:
        """Train the rating model on the ratings of the graph that this Recommender answers from.

        A rating of at least ``like`` is a like (``config.ratings.like`` unless given; all settings
        are there). The rows that chose the ranking model choose the epoch by logloss, and count as
        history afterwards; test rows are never read. ``rating_history`` has a record per epoch.
        The answers of ``recommend`` stay as they are. Raises TrainingError where there are no
        ratings, where all or none are likes, or where training diverges.
        """
        engine = self._engine
        config = self.config.ratings
        if like is not None:
            config = RatingConfig.model_validate({**config.model_dump(), "like": like})
        held = training_split(engine.snapshot, self.config, seed)
        shape = engine.model.shape
        data = RatingData(
            vocabulary=engine.vocabulary,
            inputs=_inputs(engine),
            parts=shape.parts,
            text_size=shape.text_size,
            kg_layers=shape.kg_layers,
            train=engine.snapshot.interactions.select(~held),
            valid=engine.snapshot.interactions.select(held),
            reviews=Reviews.of(engine),
        )
        fitted = fit_rating_model(
            data,
            config,
            seed=seed,
            device=engine.device,
            on_epoch=None if progress is None else _teller(progress, config.epochs),
        )
        self.config = self.config.model_copy(update={"ratings": config})
        self._rater, self.rating_history = fitted.model, fitted.history
        return self

    def predict(
        self,
        pairs: pd.DataFrame,
        *,
        histories: RatedHistories | None = None,
        past_only: bool = False,
    ) -> pd.DataFrame:
        """``pairs`` with two columns more: ``like``, the probability of a like, and ``rating``.

        ``pairs`` has columns user_id and item_id, may have ``timestamp`` (unix seconds; without one
        nothing counts as near in time) and ``scenario`` (else the settings' rule tells it). A pair
        is answered from all other ratings of its user, wherever they lie in time; with
        ``past_only`` from those before its timestamp alone. ``histories`` are ratings that take the
        place of stored ones and need no stored user: ``{user: {item: rating}}``, or a frame with
        user_id, item_id, rating and perhaps timestamp. Raises RequestError, and ModelError where
        ratings were not trained on.
        """
        predictor = self._predictor
        asked = ask_ratings(self._engine, predictor.events, pairs, histories)
        logit, rating = predictor.predict(
            asked.pairs,
            asked.user,
            asked.scenario,
            past_only=past_only,
            events=asked.events,
        )
        return pairs.assign(like=1.0 / (1.0 + np.exp(-logit.astype(np.float64))), rating=rating)

    @property
    def _predictor(self) -> RatingPredictor:
        engine, model = self._engine, self._rater
        if model is None:
            raise ModelError(
                "this Recommender has no rating model; call fit_ratings(), or set ratings.enabled "
                "before fit()."
            )
        bound = self._rating_predictor
        if bound is None or bound[0] is not engine or bound[1].model is not model:
            bound = (engine, _bind(engine, model))
            self._rating_predictor = bound
        return bound[1]


def _inputs(engine: Engine) -> ModelInputs:
    """``engine.inputs`` made anew: those at hand may come from inference mode, where no gradient
    passes."""
    texts = engine.texts
    tables = build_tables(engine.snapshot, engine.vocabulary, texts.items, texts.events)
    return ModelInputs.build(tables, engine.model.shape, engine.device)


def _bind(engine: Engine, model: RatingModel) -> RatingPredictor:
    events = RatedEvents.of_users(engine.snapshot.interactions, len(engine.snapshot.users))
    evidence, blend = None, model.blend
    if blend is not None:
        rows, n_items = engine.snapshot.interactions, len(engine.snapshot.items)
        evidence = gather(rows, Reviews.of(engine), blend.sentiment, blend.mean, n_items)
    inputs = engine.inputs
    return RatingPredictor(model, inputs.items, inputs.user_tokens, events, engine.device, evidence)


def _teller(progress: Progress, epochs: int) -> OnEpoch:
    def tell(record: dict[str, float]) -> None:
        text = f"ratings: loss {record['loss']:.3f}"
        if "valid_logloss" in record:
            text += f", valid logloss {record['valid_logloss']:.4f}"
        progress(text, int(record["epoch"]), epochs)

    return tell
