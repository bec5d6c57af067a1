"""Examples: what is history, what is target, and that neither sees the other's side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.training import Sequences
from kgrec.training.data.examples import CutSettings, Examples, random_masks, time_cuts

USERS = st.lists(st.integers(1, 12), min_size=1, max_size=8)
SEEDS = st.integers(0, 2**32 - 1)


def sequences(counts: list[int], *, scenarios: int = 0) -> Sequences:
    """Every event has an item of its own, so that items tell events; the last user has none."""
    counts = [*counts, 0]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    n = int(indptr[-1])
    scenario = np.arange(n) % scenarios if scenarios else np.full(n, -1)
    return Sequences(indptr, np.arange(n), np.arange(n) * 10, np.arange(n), scenario)


def cuts(
    data: Sequences,
    seed: int,
    dropout: float = 0.0,
    targets: int = 100,
    later: float = 0.0,
    late: float = 1.0,
    early: float = 0.0,
) -> Examples:
    users = np.flatnonzero(data.lengths() > 0)
    rng = np.random.default_rng(seed)
    settings = CutSettings(
        history_dropout=dropout,
        late_cuts=late,
        early_cuts=early,
        target_decay=2.0,
        target_reach=0.5,
        max_targets=targets,
        later_share=later,
    )
    return time_cuts(data, users, rng, settings)


def masks(data: Sequences, seed: int, dropout: float = 0.4) -> Examples:
    users = np.flatnonzero(data.lengths() > 0)
    return random_masks(data, users, np.random.default_rng(seed), history_dropout=dropout)


def of_row(examples: Examples, row: int) -> tuple[list[int], list[int], list[int]]:
    """History, seen and target items of one example."""
    h = examples.histories
    history = h.item[h.indptr[row] : h.indptr[row + 1]].tolist()
    seen = examples.seen_item[examples.seen_row == row].tolist()
    target = examples.target_item[examples.target_row == row].tolist()
    return history, seen, target


@given(USERS, SEEDS, st.sampled_from([0.0, 0.5]))
@settings(deadline=None, max_examples=80)
def test_time_cuts_never_show_the_future(counts: list[int], seed: int, dropout: float) -> None:
    data = sequences(counts)
    examples = cuts(data, seed, dropout)
    for row in range(len(counts)):
        own = list(range(data.indptr[row], data.indptr[row + 1]))
        history, seen, target = of_row(examples, row)
        assert target, "every user has a target"
        assert own == sorted(seen) + target  # items are in the order of time
        assert set(history) <= set(seen)
        if not dropout:
            assert history == seen


@given(USERS, SEEDS)
@settings(deadline=None, max_examples=60)
def test_early_cuts_leave_short_histories(counts: list[int], seed: int) -> None:
    data = sequences([count + 60 for count in counts] + [1, 2])
    examples = cuts(data, seed, early=0.999999, later=1.0)
    known = np.diff(examples.histories.indptr)
    assert known[:-2].min() >= 1
    assert known[:-2].max() <= 30
    assert known[-2:].tolist() == [0, 1]  # one event is a target, not a history
    assert not examples.histories.later[:-2].any(), "a new user has no later horizon"


@given(USERS, SEEDS)
@settings(deadline=None, max_examples=80)
def test_masks_split_events_into_history_and_targets(counts: list[int], seed: int) -> None:
    data = sequences(counts)
    examples = masks(data, seed)
    for row in range(len(counts)):
        own = list(range(data.indptr[row], data.indptr[row + 1]))
        history, seen, target = of_row(examples, row)
        assert history == seen
        assert sorted(history + target) == own


@pytest.mark.parametrize("make", [cuts, masks])
def test_ages_are_those_of_what_was_known(make) -> None:
    """After a cut ages count up to the cut; where events are hidden, the whole history counts."""
    data = sequences([9])
    for seed in range(20):
        examples = make(data, seed, 0.5)
        history, seen, _ = of_row(examples, 0)
        known = len(seen) if make is cuts else 9
        expected = [known - 1 - item for item in history]
        assert examples.histories.age.tolist() == expected
        assert examples.histories.text.tolist() == history  # the event's own text goes along


def test_targets_weigh_less_the_farther_they_are() -> None:
    data = sequences([12])
    for seed in range(10):
        examples = cuts(data, seed)
        steps = np.arange(len(examples.target_item))
        reach = 2.0 + 0.5 * len(examples.seen_item)  # a long history says more of far events
        np.testing.assert_allclose(examples.target_weight, np.exp(-steps / reach), rtol=1e-6)
    assert set(masks(data, 0).target_weight.tolist()) == {1.0}


@given(USERS, SEEDS)
@settings(deadline=None, max_examples=60)
def test_what_comes_later_lies_behind_a_gap(counts: list[int], seed: int) -> None:
    data = sequences(counts)
    examples = cuts(data, seed, later=1.0)
    assert examples.histories.later.all()
    for row in range(len(counts)):
        _, seen, target = of_row(examples, row)
        end = int(data.indptr[row + 1])
        assert target == list(range(target[0], end)), "all that follows the gap"
        gap = target[0] - (int(data.indptr[row]) + len(seen))
        assert 0 <= gap <= len(seen) / 2
        weights = examples.target_weight[examples.target_row == row]
        assert weights.min() > 0.9 * weights.max(), "they weigh about equally"


def test_as_many_users_learn_what_comes_later_as_asked_for() -> None:
    examples = cuts(sequences([5] * 400), 0, later=0.25)
    assert 70 < examples.histories.later.sum() < 130
    assert not cuts(sequences([5] * 9), 0).histories.later.any()


def test_late_cuts_leave_longer_histories() -> None:
    data = sequences([50] * 200)
    late, uniform = (len(cuts(data, 0, late=power).seen_item) for power in (0.5, 1.0))
    assert late > 1.2 * uniform


def test_no_more_targets_than_allowed_and_the_next_ones() -> None:
    data = sequences([30, 2])
    for seed in range(10):
        examples = cuts(data, seed, targets=3)
        _, seen, target = of_row(examples, 0)
        assert len(target) == min(3, 30 - len(seen))
        assert target[0] == len(seen)


def test_cuts_reach_the_first_and_the_last_event() -> None:
    data = sequences([4])
    lengths = {len(of_row(cuts(data, seed), 0)[1]) for seed in range(100)}
    assert lengths == {0, 1, 2, 3}


def test_a_scenario_is_learned_from_its_own_targets() -> None:
    data = sequences([12, 7], scenarios=2)
    for make in (cuts, masks):
        for seed in range(10):
            examples = make(data, seed)
            scenario = examples.histories.scenario
            assert (scenario >= 0).all()
            wanted = scenario[examples.target_row]
            assert (data.scenario[examples.target_item] == wanted).all()
            assert len(examples.target_item) == len(examples.target_weight)


def test_the_sampler_is_the_seeds_alone() -> None:
    data = sequences([9, 5, 7])
    for make in (cuts, masks):
        one, same, other = make(data, 1), make(data, 1), make(data, 2)
        assert one.target_item.tolist() == same.target_item.tolist()
        assert one.target_item.tolist() != other.target_item.tolist()


def test_whole_histories_are_the_users_events() -> None:
    data = sequences([3, 2])
    histories = data.histories(np.array([1, 2, 0]), np.array([0, -1, 1]))
    assert histories.indptr.tolist() == [0, 2, 2, 5]
    assert histories.item.tolist() == [3, 4, 0, 1, 2]
    assert histories.age.tolist() == [1, 0, 2, 1, 0]
    assert histories.visit.tolist() == [1, 0, 2, 1, 0]
    assert histories.scenario.tolist() == [0, -1, 1]
    assert histories.later.tolist() == [False] * 3
    assert data.histories(np.array([0]), later=True).later.tolist() == [True]
    assert data.times(1).tolist() == [30, 40]
