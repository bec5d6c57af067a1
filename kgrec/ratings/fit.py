"""Fit the rating model on a snapshot: features, training, validation and blend."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kgrec.config.ratings import RatingConfig
from kgrec.errors import TrainingError
from kgrec.features.blocks import block_of
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import NO_TIME, Floats, Interactions, Ints
from kgrec.metrics.metrics import auc
from kgrec.nn.model import ModelInputs
from kgrec.progress import OnEpoch
from kgrec.ratings.attributes.propensities import RatingWeights, choose_weights
from kgrec.ratings.attributes.taste import (
    OWN,
    AttributeRows,
    AttributeTaste,
    fit_cross,
    frequent_tokens,
    token_matrices,
)
from kgrec.ratings.blend import FEWEST, RatingBlend, fit_weights
from kgrec.ratings.evidence import RatingEvidence
from kgrec.ratings.heads import tune_head
from kgrec.ratings.like_blend import LikeBlend, fit_like_blend, log_losses
from kgrec.ratings.model import RatingModel, RatingShape
from kgrec.ratings.pools import RatedEvents, RatingPairs, rated_rows
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.reviews import Reviews, build_evidence
from kgrec.ratings.scale import RatingScale
from kgrec.ratings.training import VALID_LOSS, RatingTask, RatingTrainer, own_rows
from kgrec.scoring.context.rating_effects import ContextPairs, ContextPenalty, choose_penalty
from kgrec.scoring.scenario_codes import scenario_codes
from kgrec.text.sentiment import Sentiment

_SHRINKAGES = (2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0)  # of means, tried on validation rows


@dataclass(frozen=True, eq=False)
class RatingData:
    """The data of a fit.

    Features of one snapshot's items and users; its rated interactions to ``train`` on and those to
    validate by; its reviews, of which those of ``valid`` pairs are not used. ``no_context``:
    columns of the rows that are no circumstances. ``fact_counts`` float64 ``[n_items, relations]``:
    what propensities read of the graph. ``valid_scores`` float64 ``[valid]``: relative scores of
    the validation rows, NaN where there is none.
    """

    vocabulary: Vocabulary
    inputs: ModelInputs
    parts: tuple[str, ...]
    text_size: int
    kg_layers: int
    train: Interactions
    valid: Interactions
    reviews: Reviews | None = None
    no_context: tuple[str, ...] = ()
    fact_counts: Floats | None = None
    valid_scores: Floats | None = None

    @property
    def n_items(self) -> int:
        return len(self.inputs.items.item_row)

    @property
    def n_users(self) -> int:
        return int(self.inputs.user_tokens.shape[0])


@dataclass(frozen=True, eq=False)
class FittedRatings:
    """A trained rating model and its log, a record per epoch."""

    model: RatingModel
    history: list[dict[str, float]]


def fit_rating_model(
    data: RatingData,
    config: RatingConfig,
    *,
    seed: int,
    device: torch.device,
    on_epoch: OnEpoch | None = None,
) -> FittedRatings:
    """Train on the rated rows of ``data.train``; choose the epoch by those of ``data.valid``.

    Raises TrainingError where there are no ratings, all are equal, or all or none are likes.
    """
    events = RatedEvents.of_users(data.train, data.n_users)
    shape, own_row = _shape(data, events, config)
    rated = rated_rows(data.train)
    valid = data.valid.select(np.isfinite(data.valid.rating))
    weights = _propensity_weights(data, rated, valid, config, seed)
    task = RatingTask(
        inputs=data.inputs.items,
        user_tokens=data.inputs.user_tokens,
        events=events,
        scenario=scenario_codes(rated.scenario, data.vocabulary),
        names=tuple(data.vocabulary.scenarios),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RatingModel(data.vocabulary, shape)
        model.own_row = own_row
        model = model.to(device)
        codes = scenario_codes(valid.scenario, data.vocabulary)
        validation = Validation(model, task, valid, codes, device, weights)
        validate = validation if len(valid) else None
        trainer = RatingTrainer(model, task, config, seed, device, validate)
        head_last = config.head == "auto"
        if head_last:
            model.without_head()
        history = trainer.run(on_epoch)
        if head_last and validate is not None:
            tune_head(trainer, validate.losses, codes)
        model.blend = _blend(data, validation, seed)
        model.like_blend = _like_blend(data, validation, seed)
        model.context = _context(data, validation, rated)
    if weights.auc is not None:
        history[-1].update(propensity_auc=weights.auc, propensity_power=weights.power)
    return FittedRatings(model, history)


def _propensity_weights(
    data: RatingData, rated: Interactions, valid: Interactions, config: RatingConfig, seed: int
) -> RatingWeights:
    """The weights of the training and validation rows, none where propensities do not help."""
    tokens = token_matrices(data.inputs.items, data.inputs.user_tokens)
    if config.propensities == "none" or tokens is None or len(valid) < FEWEST:
        return RatingWeights()
    return choose_weights(
        AttributeRows.of(*tokens, frequent_tokens(tokens[1])),
        data.fact_counts,
        (rated, valid),
        seed,
    )


def _context(
    data: RatingData, validation: Validation, rated: Interactions
) -> ContextPenalty | None:
    """The penalty of the effects of circumstances; None without columns or where they don't
    help. Their columns are those that the rows have."""
    columns = tuple(name for name in rated.context if name not in data.no_context)
    if not columns:
        return None
    predictor = validation.predictor(_evidence_and_sentiment(data, validation)[0])
    rows = validation.rows
    parts = [
        beyond(predictor, part, codes)
        for part, codes in ((rated, validation.task.scenario), (rows, validation.scenario))
    ]
    return choose_penalty(columns, *parts)


def beyond(
    predictor: RatingPredictor, rows: Interactions, scenario: Ints
) -> tuple[ContextPairs, np.ndarray]:
    """Rated rows in their circumstances, and what their ratings have beyond the predicted ones."""
    user, item = np.asarray(rows.user), np.asarray(rows.item)
    pairs = RatingPairs(user, item, np.asarray(rows.timestamp))
    _, rating = predictor.predict(pairs, user, scenario)
    return ContextPairs(user, item, rows.context), rows.rating.astype(np.float64) - rating


def _blend(data: RatingData, validation: Validation, seed: int) -> RatingBlend | None:
    evidence, sentiment = _evidence_and_sentiment(data, validation)
    predictor = validation.predictor(evidence)
    return fit_blend(predictor, validation, sentiment, seed)


def _like_blend(data: RatingData, validation: Validation, seed: int) -> LikeBlend | None:
    rows = validation.rows
    if len(rows) < FEWEST:
        return None
    predictor = validation.predictor(_evidence_and_sentiment(data, validation)[0])
    pairs = RatingPairs(rows.user, rows.item, rows.timestamp)
    logit, rating = predictor.predict(pairs, rows.user, validation.scenario)
    scale = validation.model.shape.scale
    score = np.full(len(rows), np.nan)
    if data.valid_scores is not None:
        score = data.valid_scores[np.isfinite(data.valid.rating)]
    return fit_like_blend(rows.rating >= scale.like, logit, scale.standard(rating), score, seed)


def _evidence_and_sentiment(
    data: RatingData, validation: Validation
) -> tuple[RatingEvidence, Sentiment | None]:
    """What the training ratings and reviews say, without those of validation rows."""
    reviews = None if data.reviews is None else data.reviews.without(data.valid, data.n_items)
    sentiment = None if reviews is None else reviews.sentiment()
    mean = validation.model.shape.scale.mean
    return build_evidence(data.train, reviews, sentiment, mean, data.n_items), sentiment


def fit_blend(
    predictor: RatingPredictor, validation: Validation, sentiment: Sentiment | None, seed: int
) -> RatingBlend | None:
    """The blend with the lowest error on validation rows; None for fewer than FEWEST rows.

    ``predictor`` has only the training rows as events and evidence. The shrinkage of the means is
    chosen by their own error, then the weights are learned.
    """
    rows, weight = validation.rows, validation.weights.valid
    if len(rows) < FEWEST or predictor.evidence is None:
        return None
    pairs = RatingPairs(rows.user, rows.item, rows.timestamp)
    model = predictor.model
    # Before the blend is fitted, the predicted ratings are the model's own.
    _, rating = predictor.predict(pairs, rows.user, validation.scenario)
    standard = model.shape.scale.standard(rating)
    mean = predictor.evidence.mean
    truth = rows.rating.astype(np.float64) - mean

    def error(shrinkage: tuple[float, float]) -> float:
        of_user, of_item = predictor.means(pairs, rows.user, shrinkage)
        squares = (of_user + of_item - truth) ** 2
        return float((squares if weight is None else weight * squares).mean())

    shrinkage = min(((u, i) for u in _SHRINKAGES for i in _SHRINKAGES), key=error)
    taste = _fit_taste(predictor, validation, shrinkage[1])
    features = predictor.blend_features(pairs, rows.user, standard, shrinkage, taste=taste)
    shift, weights = fit_weights(features, truth - features.base, seed, weight)
    return RatingBlend(mean, shrinkage, shift, weights, sentiment, taste)


def _fit_taste(
    predictor: RatingPredictor, validation: Validation, shrinkage: float
) -> AttributeTaste | None:
    """Ratings from attributes, whose penalty has the lowest error on validation rows; None where
    items have no attributes."""
    tokens, evidence = token_matrices(predictor.inputs, predictor.user_tokens), predictor.evidence
    if tokens is None or evidence is None:
        return None
    chosen = frequent_tokens(tokens[1])
    task, rows = validation.task, validation.rows
    events = task.events
    user = events.slot
    rest = events.rating - evidence.mean - evidence.item_means(events.item, user, shrinkage)
    weight = validation.weights.train
    weight = np.ones(len(events)) if weight is None else weight
    cross = fit_cross(AttributeRows.of(*tokens, chosen), user, events.item, rest, weight)
    pairs = RatingPairs(rows.user, rows.item, rows.timestamp)

    truth = rows.rating.astype(np.float64) - evidence.mean

    def error(taste: AttributeTaste) -> float:
        squares = (np.asarray(predictor.taste(taste, pairs, rows.user)) - truth) ** 2
        return float(np.average(squares, weights=validation.weights.valid))

    return min((AttributeTaste(cross, chosen, own, shrinkage) for own in OWN), key=error)


@dataclass(frozen=True, eq=False)
class Validation:
    """Log loss and AUC of held-out rows, predicted from the training rows; ``weights``: of
    the errors of predicted ratings."""

    model: RatingModel
    task: RatingTask
    rows: Interactions
    scenario: Ints
    device: torch.device
    weights: RatingWeights = field(default_factory=RatingWeights)

    def __call__(self) -> dict[str, float]:
        like, logit = self._answers()
        metrics = {VALID_LOSS: float(log_losses(like, logit).mean())}
        if like.any() and not like.all():
            metrics["valid_auc"] = auc(like, logit)
        return metrics

    def losses(self) -> np.ndarray:
        """The log loss of each row, float64 ``[n]``."""
        return log_losses(*self._answers())

    def predictor(self, evidence: RatingEvidence | None = None) -> RatingPredictor:
        """The model over the training ratings."""
        task = self.task
        return RatingPredictor(
            self.model, task.inputs, task.user_tokens, task.events, self.device, evidence
        )

    def _answers(self) -> tuple[np.ndarray, np.ndarray]:
        rows = self.rows
        pairs = RatingPairs(rows.user, rows.item, rows.timestamp)
        logit, _ = self.predictor().predict(pairs, rows.user, self.scenario)
        return rows.rating >= self.model.shape.scale.like, logit


def _shape(
    data: RatingData, events: RatedEvents, config: RatingConfig
) -> tuple[RatingShape, Tensor]:
    """The shape, and ``own_rows``: which (item, level) pairs have vectors of their own."""
    if not len(events):
        raise TrainingError("no interaction has a rating, so there is nothing to fit; add ratings.")
    try:
        scale = RatingScale.build(events.rating, config.like)
    except ValueError as error:
        low, high = events.rating.min(), events.rating.max()
        raise TrainingError(
            f"ratings: {error}; they are {low:g} to {high:g}, so set ratings.like between them."
        ) from error
    row = data.inputs.items.item_row.cpu().numpy()[events.item]
    n_levels = len(scale.levels)
    codes = (row * n_levels + scale.level(events.rating))[row >= 0]
    own_row = own_rows(codes, len(data.vocabulary.items) * n_levels, config.fewest)
    times = events.time[events.time != NO_TIME]
    n_scenarios = len(data.vocabulary.scenarios)
    head: str = "adapter" if config.head == "auto" else config.head
    parts = tuple(part for part in data.parts if block_of(part).in_ratings)
    shape = RatingShape(
        embedding_size=config.embedding_size,
        parts=parts,
        text_size=data.text_size,
        kg_layers=data.kg_layers,
        scale=scale,
        own=int(own_row.max()) if len(own_row) else 0,
        scales=config.near_scales if len(times) and times.min() < times.max() else (),
        reach=config.near_events,
        head=head if n_scenarios else "none",
        dropout=config.dropout,
        id_dropout=config.id_dropout if len(parts) > 1 else 0.0,
        user_attributes=data.inputs.user_tokens.pattern.indices.numel() > 0,
        centred=True,
    )
    return shape, own_row
