"""Ages of events and the weights that the time scales give them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.nn import Histories, HistoryBatch, event_ages, scale_weights

SCALES = (1.5, 12.0, math.inf)


def indptr_of(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def histories(items: list[list[int]], texts: list[list[int]] | None = None) -> Histories:
    """Histories of users without a row, events one second apart."""
    indptr = indptr_of([len(row) for row in items])
    flat = np.array([item for row in items for item in row], dtype=np.int64)
    text = np.array([t for row in texts or [] for t in row] or [-1] * len(flat))
    none = np.full(len(items), -1, dtype=np.int64)
    age = event_ages(indptr, np.arange(len(flat)))
    return Histories(indptr, flat, age, text.astype(np.int64), none, none)


def test_age_counts_the_later_events_of_the_same_user() -> None:
    ages = event_ages(indptr_of([3, 0, 2]), np.array([10, 20, 30, 5, 6]))
    assert ages.tolist() == [2, 1, 0, 1, 0]
    assert ages.dtype == np.float32


def test_events_of_one_time_share_their_mean_age() -> None:
    ages = event_ages(indptr_of([4, 2]), np.array([10, 20, 20, 30, 30, 30]))
    assert ages.tolist() == [3, 1.5, 1.5, 0, 0.5, 0.5]


def test_no_events_have_no_ages() -> None:
    assert event_ages(indptr_of([0, 0]), np.empty(0, dtype=np.int64)).shape == (0,)
    assert scale_weights(indptr_of([0, 0]), np.empty(0, np.float32), SCALES).shape == (3, 0)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_weights_decay_and_sum_to_one(counts: list[int], seed: int) -> None:
    indptr = indptr_of(counts)
    rng = np.random.default_rng(seed)
    time = np.concatenate([np.empty(0), *(np.sort(rng.integers(4, size=n)) for n in counts)])
    age = event_ages(indptr, time.astype(np.int64))
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
    age = event_ages(indptr, np.arange(4))
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
    batch = HistoryBatch.build(histories([[3, 1], [], [2]], [[-1, 5], [], [7]]), 5, (math.inf,))
    assert batch.text_pattern is not None
    assert batch.text_rows.tolist() == [5, 7]
    told = batch.text_pattern.matmul(batch.text_weights[0], torch.tensor([[1.0], [10.0]]))
    assert told.flatten().tolist() == [0.5, 0.0, 10.0]
    assert batch.stored is False
    plain = HistoryBatch.build(histories([[3], [1]]), 5, (math.inf,))
    assert plain.text_pattern is None
