"""Settings of the item–item weights are chosen on validation rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.fitting.item_weight_choice import (
    GRAPHS,
    OUTSIDE_WEIGHTS,
    RIDGES,
    SCENARIO_RIDGES,
    SCENARIO_STRENGTHS,
    STRENGTHS,
    ItemWeightSettings,
    ScenarioWeightSettings,
    choose_item_weights,
    with_item_weights,
)
from kgrec.fitting.validation import ValidationQueries
from kgrec.nn import Histories
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request
from kgrec.training import Plan
from tests.recommender import catalogs
from tests.training.samples import plan


def training_engine(fitted: Recommender) -> Engine:
    """The fitted model over its training rows, without weights."""
    full = fitted.state.full_snapshot
    assert full is not None
    train = full.without(np.asarray(full.interactions.split != "train"), ("train",))
    engine = fitted.state.engine
    return engine.over(train, engine.texts).with_weights(None)


@pytest.fixture(scope="module")
def engine(fitted: Recommender) -> Engine:
    return training_engine(fitted)


@pytest.fixture(scope="module")
def untimed() -> Plan:
    return plan()


def ndcg(engine: Engine, fitted: Recommender) -> float:
    asked = Recommender.of(replace(fitted.state, engine=engine))
    return asked.evaluate(split="valid")["ndcg@10"]


def test_the_best_of_all_is_chosen(engine: Engine, fitted: Recommender, untimed: Plan) -> None:
    """Every choice, made by hand and evaluated as a user would."""
    full = fitted.state.full_snapshot
    assert full is not None
    valid = full.interactions.select(np.asarray(full.interactions.split == "valid"))
    valid = replace(valid, scenario=np.full(len(valid), "", dtype=object))  # as evaluate() asks
    best, chosen = choose_item_weights(engine, valid, untimed, seed=0, texts=False)
    tried = {
        choice: ndcg(with_item_weights(engine, choice, untimed), fitted)
        for choice in (
            ItemWeightSettings(graph, strength, ridge)
            for graph in GRAPHS
            for ridge in RIDGES
            for strength in (0.0, *STRENGTHS)
        )
    }
    assert tried[best] == pytest.approx(max(tried.values()), abs=1e-6)
    assert ndcg(chosen, fitted) == tried[best], "the engine is the chosen one's"
    assert len(set(tried.values())) > 3, "the choice matters here"


def test_without_validation_rows_there_are_none(engine: Engine, untimed: Plan) -> None:
    nothing = engine.snapshot.interactions.select(np.zeros(0, dtype=np.int64))
    best, same = choose_item_weights(engine, nothing, untimed, seed=0, texts=False)
    assert best.strength == 0
    assert with_item_weights(engine, best, untimed) is engine
    assert same is engine


def test_they_can_be_left_out() -> None:
    config = catalogs.config(epochs=1)
    without = config.model.model_copy(update={"use_item_weights": False})
    model = Recommender(config.model_copy(update={"model": without})).fit(catalogs.catalog())
    assert model.state.engine.weights is None


def assert_one_is_explained(engine: Engine, history: Histories, scores: np.ndarray) -> None:
    """A stored user's history scores alone as in its batch, and its best item's parts add up."""
    one = engine.score_one(history)
    assert one is not None
    np.testing.assert_allclose(one[0], scores, rtol=1e-5, atol=1e-5)
    item = int(scores.argmax())
    breakdown = RequestBreakdown.of(
        engine, Request(history), engine.sequences.times(int(history.user[0]))
    ).break_down(item)
    assert breakdown.score == pytest.approx(scores[item], abs=1e-4)
    assert "together" in breakdown.parts
    assert abs(breakdown.rest) < 1e-4


def test_one_history_scores_as_in_a_batch_and_is_explained(engine: Engine, untimed: Plan) -> None:
    """The fast path and the breakdown use the weights."""
    strong = with_item_weights(engine, ItemWeightSettings(graph=1.0, strength=4.0), untimed)
    users = np.arange(3)
    batch = strong.score(strong.stored(users)).numpy()
    assert np.abs(batch - engine.score(engine.stored(users)).numpy()).max() > 0.01
    for user in users.tolist():
        history = strong.stored(np.array([user]))
        assert_one_is_explained(strong, history, batch[user])
    none = np.zeros(0, dtype=np.int64)
    nobody = strong.typed(np.array([0, 0]), none, np.array([-1]), np.array([-1]))
    alone = strong.score_one(nobody)
    assert alone is not None
    np.testing.assert_allclose(alone, strong.score(nobody).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_weights_of_single_scenarios_are_chosen_too(short: Recommender, untimed: Plan) -> None:
    """Every choice on top of the best shared one, each scenario asked as a user would."""
    full, engine = short.state.full_snapshot, training_engine(short)
    assert full is not None
    assert engine.scenario_items is not None
    valid = full.interactions.select(np.asarray(full.interactions.split == "valid"))
    best, chosen = choose_item_weights(engine, valid, untimed, seed=0, texts=False)
    queries = ValidationQueries.build(engine, valid, most=len(valid), seed=0)

    def evaluated(settings: ItemWeightSettings) -> float:
        model = with_item_weights(engine, settings, untimed)
        return queries.evaluate(lambda rows: queries.score(model, rows))["ndcg@10"]

    tried = {
        choice: evaluated(choice)
        for choice in (
            replace(best, scenario=ScenarioWeightSettings(outside_weight, ridge, strength))
            for ridge in SCENARIO_RIDGES
            for outside_weight in OUTSIDE_WEIGHTS
            for strength in SCENARIO_STRENGTHS
        )
    }
    assert best.scenario is not None, "it pays here"
    assert tried[best] == pytest.approx(max(tried.values()), abs=1e-6)
    assert tried[best] > evaluated(replace(best, scenario=None))
    assert best.ndcg == pytest.approx(tried[best], abs=1e-6)
    assert queries.evaluate(lambda rows: queries.score(chosen, rows))["ndcg@10"] == tried[best]


def test_a_scenario_scores_and_explains_by_its_weights(engine: Engine, untimed: Plan) -> None:
    scenario_weights = ScenarioWeightSettings(outside_weight=0.1, ridge=1.0, strength=8.0)
    strong = with_item_weights(
        engine, ItemWeightSettings(graph=0.0, strength=4.0, scenario=scenario_weights), untimed
    )
    users = np.arange(4)
    shared = strong.score(strong.stored(users)).numpy()
    codes = np.array([0, 1, 0, 1])
    batch = strong.score(strong.stored(users, codes)).numpy()
    assert np.abs(batch - shared).max() > 0.01
    for user, code in zip(users.tolist(), codes.tolist(), strict=True):
        history = strong.stored(np.array([user]), np.array([code]))
        assert_one_is_explained(strong, history, batch[user])
