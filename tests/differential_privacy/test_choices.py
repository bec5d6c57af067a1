"""What is released of people: nobody changes it by more than 1, and an attack finds no more than
(epsilon, delta) allows."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.controls.canaries import attack, events
from kgrec import PrivacyConfig
from kgrec.differential_privacy.choices import LATEST, Choices
from kgrec.graph.snapshot import NO_TIME, Interactions, Ints


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


def test_an_attack_on_500_canaries_stays_within_epsilon_and_delta() -> None:
    first, *others = (
        attack(PrivacyConfig(epsilon=1.0, delta=1e-3, noise_seed=seed), seed) for seed in range(3)
    )
    found = first + others[0] + others[1]
    assert found.inside.mean() > found.outside.mean() + 0.1, "it reads what there is to read"
    assert found.excess(1.0, 1e-3) < 4


def test_the_same_attack_finds_a_release_with_too_little_noise() -> None:
    weak = attack(PrivacyConfig(epsilon=8.0, delta=1e-3, noise_seed=0), 0)
    assert weak.excess(1.0, 1e-3) > 5
