"""Ratings predicted from earlier reviews: they help; later and held-out ones are not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.config import TextConfig
from tests.ratings import rated
from tests.text.tiny import write_bert

pytestmark = pytest.mark.slow
HIGH, LOW = "love music", "war river"


def reviews(events: pd.DataFrame) -> pd.DataFrame:
    """Everybody says what they think; ratings of odd items are said, and not given."""
    rng = np.random.default_rng(5)
    extra = np.array(["the old film", "a new town", "two red dog", "three blue cat"])
    good = np.where(events["rating"] >= 4, HIGH, LOW)
    text = [
        f"{word} {extra[n]}" for word, n in zip(good, rng.integers(4, size=len(good)), strict=True)
    ]
    return events[["user_id", "item_id", "rating", "timestamp"]].assign(text=text)


def catalog(written: pd.DataFrame) -> Catalog:
    frames = rated.catalog().tables
    return Catalog.from_frames(**{**frames, "reviews": written})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    folder = tmp_path_factory.mktemp("rated")
    text = TextConfig(
        model=str(write_bert(folder / "bert")), cache_dir=str(folder / "c"), max_length=32
    )
    plain = rated.config()
    settings = plain.model_copy(
        update={"text": text, "model": plain.model.model_copy(update={"use_text": True})}
    )
    return Recommender(settings).fit(catalog(reviews(rated.events())))


def asked(split: str = "test") -> pd.DataFrame:
    events = rated.events()
    rows = events[events["split"] == split]
    return rows[["user_id", "item_id", "timestamp"]].reset_index(drop=True)


def refitted(model: Recommender, written: pd.DataFrame) -> pd.DataFrame:
    other = Recommender(model.config).fit(catalog(written))
    return other.predict(asked())


def test_sentiment_is_learned(model: Recommender) -> None:
    blend = model.state.rating_model.blend  # type: ignore[union-attr]
    assert blend is not None
    assert blend.sentiment is not None
    texts = model.snapshot.reviews
    result = blend.sentiment.predict(model.state.engine.texts.events[: len(texts)], texts.id)
    assert np.corrcoef(result, texts.rating)[0, 1] > 0.7


def test_held_out_reviews_change_nothing(model: Recommender) -> None:
    """Test rows' reviews shout, and answers stay as they are, bit by bit."""
    events = rated.events()
    written = reviews(events)
    test = (events["split"] == "test").to_numpy()
    written["text"] = written["text"].mask(test, "dog dog dog")
    written["rating"] = written["rating"].mask(test, 1.0)
    pd.testing.assert_frame_equal(model.predict(asked()), refitted(model, written))


def test_only_reviews_from_before_the_row_count(model: Recommender, tmp_path: Path) -> None:
    """A review of the item by somebody else, written before the row, at its moment, and after."""
    model.save(tmp_path / "m")
    row = asked().iloc[[0]].reset_index(drop=True)
    before = model.predict(row)["rating"][0]
    time = int(row["timestamp"][0])
    found = []
    for shift in (-1, 0, 1):
        other = Recommender.load(tmp_path / "m")
        assert other.predict(row)["rating"][0] == before  # what is saved answers alike
        blend = other.state.rating_model.blend  # type: ignore[union-attr]
        assert blend is not None
        object.__setattr__(blend, "weights", (*blend.weights[:3], 1.0, *blend.weights[4:]))
        plain = other.predict(row)["rating"][0]
        news = pd.DataFrame(
            {"user_id": "u59", "item_id": row["item_id"], "text": LOW, "timestamp": time + shift}
        )
        other.update(Catalog.from_frames(reviews=news))
        found.append(other.predict(row)["rating"][0] - plain)
    assert found[0] != 0
    assert found[1:] == [0, 0]


def test_a_rows_own_review_is_not_read(model: Recommender, tmp_path: Path) -> None:
    """Not even one that was written before the row's rating."""
    model.save(tmp_path / "m")
    row = asked().iloc[[0]].reset_index(drop=True)
    other = Recommender.load(tmp_path / "m")
    blend = other.state.rating_model.blend  # type: ignore[union-attr]
    object.__setattr__(blend, "weights", (0.0, 0.0, 0.0, 1.0, 1.0, 0.0))
    before = other.predict(row)["rating"][0]
    news = row.assign(text=LOW, timestamp=row["timestamp"] - 1)
    other.update(Catalog.from_frames(reviews=news))
    assert other.predict(row)["rating"][0] == pytest.approx(before, abs=1e-9)
