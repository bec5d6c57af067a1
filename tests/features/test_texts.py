"""Texts, read by the real default language model: titles, reviews, queries, and no held-out one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender, RecommenderConfig
from kgrec.config import TextConfig
from kgrec.features.names import REVIEWS, TEXT
from tests.fitting.test_leakage import assert_same_model
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> RecommenderConfig:
    """Texts on, in a cache of their own."""
    cache = str(tmp_path_factory.mktemp("embeddings"))
    plain = catalogs.config({"use_text": True}, epochs=4)
    return plain.model_copy(update={"text": TextConfig(cache_dir=cache, max_length=32)})


@pytest.fixture(scope="module")
def reader(settings: RecommenderConfig) -> Recommender:
    return Recommender(settings).fit(catalogs.catalog())


def test_every_text_is_part_of_the_model(reader: Recommender) -> None:
    shape = reader.state.engine.model.shape
    assert {TEXT, REVIEWS} <= set(shape.parts)
    assert shape.event_texts
    for name in (TEXT, REVIEWS):
        lengths = np.linalg.norm(reader.state.engine.texts.items[name], axis=1)
        assert np.allclose(lengths[lengths > 0], 1.0, atol=1e-4)
    snapshot = reader.snapshot
    assert len(reader.state.engine.texts.events) == len(snapshot.reviews) + len(snapshot.queries)


def test_what_held_out_events_say_never_reaches_the_texts(
    settings: RecommenderConfig, reader: Recommender
) -> None:
    """Reviews and queries of test events shout; nothing that is learned or answered changes."""
    frames = catalogs.frames()
    events = frames["interactions"]
    test = events[events["split"] == "test"][["user_id", "item_id"]]
    pairs = pd.MultiIndex.from_frame(test)
    shouted = 0
    for name in ("reviews", "queries"):
        own = pd.MultiIndex.from_frame(frames[name][["user_id", "item_id"]]).isin(pairs)
        frames[name] = frames[name].assign(
            text=frames[name]["text"].mask(pd.Series(own, index=frames[name].index), "GARBAGE!")
        )
        shouted += int(own.sum())
    assert shouted > 10
    other = Recommender(settings).fit(catalogs.catalog(**frames))
    for name, vectors in reader.state.engine.texts.items.items():
        np.testing.assert_array_equal(vectors, other.state.engine.texts.items[name])
    np.testing.assert_array_equal(reader.state.engine.texts.events, other.state.engine.texts.events)
    assert_same_model(reader, other)


def test_scores_are_taken_apart_with_texts_too(reader: Recommender) -> None:
    for item in ("i1", "i5", "i8"):
        result = reader.explain("u1", item)
        ranked = reader.recommend("u1", k=catalogs.N_ITEMS, exclude_seen=False)
        score = float(ranked.set_index("item_id")["score"][item])
        assert result.score == pytest.approx(score, abs=1e-5)
        assert result.baseline + sum(result.parts.values()) == pytest.approx(result.score, abs=1e-5)


def test_a_new_item_is_read_by_its_title(reader: Recommender, tmp_path: Path) -> None:
    reader.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(
        loaded.recommend("u1", k=9), reader.recommend("u1", k=9), check_exact=True
    )
    items = pd.DataFrame(
        {"item_id": ["new1", "new2"], "title": ["A jolly circus in town", "Songs on stage again"]}
    )
    loaded.update(catalogs.Catalog.from_frames(items=items))
    rows = loaded.snapshot.items.rows(["new1", "new2"])
    vectors = loaded.state.engine.texts.items[TEXT]
    circus = loaded.snapshot.items.rows([f"i{4 * n}" for n in range(10)])
    near = vectors[rows] @ vectors[circus].T
    assert near[0].min() > near[1].max()
    found = loaded.search("circus clowns", k=20)["item_id"].tolist()
    assert "new1" in found


def test_the_text_itself_counts(settings: RecommenderConfig, reader: Recommender) -> None:
    """The event's own text has weights, and they have been learned."""
    learned = reader.state.engine.model.event_text
    assert bool(learned.detach().any())
    without = settings.model_copy(
        update={"model": settings.model.model_copy(update={"use_text": False})}
    )
    blind = Recommender(without).fit(catalogs.catalog())
    assert not blind.state.engine.texts.items
    one, other = (r.recommend("u1", k=9)["score"].to_numpy() for r in (reader, blind))
    assert not np.allclose(one, other, atol=1e-3)


def test_a_model_trained_under_attack_still_learns(settings: RecommenderConfig) -> None:
    """The option reaches training: other weights, and about the loss that it had without."""
    training = settings.training.model_copy(update={"text_attack": 0.3})
    hard = Recommender(settings.model_copy(update={"training": training}))
    plain = Recommender(settings)
    for model in (hard, plain):
        model.fit(catalogs.catalog())
    left, right = (m.state.engine.model.features.text[TEXT] for m in (hard, plain))
    assert not np.array_equal(left.detach().numpy(), right.detach().numpy())
    ends = [model.history[-1]["loss"] for model in (hard, plain)]
    assert np.isfinite(ends).all()
    assert ends[0] < 1.5 * ends[1]
