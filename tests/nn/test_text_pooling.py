"""Attention over an item's reviews: it starts as their mean, learns, and reads nothing left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from kgrec.features.review_features import REVIEW_FEATURES, ReviewRows
from kgrec.features.text_pooling import ReviewInputs, ReviewPooling
from kgrec.graph.snapshot import NO_TIME, Texts

SIZE = 5
DAY = 86_400
N_ITEMS = 4  # of which the third has no review


def reviews() -> Texts:
    item = np.array([3, 0, 1, 0, 3, 3, -1])
    return Texts(
        id=np.array([f"r{n}" for n in range(7)], dtype=object),
        text=np.array([f"text {n}" for n in range(7)], dtype=object),
        user=np.array([0, 1, 2, 2, 1, -1, 0]),
        item=item,
        timestamp=np.array([5, 400, 3, 4, NO_TIME, 800, 2]) * np.array([DAY] * 4 + [1] + [DAY] * 2),
        rating=np.array([1, 5, 3, np.nan, 4, 2, 5], dtype=np.float32),
    )


def inputs() -> ReviewInputs:
    vectors = np.random.default_rng(0).normal(size=(7, SIZE)).astype(np.float32)
    return ReviewInputs.build(ReviewRows.build(reviews(), N_ITEMS), torch.from_numpy(vectors))


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def test_reviews_stand_by_item_oldest_first_with_their_signs() -> None:
    rows = ReviewRows.build(reviews(), N_ITEMS)
    assert rows.indptr.tolist() == [0, 2, 3, 3, 6]
    assert rows.row.tolist() == [3, 1, 2, 4, 0, 5]  # no time comes first
    assert rows.user.tolist() == [2, 1, 2, 1, 0, -1]
    assert rows.numbers.shape == (6, REVIEW_FEATURES)
    np.testing.assert_allclose(rows.numbers[:, 0], np.log1p([1, 0, 0, 2, 1, 0]) / 3, rtol=1e-6)
    assert rows.numbers[:, 1].argmax() == 2, "the third day lies farthest back"
    assert rows.numbers[3, 1] == 0, "nobody knows when"
    assert rows.numbers[:, 2].tolist() == [0, 1, 0, 0.5, -1, -0.5]
    assert rows.numbers[:, 3].tolist() == [0, 1, 0, 0.5, 1, 0.5]


def test_it_starts_as_the_mean_and_an_item_without_reviews_is_zero() -> None:
    given = inputs()
    pooled = ReviewPooling(SIZE)(given).detach().numpy()
    vectors = given.vectors.numpy()
    np.testing.assert_allclose(pooled[0], unit(vectors[[1, 3]].mean(0)), atol=1e-6)
    np.testing.assert_allclose(pooled[1], unit(vectors[2]), atol=1e-6)
    np.testing.assert_allclose(pooled[3], unit(vectors[[0, 4, 5]].mean(0)), atol=1e-6)
    assert not pooled[2].any()


def test_it_is_the_softmax_that_the_docstring_says() -> None:
    given, pooling = inputs(), ReviewPooling(SIZE)
    with torch.no_grad():
        pooling.signs.copy_(torch.tensor([0.3, -0.2, 0.8, 0.1]))
        pooling.asked.normal_(generator=torch.Generator().manual_seed(1))
    pooled = pooling(given).detach().numpy()
    said = pooling.logits(given).detach().numpy().astype(np.float64)
    share = np.exp(said[3:]) / np.exp(said[3:]).sum()
    expected = unit(share @ given.vectors.numpy()[given.row.numpy()[3:]])
    np.testing.assert_allclose(pooled[3], expected, atol=1e-6)
    assert np.ptp(share) > 0.05, "reviews weigh differently"


def test_it_learns_to_hear_those_who_liked_it() -> None:
    given, pooling = inputs(), ReviewPooling(SIZE)
    liked = given.vectors[1] / given.vectors[1].norm()  # five stars, of two reviews of item 0
    optimizer = torch.optim.Adam(pooling.parameters(), lr=0.1)
    first = float(pooling(given).detach()[0] @ liked)
    for _ in range(30):
        optimizer.zero_grad()
        (-(pooling(given)[0] @ liked)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(pooling(given).detach()[0] @ liked) > first + 0.02
    assert float(pooling.signs.detach()[2]) > 0.1


def test_what_some_users_wrote_can_be_left_unread() -> None:
    given = inputs()
    received, left = given.without(np.array([2, 5]))
    assert left.ravel().tolist() == [1, 0, 0, 1]
    pooling = ReviewPooling(SIZE)
    pooled = pooling(received).detach().numpy()
    np.testing.assert_allclose(pooled[0], unit(given.vectors.numpy()[1]), atol=1e-6)
    assert not pooled[1].any()
    garbage = given.vectors.clone()
    garbage[[2, 3]] = 1e3  # theirs
    assert torch.equal(pooling(replace(received, vectors=garbage)), pooling(received))


def test_an_item_of_which_only_empty_reviews_are_left_has_none() -> None:
    given = inputs()
    vectors = given.vectors.clone()
    vectors[1] = 0.0  # by user 1, of item 0; the other one is user 2's
    _, left = replace(given, vectors=vectors).without(np.array([2]))
    assert left.ravel().tolist() == [0, 0, 0, 1]


def test_no_reviews_at_all_are_no_error() -> None:
    none = reviews().select(np.zeros(7, dtype=bool))
    given = ReviewInputs.build(ReviewRows.build(none, 3), torch.zeros(0, SIZE))
    assert not ReviewPooling(SIZE)(given).any()
