"""Ages of events and the weights that the time scales give them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.nn import (
    Histories,
    HistoryBatch,
    TimeScales,
    both_ages,
    history_state,
    pool_weights,
)
from kgrec.nn.histories import scale_weights

SCALES = (1.5, 12.0, math.inf)
FLAT = TimeScales((math.inf,))


def indptr_of(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def histories(items: list[list[int]], texts: list[list[int]] | None = None) -> Histories:
    """Histories of users without a row, events one second apart."""
    indptr = indptr_of([len(row) for row in items])
    flat = np.array([item for row in items for item in row], dtype=np.int64)
    text = np.array([t for row in texts or [] for t in row] or [-1] * len(flat))
    none = np.full(len(items), -1, dtype=np.int64)
    age = both_ages(indptr, np.arange(len(flat)))[0]
    later = np.zeros(len(items), dtype=bool)
    return Histories(indptr, flat, age, age, text.astype(np.int64), none, none, later)


def test_age_counts_the_later_events_of_the_same_user() -> None:
    ages = both_ages(indptr_of([3, 0, 2]), np.array([10, 20, 30, 5, 6]))[0]
    assert ages.tolist() == [2, 1, 0, 1, 0]
    assert ages.dtype == np.float32


def test_events_of_one_time_share_their_mean_age() -> None:
    ages = both_ages(indptr_of([4, 2]), np.array([10, 20, 20, 30, 30, 30]))[0]
    assert ages.tolist() == [3, 1.5, 1.5, 0, 0.5, 0.5]


def test_events_of_one_time_are_one_visit() -> None:
    ages = both_ages(indptr_of([4, 0, 2, 1]), np.array([10, 20, 20, 30, 30, 30, 30]))[1]
    assert ages.tolist() == [2, 1, 1, 0, 0, 0, 0]
    assert ages.dtype == np.float32
    assert both_ages(indptr_of([0]), np.empty(0, dtype=np.int64))[1].shape == (0,)


def test_the_state_tells_length_last_visit_and_visits_of_each_row_alone() -> None:
    indptr = indptr_of([4, 0, 2])
    visit = np.array([2, 1, 1, 0, 0, 0], np.float32)
    state = history_state(indptr, visit)
    logs = np.log1p([[4, 1, 2], [0, 0, 0], [2, 2, 0]])
    expected = logs / [5, 3, 4] - [0.7, 0.5, 0.7]
    np.testing.assert_allclose(state[:, :3], expected, rtol=1e-5)
    np.testing.assert_allclose(state[:, 3:], 2 * expected**2 - 0.2, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(history_state(indptr_of([2]), visit[4:])[0], state[2])
    hidden = history_state(indptr_of([2]), np.array([5, 4], np.float32))[0]  # the newest is hidden
    assert hidden[1] == np.float32(np.log1p(1) / 3 - 0.5)


def test_pools_decay_in_events_then_in_visits() -> None:
    indptr = indptr_of([3])
    age, visit = np.array([2, 1, 0], np.float32), np.array([1, 1, 0], np.float32)
    weights = pool_weights(indptr, age, visit, TimeScales((math.inf,), (0.5,)))
    old = math.exp(-2)
    np.testing.assert_allclose(weights[0], [1 / 3] * 3, rtol=1e-6)
    np.testing.assert_allclose(weights[1], np.array([old, old, 1]) / (1 + 2 * old), rtol=1e-6)


def test_no_events_have_no_ages() -> None:
    assert both_ages(indptr_of([0, 0]), np.empty(0, dtype=np.int64))[0].shape == (0,)
    assert scale_weights(indptr_of([0, 0]), np.empty(0, np.float32), SCALES).shape == (3, 0)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_weights_decay_and_sum_to_one(counts: list[int], seed: int) -> None:
    indptr = indptr_of(counts)
    rng = np.random.default_rng(seed)
    time = np.concatenate([np.empty(0), *(np.sort(rng.integers(4, size=n)) for n in counts)])
    age = both_ages(indptr, time.astype(np.int64))[0]
    weights = scale_weights(indptr, age, SCALES)
    for start, end in pairwise(indptr):
        if start == end:
            continue
        own = weights[:, start:end].astype(np.float64)
        np.testing.assert_allclose(own.sum(axis=1), 1.0, atol=1e-5)
        assert (np.diff(own, axis=1) >= -1e-7).all()  # later events weigh no less
        for row, scale in zip(own, SCALES, strict=True):
            naive = np.array([math.exp(-a / scale) for a in age[start:end]])
            np.testing.assert_allclose(row, naive / naive.sum(), atol=1e-6)


def test_limits_of_the_scales() -> None:
    indptr = indptr_of([4])
    age = both_ages(indptr, np.arange(4))[0]
    shortest, endless = scale_weights(indptr, age, (1e-3, math.inf))
    assert shortest.tolist() == [0, 0, 0, 1]
    assert endless.tolist() == [0.25] * 4


def test_very_old_events_alone_still_weigh_one() -> None:
    """Ages of 10,000 with none newer (hidden in training) must not underflow to nothing."""
    weights = scale_weights(indptr_of([2]), np.array([10_001, 10_000], np.float32), (1.5,))
    np.testing.assert_allclose(weights.sum(), 1.0, atol=1e-6)
    assert weights[0, 1] > weights[0, 0] > 0


def test_a_part_of_a_batch_is_its_rows() -> None:
    whole = histories([[3, 1], [], [2, 2, 0], [4]])
    part = whole.part(1, 3)
    assert len(part) == 2
    assert part.indptr.tolist() == [0, 0, 3]
    assert part.item.tolist() == [2, 2, 0]
    assert part.age.tolist() == [2, 1, 0]
    assert len(whole.part(3, 99)) == 1


def test_events_with_a_text_have_a_pattern_of_their_own() -> None:
    batch = HistoryBatch.build(histories([[3, 1], [], [2]], [[-1, 5], [], [7]]), 5, FLAT)
    assert batch.text_pattern is not None
    assert batch.text_rows.tolist() == [5, 7]
    result = batch.text_pattern.matmul(batch.text_weights[0], torch.tensor([[1.0], [10.0]]))
    assert result.flatten().tolist() == [0.5, 0.0, 10.0]
    assert batch.stored is False
    plain = HistoryBatch.build(histories([[3], [1]]), 5, FLAT)
    assert plain.text_pattern is None
