"""Splits: shares, order of rows, ties, missing times and the guard against leaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.errors import RequestError
from kgrec.evaluation import (
    given_split,
    global_time_split,
    leave_last_out,
    random_split,
    user_time_split,
)
from kgrec.graph.snapshot import NO_TIME

from .oracle import make_interactions

ALL = (random_split, global_time_split, user_time_split, leave_last_out)


def random_interactions(seed, n=60):
    rng = np.random.default_rng(seed)
    return make_interactions(
        rng.integers(0, 6, n), rng.integers(0, 15, n), rng.integers(0, 20, n), None
    )


def shuffled(data, order):
    return data.select(order)


@pytest.mark.parametrize("split", ALL)
@given(seed=st.integers(0, 2**32 - 1))
def test_does_not_depend_on_the_order_of_rows(split, seed):
    data = random_interactions(seed)
    order = np.random.default_rng(seed).permutation(len(data))
    rows = sorted(zip(data.user, data.item, data.timestamp, split(data), strict=True))
    other = shuffled(data, order)
    again = sorted(zip(other.user, other.item, other.timestamp, split(other), strict=True))
    assert rows == again


@given(seed=st.integers(0, 2**32 - 1))
def test_random_split_keeps_a_pair_together(seed):
    data = random_interactions(seed)
    labels = random_split(data, (0.6, 0.2, 0.2), seed=seed)
    split_of = {}
    for user, item, label in zip(data.user, data.item, labels, strict=True):
        assert split_of.setdefault((user, item), label) == label
    for user in np.unique(data.user):
        assert (labels[data.user == user] == "train").any()


def test_random_split_has_the_shares_and_depends_on_the_seed():
    data = make_interactions(np.repeat(np.arange(50), 20), np.tile(np.arange(20), 50))
    labels = random_split(data)
    assert {name: int((labels == name).sum()) for name in ("train", "valid", "test")} == {
        "train": 800,
        "valid": 100,
        "test": 100,
    }
    assert (labels != random_split(data, seed=1)).any()
    assert (labels == random_split(data, seed=0)).all()
    assert len(set(data.item[labels == "test"])) == 20


def test_global_time_keeps_equal_times_together():
    data = make_interactions([0] * 10, np.arange(10), [0, 1, 2, 3, 4, 5, 6, 7, 7, 9])
    labels = global_time_split(data)
    assert labels.tolist() == ["train"] * 7 + ["valid"] * 2 + ["test"]


def test_user_time_takes_the_latest():
    data = make_interactions([0] * 5 + [1], [3, 1, 2, 0, 4, 0], [5, 5, 1, 2, 3, 9])
    labels = user_time_split(data)
    found = dict(zip(zip(data.user, data.item, strict=True), labels, strict=True))
    assert {found[(0, 1)], found[(0, 3)]} == {"test", "valid"}  # both at time 5
    assert found[(1, 0)] == "train"
    assert (labels == "train").sum() == 4


def test_leave_last_out():
    data = make_interactions([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [3, 1, 2, 1, 2])
    found = dict(zip(zip(data.user, data.item, strict=True), leave_last_out(data), strict=True))
    assert found[(0, 0)] == "test"
    assert found[(0, 2)] == "valid"
    assert found[(0, 1)] == found[(1, 0)] == found[(1, 1)] == "train"


def test_given_split_and_what_is_wrong():
    data = make_interactions([0, 0], [0, 1], [1, 2], ["train", "test"])
    assert given_split(data).tolist() == ["train", "test"]
    with pytest.raises(RequestError, match="1 of 2 interactions have no split"):
        given_split(make_interactions([0, 0], [0, 1], [1, 2], ["train", ""]))
    timeless = make_interactions([0], [0])
    for split in (global_time_split, user_time_split, leave_last_out):
        with pytest.raises(RequestError, match="no interaction has a timestamp"):
            split(timeless)
    for fractions in ((0.5, 0.5, 0.5), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1)):
        with pytest.raises(RequestError, match="share"):
            random_split(data, fractions)


@pytest.mark.parametrize("split", ALL)
def test_nothing_to_split(split):
    assert len(split(make_interactions([], []))) == 0


@st.composite
def partly_timed(draw):
    """Interactions of six users, some of which lack a time; at least one has one."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 5), st.integers(0, 14), st.one_of(st.none(), st.integers(-9, 9))
            ),
            min_size=1,
            max_size=60,
        )
    )
    user, item, time = zip(*rows, (6, 0, 1), strict=True)
    return make_interactions(user, item, [NO_TIME if one is None else one for one in time])


@given(data=partly_timed(), seed=st.integers(0, 9))
def test_events_without_a_time_are_held_out_last(data, seed):
    for labels in (user_time_split(data, (0.6, 0.2, 0.2), seed), leave_last_out(data, seed)):
        for user in np.unique(data.user):
            own = data.user == user
            timed = data.timestamp[own] != NO_TIME
            if timed.any() and (labels[own][~timed] != "train").any():
                assert (labels[own][timed] != "train").all()
    labels = global_time_split(data)
    assert (labels[data.timestamp == NO_TIME] == "train").all()


@given(data=partly_timed(), seed=st.integers(0, 9))
def test_users_without_any_time_are_split_at_random(data, seed):
    labels = user_time_split(data, seed=seed)
    by_chance = random_split(data, seed=seed)
    for user in np.unique(data.user):
        own = data.user == user
        if (data.timestamp[own] == NO_TIME).all():
            assert (labels[own] == by_chance[own]).all()


def test_the_order_of_events_without_a_time_depends_on_the_seed_and_not_on_ids():
    data = make_interactions([0] * 40, np.arange(40), [NO_TIME] * 39 + [5])
    tested = {seed: user_time_split(data, seed=seed) == "test" for seed in range(20)}
    items = {seed: set(data.item[mask]) - {39} for seed, mask in tested.items()}
    assert all(39 in data.item[mask] for mask in tested.values())
    assert len(set(map(frozenset, items.values()))) > 10
    assert min(min(found) for found in items.values()) < 10


@pytest.mark.parametrize("split", [user_time_split, leave_last_out])
def test_the_order_of_equal_times_depends_on_the_seed_and_not_on_ids(split):
    """Who bought five items at once: each of them is held out for some."""
    data = make_interactions(np.repeat(np.arange(200), 5), np.tile(np.arange(5), 200), [7] * 1_000)
    labels = split(data)
    for name in ("valid", "test"):
        counts = np.bincount(data.item[labels == name], minlength=5)
        assert counts.min() > 20, f"some item is hardly ever {name}: {counts}"
    assert (labels == split(data)).all()
    assert (labels != split(data, seed=1)).any()
