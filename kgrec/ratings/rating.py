"""The rating model of a fitted engine: fitted on its snapshot, and used to predict pairs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from kgrec.arguments import check_number
from kgrec.config import RatingConfig
from kgrec.nn.heads import ByScenario, grown
from kgrec.progress import Progress
from kgrec.ratings.attributes.propensities import count_facts
from kgrec.ratings.fit import FittedRatings, RatingData, beyond, fit_rating_model
from kgrec.ratings.model import RatingModel
from kgrec.ratings.pools import RatedEvents, rated_rows
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.requests import RatedHistories, read_rating_request
from kgrec.ratings.reviews import Reviews, build_evidence
from kgrec.scenarios.inferred_scenarios import UserScenarios
from kgrec.scoring.bound_model import read_inputs
from kgrec.scoring.context.rating_effects import ContextEffects
from kgrec.scoring.context.terms import words_of_frame
from kgrec.scoring.engine import Engine
from kgrec.scoring.relative_scores import HeldScores, relative_scores
from kgrec.scoring.scenario_codes import scenario_codes


def fit_ratings(
    engine: Engine,
    config: RatingConfig,
    held: np.ndarray,
    *,
    seed: int,
    progress: Progress | None = None,
    no_context: tuple[str, ...] = (),
    scores: HeldScores | None = None,
) -> FittedRatings:
    """Train a rating model on the ratings of the engine's snapshot.

    ``held`` bool ``[n]``: the interactions that choose the epoch instead of training;
    ``no_context``: columns read with the interactions that are no circumstances; ``scores``: of
    validation rows, by an engine that was not trained on them. Raises
    TrainingError where there are no ratings, where all or none are likes, or where training
    diverges.
    """
    shape, bound = engine.model.shape, engine.bound
    data = RatingData(
        vocabulary=engine.vocabulary,
        # Read again: tensors made in inference mode have no gradients.
        inputs=read_inputs(
            engine.model, engine.vocabulary, engine.snapshot, engine.texts, bound.device
        ),
        parts=shape.parts,
        text_size=shape.text_size,
        kg_layers=shape.kg_layers,
        train=engine.snapshot.interactions.select(~held),
        valid=engine.snapshot.interactions.select(held),
        reviews=Reviews.of(engine),
        no_context=no_context,
        fact_counts=count_facts(engine.snapshot),
    )
    if scores is not None:
        valid = data.valid
        data = replace(data, valid_scores=scores.of(valid.user, valid.item))
    report = None if progress is None else _epoch_progress(progress, config.epochs)
    return fit_rating_model(data, config, seed=seed, device=engine.device, on_epoch=report)


def with_like(config: RatingConfig, like: float | None) -> RatingConfig:
    """``config`` with ratings of at least ``like`` as likes; None: unchanged.

    Raises RequestError for anything but a finite number.
    """
    if like is None:
        return config
    given = check_number(like, "like")
    return RatingConfig.model_validate({**config.model_dump(), "like": given})


def bind_predictor(engine: Engine, model: RatingModel) -> RatingPredictor:
    """The rating model over the items, users and ratings of the engine's snapshot."""
    events = RatedEvents.of_users(engine.snapshot.interactions, len(engine.snapshot.users))
    evidence, blend = None, model.blend
    if blend is not None:
        rows, n_items = engine.snapshot.interactions, len(engine.snapshot.items)
        evidence = build_evidence(rows, Reviews.of(engine), blend.sentiment, blend.mean, n_items)
    inputs = engine.inputs
    predictor = RatingPredictor(
        model,
        inputs.items,
        inputs.user_tokens,
        events,
        engine.device,
        evidence,
        scores=partial(relative_scores, engine),
    )
    if model.context is None:
        return predictor
    rated = rated_rows(engine.snapshot.interactions)
    codes = scenario_codes(rated.scenario, engine.vocabulary)
    effects = ContextEffects.fit(*beyond(predictor, rated, codes), model.context)
    return replace(predictor, effects=effects)


def predict_pairs(
    engine: Engine,
    predictor: RatingPredictor,
    user_scenarios: UserScenarios,
    pairs: pd.DataFrame,
    histories: RatedHistories | None,
    *,
    past_only: bool,
) -> pd.DataFrame:
    """``pairs`` with columns ``like`` and ``rating``; see ``Recommender.predict``.

    Raises RequestError.
    """
    request = read_rating_request(engine, user_scenarios, predictor.events, pairs, histories)
    penalty = predictor.model.context
    logit, rating = predictor.predict(
        request.pairs,
        request.user,
        request.scenario,
        past_only=past_only,
        events=request.events,
        context=None if penalty is None else words_of_frame(pairs, penalty.columns),
    )
    return pairs.assign(like=1.0 / (1.0 + np.exp(-logit.astype(np.float64))), rating=rating)


def with_new_scenario(model: RatingModel) -> RatingModel:
    """The rating model with one more scenario, which shares all parameters until it is fitted."""
    other = copy.deepcopy(model) if not model.head.n_scenarios else grown(model)
    if not model.head.n_scenarios:
        for part in other.modules():
            if isinstance(part, ByScenario):
                part.reset_rows(1)
    unused = torch.zeros(1, dtype=torch.bool, device=model.uses_head.device)
    other.uses_head = torch.cat([model.uses_head, unused])
    return other.eval()


def _epoch_progress(progress: Progress, epochs: int) -> Callable[[dict[str, float]], None]:
    def report(record: dict[str, float]) -> None:
        text = f"ratings: loss {record['loss']:.3f}"
        if "valid_logloss" in record:
            text += f", valid logloss {record['valid_logloss']:.4f}"
        progress(text, int(record["epoch"]), epochs)

    return report
