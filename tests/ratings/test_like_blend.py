"""Likes blended from the model, the rating and the score: better than each, or left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.evaluation import auc
from kgrec.ratings.like_blend import LikeBlend, fit_like_blend
from tests.recommender import catalogs


def _rows(n: int = 2_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Likes, and three columns that each know a part of them."""
    rng = np.random.default_rng(3)
    parts = rng.standard_normal((3, n))
    like = parts.sum(axis=0) + rng.standard_normal(n) > 0
    return like, parts[0], parts[1], parts[2]


def test_the_blend_beats_each_of_its_parts() -> None:
    like, logit, rating, score = _rows()
    blend = fit_like_blend(like[:1000], logit[:1000], rating[:1000], score[:1000], seed=0)
    assert blend is not None
    found = blend.logit(logit[1000:], rating[1000:], score[1000:])
    parts = max(auc(like[1000:], part[1000:]) for part in (logit, rating, score))
    assert auc(like[1000:], found) > parts + 0.05
    without = blend.logit(logit[1000:], rating[1000:], np.full(1000, np.nan))
    assert parts < auc(like[1000:], without) < auc(like[1000:], found)


def test_a_model_that_knows_all_is_left_alone() -> None:
    rng = np.random.default_rng(5)
    logit = 2 * rng.standard_normal(4_000)
    like = rng.random(4_000) < 1 / (1 + np.exp(-logit))
    noise = rng.standard_normal((2, 4_000))
    assert fit_like_blend(like, logit, noise[0], noise[1], seed=0) is None


def test_few_rows_teach_nothing() -> None:
    like, logit, rating, score = _rows(40)
    assert fit_like_blend(like, logit, rating, score, seed=0) is None
    like, logit, rating, score = _rows()
    score[20:] = np.nan  # the rows with a score are too few
    blend = fit_like_blend(like, logit, rating, score, seed=0)
    assert blend is not None
    assert blend.scored is None
    assert blend.others is not None


def test_a_row_does_not_depend_on_the_others() -> None:
    blend = LikeBlend((0.1, 0.5, 0.2, 0.7), (0.3, 0.9, 0.1))
    _, logit, rating, score = _rows(50)
    score[::3] = np.nan
    whole = blend.logit(logit, rating, score)
    alone = [blend.logit(logit[i : i + 1], rating[i : i + 1], score[i : i + 1]) for i in range(50)]
    assert np.array_equal(whole, np.concatenate(alone))


@pytest.fixture(scope="module")
def clicks() -> pd.DataFrame:
    """Users who choose items of one kind; each chosen item has one beside it that was not."""
    rng = np.random.default_rng(1)
    rows = []
    for user in range(80):
        mine = [item for item in range(60) if item % 4 == user % 4]
        for item in rng.permutation(mine)[:10]:
            rows += [(f"u{user}", f"i{item}", 1), (f"u{user}", f"i{rng.integers(60)}", 0)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    frame = frame.drop_duplicates(["user_id", "item_id"])
    return frame.assign(split=rng.choice(["train", "valid", "test"], len(frame), p=[0.6, 0.2, 0.2]))


@pytest.mark.slow
def test_clicks_are_predicted_from_the_scores_too(clicks: pd.DataFrame) -> None:
    config = RecommenderConfig.model_validate(
        {
            **catalogs.config().model_dump(),
            "training": {"effort": "quick"},
            "ratings": {"enabled": True, "like": 1.0, "epochs": 2},
        }
    )
    model = Recommender(config).fit(Catalog.from_frames(interactions=clicks))
    state = model.state
    assert state.config.feedback.like == 1.0
    assert state.config.feedback.ratings in ({"<1": 0.0}, {"<1": -1.0})
    assert state.held_scores is not None
    assert state.rating_model is not None
    blend = state.rating_model.like_blend
    assert blend is not None
    assert blend.scored is not None
    test = clicks[clicks["split"] == "test"].reset_index(drop=True)
    test = test[test["item_id"].isin(model.snapshot.items.ids)]
    answer = model.predict(test[["user_id", "item_id"]])
    liked = test["rating"].to_numpy() > 0
    score = model.score(test[["user_id", "item_id"]])["score"].to_numpy()
    assert auc(liked, answer["like"].to_numpy()) > auc(liked, score) - 0.01
    typed = model.predict(test[["user_id", "item_id"]], histories={"u0": {"i0": 1.0}})
    others = test["user_id"].to_numpy() != "u0"
    assert typed["like"][others].equals(answer["like"][others])
