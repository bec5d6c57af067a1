"""The plan of a fit: settings that are left unset are chosen from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kgrec.config import ModelConfig, TrainingConfig
from kgrec.graph.snapshot import NO_TIME, Interactions
from kgrec.nn import TimeScales
from kgrec.training.best_weights import METRIC

_MIN_BATCH, _MAX_BATCH = 128, 1024
_TEMPORAL_SHARE = 0.9
_SPARSE_EVENTS = 15  # per user, on average; with fewer a model overfits soon
_TRIED_EVENTS = 300_000  # up to which a second fit, to compare, is cheap
_MAX_ITEMS, _MAX_FACTS = 20_000, 2_000_000  # what a step reads as a whole


@dataclass(frozen=True)
class _Defaults:
    embedding_size: int
    temperature: float
    dropout: float
    history_dropout: float
    epochs: int
    learning_rate: float
    user_weight: float
    shrinkage: float = 0.0
    early_cuts: float = 0.0
    patience: int = 6
    refit_share: float = 0.2
    refit_rate: float = 0.3


# Found by random searches on validation rows for each kind of data. Where validation follows
# training in time a model predicts the next items, otherwise items that occur together.
_TIMED = _Defaults(256, 0.1, 0.25, 0.0, 100, 5e-3, 1.0, shrinkage=5.0, early_cuts=0.1)
_TIMED_SPARSE = _Defaults(256, 0.2, 0.4, 0.0, 100, 2e-3, 1.0, patience=3)
_TIMED_SPARSE_MASKED = _Defaults(
    256, 0.08, 0.4, 0.3, 50, 6e-3, 1.0, patience=3, refit_share=0.4, refit_rate=0.5
)
_DENSE = _Defaults(512, 0.17, 0.2, 0.45, 45, 3e-3, 0.75)
_SPARSE = _Defaults(768, 0.08, 0.2, 0.3, 20, 1e-3, 0.75, refit_share=0.4, refit_rate=0.5)
_SPARSE_SAMPLED = _Defaults(128, 0.1, 0.2, 0.3, 20, 2e-3, 0.75, refit_share=0.4, refit_rate=0.5)
_SAMPLED_SIZE = 128  # where steps are sampled, time and memory go with the embedding size


@dataclass(frozen=True)
class Plan:
    """The resolved settings of a fit. ``temporal``: training cuts histories in time, otherwise it
    hides events; ``sampled``: a step reads a sample of the items, otherwise all.

    What saves time: a training ends after ``patience`` validations without improvement, and, where
    two kinds of examples are compared, after ``race_share`` of the epochs if its best is more than
    ``race_margin`` below the other's and, growing as over the last two validations, would stay
    below. A second training, on all rows, continues the first for ``refit_share`` of its epochs
    with ``refit_rate`` of its learning rate, and less of both where its best epoch was early. With
    ``race_share`` 1 no comparison ends early; with ``refit_share`` 0 the second training starts
    anew.
    """

    temporal: bool
    embedding_size: int
    scales: TimeScales
    temperature: float
    dropout: float
    history_dropout: float
    epochs: int
    batch_size: int
    learning_rate: float
    user_weight: float
    user_cap: float | None = None
    shrinkage: float = 0.0
    early_cuts: float = 0.0
    sampled: bool = False
    patience: int = 6
    race_share: float = 0.3
    race_margin: float = 0.1
    refit_share: float = 0.2
    refit_rate: float = 0.3

    def is_behind(self, log: Sequence[Mapping[str, float]], rival: float) -> bool:
        """Whether a training with this ``log`` (a record per epoch) is so far behind another one's
        best validation, ``rival`` (-inf: there is none), that it will hardly reach that."""
        found = [(record["epoch"], record[METRIC]) for record in log if METRIC in record]
        if len(found) < 3 or self.race_share >= 1 or len(log) < self.race_share * self.epochs:
            return False
        epoch, best = found[-1][0], max(value for _, value in found)
        gain = best - max(value for _, value in found[:-2])
        hoped = best + gain * (self.epochs - epoch) / (epoch - found[-3][0])
        return max(hoped, best * (1 + self.race_margin)) < rival


@dataclass(frozen=True)
class DataSummary:
    """The facts about training data that a plan depends on: whether validation follows training in
    time, and numbers of users with interactions, of interactions, items and facts."""

    temporal: bool
    n_users: int
    n_events: int
    n_items: int = 0
    n_facts: int = 0


def make_plan(
    model: ModelConfig,
    training: TrainingConfig,
    data: DataSummary,
) -> Plan:
    """The given settings, then values that suit the data."""
    large = data.n_items > _MAX_ITEMS or data.n_facts > _MAX_FACTS
    sparse = data.n_events < _SPARSE_EVENTS * data.n_users
    sampled = training.sampling == "sampled" or (training.sampling == "auto" and large)
    default = _defaults(data.temporal, sparse, training.examples)
    if sampled:
        default = _sampled(default)
    batch = min(max(data.n_users // 4, _MIN_BATCH), _MAX_BATCH)
    timed_scales = TimeScales(model.time_scales, model.visit_scales)
    cuts = data.temporal and training.examples == "auto"
    plan = Plan(
        temporal=cuts,
        embedding_size=model.embedding_size or default.embedding_size,
        scales=timed_scales if data.temporal else TimeScales((math.inf,)),
        temperature=model.temperature or default.temperature,
        dropout=_chosen(model.dropout, default.dropout),
        history_dropout=_chosen(training.history_dropout, default.history_dropout),
        epochs=training.epochs or default.epochs,
        batch_size=training.batch_size or batch,
        learning_rate=training.learning_rate or default.learning_rate,
        user_weight=_chosen(training.user_weight, default.user_weight),
        user_cap=training.user_cap,
        shrinkage=_chosen(model.shrinkage, default.shrinkage),
        early_cuts=_chosen(training.early_cuts, default.early_cuts),
        patience=training.patience or default.patience,
        refit_share=default.refit_share,
        refit_rate=default.refit_rate,
        sampled=sampled,
    )
    return _without_haste(plan, training) if training.effort == "thorough" else plan


def _without_haste(plan: Plan, training: TrainingConfig) -> Plan:
    """The plan without what saves time: no comparison ends early, and the second training is a
    whole one."""
    patience = training.patience or _Defaults.patience
    return replace(plan, patience=patience, race_share=1.0, refit_share=0.0)


def examples_to_try(
    training: TrainingConfig, data: DataSummary
) -> tuple[Literal["auto", "masks"], ...]:
    """The kinds of examples to fit with and compare on validation: two where users have few events
    in time, since neither kind is better on all data; one where the settings decide. The one that
    needs fewer epochs comes first."""
    open_ = training.examples == "auto" and training.epochs is None
    sparse = data.n_events < min(_SPARSE_EVENTS * data.n_users, _TRIED_EVENTS)
    return ("masks", "auto") if open_ and data.temporal and sparse else (training.examples,)


def _defaults(temporal: bool, sparse: bool, examples: str) -> _Defaults:
    if not temporal:
        return _SPARSE if sparse else _DENSE
    if examples == "auto":
        return _TIMED_SPARSE if sparse else _TIMED
    return (
        _TIMED_SPARSE_MASKED if sparse else replace(_TIMED, history_dropout=_DENSE.history_dropout)
    )


def _sampled(default: _Defaults) -> _Defaults:
    """What suits steps over a sample of the items, where all items would take ``default``."""
    if default is _SPARSE:
        return _SPARSE_SAMPLED
    return replace(default, embedding_size=min(default.embedding_size, _SAMPLED_SIZE))


def _chosen(setting: float | None, default: float) -> float:
    return default if setting is None else setting


def follows_in_time(train: Interactions, valid: Interactions) -> bool:
    """Whether validation follows training in time: nine tenths of its rows are no earlier than
    their user's last training event, and one is later than the first. False without timestamps, and
    where each user's are all equal."""
    n_users = int(max(train.user.max(initial=-1), valid.user.max(initial=-1))) + 1
    last = np.full(n_users, NO_TIME, dtype=np.int64)
    np.maximum.at(last, train.user, train.timestamp)
    if not (train.tells_order(n_users) or _any_later(last, valid)):
        return False
    known = (valid.timestamp != NO_TIME) & (last[valid.user] != NO_TIME)
    if not known.any():
        return False
    later = valid.timestamp[known] >= last[valid.user[known]]
    return bool(later.mean() >= _TEMPORAL_SHARE)


def _any_later(last: np.ndarray, valid: Interactions) -> bool:
    """Whether any row is later than its user's last training event, ``last`` int64 ``[n]``."""
    before = last[valid.user]
    return bool(((before != NO_TIME) & (valid.timestamp > before)).any())
