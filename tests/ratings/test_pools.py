"""What a requested row reads: against loops over single events."""

import numpy as np
import pytest
import torch

from kgrec.graph.snapshot import NO_TIME
from kgrec.ratings.pools import RatedEvents, RatingPairs, RatingPools, TimeWindows, user_means
from kgrec.ratings.scale import RatingScale

N_SLOTS, N_ITEMS, N_EVENTS, N_ASKED = 6, 8, 60, 50
SCALES, REACH = (30.0, 900.0), 3
WINDOWS = TimeWindows(SCALES, REACH)


def drawn(seed: int) -> tuple[RatedEvents, RatingPairs]:
    """Events with repeated pairs, equal times and absent times; the last slot has none."""
    rng = np.random.default_rng(seed)
    times = np.append(rng.integers(0, 2000, 12), [NO_TIME])
    events = RatedEvents.sort(
        rng.integers(0, N_SLOTS - 1, N_EVENTS),
        rng.integers(0, N_ITEMS, N_EVENTS),
        rng.integers(1, 6, N_EVENTS).astype(np.float32),
        rng.choice(times, N_EVENTS),
        N_SLOTS,
    )
    asked = RatingPairs(
        rng.integers(0, N_SLOTS, N_ASKED),
        rng.integers(0, N_ITEMS, N_ASKED),
        rng.choice(times, N_ASKED),
    )
    return events, asked


def result(events: RatedEvents, asked: RatingPairs, row: int, past_only: bool) -> dict[str, object]:
    """The same for one row, event by event."""
    own = [n for n in range(len(events)) if events.slot[n] == asked.slot[row]]
    item, time = asked.item[row], asked.time[row]
    if past_only and time != NO_TIME:
        own = [n for n in own if events.time[n] < time]
        key = [(events.time[n], 0) for n in own]
        place = len(own)
    else:
        key = [(events.time[n], events.item[n]) for n in own]
        place = sum(k < (time, item) for k in key)
    near = own[max(place - REACH, 0) : place + REACH + 1]
    kept = [n for n in own if events.item[n] != item]
    weights = []
    for scale in SCALES:
        some = {
            n: float(np.exp(-abs(events.time[n] - time) / scale))
            for n in near
            if n in kept and NO_TIME not in (time, events.time[n])
        }
        weights.append({n: weight for n, weight in some.items() if weight >= 1e-3})
    return {"kept": kept, "near": weights}


@pytest.mark.parametrize("past_only", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_pools_are_those_of_a_loop_over_events(past_only: bool, seed: int) -> None:
    events, asked = drawn(seed)
    pools = RatingPools.build(events, asked, WINDOWS, past_only=past_only)
    each = torch.eye(len(events))
    kept = (pools.whole.sums(each) - pools.own.sums(each)).numpy()
    near = [bag.sums(each).numpy() for bag in pools.near]
    for row in range(len(asked)):
        expected = result(events, asked, row, past_only)
        assert np.flatnonzero(kept[row]).tolist() == expected["kept"]
        assert pools.count[row] == len(expected["kept"])
        for scale in range(len(SCALES)):
            weights = np.zeros(len(events))
            for event, weight in expected["near"][scale].items():
                weights[event] = weight
            np.testing.assert_allclose(near[scale][row], weights, atol=1e-6)
            assert float(pools.weight[scale, row]) == pytest.approx(weights.sum(), abs=1e-5)


def test_training_rows_are_told_what_the_same_rows_are_when_asked() -> None:
    """Where rows lie among the events is known in training; found, it is the same place but for
    events of one time and item."""
    events, _ = drawn(2)
    one = RatedEvents.sort(events.slot, np.arange(len(events)), events.rating, events.time, N_SLOTS)
    asked = RatingPairs(one.slot, one.item, one.time)
    known = RatingPools.build(one, asked, WINDOWS, place=np.arange(len(one)))
    found = RatingPools.build(one, asked, WINDOWS)
    each = torch.eye(len(one))
    for left, right in zip(known.near, found.near, strict=True):
        assert torch.equal(left.sums(each), right.sums(each))
    assert torch.equal(known.whole.sums(each), found.whole.sums(each))
    assert (known.own.sums(each) == each).all()


def test_what_is_asked_reads_the_ratings_of_its_own_slots() -> None:
    """However many others have rated: an answer takes no longer for them."""
    events = RatedEvents.sort(
        np.array([0, 1, 1, 2, 3]), np.arange(5), np.arange(5.0), np.arange(5), 4
    )
    pairs = RatingPairs(np.array([3, 1, 3]), np.array([4, 9, 2]), np.array([7, 8, 9]))
    own, numbered = events.of_pairs(pairs)
    assert own.item.tolist() == [1, 2, 4]
    assert numbered.slot.tolist() == [1, 0, 1]
    assert numbered.item is pairs.item
    rest = np.array([0.5, -1.0, 2.0, 0.25, 4.0])
    for past_only in (False, True):
        result = user_means(own, rest[own.item], numbered, 2.0, past_only)
        np.testing.assert_array_equal(result, user_means(events, rest, pairs, 2.0, past_only))


def test_slots_can_be_taken_alone_and_put_after_one_another() -> None:
    events, _ = drawn(3)
    part = events.of(np.array([3, 1]))
    assert part.item.tolist() == [
        *events.item[events.slot == 3].tolist(),
        *events.item[events.slot == 1].tolist(),
    ]
    both = events.followed_by(part)
    assert both.of(np.arange(N_SLOTS)).item.tolist() == events.item.tolist()
    assert both.of(np.array([N_SLOTS])).rating.tolist() == events.rating[events.slot == 3].tolist()


@pytest.mark.parametrize(
    ("ratings", "levels"),
    [
        ([1, 2, 3, 4, 5, 5], [1, 2, 3, 4, 5]),
        ([0.5, 3.5, 5.0], [0.5, 3.5, 5.0]),
        ([0, 1, 1], [0, 1]),
    ],
)
def test_few_ratings_are_levels_of_their_own(ratings: list[float], levels: list[float]) -> None:
    scale = RatingScale.build(
        np.array(ratings, dtype=np.float32), like=1.0 if max(ratings) == 1 else 4.0
    )
    assert scale.levels == tuple(map(float, levels))
    assert scale.level(np.array(levels)).tolist() == list(range(len(levels)))


def test_many_ratings_fall_into_ranges() -> None:
    minutes = np.random.default_rng(0).exponential(30, 1000).astype(np.float32)
    scale = RatingScale.build(minutes, like=30.0)
    counts = np.bincount(scale.level(minutes))
    assert len(counts) == len(scale.levels) == 10
    assert counts.min() > 80
    assert scale.share == pytest.approx((minutes >= 30).mean())
    assert scale.level(np.array([-1.0, 1e9])).tolist() == [0, 9]


@pytest.mark.parametrize(("ratings", "said"), [([3, 3], "same"), ([4, 5], "all"), ([1, 2], "no")])
def test_ratings_that_teach_nothing_are_refused(ratings: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RatingScale.build(np.array(ratings, dtype=np.float32), like=4.0)
