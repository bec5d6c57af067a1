"""Pooling that no few reviews decide."""

from __future__ import annotations

import numpy as np

from kgrec.text.review_weights import review_weights


def unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def pooled(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return unit((vectors * weights[:, None]).sum(axis=0)[None])[0]


def test_a_minority_moves_little() -> None:
    """Four copies of one thing against seven reviews that are alike."""
    rng = np.random.default_rng(0)
    honest = unit(np.array([1.0, 0, 0, 0, 0, 0]) + 0.3 * rng.normal(size=(7, 6)))
    bad = np.tile(np.array([[0.0, 1, 0, 0, 0, 0]]), (4, 1)) + 0.01 * rng.normal(size=(4, 6))
    both, owner = np.vstack([honest, unit(bad)]), np.zeros(11, dtype=np.int64)
    clean = pooled(honest, np.ones(7))
    mean = pooled(both, np.ones(11)) @ clean
    robust = pooled(both, review_weights(both, owner, [str(n) for n in range(11)])) @ clean
    assert robust > mean + 0.05
    assert robust > 0.9


def test_equal_texts_about_an_item_count_once() -> None:
    vectors = unit(np.array([[1.0, 0], [0, 1], [0, 1], [0, 1], [0, 1]]))
    owner = np.array([0, 0, 0, 0, 1])
    weights = review_weights(vectors, owner, ["good", "Buy  now", "buy now", "BUY now", "buy now"])
    np.testing.assert_allclose(weights[0], weights[1:4].sum(), rtol=1e-5)


def test_one_review_is_all_there_is() -> None:
    vectors = unit(np.array([[1.0, 2], [3, 1], [1, 1]]))
    weights = review_weights(vectors, np.array([0, 1, -1]), ["a", "b", "c"])
    assert (weights[:2] > 0).all()
    assert weights[2] == 0
    assert len(review_weights(np.empty((0, 2)), np.empty(0, dtype=np.int64), [])) == 0
