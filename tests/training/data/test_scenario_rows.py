"""What training rows say of scenarios: items of their own, priors, and whose turn it is."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.training import Sequences, own_items
from kgrec.training.data.scenario_rows import drawn_users, item_counts, log_prior, overlap


def events(rows: list[tuple[int, int, int]]) -> Sequences:
    """Rows of (user, item, scenario), user by user."""
    user, item, scenario = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    counts = np.bincount(user, minlength=int(user.max(initial=-1)) + 1)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return Sequences(indptr, item, np.arange(len(item)), np.full(len(item), -1), scenario)


def markets(shared: int, own: int) -> Sequences:
    """Two scenarios with ``shared`` items in common and ``own`` of their own each."""
    first = [(0, item, 0) for item in range(shared + own)]
    second = [(1, item if item < shared else item + own, 1) for item in range(shared + own)]
    return events([*first, *second])


def test_scenarios_that_share_little_choose_among_their_own() -> None:
    data = markets(shared=5, own=15)
    assert overlap(item_counts(data.item, data.scenario, 2, 40)[:2]) == pytest.approx(5 / 35)
    own = own_items(data.item, data.scenario, "auto", 2, 40)
    assert own is not None
    assert own[0].tolist() == list(range(20))
    assert own[1].tolist() == [*range(5), *range(20, 35)]
    assert own[-1] is None, "without a scenario all items are there"


def test_scenarios_that_share_most_choose_among_all() -> None:
    data = markets(shared=30, own=5)
    assert own_items(data.item, data.scenario, "auto", 2, 40) is None
    assert own_items(data.item, data.scenario, "own", 2, 40) is not None
    few = markets(5, 15)
    assert own_items(few.item, few.scenario, "all", 2, 40) is None


def test_one_scenario_or_none_is_no_reason() -> None:
    one = events([(0, item, 0) for item in range(20)])
    assert own_items(one.item, one.scenario, "auto", 1, 40) is None
    none = events([(0, 1, -1)])
    assert own_items(none.item, none.scenario, "auto", 0, 40) is None
    assert own_items(none.item, none.scenario, "own", 0, 40) is None


@pytest.mark.parametrize("n_rows", [0, 1, 9])
def test_a_scenario_with_hardly_a_row_chooses_among_all(n_rows: int) -> None:
    """Scenario 2 has no rows, one, nine; the others are as they were."""
    rows = [(0, item, 0) for item in range(20)] + [(0, item, 1) for item in range(20, 40)]
    few = [(1, item, 2) for item in range(n_rows)]
    data = events([*rows, *few])
    own = own_items(data.item, data.scenario, "auto", 3, 40)
    assert own is not None
    assert own[2] is None
    assert own[0].tolist() == list(range(20))
    assert np.isfinite(log_prior(item_counts(data.item, data.scenario, 3, 40))).all()


def test_priors_are_the_shares_of_the_rows() -> None:
    data = events([(0, 0, 0), (0, 0, 0), (0, 1, 1), (1, 2, -1)])
    counts = item_counts(data.item, data.scenario, 2, 4)
    assert counts.toarray().tolist() == [[2, 0, 0, 0], [0, 1, 0, 0], [2, 1, 1, 0]]
    prior = np.exp(log_prior(counts))
    np.testing.assert_allclose(prior.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(prior[0], np.array([3, 1, 1, 1]) / 6, rtol=1e-6)
    np.testing.assert_allclose(prior[-1], np.array([3, 2, 2, 1]) / 8, rtol=1e-6)


def crowd() -> Sequences:
    """900 users of scenario 0, 90 of scenario 1, ten without; with two events each, and one user
    half in 0 and half in 1."""
    code = [0] * 900 + [1] * 90 + [-1] * 10
    rows = [(user, item, c) for user, c in enumerate(code) for item in range(2)]
    return events([*rows, (1000, 0, 0), (1000, 1, 1)])


@pytest.mark.parametrize("balance", [1.0, 0.5, 0.0])
def test_rare_scenarios_get_their_share(balance: float) -> None:
    data, users = crowd(), np.arange(1001)
    draws = [drawn_users(data, users, balance, np.random.default_rng(seed)) for seed in range(40)]
    size = np.array([900.5, 90.5, 10])
    wanted = size**balance / (size**balance).sum()
    got = np.mean(
        [[(d < 900).sum(), ((d >= 900) & (d < 990)).sum(), ((d >= 990) & (d < 1000)).sum()]
         for d in draws], axis=0,
    )  # fmt: skip
    assert all(len(drawn) == len(users) for drawn in draws)
    np.testing.assert_allclose(got / 1001, wanted, atol=0.01)
    if balance == 1:
        assert all((drawn == users).all() for drawn in draws)
    else:
        times = np.bincount(draws[0], minlength=1001)[990:1000]
        assert times.max() - times.min() <= 1, "everybody of one scenario alike"


def test_draws_are_the_seeds_alone_and_of_the_users_given() -> None:
    data, users = crowd(), np.arange(0, 1001, 3)
    one, same, other = (
        drawn_users(data, users, 0.3, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()
    assert set(one) <= set(users)
    alone = drawn_users(data, np.array([5]), 0.0, np.random.default_rng(0))
    assert alone.tolist() == [5]
