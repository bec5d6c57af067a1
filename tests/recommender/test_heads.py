"""Every scenario head in a whole recommender: answers, explanations, saving, and growing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kgrec import Recommender
from kgrec.nn import HEADS, HistoryBatch
from kgrec.scoring.engine import Engine
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(12)]
SCENARIOS = ("app", "web", None)
DESCRIBED = pd.DataFrame(
    {
        "scenario_id": ["app", "web", "kiosk"],
        "description": ["On the road", "At the desk", "In the hall"],
        "screen": ["small", "wide", "wide"],
    }
)


def learned(head: str) -> Recommender:
    """A recommender of a short fit, whose scenarios have then been driven apart."""
    settings = catalogs.config({"head": head}, epochs=4, learning_rate=0.02)
    model = Recommender(settings).fit(catalogs.catalog(scenarios=DESCRIBED))
    torch.manual_seed(0)
    with torch.no_grad():
        for part in (model.state.engine.model.head, *_fusion(model)):
            for parameter in part.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return Recommender.of(replace(model.state, engine=model.state.engine.refreshed()))


def _fusion(model: Recommender) -> list[torch.nn.Module]:
    inside = model.state.engine.model
    return [inside.fusion] if inside.shape.fusion else []


@pytest.fixture(scope="module", params=sorted(HEADS))
def recommender(request: pytest.FixtureRequest) -> Recommender:
    return learned(request.param)


@pytest.mark.slow
def test_contributions_add_up_to_the_score(recommender: Recommender) -> None:
    for scenario in SCENARIOS:
        ranked = recommender.recommend("u1", scenario=scenario, k=3)
        for item, score in zip(ranked["item_id"], ranked["score"], strict=True):
            found = recommender.explain("u1", item, scenario=scenario, k=5)
            assert found.score == pytest.approx(score, abs=1e-4)
            total = found.baseline + found.shown + found.not_shown + found.rest
            assert total == pytest.approx(found.score, abs=1e-5)
            assert abs(found.rest - found.withheld) < 1e-4
            carried = math.fsum(one.contribution for one in found.history)
            attributed = found.shown + found.not_shown + found.withheld
            assert carried == pytest.approx(attributed, abs=1e-4)


@pytest.mark.slow
def test_one_request_scores_as_a_batch_does(recommender: Recommender) -> None:
    engine = recommender.state.engine
    rows = engine.snapshot.users.rows(USERS)
    for code in range(-1, len(engine.vocabulary.scenarios)):
        histories = engine.stored(rows, np.full(len(rows), code))
        batch = engine.score(histories).numpy()
        for row in range(len(rows)):
            single = engine.score_one(histories.part(row, row + 1))
            if single is not None:
                np.testing.assert_allclose(single[0], batch[row], atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_it_answers_alike_after_saving(recommender: Recommender, tmp_path: Path) -> None:
    recommender.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    for scenario in (*SCENARIOS, "kiosk"):
        ours, theirs = (
            model.recommend(USERS, scenario=scenario, k=40, exclude_seen=False)
            for model in (recommender, loaded)
        )
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


@pytest.mark.slow
def test_a_scenario_more_leaves_the_scores_of_the_others_alone(recommender: Recommender) -> None:
    engine = recommender.state.engine
    rows = engine.snapshot.users.rows(USERS)
    known = len(engine.vocabulary.scenarios)
    result = torch.ones(1, engine.model.shape.scenario_features)
    model = engine.model.grown(like=None, features=result)
    with torch.no_grad():
        for name in model.own_parameters:
            model.get_parameter(name)[known:] += 1.0
    other = engine.with_scenarios(model=model)
    for code in range(-1, known):
        histories = engine.stored(rows, np.full(len(rows), code))
        assert torch.equal(other.score(histories), engine.score(histories))
        one = histories.part(0, 1)
        if engine.score_one(one) is not None:
            assert np.array_equal(other.score_one(one), engine.score_one(one))
    new = vectors(other, rows, known)
    assert torch.isfinite(new).all()
    assert model.own_parameters == () or not torch.allclose(new, vectors(other, rows, 0))


def vectors(engine: Engine, rows: np.ndarray, code: int) -> torch.Tensor:
    """The users' vectors in a scenario."""
    histories = engine.stored(rows, np.full(len(rows), code))
    batch = HistoryBatch.build(histories, len(engine.snapshot.items), engine.model.shape.scales)
    with torch.inference_mode():
        return engine.model.user_vectors(engine.items, engine.inputs, batch)


@pytest.mark.slow
def test_without_any_scenario_there_is_no_head() -> None:
    frames = catalogs.frames()
    plain = frames["interactions"].drop(columns="scenario")
    settings = catalogs.config({"head": "mmoe"}, epochs=1)
    model = Recommender(settings).fit(catalogs.catalog(interactions=plain))
    assert model.state.engine.model.shape.head == "none"
    assert model.state.engine.model.own_parameters == ()


@pytest.mark.slow
def test_a_scenario_without_rows_answers_as_the_shared_model() -> None:
    """Of a head that reads no description nothing is learned of it, and nothing is made up."""
    settings = catalogs.config({"head": "star"}, epochs=4, learning_rate=0.02)
    model = Recommender(settings).fit(catalogs.catalog(scenarios=DESCRIBED))
    none, kiosk = (model.recommend(USERS, scenario=name) for name in (None, "kiosk"))
    pd.testing.assert_frame_equal(none, kiosk)


@pytest.mark.slow
def test_what_describes_scenarios_outlives_training_again_on_everything() -> None:
    """There the weights come from a running average, which holds none of it."""
    rows = catalogs.frames()["interactions"].assign(split="train")
    settings = catalogs.config({"head": "hyper"}, epochs=2)
    model = Recommender(settings).fit(catalogs.catalog(interactions=rows, scenarios=DESCRIBED))
    result = model.state.engine.model.get_buffer("head.features")
    assert result.shape == (len(DESCRIBED), model.state.engine.model.shape.scenario_features)
    assert result.any(dim=1).all()
