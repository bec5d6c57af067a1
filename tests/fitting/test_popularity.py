"""The weight of popularity beside trained biases is chosen on validation rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.fitting.evidence.decision import Evidence
from kgrec.fitting.fit import Fitted, as_trained
from kgrec.fitting.item_weight_choice import ItemWeightSettings
from kgrec.fitting.popularity import (
    POPULARITIES,
    choose_popularity,
    liked_counts,
    with_popularity,
)
from kgrec.graph.snapshot import Interactions
from kgrec.scoring.engine import Engine
from tests.fitting.test_item_weight_choice import ndcg, training_engine
from tests.training.samples import plan


@pytest.fixture(scope="module")
def engine(fitted: Recommender) -> Engine:
    return training_engine(fitted)


@pytest.fixture(scope="module")
def valid(fitted: Recommender) -> Interactions:
    full = fitted.state.full_snapshot
    assert full is not None
    rows = full.interactions.select(np.asarray(full.interactions.split == "valid"))
    return replace(rows, scenario=np.full(len(rows), "", dtype=object))  # as evaluate() asks


def test_the_best_of_all_is_chosen(
    engine: Engine, valid: Interactions, fitted: Recommender
) -> None:
    """Every weight, given by hand and evaluated as a user would."""
    weight, found = choose_popularity(engine, valid, 0, Evidence())
    tried = {one: ndcg(with_popularity(engine, one), fitted) for one in POPULARITIES}
    assert tried[weight] == pytest.approx(max(tried.values()), abs=1e-6)
    assert found == pytest.approx(tried[weight], abs=1e-6)
    assert len(set(tried.values())) > 3, "the choice matters here"


def test_every_choice_is_evidence(engine: Engine, valid: Interactions) -> None:
    evidence = Evidence()
    choose_popularity(engine, valid, 0, evidence)
    (decision,) = evidence.decisions
    assert decision.subject == "popularity"
    assert decision.reason == "measured"


def test_without_validation_rows_biases_stay(engine: Engine, valid: Interactions) -> None:
    evidence = Evidence()
    nothing = valid.select(np.zeros(0, dtype=np.int64))
    weight, found = choose_popularity(engine, nothing, 0, evidence)
    assert weight == 0
    assert np.isnan(found)
    assert with_popularity(engine, weight) is engine
    assert evidence.decisions[0].reason == "few"


def test_scores_grow_by_the_logarithm_of_interactions(engine: Engine) -> None:
    users = np.arange(len(engine.snapshot.users))
    more = with_popularity(engine, 0.5)
    added = more.score(more.stored(users)) - engine.score(engine.stored(users))
    known = engine.inputs.items.item_row.cpu().numpy()
    trained = np.flatnonzero(np.bincount(engine.snapshot.interactions.item, minlength=len(known)))
    counts = liked_counts(engine)[known[trained]]
    expected = np.broadcast_to(0.5 * np.log1p(counts), (len(users), len(trained)))
    assert added[:, trained].numpy() == pytest.approx(expected, abs=1e-4)


def test_a_second_training_starts_from_trained_biases(engine: Engine) -> None:
    """Otherwise popularity would be added twice."""
    settings = ItemWeightSettings(0.0, 0.0, popularity=0.4)
    made = Fitted(with_popularity(engine, 0.4), plan(), [], settings)
    before = engine.model.item_bias.detach().numpy()
    assert made.engine.model.item_bias.detach().numpy() != pytest.approx(before, abs=1e-3)
    assert as_trained(made).model.item_bias.detach().numpy() == pytest.approx(before, abs=1e-6)
