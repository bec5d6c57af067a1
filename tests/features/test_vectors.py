"""Vectors of the user's own, from a catalog to recommendations, explanations and saved models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from graph_schema import Catalog
from graph_schema.errors import CatalogError, ModelError
from kgrec import Recommender
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.features.blocks import FEATURE_BLOCKS
from kgrec.features.build import build_tables
from kgrec.graph import GraphSnapshot
from kgrec.scoring.request import Request
from tests.recommender import catalogs

NEW = ("i1", "i6", "i12", "i23")
WITHOUT = ("i8", "i9")  # which have no vector
PART = "vectors:image"
SIZE = 6


def given(seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Vectors that show an item's taste, with columns of very different scale and mean."""
    ids = [f"i{n}" for n in range(catalogs.N_ITEMS) if f"i{n}" not in WITHOUT]
    taste = np.array([int(one[1:]) % catalogs.TASTES for one in ids])
    noise = np.random.default_rng(seed).normal(size=(len(ids), SIZE)) * 0.1
    noise[:, : catalogs.TASTES] += np.eye(catalogs.TASTES)[taste]
    return ids, noise * [1, 10, 100, 1, 0.1, 1] + [0, 5, 1000, 0, 0, -3]


def plain_frames() -> catalogs.Frames:
    """Without facts, attributes and texts; NEW have no interactions."""
    frames = catalogs.frames()
    events = frames["interactions"]
    events = events[~events["item_id"].isin(NEW)]
    return {"items": frames["items"][["item_id", "title"]], "interactions": events}


@pytest.fixture(scope="module")
def model() -> Recommender:
    settings = catalogs.config(epochs=20, learning_rate=0.02)
    source = Catalog.from_frames(**plain_frames(), vectors={"image": given()})
    return Recommender(settings).fit(source, seed=3, device="cpu")


def new_items(seed: int = 5) -> Catalog:
    """Two items more, of which one has a vector."""
    items = pd.DataFrame({"item_id": ["n1", "n2"], "title": ["Newer", "Newest"]})
    ids, vectors = given(seed)
    return Catalog.from_frames(items=items, vectors={"image": (["n1"], vectors[[ids.index("i2")]])})


def test_the_model_has_a_part_for_each_name(model: Recommender) -> None:
    engine = model.state.engine
    assert PART in engine.model.shape.parts
    weights = engine.model.features.get_parameter(f"vectors.{PART}")
    assert weights.shape == (SIZE, 2 * 16)
    assert bool(weights.detach().any()), "it starts at zero, and learns"


def test_rows_have_unit_length_and_missing_ones_are_masked(model: Recommender) -> None:
    inputs, items = model.state.engine.inputs.items, model.snapshot.items
    missing = items.rows(list(WITHOUT))
    rows = inputs.rows[PART]
    lengths = rows.norm(dim=1).numpy()
    np.testing.assert_allclose(np.delete(lengths, missing), 1, rtol=1e-6)
    assert not rows[missing].any()
    present = inputs.present[PART]
    assert present is not None
    assert np.flatnonzero(present.numpy()[:, 0] == 0).tolist() == sorted(missing)
    query, _ = model.state.engine.bound.item_parts
    stand_in = model.state.engine.model.features.query.missing[PART].detach()
    for row in missing:
        torch.testing.assert_close(query[PART][row], stand_in)


def test_cold_items_are_ranked_by_their_vectors(model: Recommender) -> None:
    new = model.state.engine.cold_items
    assert new is not None
    assert new.similarity.weights[PART] > 0
    for item in NEW:
        same = int(item[1:]) % catalogs.TASTES
        scores: dict[bool, list[float]] = {True: [], False: []}
        for user in range(catalogs.N_USERS):
            ranked = model.rank([f"u{user}"], k=1, candidates=[item], exclude_seen=False)
            scores[user % catalogs.TASTES == same].append(float(ranked.scores[0, 0]))
        assert np.mean(scores[True]) > np.mean(scores[False])


@pytest.mark.parametrize("item", ["i2", "i6"])
def test_explanations_are_exact_and_name_the_vectors(model: Recommender, item: str) -> None:
    engine = model.state.engine
    row = int(engine.snapshot.items.rows([item])[0])
    history = engine.stored(np.array([2]))
    times = np.zeros(len(history.item), dtype=np.int64)
    result = RequestBreakdown.of(engine, Request(history), times).break_down(row)
    assert PART in result.parts
    assert result.score == pytest.approx(float(engine.score(history)[0, row]), abs=1e-5)
    assert abs(result.rest) < 1e-5
    explained = model.explain("u2", item, k=40)
    assert explained.gain == pytest.approx(sum(explained.parts.values()), abs=1e-5)
    looks = [path for path in explained.paths if "looks like it" in path.sentence]
    assert looks
    assert looks[0].words == (looks[0].words[0], "similar image")
    german = [path.sentence for path in model.explain("u2", item, k=40, writer="de").paths]
    assert any("sieht ähnlich aus" in sentence for sentence in german)


def test_other_names_are_named_in_sentences() -> None:
    source = Catalog.from_frames(**plain_frames(), vectors={"sound": given()})
    settings = catalogs.config(epochs=20, learning_rate=0.02)
    model = Recommender(settings).fit(source, seed=3, device="cpu")
    english = [path.sentence for path in model.explain("u2", "i6", k=40).paths]
    assert any("; the sound of “" in one and "is like its sound." in one for one in english)
    german = [path.sentence for path in model.explain("u2", "i6", k=40, writer="de").paths]
    assert any("ist ähnlich (sound)" in sentence for sentence in german)
    assert any("“sound”" in reason for reason in model.why_not("u2", WITHOUT[0], k=1).missing)


def test_they_are_saved_with_the_model(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    other = Recommender.load(tmp_path / "model", device="cpu")
    users = model.snapshot.users.ids.tolist()
    assert other.recommend(users).equals(model.recommend(users))
    np.testing.assert_array_equal(
        other.snapshot.items.vectors["image"], model.snapshot.items.vectors["image"]
    )


def test_update_reads_vectors_of_new_items(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    other = Recommender.load(tmp_path / "model", device="cpu")
    other.update(new_items())
    items = other.snapshot.items
    present = other.state.engine.inputs.items.present[PART]
    assert present is not None
    assert present[items.rows(["n1", "n2"]), 0].tolist() == [1.0, 0.0]
    ranked = other.rank(["u2"], candidates=["n1", "n2"], k=2)  # u2 likes what looks like i2
    assert ranked.ids.tolist() == [["n1", "n2"]]
    before = other.snapshot
    wrong = Catalog.from_frames(vectors={"image": (["i3"], np.ones((1, SIZE + 1)))})
    with pytest.raises(CatalogError, match=f"'image' have {SIZE + 1} numbers.*{SIZE}"):
        other.update(wrong)
    assert other.snapshot is before


def test_without_vectors_of_a_name_all_items_miss_it(model: Recommender, tmp_path: Path) -> None:
    engine = model.state.engine
    other = catalogs.snapshot(tmp_path)
    tables = build_tables(other, engine.vocabulary, {}, np.empty((0, 0), np.float32))
    assert tables.rows[PART].shape == (len(other.items), SIZE)
    assert not tables.rows[PART].any()


def test_another_size_than_the_training_had_is_refused(model: Recommender) -> None:
    snapshot = catalogs.catalog()
    wrong = Catalog.from_frames(
        **catalogs.frames(), vectors={"image": (["i1"], np.ones((1, SIZE + 2)))}
    )
    assert snapshot.vectors == {}
    with pytest.raises(ModelError, match=f"have {SIZE + 2} numbers.*trained on {SIZE}"):
        build_tables(as_snapshot(wrong), model.state.engine.vocabulary, {}, np.empty((0, 0)))


def as_snapshot(catalog: Catalog) -> GraphSnapshot:
    return Recommender(catalogs.config(epochs=1)).fit(catalog, seed=0, device="cpu").snapshot


def test_the_switch_leaves_them_out_to_the_bit() -> None:
    def fit(settings: dict[str, object], **vectors: tuple[list[str], np.ndarray]) -> Recommender:
        source = Catalog.from_frames(**catalogs.frames(), vectors=vectors)
        return Recommender(catalogs.config(settings)).fit(source, seed=3, device="cpu")

    users = [f"u{n}" for n in range(catalogs.N_USERS)]
    plain, off = fit({}), fit({"use_vectors": False}, image=given())
    assert plain.state.engine.model.shape == off.state.engine.model.shape
    assert off.recommend(users).equals(plain.recommend(users))
    on = fit({}, image=given())
    assert not on.recommend(users).equals(plain.recommend(users))


def test_sampled_training_and_ratings_read_them_too() -> None:
    source = Catalog.from_frames(**catalogs.frames(), vectors={"image": given()})
    settings = catalogs.config(sampling="sampled", negatives=8, fanout=4)
    model = Recommender(settings).fit(source, seed=3, device="cpu")
    weights = model.state.engine.model.features.get_parameter(f"vectors.{PART}")
    assert bool(weights.detach().any())
    model.fit_ratings(like=3)
    rating_model = model.state.rating_model
    assert rating_model is not None
    assert PART in rating_model.shape.parts
    pairs = pd.DataFrame({"user_id": ["u1"], "item_id": [WITHOUT[0]]})
    assert np.isfinite(model.predict(pairs)["rating"]).all()


def test_every_block_can_be_put_into_words_in_every_language() -> None:
    for block in FEATURE_BLOCKS:
        wording = block.wording
        assert set(wording.labels) == {"en", "de"}
        keys = {language: set(found) for language, found in wording.sentences.items()}
        assert keys == {} or keys["en"] == keys["de"]
    assert len({block.name for block in FEATURE_BLOCKS}) == len(FEATURE_BLOCKS)
