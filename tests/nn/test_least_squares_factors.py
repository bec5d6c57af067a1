"""Item vectors by alternating least squares."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from kgrec.nn import least_squares_factors as module
from kgrec.nn.least_squares_factors import least_squares_factors

CONFIDENCE, PENALTY = 3.0, 2.0


def two_kinds(seed: int = 0, users: int = 120, items: int = 30) -> sp.csr_matrix:
    """Half of the users choose the first items, half the last; some cells are chance."""
    rng = np.random.default_rng(seed)
    same = (np.arange(users)[:, None] % 2) == (np.arange(items)[None, :] >= items // 2)
    chance = np.where(same, 0.5, 0.05)
    return sp.csr_matrix((rng.random((users, items)) < chance).astype(np.float32))


def loss(matrix: sp.csr_matrix, candidate: np.ndarray) -> float:
    """What alternating least squares minimises, with the best vectors of users."""
    dense, total = matrix.toarray().astype(np.float64), 0.0
    items = candidate.astype(np.float64)
    for row in dense:
        weight = 1 + CONFIDENCE * row
        left = (items * weight[:, None]).T @ items + PENALTY * np.eye(items.shape[1])
        user = np.linalg.solve(left, items.T @ (weight * (row > 0)))
        total += float((weight * ((row > 0) - items @ user) ** 2).sum() + PENALTY * user @ user)
    return total + PENALTY * float((items**2).sum())


def test_rounds_lower_what_is_minimised(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, losses = two_kinds(), []
    for rounds in (1, 2, 4, 8):
        monkeypatch.setattr(module, "_ROUNDS", rounds)
        found = least_squares_factors(matrix, 4, confidence=CONFIDENCE, penalty=PENALTY)
        losses.append(loss(matrix, found.candidate))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_history_is_near_items_of_its_kind() -> None:
    matrix = two_kinds()
    found = least_squares_factors(matrix, 2, confidence=CONFIDENCE, penalty=PENALTY)
    scores = found.query[[0, 1, 2]].sum(axis=0) @ found.candidate.T
    assert scores[3:15].min() > scores[15:].max()


def test_sums_over_events_are_the_users_vectors_for_equal_histories() -> None:
    """Where all users have the same history, the mean in place of the own sum is exact."""
    matrix = sp.csr_matrix(np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], (10, 1)).astype(np.float32))
    found = least_squares_factors(matrix, 1, confidence=CONFIDENCE, penalty=PENALTY)
    items = found.candidate
    assert items[:3].all()
    left = items.T @ items + CONFIDENCE * items[:3].T @ items[:3] + PENALTY
    np.testing.assert_allclose(
        found.query[:3].sum(axis=0), (items[:3].sum(axis=0) / left).ravel(), rtol=1e-5
    )


def test_equal_matrices_have_equal_factors_and_absent_columns_are_zero() -> None:
    matrix = two_kinds(users=5, items=4)
    one, other = least_squares_factors(matrix, 8), least_squares_factors(matrix.copy(), 8)
    np.testing.assert_array_equal(one.query, other.query)
    np.testing.assert_array_equal(one.candidate, other.candidate)
    assert one.candidate.shape == (4, 8)
    assert not one.candidate[:, 3:].any()
    none = least_squares_factors(sp.csr_matrix((3, 1), dtype=np.float32), 2)
    assert not none.candidate.any()


def test_of_many_events_some_users_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = two_kinds(users=2_000)
    whole = least_squares_factors(matrix, 2)
    monkeypatch.setattr(module, "_MOST_EVENTS", 4_000)
    some = least_squares_factors(matrix, 2)
    assert not np.array_equal(whole.candidate, some.candidate)
    np.testing.assert_array_equal(some.candidate, least_squares_factors(matrix, 2).candidate)
    scores = some.query[[0, 1, 2]].sum(axis=0) @ some.candidate.T
    assert scores[3:15].min() > scores[15:].max()
