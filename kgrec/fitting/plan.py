"""The plan of a fit, and the settings to compare first, from settings and data."""

from __future__ import annotations

from typing import get_args

import numpy as np

from kgrec.arguments import check_choice
from kgrec.config import Effort, RecommenderConfig
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Interactions
from kgrec.training import DataSummary, Plan, examples_to_try, follows_in_time, make_plan


def with_effort(
    config: RecommenderConfig, effort: Effort | None, tune: int | None
) -> RecommenderConfig:
    """The settings with ``effort`` in place of their own, where it is given. Raises RequestError
    for another word, and for a search over settings of a training that does not take place."""
    if effort is not None:
        check_choice(effort, "effort", get_args(Effort))
        training = config.training.model_copy(update={"effort": effort})
        config = config.model_copy(update={"training": training})
    if tune is not None and config.training.effort == "quick":
        raise RequestError(
            "tune compares settings of training, and effort 'quick' trains nothing; leave one out."
        )
    return config


def settings_to_try(
    train: GraphSnapshot, valid: Interactions, config: RecommenderConfig
) -> list[RecommenderConfig]:
    """The settings to compare by a fit each: one for each kind of training examples to try, where
    there is training."""
    if config.training.effort == "quick":
        return [config]
    kinds = examples_to_try(config.training, _summary(train, valid))
    training = [config.training.model_copy(update={"examples": kind}) for kind in kinds]
    return [config.model_copy(update={"training": each}) for each in training]


def _summary(train: GraphSnapshot, valid: Interactions) -> DataSummary:
    return DataSummary(
        temporal=follows_in_time(train.interactions, valid),
        n_users=int(np.count_nonzero(np.diff(train.interactions.indptr(len(train.users))))),
        n_events=len(train.interactions),
        n_items=len(train.items),
        n_facts=sum(map(len, train.facts)),
    )


def plan_training(train: GraphSnapshot, valid: Interactions, config: RecommenderConfig) -> Plan:
    """The hyperparameters: as set, else chosen from the data."""
    return make_plan(config.model, config.training, _summary(train, valid))
