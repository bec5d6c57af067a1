"""The plan of a fit: what the settings leave open is read off the data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kgrec.config import ModelConfig, TrainingConfig
from kgrec.graph.snapshot import NO_TIME, Interactions

# What random searches on validation found for the two kinds of data, and what they hinge on: with
# a validation set that follows training in time a model must learn what comes next, otherwise what
# goes together.
_TIMED_TEMPERATURE, _UNTIMED_TEMPERATURE = 0.1, 0.15
_SIZE = 256
_TIMED_DROPOUT, _UNTIMED_DROPOUT = 0.3, 0.2
_TIMED_HISTORY_DROPOUT, _UNTIMED_HISTORY_DROPOUT = 0.1, 0.45
_EPOCHS = 60
_TIMED_RATE, _UNTIMED_RATE = 5e-3, 3e-3
_MIN_BATCH, _MAX_BATCH = 128, 1024
_TEMPORAL_SHARE = 0.9
_MAX_ITEMS, _MAX_FACTS = 20_000, 2_000_000  # what a step reads as a whole


@dataclass(frozen=True)
class Plan:
    """All that a fit needs. ``temporal``: training cuts histories in time, or hides events;
    ``sampled``: a step reads some of the items, or all."""

    temporal: bool
    embedding_size: int
    scales: tuple[float, ...]
    temperature: float
    dropout: float
    history_dropout: float
    epochs: int
    batch_size: int
    learning_rate: float
    sampled: bool = False


def make_plan(
    model: ModelConfig,
    training: TrainingConfig,
    *,
    temporal: bool,
    n_users: int,
    n_items: int = 0,
    n_facts: int = 0,
) -> Plan:
    """Settings first, then what suits the data; ``n_users`` are those with interactions."""
    large = n_items > _MAX_ITEMS or n_facts > _MAX_FACTS
    batch = min(max(n_users // 4, _MIN_BATCH), _MAX_BATCH)
    return Plan(
        temporal=temporal,
        embedding_size=model.embedding_size or _SIZE,
        scales=model.time_scales if temporal else (math.inf,),
        temperature=model.temperature or (_TIMED_TEMPERATURE if temporal else _UNTIMED_TEMPERATURE),
        dropout=_chosen(model.dropout, _TIMED_DROPOUT if temporal else _UNTIMED_DROPOUT),
        history_dropout=_chosen(
            training.history_dropout,
            _TIMED_HISTORY_DROPOUT if temporal else _UNTIMED_HISTORY_DROPOUT,
        ),
        epochs=training.epochs or _EPOCHS,
        batch_size=training.batch_size or batch,
        learning_rate=training.learning_rate or (_TIMED_RATE if temporal else _UNTIMED_RATE),
        sampled=training.sampling == "sampled" or (training.sampling == "auto" and large),
    )


def _chosen(setting: float | None, default: float) -> float:
    return default if setting is None else setting


def follows_in_time(train: Interactions, valid: Interactions) -> bool:
    """Whether validation comes after training: nine tenths of its rows are no earlier than their
    user's last training event. False without timestamps."""
    n_users = int(max(train.user.max(initial=-1), valid.user.max(initial=-1))) + 1
    last = np.full(n_users, NO_TIME, dtype=np.int64)
    np.maximum.at(last, train.user, train.timestamp)
    known = (valid.timestamp != NO_TIME) & (last[valid.user] != NO_TIME)
    if not known.any():
        return False
    later = valid.timestamp[known] >= last[valid.user[known]]
    return bool(later.mean() >= _TEMPORAL_SHARE)
