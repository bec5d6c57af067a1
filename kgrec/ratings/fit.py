"""Fitting the rating model on a snapshot: rows, vocabulary, validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgrec.config.ratings import RatingConfig
from kgrec.errors import TrainingError
from kgrec.features.blocks import block_of
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints
from kgrec.metrics.metrics import auc
from kgrec.nn.model import ModelInputs
from kgrec.progress import OnEpoch
from kgrec.ratings.blend import RatingBlend
from kgrec.ratings.heads import tune_head
from kgrec.ratings.model import RatingModel, RatingShape
from kgrec.ratings.pools import AskedPairs, RatedEvents
from kgrec.ratings.predictor import RatingPredictor
from kgrec.ratings.reviews import Reviews, fit_blend, gather
from kgrec.ratings.scale import RatingScale
from kgrec.ratings.training import VALID_LOSS, RatingTask, RatingTrainer, own_rows
from kgrec.scoring.scenario_codes import scenario_codes


@dataclass(frozen=True, eq=False)
class RatingData:
    """What a fit reads: features of one snapshot's items and users, its rated interactions to train
    on, and those to choose by; its reviews, of which those of ``valid`` are not read."""

    vocabulary: Vocabulary
    inputs: ModelInputs
    parts: tuple[str, ...]
    text_size: int
    kg_layers: int
    train: Interactions
    valid: Interactions
    reviews: Reviews | None = None

    @property
    def n_items(self) -> int:
        return len(self.inputs.items.item_row)

    @property
    def n_users(self) -> int:
        return int(self.inputs.user_tokens.shape[0])


@dataclass(frozen=True, eq=False)
class FittedRatings:
    """A trained rating model, and how it came about."""

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
    """Train on the rated rows of ``data.train``, choose the epoch by those of ``data.valid``.

    Raises TrainingError where there are no ratings, all are alike, or all or none are likes.
    """
    events = RatedEvents.of_users(data.train, data.n_users)
    shape, places = _shape(data, events, config)
    rated = data.train.select(np.isfinite(data.train.rating))
    task = RatingTask(
        inputs=data.inputs.items,
        user_tokens=data.inputs.user_tokens,
        events=events,
        scenario=scenario_codes(rated.scenario, data.vocabulary),
        names=tuple(data.vocabulary.scenarios),
    )
    valid = data.valid.select(np.isfinite(data.valid.rating))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RatingModel(data.vocabulary, shape)
        model.own_row = places
        model = model.to(device)
        codes = scenario_codes(valid.scenario, data.vocabulary)
        validate = Validation(model, task, valid, codes, device) if len(valid) else None
        trainer = RatingTrainer(model, task, config, seed, device, validate)
        later = config.head == "auto"
        if later:
            model.without_head()
        history = trainer.run(on_epoch)
        if later and validate is not None:
            tune_head(trainer, validate.losses, codes)
        model.blend = _blend(data, task, model, valid, codes, seed, device)
    return FittedRatings(model, history)


def _blend(
    data: RatingData,
    task: RatingTask,
    model: RatingModel,
    valid: Interactions,
    codes: Ints,
    seed: int,
    device: torch.device,
) -> RatingBlend | None:
    reviews = None if data.reviews is None else data.reviews.without(data.valid, data.n_items)
    sentiment = None if reviews is None else reviews.sentiment()
    evidence = gather(data.train, reviews, sentiment, model.shape.scale.mean, data.n_items)
    predictor = RatingPredictor(model, task.inputs, task.user_tokens, task.events, device, evidence)
    return fit_blend(predictor, valid, codes, sentiment, seed)


@dataclass(frozen=True, eq=False)
class Validation:
    """Logloss and AUC of held-out rows, told from the training rows."""

    model: RatingModel
    task: RatingTask
    rows: Interactions
    scenario: Ints
    device: torch.device

    def __call__(self) -> dict[str, float]:
        like, logit = self._answers()
        told = {VALID_LOSS: float(log_losses(like, logit).mean())}
        return told if like.all() or not like.any() else {**told, "valid_auc": auc(like, logit)}

    def losses(self) -> np.ndarray:
        """float64 ``[n]``: each row's."""
        return log_losses(*self._answers())

    def _answers(self) -> tuple[np.ndarray, np.ndarray]:
        predictor = RatingPredictor(
            self.model, self.task.inputs, self.task.user_tokens, self.task.events, self.device
        )
        rows = self.rows
        pairs = AskedPairs(rows.user, rows.item, rows.timestamp)
        logit, _ = predictor.predict(pairs, rows.user, self.scenario)
        return rows.rating >= self.model.shape.scale.like, logit


def log_losses(like: np.ndarray, logit: np.ndarray) -> np.ndarray:
    """float64 ``[n]``: −log of the probability that was given to what happened."""
    signed = np.where(like, -1.0, 1.0) * logit.astype(np.float64)
    return np.asarray(np.logaddexp(0.0, signed))


def _shape(
    data: RatingData, events: RatedEvents, config: RatingConfig
) -> tuple[RatingShape, Tensor]:
    """The shape, and which (item, level) pairs have vectors of their own."""
    if not len(events):
        raise TrainingError("no interaction has a rating; the rating model learns from ratings.")
    try:
        scale = RatingScale.build(events.rating, config.like)
    except ValueError as error:
        low, high = events.rating.min(), events.rating.max()
        raise TrainingError(
            f"ratings: {error}; they are {low:g} to {high:g}, set like between them."
        ) from error
    row = data.inputs.items.item_row.cpu().numpy()[events.item]
    n_levels = len(scale.levels)
    codes = (row * n_levels + scale.level(events.rating))[row >= 0]
    places = own_rows(codes, len(data.vocabulary.items) * n_levels, config.fewest)
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
        own=int(places.max()) if len(places) else 0,
        scales=config.near_scales if len(times) and times.min() < times.max() else (),
        reach=config.near_events,
        head=head if n_scenarios else "none",
        dropout=config.dropout,
        id_dropout=config.id_dropout if len(parts) > 1 else 0.0,
        user_attributes=data.inputs.user_tokens.pattern.indices.numel() > 0,
        centred=True,
    )
    return shape, places
