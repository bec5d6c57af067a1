"""The comparison of two arms at any number of looks."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.errors import RequestError
from kgrec.metrics.sequential import StopRule, compare_arms, half_width

USERS, RUNS = 3_000, 200
LOOKS = range(150, USERS + 1, 150)


def _drawn(
    rng: np.random.Generator, share: float, of_a: float, of_b: float
) -> tuple[np.ndarray, np.ndarray]:
    in_b = rng.random(USERS) < share
    return (rng.random(USERS) < np.where(in_b, of_b, of_a)).astype(float), in_b


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_equal_arms_are_called_different_in_at_most_a_twentieth_of_all_runs(share: float) -> None:
    """At twenty looks an interval made for one would be wrong in about a quarter of the runs."""
    rng, wrong, plain = np.random.default_rng(7), 0, 0
    for _ in range(RUNS):
        rewards, in_b = _drawn(rng, share, 0.2, 0.2)
        found = [compare_arms(rewards[:n], in_b[:n], share) for n in LOOKS]
        wrong += any(one.verdict != "go on" for one in found)
        plain += any(_outside(rewards[:n], in_b[:n]) for n in LOOKS)
    assert wrong <= 0.05 * RUNS
    assert plain > 0.1 * RUNS


def _outside(rewards: np.ndarray, in_b: np.ndarray) -> bool:
    """Whether the usual 95 % interval of one look leaves out 0."""
    a, b = rewards[~in_b], rewards[in_b]
    return bool(abs(b.mean() - a.mean()) > 1.96 * np.sqrt(a.var() / len(a) + b.var() / len(b)))


def test_the_better_arm_is_found() -> None:
    rng = np.random.default_rng(1)
    for of_a, of_b, verdict in ((0.2, 0.4, "b is better"), (0.4, 0.2, "a is better")):
        rewards, in_b = _drawn(rng, 0.5, of_a, of_b)
        found = compare_arms(rewards, in_b, 0.5)
        assert found.verdict == verdict
        assert found.low < of_b - of_a < found.high
        assert sum(found.users) == USERS


def test_a_difference_that_does_not_matter_ends_it_too() -> None:
    rng = np.random.default_rng(2)
    rewards, in_b = _drawn(rng, 0.5, 0.2, 0.2)
    assert compare_arms(rewards, in_b, 0.5).verdict == "go on"
    found = compare_arms(rewards, in_b, 0.5, StopRule(delta=0.1))
    assert found.verdict == "no difference"
    assert -0.1 < found.low < found.high < 0.1


def test_the_interval_is_that_of_the_paper() -> None:
    """Theorem 2.2 with ρ² of the planned number, written out."""
    rule, n = StopRule(error=0.1, planned=500), 800
    rho2 = (-2 * np.log(0.1) + np.log(-2 * np.log(0.1)) + 1) / 500
    expected = np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / 0.1))
    assert half_width(n, 2.0, rule) == pytest.approx(2 * expected)
    widths = {
        planned: half_width(n, 1.0, StopRule(planned=planned)) for planned in (100, 800, 9000)
    }
    assert min(widths, key=lambda planned: widths[planned]) == 800


def test_scores_are_those_of_known_shares() -> None:
    """Without anything known of the arms the first score is the reward over the share."""
    rewards, in_b = np.array([1.0, 1.0]), np.array([True, False])
    from kgrec.metrics.sequential import _scores

    first, second = _scores(rewards, in_b, 0.25).tolist()
    assert first == pytest.approx(1 / 0.25)
    assert second == pytest.approx(0.5 - 1 / 0.75)  # b's mean is 1/2: a 0 is added


@pytest.mark.parametrize(
    ("rewards", "why"),
    [
        (np.ones(50), "of the first 100 users"),
        (np.zeros(1_000), "same reward"),
        (np.where(np.arange(1_000) % 499 == 0, 1e6, 0.0), "skewed"),
    ],
)
def test_too_little_is_no_verdict(rewards: np.ndarray, why: str) -> None:
    found = compare_arms(rewards, np.arange(len(rewards)) % 2 == 0, 0.5, StopRule(delta=1e9))
    assert (found.verdict, found.to_dict()["low"]) == ("go on", None)
    assert why in found.why


def test_nothing_yet_is_no_error() -> None:
    found = compare_arms(np.empty(0), np.empty(0, dtype=bool), 0.5)
    assert (found.users, found.means, found.verdict) == ((0, 0), (0.0, 0.0), "go on")


@pytest.mark.parametrize(
    ("rewards", "in_b", "share"),
    [
        ([1.0], [True, False], 0.5),
        ([np.nan], [True], 0.5),
        ([1.0], [True], 0.0),
        ([1.0], [True], 1.0),
    ],
)
def test_wrong_values_are_named(rewards: list[float], in_b: list[bool], share: float) -> None:
    with pytest.raises(RequestError, match="give"):
        compare_arms(np.array(rewards), np.array(in_b), share)


@pytest.mark.parametrize(
    "wrong", [{"error": 0.0}, {"error": 1.0}, {"delta": 0.0}, {"delta": np.inf}, {"planned": 1}]
)
def test_wrong_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="give"):
        StopRule(**wrong)  # type: ignore[arg-type]
