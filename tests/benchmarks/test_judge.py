"""The semi-synthetic log of benchmarks.judge: its truth, its draws, and the simulation of days."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pytest

from benchmarks.judging.coverage import Case, K, _public_path
from benchmarks.judging.equality import _ours
from benchmarks.judging.new_items import _first, _with_events
from benchmarks.judging.world import World, looked_at
from kgrec import Recommender


@pytest.fixture(scope="module")
def case(fitted: Recommender) -> Case:
    snapshot = fitted.state.full_snapshot
    rng = np.random.default_rng(0)
    liking = rng.random((len(snapshot.users), len(snapshot.items))).astype(np.float32)
    return Case.of(fitted, fitted, World(liking), 40, 0)


def test_the_truth_is_the_reward_without_exploring(case: Case) -> None:
    assert case.rewards(0.0) == pytest.approx(case.truth)
    mean = float(case.world.liking.mean() * looked_at(K).mean())
    assert case.rewards(0.5) == pytest.approx((case.truth + mean) / 2, rel=0.1)


def test_a_draw_has_the_expected_reward(case: Case) -> None:
    rows = case.draw(0.5, 50, np.random.default_rng(0))
    logged = rows.logged()
    assert logged.low < case.rewards(0.5) < logged.high
    assert rows.values()["snips"].mean == pytest.approx(case.truth, rel=0.1)
    assert rows.coverage().mean == pytest.approx(1.0, abs=0.05)


def test_the_public_methods_give_the_same(fitted: Recommender, case: Case) -> None:
    asked = Namespace(explore=0.4, lists=20, seed=0, draws=1)
    found = _public_path(fitted, fitted, case, asked)
    assert found["largest_difference"] < 1e-5  # scores are float32


def test_world_and_days(fitted: Recommender) -> None:
    snapshot = fitted.state.full_snapshot
    found = _with_events(snapshot, np.array([0, 3]), np.array([5, 6]))
    assert len(found.interactions) == len(snapshot.interactions) + 2
    assert found.seen_until == (snapshot.seen_until or 0) + 86_400
    log = [{"day": day, "share": share} for day, share in enumerate((0.1, 0.4, 0.2, 0.5))]
    assert [_first(log, share) for share in (0.05, 0.15, 0.3, 0.6)] == [0, 1, 3, None]


def test_the_estimates_of_a_stochastic_policy() -> None:
    rng = np.random.default_rng(0)
    chance = rng.dirichlet(np.ones(3), size=(5, 2)).transpose(0, 2, 1)
    arrays = {
        "reward": np.array([1.0, 0, 1, 1, 0]),
        "item": np.array([0, 1, 2, 1, 0]),
        "position": np.array([0, 1, 0, 1, 1]),
        "pscore": np.array([0.5, 0.2, 0.4, 0.1, 1.0]),
        "action_dist": chance,
        "predicted": rng.random((5, 3, 2)),
    }
    weight = [chance[n, arrays["item"][n], arrays["position"][n]] for n in range(5)]
    weight = np.array(weight) / arrays["pscore"]
    found = _ours(arrays)
    assert found["ips"] == pytest.approx((weight * arrays["reward"]).mean())
    assert found["snips"] == pytest.approx((weight * arrays["reward"]).sum() / weight.sum())
