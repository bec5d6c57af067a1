"""Which words moved a score: the score is the recommender's own, from each kind of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from graph_schema import Catalog
from kgrec import Recommender, show_people
from kgrec.config import TextConfig
from kgrec.errors import RequestError
from kgrec.explain.word_attribution import Method, restrict_to_history_texts
from kgrec.scoring.request import Request
from tests.recommender import catalogs
from tests.text.tiny import texts, write_bert

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """Reads random words with a random network: nothing here is about what they mean."""
    folder = tmp_path_factory.mktemp("words")
    text = TextConfig(
        model=str(write_bert(folder / "bert")),
        cache_dir=str(folder / "cache"),
        max_length=32,
        precision="fp32",
    )
    frames = catalogs.frames()
    for name in ("reviews", "queries"):
        frames[name] = frames[name].assign(text=texts(len(frames[name]), seed=len(name)))
    frames["items"] = frames["items"].assign(plot=texts(len(frames["items"]), seed=3, longest=60))
    settings = catalogs.config({"use_text": True, "use_attention": True}, epochs=4).model_copy(
        update={"text": text}
    )
    return Recommender(settings).fit(Catalog.from_frames(**frames))


def score_of(model: Recommender, user: str, item: str) -> float:
    rows = model.recommend(user, k=40, exclude_seen=False)
    return float(rows.loc[rows["item_id"] == item, "score"].iloc[0])


@pytest.mark.parametrize("source", ["item", "reviews", "history"])
@pytest.mark.parametrize("method", ["gradients", "occlusion"])
def test_words_of_every_kind_of_text(model: Recommender, source: str, method: str) -> None:
    item = str(model.recommend("u3", k=1)["item_id"][0])
    operator = show_people(model)
    result = operator.words("u3", item, source=source, method=method)  # type: ignore[arg-type]
    assert result.score == pytest.approx(score_of(model, "u3", item), abs=2e-4)
    assert len(result.words) == len(result.contributions)
    assert np.abs(result.contributions).max() > 0
    if method == "gradients":
        moved = max(abs(result.score - result.hidden), 0.05)
        assert abs(result.left) < 0.1 * moved


def test_what_a_review_adds_is_what_the_score_loses_without_it(model: Recommender) -> None:
    """Against a second engine whose pooled text of the item really has the other words."""
    engine = model.state.engine
    item = str(model.recommend("u3", k=1)["item_id"][0])
    result = show_people(model).words("u3", item, source="reviews", method="occlusion")
    row = engine.item_row[item]
    reviews = engine.snapshot.reviews
    mine = np.flatnonzero(reviews.item == row)
    place = [str(name) for name in reviews.id[mine]].index(result.text_id)
    words = list(result.words)
    vectors = engine.texts.events[mine].copy()
    vectors[place] = model.state.reader.encoder.encode([" ".join(words[1:])])[0]
    changed = dict(engine.texts.items)
    changed["reviews"] = changed["reviews"].copy()
    changed["reviews"][row] = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
    part = torch.as_tensor(changed["reviews"][row]) @ engine.model.features.text["reviews"].detach()
    parts = {name: vector[row].clone() for name, vector in engine.bound.item_parts[1].items()}
    user = _user_vector(model, "u3")
    now, then = (
        torch.nn.functional.normalize(sum(each.values()), dim=0) @ user  # type: ignore[arg-type]
        for each in (parts, {**parts, "reviews": part.chunk(2)[1]})
    )
    fall = float(now - then) / engine.model.shape.temperature
    assert result.contributions[0] == pytest.approx(fall, abs=1e-4)


@pytest.mark.parametrize("method", ["gradients", "occlusion"])
def test_attention_over_reviews_is_followed(
    model: Recommender, tmp_path: Path, method: Method
) -> None:
    """Weights as long training might give them: a review's words also move what it counts for."""
    model.save(tmp_path / "m")
    other = Recommender.load(tmp_path / "m")
    attention = other.state.engine.model.features.attention
    with torch.no_grad():
        attention.asked.normal_(std=2.0, generator=torch.Generator().manual_seed(0))
        attention.signs.copy_(torch.tensor([1.0, -1.0, 2.0, 1.0]))
    reviews = other.snapshot.reviews
    row = int(np.bincount(reviews.item).argmax())
    item = str(other.snapshot.items.ids[row])
    result = show_people(other).words("u3", item, source="reviews", method=method)
    assert result.score == pytest.approx(score_of(other, "u3", item), abs=1e-4)
    if method == "gradients":
        assert abs(result.left) < 0.1 * max(abs(result.score - result.hidden), 0.05)


def test_only_the_users_own_texts_are_copied(model: Recommender) -> None:
    """Not those of the whole catalog, at every step of an integral."""
    engine = model.state.engine
    history = engine.stored(engine.snapshot.users.rows(["u3"]))
    text = int(history.text.max())
    own, place, inputs = restrict_to_history_texts(engine, Request(history), text)
    assert inputs.event_text.shape[0] == len(np.unique(history.text[history.text >= 0]))
    np.testing.assert_array_equal(inputs.event_text[place].numpy(), engine.texts.events[text])
    assert int(own.histories.text.max()) == len(inputs.event_text) - 1


def _user_vector(model: Recommender, user: str) -> torch.Tensor:
    from kgrec.nn import HistoryBatch

    engine = model.state.engine
    history = engine.stored(engine.snapshot.users.rows([user]))
    scales = engine.model.shape.scales
    batch = HistoryBatch.build(history, len(engine.snapshot.items), scales, engine.device)
    with torch.inference_mode():
        return engine.model.user_vectors(engine.items, engine.inputs, batch, engine.known)[0]


def test_it_can_be_told_drawn_and_saved(model: Recommender, tmp_path: Path) -> None:
    item = str(model.recommend("u3", k=1)["item_id"][0])
    result = model.words("u3", item)
    assert result.item_name in str(result)
    assert result.strongest(1)[0][0] in str(result)
    data = result.to_dict()
    assert [row["word"] for row in data["words"]] == list(result.words)
    assert result.draw(tmp_path / "words.svg").stat().st_size > 1_000


def test_robust_pooling_is_followed(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    other = Recommender.load(tmp_path / "m")
    text = other.config.text.model_copy(update={"robust_reviews": True})
    other.config = other.config.model_copy(update={"text": text})
    other.state.reader.config = other.config
    item = str(model.recommend("u3", k=1)["item_id"][0])
    other.update(pd.DataFrame({"user_id": ["u3"], "item_id": ["i1"]}))
    result = show_people(other).words("u3", item, source="reviews")
    assert len(result.words) > 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"source": "moon"}, "'moon'"),
        ({"method": "guess"}, "'guess'"),
        ({"source": "reviews", "of": "nope"}, "no review of the item has id 'nope'"),
        ({"source": "history", "of": "nope"}, "'nope'"),
        ({"source": "history", "history": ["i1"]}, "no review or query"),
    ],
)
def test_bad_questions_are_refused(
    model: Recommender, changed: dict[str, object], said: str
) -> None:
    item = str(model.recommend("u3", k=1)["item_id"][0])
    with pytest.raises(RequestError, match=said):
        show_people(model).words("u3", item, **changed)  # type: ignore[arg-type]


def test_new_items_are_not_read_off_their_words(model: Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    other = Recommender.load(tmp_path / "m")
    items = pd.DataFrame({"item_id": ["new"], "title": ["two old cats"], "plot": ["a film"]})
    other.update(Catalog.from_frames(items=items))
    with pytest.raises(RequestError, match="came after training"):
        other.words("u3", "new")
    assert len(other.words("u3", "new", source="history").words) > 0
