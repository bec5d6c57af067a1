"""What reviews sound like: learned from the ratings of others, never from a review's own."""

from __future__ import annotations

import numpy as np

from kgrec.text.sentiment import FEWEST, FOLDS, fit_sentiment, folds_of

IDS = [f"r{n}" for n in range(300)]


def world(noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(IDS), 16)).astype(np.float32)
    ratings = 3 + vectors[:, 0] + noise * rng.normal(size=len(IDS))
    return vectors, ratings


def test_a_review_sounds_like_its_rating() -> None:
    vectors, ratings = world()
    head = fit_sentiment(vectors, ratings, IDS)
    assert head is not None
    assert np.corrcoef(head.predict(vectors, IDS), ratings)[0, 1] > 0.9


def test_no_review_is_told_its_own_rating() -> None:
    """Another rating of one review leaves its prediction as it was, bit by bit, and changes
    the predictions for reviews of other folds."""
    vectors, ratings = world()
    before = fit_sentiment(vectors, ratings, IDS)
    other = ratings.copy()
    other[7] = 1_000.0
    after = fit_sentiment(vectors, other, IDS)
    assert before is not None
    assert after is not None
    mine = folds_of(IDS) == folds_of(IDS)[7]
    one, two = (head.predict(vectors, IDS) for head in (before, after))
    assert (one[mine] == two[mine]).all()
    assert np.abs(one - two)[~mine].min() > 1e-3


def test_noise_teaches_nothing() -> None:
    """A head that had seen the reviews it reads would find their ratings even in noise."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(300, 100)).astype(np.float32)
    ratings = rng.normal(size=300)
    head = fit_sentiment(vectors, ratings, IDS)
    assert head is not None
    assert abs(np.corrcoef(head.predict(vectors, IDS), ratings)[0, 1]) < 0.2


def test_what_can_not_be_learned_is_none() -> None:
    vectors, ratings = world()
    assert fit_sentiment(vectors[: FEWEST - 1], ratings[: FEWEST - 1], IDS) is None
    assert fit_sentiment(vectors, np.full(300, 5.0), IDS) is None
    assert fit_sentiment(vectors, np.full(300, np.nan), IDS) is None


def test_a_text_without_content_says_nothing() -> None:
    vectors, ratings = world()
    vectors[3] = 0.0
    head = fit_sentiment(vectors, ratings, IDS)
    assert head is not None
    predicted = head.predict(vectors, IDS)
    assert np.isnan(predicted[3])
    assert np.isfinite(np.delete(predicted, 3)).all()


def test_folds_are_the_same_everywhere() -> None:
    assert folds_of(["a", "b", "0"]).tolist() == [7, 1, 9]
    assert np.bincount(folds_of(IDS), minlength=FOLDS).min() > 10
