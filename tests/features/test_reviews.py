"""Reviews in the model, weighted by age and rating: what is held out is never read, what is new
counts at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.config import TextConfig
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.features.names import REVIEWS
from kgrec.features.texts import same_texts
from kgrec.fitting.fit import fingerprint
from kgrec.graph.source import read_source
from kgrec.scoring.request import Request
from kgrec.training import fit_item_weights
from kgrec.training.data.item_words import item_words
from tests.fitting.test_leakage import assert_same_model
from tests.recommender import catalogs
from tests.text.tiny import WORDS, write_bert

pytestmark = pytest.mark.slow
DAY = 86_400


def frames() -> catalogs.Frames:
    """The catalog's frames, its reviews in words that the tiny model knows, with a rating and a
    time but for the first."""
    made = catalogs.frames()
    events = made["interactions"][["user_id", "item_id", "rating", "timestamp"]]
    reviews = made["reviews"].merge(events, on=["user_id", "item_id"])
    reviews.loc[0, ["rating", "timestamp"]] = None
    items = reviews["item_id"].str[1:].astype(int)
    reviews["text"] = [
        f"{WORDS[item % len(WORDS)]} {WORDS[place % len(WORDS)] * (place % 5 == 0)}"
        for place, item in enumerate(items)
    ]
    return {**made, "reviews": reviews}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> RecommenderConfig:
    folder = tmp_path_factory.mktemp("reviews")
    plain = catalogs.config({"use_text": True, "use_attention": True}, epochs=4)
    bert, cache = str(write_bert(folder / "bert")), str(folder / "c")
    text = TextConfig(model=bert, cache_dir=cache, max_length=32)
    return plain.model_copy(update={"text": text})


@pytest.fixture(scope="module")
def reader(settings: RecommenderConfig) -> Recommender:
    return Recommender(settings).fit(catalogs.catalog(**frames()))


def shouting(split: str) -> catalogs.Frames:
    """The frames with other words, ratings and times in the reviews of held-out events."""
    made = frames()
    events, reviews = made["interactions"], made["reviews"].copy()
    held = events[events["split"] == split][["user_id", "item_id"]]
    own = pd.MultiIndex.from_frame(reviews[["user_id", "item_id"]]).isin(
        pd.MultiIndex.from_frame(held)
    )
    assert own.sum() > 3
    reviews.loc[own, "text"] = "old war music two two dog"
    reviews.loc[own, "rating"] = 1.0
    reviews.loc[own, "timestamp"] = 2_000_000
    return {**made, "reviews": reviews}


def test_reviews_of_test_events_change_no_bit(
    settings: RecommenderConfig, reader: Recommender
) -> None:
    other = Recommender(settings).fit(catalogs.catalog(**shouting("test")))
    assert_same_model(reader, other)
    for name, vectors in reader.state.engine.texts.items.items():
        np.testing.assert_array_equal(vectors, other.state.engine.texts.items[name])
    users = np.arange(catalogs.N_USERS)
    one, two = (r.state.engine.score(r.state.engine.stored(users)) for r in (reader, other))
    assert torch.equal(one, two)


def test_reviews_of_validation_events_teach_nothing(
    settings: RecommenderConfig, reader: Recommender
) -> None:
    """They are in histories afterwards, but neither what was learned nor the item–item weights
    have read them."""
    other = Recommender(settings).fit(catalogs.catalog(**shouting("valid")))
    left, right = (r.state.engine.model.state_dict() for r in (reader, other))
    assert all(torch.equal(left[name], right[name]) for name in left)
    mine, others = reader.state.engine.weights, other.state.engine.weights
    assert (mine is None) == (others is None)
    if mine is not None and others is not None:
        np.testing.assert_array_equal(mine.matrix.toarray(), others.matrix.toarray())
    assert not np.array_equal(
        reader.state.engine.texts.items[REVIEWS], other.state.engine.texts.items[REVIEWS]
    )


def test_words_join_the_weights_where_there_are_reviews(reader: Recommender) -> None:
    """Chosen like any other kind, from training reviews alone."""
    full = reader.state.full_snapshot
    assert full is not None
    train = full.without(np.asarray(full.interactions.split != "train"), ("train",))
    cpu = torch.device("cpu")
    result, silent = (
        fit_item_weights(train, graph=False, words=words, decay=np.inf, device=cpu)[0]
        for words in (item_words(train), None)
    )
    assert not np.array_equal(result.matrix.toarray(), silent.matrix.toarray())


def test_attention_is_learned_saved_and_explained(reader: Recommender, tmp_path: Path) -> None:
    model = reader.state.engine.model
    assert model.shape.attention
    assert bool(model.features.attention.signs.detach().any())
    assert bool(model.event_gate.detach().any())
    reader.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    assert_same_model(reader, loaded)
    engine = reader.state.engine
    for user in range(4):
        history = engine.stored(np.array([user]))
        times = np.zeros(len(history.item), dtype=np.int64)
        scores = engine.score(history)[0]
        for item in (0, 7, 20):
            result = RequestBreakdown.of(engine, Request(history), times).break_down(item)
            assert result.score == pytest.approx(float(scores[item]), abs=1e-4)
            parts = sum(float(part.sum()) for part in result.parts.values())
            assert result.baseline + parts == pytest.approx(result.score, abs=1e-4)


def test_robust_reviews_take_the_place_of_attention(
    settings: RecommenderConfig, reader: Recommender
) -> None:
    text = settings.text.model_copy(update={"robust_reviews": True})
    config = settings.model_copy(update={"text": text})
    other = Recommender(config).fit(catalogs.catalog(**frames()))
    assert not other.state.engine.model.shape.attention
    users = np.arange(catalogs.N_USERS)
    one, two = (r.state.engine.score(r.state.engine.stored(users)) for r in (reader, other))
    assert not torch.allclose(one, two)


def test_all_that_is_read_of_a_review_tells_trainings_apart(settings: RecommenderConfig) -> None:
    """A checkpoint goes on only where ratings, times and items of reviews are the same, and texts
    are read anew where a review is of another item than before."""
    whole = read_source(catalogs.catalog(**frames()), None)
    nothing = whole.interactions.select(np.zeros(len(whole.interactions), dtype=bool))
    reviews = whole.reviews
    others = [
        replace(reviews, **{name: np.roll(getattr(reviews, name), 1)})
        for name in ("user", "item", "timestamp", "rating")
    ]
    result = {
        fingerprint(replace(whole, reviews=each), nothing, settings, 0)
        for each in (reviews, *others)
    }
    assert len(result) == 5
    assert same_texts(whole, replace(whole, reviews=others[0]))
    assert not same_texts(whole, replace(whole, reviews=others[1]))


def test_a_new_review_counts_at_once(reader: Recommender, tmp_path: Path) -> None:
    reader.save(tmp_path / "model")
    live = Recommender.load(tmp_path / "model")
    before = live.state.engine.items.candidate.clone()
    row = int(live.snapshot.items.rows(["i3"])[0])
    news = pd.DataFrame(
        {
            "user_id": ["u5"],
            "item_id": ["i3"],
            "text": ["a river a town a red dog"],
            "rating": [5.0],
            "timestamp": [9_000_000],
        }
    )
    live.update(Catalog.from_frames(reviews=news))
    changed = (live.state.engine.items.candidate != before).any(dim=1)
    assert bool(changed[row])
    assert (
        live.state.engine.model.state_dict().keys() == reader.state.engine.model.state_dict().keys()
    )
