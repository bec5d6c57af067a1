"""How much recent events count in a quick model, chosen for both horizons."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.general_data.generated import World, made_snapshot
from kgrec import Recommender
from kgrec.fitting.closed_form import FitOrigin
from kgrec.fitting.item_weight_choice import DECAYS, _with_gap
from kgrec.fitting.validation import is_gain


@pytest.fixture(scope="module")
def timed() -> Recommender:
    """Users change their preferred groups halfway."""
    return Recommender().fit(
        made_snapshot(World("timed", 300, 80, 20, timed=True)), effort="quick", seed=0
    )


def test_both_horizons_are_chosen(timed: Recommender) -> None:
    origin = timed.state.origin
    assert origin is not None
    weights = origin.item_weights
    assert weights.later is not None
    assert {weights.decay, weights.later[0]} <= set(DECAYS)
    assert weights.decay is not None
    assert math.isfinite(weights.decay), "recent events say more here"
    found = timed.state.engine.item_weights
    assert found is not None
    assert (found.decay, found.further) == (weights.decay, weights.later)
    assert FitOrigin.of_json(origin.to_json()) == origin


def test_one_list_is_that_of_a_batch_for_both_horizons(timed: Recommender) -> None:
    engine = timed.state.engine
    assert engine.weights is not None
    engine = engine.with_weights(replace(engine.weights, decay=4.0, further=(50.0, 0.5)))
    for later in (False, True):
        asked = engine.stored(np.arange(12), np.full(12, -1), later=later)
        batch = engine.score(asked).numpy()
        one = engine.score_one(asked.part(3, 4))
        assert one is not None
        np.testing.assert_allclose(one[0], batch[3], rtol=1e-4, atol=1e-4)
    near, far = (engine.score(engine.stored(np.arange(12), later=one)) for one in (False, True))
    assert not np.allclose(near.numpy(), far.numpy())


def test_a_saved_model_answers_the_same_for_both(timed: Recommender, tmp_path: Path) -> None:
    timed.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    users = list(map(str, timed.snapshot.users.ids[:3]))
    for horizon in ("next", "later"):
        answers = timed.recommend(users=users, k=5, horizon=horizon)  # type: ignore[arg-type]
        assert answers.equals(
            loaded.recommend(users=users, k=5, horizon=horizon)  # type: ignore[arg-type]
        )


def test_the_gap_is_as_long_as_the_validation_and_half_a_history_at_most(
    timed: Recommender,
) -> None:
    engine, users = timed.state.engine, np.arange(30)
    events = engine.snapshot.interactions
    few = events.select(np.asarray(events.user == 1))
    valid = replace(few, user=np.zeros(len(few), dtype=np.int64))
    lengths = np.diff(engine.stored(users).indptr)
    cut = np.diff(_with_gap(engine, valid).stored(users).indptr)
    missing = min(len(few), lengths[0] // 2)
    np.testing.assert_array_equal(lengths - cut, [missing, *np.zeros(29, dtype=np.int64)])


def test_untimed_data_has_no_horizon() -> None:
    model = Recommender().fit(made_snapshot(World("plain", 60, 40, 8)), effort="quick")
    origin = model.state.origin
    assert origin is not None
    assert origin.item_weights.later is None
    assert origin.item_weights.decay is None


def test_a_gain_is_told_from_chance() -> None:
    rng = np.random.default_rng(0)
    before = rng.random(400)
    noise = rng.normal(size=400) * 0.2
    assert is_gain(before + 0.05 + noise, before, 1.0)
    assert not is_gain(before + noise - noise.mean() + 0.001, before, 1.0)
    assert is_gain(before + noise - noise.mean() + 0.001, before, 0.0)
    assert not is_gain(before, before, 0.0)
