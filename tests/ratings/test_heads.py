"""Scenario heads on ratings: used where scenarios differ, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec import Recommender, RecommenderConfig
from kgrec.config.ratings import RatingConfig
from kgrec.evaluation import logloss
from kgrec.ratings import heads as rating_heads
from kgrec.ratings.training import RatingTask, RatingTrainer
from tests.ratings import rated
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


def events(flipped: bool) -> pd.DataFrame:
    """Rows are in one of two scenarios at random; in "b" taste may be the other way round."""
    result = rated.events()
    in_b = np.random.default_rng(3).random(len(result)) < 0.3
    rating = result["rating"].mask(in_b, 6 - result["rating"]) if flipped else result["rating"]
    return result.assign(scenario=np.where(in_b, "b", "a"), rating=rating)


def fit(result: pd.DataFrame, **ratings: object) -> Recommender:
    settings = RatingConfig.model_validate({**rated.SMALL, "enabled": True, **ratings})
    config = catalogs.config(epochs=1).model_copy(update={"ratings": settings})
    return Recommender(config).fit(rated.catalog(result))


def loss(model: Recommender, result: pd.DataFrame) -> float:
    """On test rows."""
    rows = result[result["split"] == "test"].reset_index(drop=True)
    found = model.predict(rows[["user_id", "item_id", "timestamp", "scenario"]])
    return logloss(rows["rating"] >= 4, found["like"].to_numpy())


def test_a_head_learns_what_a_scenario_has_of_its_own() -> None:
    with_head, control = (fit(events(True), head=one, epochs=12) for one in ("star", "none"))
    assert loss(with_head, events(True)) < loss(control, events(True)) - 0.02
    assert with_head.state.rating_model is not None
    assert with_head.state.rating_model.uses_head.all()


def test_auto_uses_a_head_where_validation_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """In "b" hardly anything is liked, which the shared model can't tell."""
    monkeypatch.setattr(rating_heads, "_LEARNING_RATE", 0.05)
    monkeypatch.setattr(rating_heads, "_EPOCHS", 20)
    result = events(flipped=False)
    result["rating"] = result["rating"].mask(result["scenario"] == "b", 1 + result["rating"] // 2)
    model = fit(result, head="auto")
    names = model.state.engine.vocabulary.scenarios.tolist()
    assert model.state.rating_model is not None
    assert model.state.rating_model.uses_head[names.index("b")]
    with_head = loss(model, result)
    model.state.rating_model.uses_head.fill_(False)
    assert with_head < loss(model, result) - 0.02


def test_auto_uses_no_head_where_nothing_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rating_heads, "_STANDARD_ERRORS", np.inf)
    model = fit(events(True), head="auto", epochs=1)
    assert model.state.rating_model is not None
    assert not model.state.rating_model.uses_head.any()


def test_each_scenario_has_its_own_losses_and_weight() -> None:
    nothing: Any = None
    task = RatingTask(nothing, nothing, nothing, nothing, ("a", "b", "c"))
    config = RatingConfig(
        losses={"a": "bce", "b": "mse"}, scenario_weights={"b": 2.0, "c": 0.0}, rating_weight=0.5
    )
    trainer = RatingTrainer(nothing, task, config, 0, torch.device("cpu"))
    assert trainer._weights.tolist() == [[1, 0, 0, 1], [0, 2, 0, 0.5]]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"scenario_weights": {"a": -1.0}}, {"scenario_weights": {"a": float("nan")}}):
        with pytest.raises(ValueError, match="scenario_weights"):
            RecommenderConfig.model_validate({"ratings": wrong})
