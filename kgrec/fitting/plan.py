"""The plan of a fit, and the settings to compare first, from settings and data."""

from __future__ import annotations

import numpy as np

from kgrec.config import RecommenderConfig
from kgrec.graph.snapshot import GraphSnapshot, Interactions
from kgrec.training import DataSummary, Plan, examples_to_try, follows_in_time, make_plan


def settings_to_try(
    train: GraphSnapshot, valid: Interactions, config: RecommenderConfig
) -> list[RecommenderConfig]:
    """The settings to compare by a fit each: one for each kind of training examples to try."""
    kinds = examples_to_try(config.training, _summary(train, valid))
    training = [config.training.model_copy(update={"examples": kind}) for kind in kinds]
    return [config.model_copy(update={"training": each}) for each in training]


def _summary(train: GraphSnapshot, valid: Interactions) -> DataSummary:
    return DataSummary(
        temporal=follows_in_time(train.interactions, valid),
        n_users=len(np.unique(train.interactions.user)),
        n_events=len(train.interactions),
        n_items=len(train.items),
        n_facts=sum(map(len, train.facts)),
    )


def plan_training(train: GraphSnapshot, valid: Interactions, config: RecommenderConfig) -> Plan:
    """The hyperparameters: as set, else chosen from the data."""
    return make_plan(config.model, config.training, _summary(train, valid))
