"""Likes and ratings: predicted from the rest, never from held-out rows, the same in any batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.errors import ModelError, RequestError, TrainingError
from kgrec.evaluation import auc
from tests.ratings import rated

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> Recommender:
    return Recommender(rated.config()).fit(rated.catalog())


def asked(split: str = "test", times: bool = True) -> pd.DataFrame:
    events = rated.events()
    columns = ["user_id", "item_id", *(["timestamp"] if times else [])]
    return events[events["split"] == split][columns].reset_index(drop=True)


def truth(split: str = "test") -> np.ndarray:
    events = rated.events()
    return events[events["split"] == split]["rating"].to_numpy()


def test_likes_and_ratings_are_foretold(model: Recommender) -> None:
    found = model.predict(asked())
    assert list(found.columns) == ["user_id", "item_id", "timestamp", "like", "rating"]
    assert auc(truth() >= 4, found["like"].to_numpy()) > 0.9
    error = np.sqrt(((truth() - found["rating"]) ** 2).mean())
    assert error < 0.75 * truth().std()
    assert found["rating"].between(1, 5).all()
    assert model.rating_history[-1]["valid_logloss"] < model.rating_history[0]["valid_logloss"]


@pytest.mark.parametrize("past_only", [False, True])
def test_a_row_is_answered_alone(model: Recommender, past_only: bool) -> None:
    """Bit by bit: by itself, in another order, and among others."""
    pairs = asked()
    whole = model.predict(pairs, past_only=past_only)
    shuffled = pairs.sample(frac=1, random_state=1)
    again = model.predict(shuffled, past_only=past_only).loc[pairs.index]
    pd.testing.assert_frame_equal(whole, again, check_exact=True)
    for row in range(0, len(pairs), 17):
        alone = model.predict(pairs.iloc[[row]], past_only=past_only)
        pd.testing.assert_frame_equal(alone, whole.iloc[[row]], check_exact=True)


def test_held_out_ratings_change_nothing(model: Recommender) -> None:
    """Neither what is trained nor what is answered, whatever they say or when."""
    events = rated.events()
    test = (events["split"] == "test").to_numpy()
    events["rating"] = events["rating"].mask(test, 6 - events["rating"])
    events["timestamp"] = events["timestamp"].mask(test, events["timestamp"] + 5)
    other = Recommender(rated.config()).fit(rated.catalog(events))
    for times in (True, False):
        one, two = (m.predict(asked(times=times)) for m in (model, other))
        pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_validation_rows_are_history_and_not_trained_on(model: Recommender) -> None:
    """Other ratings in them leave what one epoch learns as it is, and change answers."""
    events = rated.events()
    valid = (events["split"] == "valid").to_numpy()
    events["rating"] = events["rating"].mask(valid, 6 - events["rating"])
    one, two = (
        Recommender(rated.config(epochs=1, head="none")).fit(rated.catalog(e))
        for e in (rated.events(), events)
    )
    left, right = (m.state.rating_model.state_dict() for m in (one, two))  # type: ignore[union-attr]
    assert all((left[name] == right[name]).all() for name in left)
    assert not one.predict(asked())["like"].equals(two.predict(asked())["like"])


def test_a_pair_is_never_told_its_own_rating(model: Recommender) -> None:
    """Rows that are in the history: another rating of the pair itself is taken out as the first
    was, up to rounding."""
    row = asked("train").iloc[[0]]
    other = rated.events()
    mine = (other["user_id"] == row["user_id"][0]) & (other["item_id"] == row["item_id"][0])
    before = model.predict(row)
    changed = Recommender.load(saved_copy(model))
    changed.update(other[mine].assign(rating=6 - other["rating"]).drop(columns="split"))
    pd.testing.assert_frame_equal(before, changed.predict(row), rtol=1e-6)


_FOLDER: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDER[:] = [tmp_path_factory.mktemp("rated") / "model"]


def saved_copy(model: Recommender) -> Path:
    if not _FOLDER[0].exists():
        model.save(_FOLDER[0])
    return _FOLDER[0]


def test_a_saved_model_answers_alike(model: Recommender) -> None:
    loaded = Recommender.load(saved_copy(model))
    pd.testing.assert_frame_equal(model.predict(asked()), loaded.predict(asked()), check_exact=True)
    assert loaded.rating_history == model.rating_history


def test_past_only_reads_nothing_later(model: Recommender) -> None:
    """An event after the asked time changes the answer, unless only the past counts."""
    pair = pd.DataFrame({"user_id": ["x"], "item_id": ["i0"], "timestamp": [2_000]})
    rows = [("x", "i3", 5, 1_000), ("x", "i1", 1, 1_990), ("x", "i6", 1, 2_010)]
    result = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    for past_only in (True, False):
        with_all, without = (
            model.predict(pair, histories=h, past_only=past_only)["like"][0]
            for h in (result, result[:2])
        )
        assert (with_all == without) == past_only


def test_histories_can_be_typed_in(model: Recommender) -> None:
    """Somebody unknown who likes Comedy (i0, i3, …), somebody who likes Drama, somebody new."""
    pairs = pd.DataFrame(
        {"user_id": ["a", "b", "c", "a", "b", "c"], "item_id": ["i9"] * 3 + ["i10"] * 3}
    )
    given = {
        "a": {"i0": 5, "i3": 4, "i6": 5, "i1": 1, "i4": 2},
        "b": {"i0": 1, "i3": 2, "i6": 1, "i1": 5, "i4": 5},
        "c": {},
    }
    like = model.predict(pairs, histories=given)["like"].to_numpy()
    assert like[0] > like[2] > like[1]
    assert like[4] > like[5] > like[3]


def test_new_items_are_foretold_by_what_is_known_of_them(model: Recommender) -> None:
    """i30 is a Comedy that nobody rated."""
    users = [f"u{n}" for n in range(rated.N_USERS)]
    found = model.predict(pd.DataFrame({"user_id": users, "item_id": "i30"}))["like"].to_numpy()
    fans = np.arange(rated.N_USERS) % rated.KINDS == 0
    assert found[fans].mean() > found[~fans].mean() + 0.1


@pytest.mark.parametrize(
    ("pairs", "histories", "said"),
    [
        ({"user_id": ["u0"]}, None, "item_id"),
        ({"user_id": ["nobody"], "item_id": ["i0"]}, None, "'nobody' is not in the graph"),
        ({"user_id": ["u0"], "item_id": ["i99"]}, None, "'i99' is not in the graph"),
        ({"user_id": ["u0"], "item_id": ["i0"], "scenario": ["moon"]}, None, "'moon'"),
        ({"user_id": ["u0"], "item_id": ["i0"], "timestamp": ["noon"]}, None, "unix seconds"),
        ({"user_id": ["u0"], "item_id": ["i0"], "timestamp": [1.6e12]}, None, "milliseconds"),
        ({"user_id": ["u0"], "item_id": ["i0"], "rating": [5]}, None, "has a column 'rating'"),
        ({"user_id": ["u0"], "item_id": ["i0"], "like": [1]}, None, "has a column 'like'"),
        ({"user_id": ["u0"], "item_id": [None]}, None, "row 0"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {"i1": float("nan")}}, "which is no rating"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {"i1": 1e300}}, "which is no rating"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {"i1": True}}, "which is no rating"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {None: 5}}, "None is not an id"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {"i99": 4}}, "'i99'"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": ["i1"]}, "predict needs ratings"),
        ({"user_id": ["x"], "item_id": ["i0"]}, {"x": {"i1": None}}, "'None', which is no rating"),
        ({"user_id": ["x"], "item_id": ["i0"]}, [["i1"]], "histories is a list"),
    ],
)
def test_bad_questions_are_refused(
    model: Recommender, pairs: dict[str, list[object]], histories: object, said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        model.predict(pd.DataFrame(pairs), histories=histories)  # type: ignore[arg-type]


def test_times_of_pairs_are_those_that_a_catalog_takes(model: Recommender) -> None:
    pairs = asked()[:6]
    expected = model.predict(pairs)
    times = pd.to_datetime(pairs["timestamp"], unit="s")
    forms = [times, times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), times.astype(str)]
    forms += [times.map(lambda time: time.isoformat() + "Z"), pairs["timestamp"].astype(str)]
    for form in forms:
        found = model.predict(pairs.assign(timestamp=form))
        pd.testing.assert_frame_equal(found[["like", "rating"]], expected[["like", "rating"]])
    absent = model.predict(pairs.drop(columns="timestamp"))
    for nothing in (pd.NaT, None, float("nan"), ""):
        found = model.predict(pairs.assign(timestamp=nothing))
        pd.testing.assert_frame_equal(found[["like", "rating"]], absent[["like", "rating"]])


@pytest.mark.parametrize("like", [float("nan"), float("inf"), "four", "4", True, [4]])
def test_a_like_is_a_finite_number(model: Recommender, like: object) -> None:
    with pytest.raises(RequestError, match="pass a finite number"):
        model.fit_ratings(like=like)  # type: ignore[arg-type]


def test_without_a_rating_model_there_is_no_answer(short: Recommender) -> None:
    with pytest.raises(ModelError, match="fit_ratings"):
        short.predict(pd.DataFrame({"user_id": ["u0"], "item_id": ["i0"]}))


@pytest.mark.parametrize(
    ("ratings", "said"),
    [({"like": 9.0}, "no ratings are likes"), ({"learning_rate": 1e18}, "lower learning_rate")],
)
def test_what_can_not_be_learned_is_an_error(
    model: Recommender, ratings: dict[str, float], said: str
) -> None:
    fresh = Recommender.load(saved_copy(model))
    fresh.config = rated.config(**ratings)
    with pytest.raises(TrainingError, match=said):
        fresh.fit_ratings()


def test_thumbs_without_times_are_enough() -> None:
    events = rated.events().drop(columns="timestamp")
    events["rating"] = (events["rating"] >= 4).astype(float)
    fitted = Recommender(rated.config(like=1.0)).fit(rated.catalog(events))
    found = fitted.predict(asked(times=False))
    assert fitted.state.rating_model is not None
    assert fitted.state.rating_model.shape.scales == ()
    assert auc(truth() >= 4, found["like"].to_numpy()) > 0.9
