"""adapt(): a scenario from a few interactions, and nothing of the others changes by a bit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.nn import HEADS
from tests.recommender import catalogs

USERS = [f"u{n}" for n in range(12)]
TYPED = [["i1", "i5", "i9"], ["i2"], []]
LIKED = [("u1", "i3"), ("new", "i7"), ("new", "i11"), ("u2", "i15"), ("other", "i19")]


def answers(model: Recommender, scenario: str | None) -> tuple[np.ndarray, ...]:
    """Stored and typed histories, in batches and alone."""
    k = catalogs.N_ITEMS
    ranked = [
        model.rank(USERS, k=k, scenario=scenario),
        model.rank(histories=TYPED, k=k, scenario=scenario),
        model.rank("u3", k=k, scenario=scenario),
    ]
    return tuple(part for one in ranked for part in (one.ids, one.scores))


def assert_same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> None:
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def share_of_taste(model: Recommender, scenario: str | None) -> float:
    """The chance that the model gives to items with the taste of LIKED, for somebody unknown."""
    ranked = model.rank(histories=[[]], k=catalogs.N_ITEMS, scenario=scenario)
    chance = np.exp(ranked.scores[0])
    liked = np.array([int(item[1:]) % catalogs.TASTES == 3 for item in ranked.ids[0]])
    return float(chance[liked].sum() / chance.sum())


@pytest.mark.slow
@pytest.mark.parametrize("head", sorted(HEADS))
def test_the_others_stay_bit_by_bit_with_every_head(head: str, tmp_path: Path) -> None:
    settings = catalogs.config({"head": head}, epochs=1)
    model = Recommender(settings).fit(catalogs.catalog())
    before = {name: answers(model, name) for name in (None, "app", "web")}
    model.adapt("kiosk", LIKED, description="In the hall", attributes={"screen": "wide"})
    for name, kept in before.items():
        assert_same(kept, answers(model, name))
    assert share_of_taste(model, "kiosk") > share_of_taste(model, None)
    model.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    for name in (*before, "kiosk"):
        assert_same(answers(model, name), answers(loaded, name))
    row = loaded.snapshot.scenarios.rows(["kiosk"])[0]
    assert loaded.snapshot.scenarios.attributes.loc[row, "description"] == "In the hall"
    web = answers(model, "web")
    loaded.adapt("web", LIKED)
    for name in (None, "app", "kiosk"):
        assert_same(answers(model, name), answers(loaded, name))
    assert not np.array_equal(web[1], answers(loaded, "web")[1])


def test_new_users_have_their_examples_as_history_and_stored_ones_keep_theirs(
    fresh: Recommender,
) -> None:
    stored = fresh.rank(USERS, k=5)
    fresh.adapt("kiosk", LIKED)
    message = fresh.recommend("new", k=3)
    given = fresh.recommend(histories=[["i7", "i11"]], k=3)
    # Typed items have an order, examples without times have none.
    assert set(message["item_id"]) == set(given["item_id"])
    assert not {"i7", "i11"} & set(message["item_id"])
    np.testing.assert_array_equal(stored.ids, fresh.rank(USERS, k=5).ids)


def test_a_frame_is_as_good_as_pairs(saved: Path) -> None:
    frame = pd.DataFrame(LIKED, columns=["user_id", "item_id"])
    pairs, framed = Recommender.load(saved), Recommender.load(saved)
    pairs.adapt("kiosk", LIKED)
    framed.adapt("kiosk", frame.assign(timestamp=range(5)))
    assert_same(answers(pairs, "kiosk")[2:4], answers(framed, "kiosk")[2:4])


def test_without_examples_or_words_it_answers_as_all_share(fresh: Recommender) -> None:
    fresh.adapt("kiosk")
    items = [f"i{n}" for n in range(catalogs.N_ITEMS)]
    shared, kiosk = (
        fresh.rank(histories=TYPED, k=len(items), scenario=name, candidates=items)
        for name in (None, "kiosk")
    )
    np.testing.assert_allclose(shared.scores, kiosk.scores, atol=1e-5)


def test_what_it_says_of_itself_decides_where_it_starts() -> None:
    message = pd.DataFrame({"scenario_id": ["app", "web"], "screen": ["small", "wide"]})
    model = Recommender(catalogs.config(epochs=4)).fit(catalogs.catalog(scenarios=message))
    model.adapt("kiosk", attributes={"screen": "wide"})
    shift = model.state.engine.model.get_parameter("head.shift").detach()
    app, web, kiosk = shift
    kiosk = kiosk / model.state.engine.model.shape.lean
    assert float((kiosk - web).norm()) < 0.1 * float((kiosk - app).norm())


def test_more_examples_move_it_further(fresh: Recommender) -> None:
    """Of the taste of its examples, somebody unknown is offered ever more."""
    few_examples = [(f"s{n}", f"i{3 + 4 * (n % 10)}") for n in range(200)]
    items = [f"i{n}" for n in range(catalogs.N_ITEMS)]
    liked = [int(item[1:]) % catalogs.TASTES == 3 for item in items]
    chances = []
    for count in (0, 5, 50, 200):
        fresh.adapt(f"after {count}", few_examples[:count])
        ranked = fresh.rank(histories=[[]], k=len(items), scenario=f"after {count}")
        score = dict(zip(ranked.ids[0], np.exp(ranked.scores[0]), strict=True))
        chance = np.array([score[item] for item in items])
        chances.append(float(chance[liked].sum() / chance.sum()))
    assert chances == sorted(chances)
    assert chances[-1] > 1.1 * chances[0]


@pytest.mark.parametrize(
    ("scenario", "examples", "message"),
    [
        ("kiosk", [("u1", "nowhere")], "item 'nowhere' is not in the graph"),
        ("kiosk", [("u1", None)], "example 0 has no item_id"),
        ("kiosk", [("u1", "i1"), (float("nan"), "i1")], "example 1 has no user_id"),
        ("kiosk", [("u1",)], "pairs"),
        ("kiosk", "u1", "pairs"),
        ("kiosk", ("u1", "i1"), "example 0 is 'u1'"),
        ("kiosk", ["ab", "cd"], "example 0 is 'ab'"),
        ("kiosk", pd.DataFrame({"user_id": ["u1"]}), "no column 'item_id'"),
        (
            "kiosk",
            pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "timestamp": [float("inf")]}),
            "examples, row 0: the time is 'inf', which is no time",
        ),
        ("", [], "is not a name"),
        ("auto", [], "choose another name"),
        (float("nan"), [], "is not a name"),
        (None, [], "is not a name"),
    ],
)
def test_bad_requests_are_told_and_change_nothing(
    fitted: Recommender, scenario: str, examples: list[tuple[str, str]], message: str
) -> None:
    engine = fitted.state.engine
    with pytest.raises(RequestError, match=message):
        fitted.adapt(scenario, examples)
    assert fitted.state.engine is engine


def test_candidates_must_be_known_and_some(fitted: Recommender) -> None:
    with pytest.raises(RequestError, match="empty list"):
        fitted.adapt("kiosk", LIKED, candidates=[])
    with pytest.raises(RequestError, match="'nowhere' is not in the graph"):
        fitted.adapt("kiosk", LIKED, candidates=["nowhere"])


def test_what_is_known_of_a_scenario_keeps_its_columns_type(tmp_path: Path) -> None:
    listed = pd.DataFrame({"scenario_id": ["app", "web"], "size": [1.5, 3.0]})
    model = Recommender(catalogs.config(epochs=1)).fit(catalogs.catalog(scenarios=listed))
    with pytest.raises(RequestError, match="'size' is 'large', but other scenarios have numbers"):
        model.adapt("kiosk", LIKED, attributes={"size": "large"})
    with pytest.raises(RequestError, match="one text or number"):
        model.adapt("kiosk", LIKED, attributes={"size": [1, 2]})
    for infinite in (math.inf, np.float32("-inf"), "inf", "1e400"):
        with pytest.raises(RequestError, match="size"):
            model.adapt("kiosk", LIKED, attributes={"size": infinite})
    with pytest.raises(RequestError, match="finite number"):
        model.adapt("kiosk", LIKED, attributes={"new": math.inf})
    model.adapt("kiosk", LIKED, attributes={"size": "2", "floor": 3})
    model.save(tmp_path / "model")
    attributes = Recommender.load(tmp_path / "model").snapshot.scenarios.attributes
    assert attributes["size"].tolist() == [1.5, 3.0, 2.0]
    assert attributes["floor"].tolist()[-1] == "3"


@pytest.mark.slow
def test_meta_training_decides_where_it_starts_and_how_it_steps(tmp_path: Path) -> None:
    fits = [
        Recommender(catalogs.config(epochs=4, meta_epochs=epochs)).fit(catalogs.catalog(), seed=1)
        for epochs in (0, 8)
    ]
    for name in (None, "app", "web"):
        assert_same(answers(fits[0], name), answers(fits[1], name))
    plain, meta = fits
    assert plain.state.start is None
    meta.save(tmp_path / "model")
    loaded = Recommender.load(tmp_path / "model")
    for model in (plain, meta, loaded):
        model.adapt("kiosk", LIKED)
    assert_same(answers(meta, "kiosk"), answers(loaded, "kiosk"))
    one, other = (answers(model, "kiosk")[1] for model in (plain, meta))
    message = np.isfinite(one) & np.isfinite(other)
    assert np.abs(one[message] - other[message]).max() > 0.01
    for name in (None, "app", "web"):
        assert_same(answers(plain, name), answers(meta, name))
    meta.adapt("empty")
    start, moved = (answers(meta, name)[1] for name in ("empty", "kiosk"))
    assert not np.array_equal(start, moved), "examples move it from where it starts"
