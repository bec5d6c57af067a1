"""The parts of benchmarks.trial, by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.trials.doubly_robust import _Known
from benchmarks.trials.fact_sentences import fact_sentences, standardised
from benchmarks.trials.losses import CHANGES, _changed, info_nce, policy_weights
from kgrec import Recommender
from kgrec.graph.source import read_source
from kgrec.training.train_step import Stepper
from tests.recommender import catalogs


def test_near_views_have_a_small_contrastive_loss() -> None:
    views = torch.eye(4)
    assert float(info_nce(views, views)) == pytest.approx(np.log(1 + 3 * np.exp(-5)), abs=1e-5)
    assert float(info_nce(views, views.flip(0))) > 4.9


def test_weights_of_a_policy_gradient() -> None:
    found = policy_weights(np.array([0.2, 0.2, 0.9]), np.array([0.1, 0.01, 0.9]))
    raw = np.array([2 * 10 * 0.8**9, 10 * 10 * 0.8**9, 10 * 0.1**9])  # the second is capped
    assert found == pytest.approx(raw / raw.mean())


@pytest.mark.parametrize("name", ["contrastive", "policy gradient"])
def test_a_changed_loss_trains_another_model(name: str) -> None:
    config = catalogs.config(epochs=1, refit=False)
    plain = Stepper._losses
    with _changed(CHANGES[name]):
        changed = Recommender(config).fit(catalogs.catalog(), seed=0)
    assert Stepper._losses is plain
    logged = changed.state.training_log[-1]["loss"]
    assert logged != usual_loss()


@cache
def usual_loss() -> float:
    fitted = Recommender(catalogs.config(epochs=1, refit=False)).fit(catalogs.catalog(), seed=0)
    return fitted.state.training_log[-1]["loss"]


def test_the_doubly_robust_loss_is_the_true_one_where_either_part_is_right() -> None:
    truth = torch.tensor([[1.0, 2.0], [4.0, 5.0]])
    predicted, imputed = torch.full((2, 2), 3.0), torch.ones(2, 2)
    true_loss = ((predicted - truth) ** 2).mean()
    rows = pd.DataFrame({"user": [0, 0, 1, 1], "item": [0, 1, 0, 1], "rating": [1, 2, 4, 5]})
    whole = _Known.of(rows, np.ones((2, 2), dtype=np.float32))  # all are known: p is 1
    assert float(whole.doubly_robust_loss(predicted, imputed)) == pytest.approx(float(true_loss))
    some = _Known.of(rows[:2], np.full((2, 2), 0.3, dtype=np.float32))
    right = float(some.doubly_robust_loss(predicted, truth))
    assert right == pytest.approx(float(true_loss))
    assert float(some.imputation_loss(predicted, truth)) == 0.0


def test_sentences_of_facts_name_relations_and_entities() -> None:
    found = fact_sentences(read_source(catalogs.catalog(), None))
    assert len(found) == catalogs.N_ITEMS
    assert "made by Ann Ash" in found[0]
    assert standardised(np.array([[1.0, 3.0]])) == pytest.approx(np.array([[-1.0, 1.0]]))
