"""Predicted ratings in circumstances: the effects are found, saved, updated and left out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import ContextConfig, RatingConfig, Recommender, RecommenderConfig
from kgrec.errors import RequestError
from kgrec.scoring.context.rating_effects import (
    ContextEffects,
    ContextPairs,
    ContextPenalty,
    choose_penalty,
)


def ratings(seed: int = 0) -> pd.DataFrame:
    """Ratings of 1 to 5: one point more in the cinema, another for some users on weekends."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{row}" for row in rng.integers(0, 20, 600)],
            "item_id": [f"i{row}" for row in rng.integers(0, 15, 600)],
            "place": rng.choice(["home", "cinema"], 600),
            "day": rng.choice(["workday", "weekend"], 600),
        }
    )
    level = 2.0 + (frame["place"] == "cinema")
    level += (frame["day"] == "weekend") & (frame["user_id"].str[-1].astype(int) % 2 == 0)
    frame["rating"] = (level + rng.integers(0, 2, 600)).clip(1, 5)
    return frame


@cache
def fitted(columns: tuple[str, ...] = ("place", "day")) -> Recommender:
    config = RecommenderConfig(
        context=ContextConfig(columns=columns),
        ratings=RatingConfig(enabled=True, epochs=2, embedding_size=8, like=4.0),
    )
    return Recommender(config).fit(Catalog.from_frames(interactions=ratings()), effort="quick")


def asked() -> pd.DataFrame:
    return ratings(1).drop(columns="rating")


def predicted(model: Recommender, pairs: pd.DataFrame) -> np.ndarray:
    return model.predict(pairs)["rating"].to_numpy()


def test_circumstances_lower_the_error() -> None:
    truth = ratings(1)["rating"].to_numpy()
    errors = [
        float(((predicted(fitted(columns), asked()) - truth) ** 2).mean())
        for columns in ((), ("place", "day"))
    ]
    assert errors[1] < 0.8 * errors[0]


def test_unknown_values_answer_as_none() -> None:
    pairs = asked()
    none = predicted(fitted(), pairs.drop(columns=["place", "day"]))
    np.testing.assert_array_equal(predicted(fitted(), pairs.assign(place=None, day=np.nan)), none)
    np.testing.assert_array_equal(predicted(fitted(), pairs.assign(place="moon", day="")), none)


def test_a_pair_is_predicted_alone() -> None:
    whole = predicted(fitted(), asked())
    np.testing.assert_array_equal(predicted(fitted(), asked().iloc[3:4]), whole[3:4])


def test_ratings_are_saved(tmp_path: Path) -> None:
    fitted().save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    np.testing.assert_array_equal(predicted(loaded, asked()), predicted(fitted(), asked()))


def test_updates_count() -> None:
    model = Recommender.of(fitted().state)
    row = pd.DataFrame({"user_id": ["u1"], "item_id": ["i2"], "place": ["home"], "day": "workday"})
    before = predicted(model, row)
    news = pd.concat([row] * 5).assign(rating=5.0, timestamp=range(1, 6))
    model.update(Catalog.from_frames(interactions=news))
    assert (predicted(model, row) > before + 0.2).all()


def test_the_past_alone_has_no_effects() -> None:
    pairs = asked().assign(timestamp=10)
    plain = pairs.drop(columns=["place", "day"])
    past = [fitted().predict(one, past_only=True)["rating"] for one in (pairs, plain)]
    assert past[0].equals(past[1])


def test_values_of_another_type_are_refused() -> None:
    with pytest.raises(RequestError, match="context 'place' is"):
        fitted().predict(asked().assign(place=[["home"]] * 600))


def test_noise_has_no_effects() -> None:
    rng = np.random.default_rng(0)

    def noise(n: int) -> tuple[ContextPairs, np.ndarray]:
        context = {"place": rng.choice(["a", "b", ""], n).astype(object)}
        pairs = ContextPairs(rng.integers(0, 9, n), rng.integers(0, 9, n), context)
        return pairs, rng.normal(size=n)

    assert choose_penalty(("place",), noise(60), noise(200)) is None


def test_effects_are_the_ridge_regression() -> None:
    pairs = ContextPairs(
        np.array([0, 0, 1]), np.array([0, 1, 1]), {"place": np.array(["a", "b", "a"], dtype=object)}
    )
    rest = np.array([1.0, -1.0, 0.5])
    effects = ContextEffects.fit(pairs, rest, ContextPenalty(("place",), 2.0))
    keys = pairs.keys(("place",))
    kernel = sum((np.asarray(k)[:, None] == np.asarray(k)[None]).astype(float) for k in keys)
    expected = kernel @ np.linalg.solve(kernel + 2.0 * np.eye(3), rest)
    np.testing.assert_allclose(effects.of(pairs), expected, atol=1e-6)
