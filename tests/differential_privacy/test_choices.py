"""What is released of people: nobody changes it by more than 1, and an attack finds no more than
(epsilon, delta) allows."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec import PrivacyConfig
from kgrec.differential_privacy.choices import LATEST, Choices, Release
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints

CANARIES = 500


def events(user: Ints, item: Ints, time: Ints) -> Interactions:
    order = np.lexsort((item, time, user))
    none = np.full(len(order), "", dtype=object)
    rating = np.full(len(order), np.nan, dtype=np.float32)
    return Interactions(user[order], item[order], time[order], rating, none, none, none)


def some_events(n_users: int, n_items: int, seed: int = 0) -> Interactions:
    """Users with 1 to 40 events, some of which share a time or an item."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(n_users), rng.integers(1, 40, n_users))
    item = (rng.random(len(user)) ** 2 * n_items).astype(np.int64)
    return events(user, item, rng.integers(0, 30, len(user)))


def length(choices: Choices) -> float:
    return float(np.sqrt((choices.near**2).sum() + (choices.whole**2).sum()))


@pytest.mark.parametrize("one", range(12))
def test_no_user_changes_the_sums_by_more_than_one(one: int) -> None:
    whole = some_events(12, 30)
    without = whole.select(np.asarray(whole.user != one))
    a, b = Choices.of(whole, 12, 30), Choices.of(without, 12, 30)
    assert length(Choices(a.near - b.near, a.whole - b.whole)) == pytest.approx(1, abs=1e-6)
    assert length(Choices(a.near - b.near, a.whole - b.whole)) <= 1


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(np.array([3]), id="one event"),
        pytest.param(np.full(5_000, 3), id="one item again and again"),
        pytest.param(np.arange(3_000), id="ten times the events that count"),
    ],
)
def test_nobody_is_longer_than_one_whatever_they_did(item: Ints) -> None:
    for time in (np.arange(len(item)), np.zeros_like(item), np.full(len(item), NO_TIME)):
        one = Choices.of(events(np.zeros_like(item), item, time), 1, 3_000)
        assert 1 - 1e-6 < length(one) <= 1


def test_the_latest_events_count() -> None:
    item = np.arange(LATEST + 50)
    one = Choices.of(events(np.zeros_like(item), item, item), 1, len(item))
    np.testing.assert_array_equal(np.flatnonzero(np.diagonal(one.whole)), item[50:])


def test_items_chosen_one_after_the_other_are_nearer() -> None:
    item = np.array([4, 2, 7, 1])
    one = Choices.of(events(np.zeros_like(item), item, np.array([1, 2, 2, 9])), 1, 8)
    assert one.near[4, 2] == one.near[4, 7], "events of one time have no order"
    assert one.near[2, 7] > one.near[4, 2] > one.near[4, 1] > 0
    assert len(np.unique(one.whole[np.ix_(item, item)])) == 1


def test_sums_of_ten_shops_are_those_of_all_users_together() -> None:
    """A shop's users are its own; the sums are all that shops would send to each other."""
    n_users, n_items = 200, 50
    together = some_events(n_users, n_items)
    shop = np.arange(n_users) % 10
    parts = [
        Choices.of(together.select(shop[together.user] == one), n_users, n_items)
        for one in range(10)
    ]
    added = parts[0]
    for part in parts[1:]:
        added = added + part
    central = Choices.of(together, n_users, n_items)
    assert np.abs(added.near - central.near).max() < 1e-9
    assert np.abs(added.whole - central.whole).max() < 1e-9


def attacked(epsilon: float, delta: float, noise: float, seed: int) -> tuple[np.ndarray, ...]:
    """What the best attack reads off a release for canaries that are in the data, and for those
    that are not: each is a user with two items that nobody else has."""
    rng = np.random.default_rng(seed)
    inside = rng.random(CANARIES) < 0.5
    user = np.repeat(np.flatnonzero(inside), 2)
    item = np.repeat(2 * np.flatnonzero(inside), 2) + np.tile([0, 1], inside.sum())
    n_items = 2 * CANARIES
    choices = Choices.of(events(user, item, np.tile([1, 2], inside.sum())), CANARIES, n_items)
    seen = Release.of(choices, PrivacyConfig(epsilon=epsilon, delta=delta, noise_seed=seed))
    alone = Choices.of(events(np.array([0, 0]), np.array([0, 1]), np.array([1, 2])), 1, 2)
    pair = np.arange(n_items).reshape(-1, 2)
    score = np.zeros(CANARIES)
    for released, own, scale in (
        (seen.near, alone.near, seen.near_noise),
        (seen.whole, alone.whole, seen.whole_noise),
    ):
        cells = released[pair[:, :, None], pair[:, None, :]].astype(np.float64)
        score += (cells * own / scale).sum(axis=(1, 2)) * noise
    return score[inside], score[~inside]


def excess(inside: np.ndarray, outside: np.ndarray, epsilon: float, delta: float) -> float:
    """By how many standard errors the attack is above TPR <= e^epsilon FPR + delta, at the
    threshold where it is most."""
    worst = -np.inf
    for threshold in np.quantile(outside, np.linspace(0.02, 0.98, 97)):
        hit, false = (inside > threshold).mean(), (outside > threshold).mean()
        error = np.sqrt(
            hit * (1 - hit) / len(inside) + np.exp(2 * epsilon) * false * (1 - false) / len(outside)
        )
        worst = max(worst, (hit - np.exp(epsilon) * false - delta) / max(error, 1e-9))
    return worst


def test_an_attack_on_500_canaries_stays_within_epsilon_and_delta() -> None:
    parts = [attacked(1.0, 1e-3, 1.0, seed) for seed in range(3)]
    inside, outside = (np.concatenate(one) for one in zip(*parts, strict=True))
    assert inside.mean() > outside.mean() + 0.1, "the attack reads what there is to read"
    assert excess(inside, outside, 1.0, 1e-3) < 3


def test_the_same_attack_finds_a_release_with_too_little_noise() -> None:
    inside, outside = attacked(8.0, 1e-3, 1.0, 0)  # noise of epsilon 8, claimed to be 1
    assert excess(inside, outside, 1.0, 1e-3) > 5
