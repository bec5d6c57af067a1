"""Shrunk means of ratings and reviews: against a plain count, without the pair, never later."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.graph.snapshot import NO_TIME, Interactions, Texts
from kgrec.ratings.blend import BlendFeatures, RatingBlend, fit_weights
from kgrec.ratings.evidence import REVIEW_SHRINKAGE, Earlier, RatingEvidence

N_USERS, N_ITEMS, N = 12, 9, 80
RNG = np.random.default_rng(0)
USER, ITEM = RNG.integers(N_USERS, size=N), RNG.integers(N_ITEMS, size=N)
TIME, SOUND = RNG.integers(5, size=N) * 10, RNG.normal(size=N)


def names(n: int) -> np.ndarray:
    return np.full(n, "", dtype=object)


def evidence(mean: float = 3.0) -> RatingEvidence:
    rating = RNG.integers(1, 6, size=N).astype(np.float32)
    rated = Interactions(USER, ITEM, TIME, rating, names(N), names(N), names(N))
    reviews = Texts(names(N), names(N), USER, ITEM, TIME, rating)
    return RatingEvidence.build(rated, reviews, SOUND + mean, mean, N_ITEMS)


@pytest.mark.parametrize("time", [0, 5, 20, 1_000, NO_TIME])
def test_words_are_earlier_and_of_others(time: int) -> None:
    """Of a review at the asked moment itself nothing is known yet."""
    asked = np.array([(u, i) for u in (0, 3, 7) for i in (1, 4, 8)])
    user, item = asked.T
    of_item, of_user = evidence().words(item, user, np.full(len(asked), time))
    for row, (u, i) in enumerate(asked):
        before = np.ones(N, dtype=bool) if time == NO_TIME else time > TIME
        for found, rows in (
            (of_item, (i == ITEM) & (u != USER)),
            (of_user, (u == USER) & (i != ITEM)),
        ):
            result = SOUND[rows & before]
            assert found[row] == pytest.approx(
                result.sum() / (len(result) + REVIEW_SHRINKAGE), abs=1e-12
            )


def test_undated_reviews_are_not_known_to_be_earlier() -> None:
    sums = Earlier.build(np.array([0, 0]), np.array([NO_TIME, 5]), np.array([7.0, 1.0]))
    asked = np.array([0, 0, 0, 2])
    total, count = sums.before(asked, np.array([5, 6, NO_TIME, 6]))
    assert total.tolist() == [0.0, 1.0, 8.0, 0.0]
    assert count.tolist() == [0, 1, 2, 0]


def test_item_means_leave_out_the_asking_user() -> None:
    known = evidence()
    everyone = np.full(N_ITEMS, -1)
    items = np.arange(N_ITEMS)
    whole = known.item_means(items, everyone, 2.0)
    for user in (0, 5):
        mine = np.isin(items, ITEM[user == USER])
        other = known.item_means(items, np.full(N_ITEMS, user), 2.0)
        assert (other[~mine] == whole[~mine]).all()
        assert (other[mine] != whole[mine]).all()


def features(rows: int, seed: int = 1) -> BlendFeatures:
    rng = np.random.default_rng(seed)
    return BlendFeatures(*(rng.normal(size=rows) for _ in range(5)))


def test_weights_are_found_where_there_is_something_to_find() -> None:
    result = features(2_000)
    truth = 0.5 + 0.7 * (result.model - result.base) + 0.3 * result.item_words
    shift, weights = fit_weights(result, truth, seed=0)
    assert shift == pytest.approx(0.5, abs=0.02)
    assert weights == pytest.approx((0, 0, 0.7, 0.3, 0), abs=0.02)


def test_noise_leaves_the_means_or_the_model() -> None:
    result = features(60)
    noise = np.random.default_rng(3).normal(size=60)
    _, weights = fit_weights(result, noise, seed=0)
    assert np.abs(weights).max() < 0.15
    _, weights = fit_weights(result, result.model - result.base + 0.3 * noise, seed=0)
    assert weights[2] == pytest.approx(1.0, abs=0.15)


def test_a_rating_is_what_the_docstring_says() -> None:
    result = features(4)
    blend = RatingBlend(3.0, (5.0, 5.0), 0.1, (1.0, 2.0, 3.0, 4.0, 5.0), None)
    wanted = 3.1 + result.base + result.columns() @ np.array(blend.weights)
    np.testing.assert_allclose(blend.rating(result), wanted)
