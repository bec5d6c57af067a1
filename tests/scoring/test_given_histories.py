"""Histories of a request in every form that a caller may have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.scoring.given_histories import HistoryLists
from tests.recommender import catalogs


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog())


FRAME = pd.DataFrame(
    {"user_id": ["b", "a", "b"], "item_id": ["i1", "i2", "i3"], "timestamp": [20, 10, 5]}
)


def test_a_frame_is_read_by_user() -> None:
    read = HistoryLists.read(None, FRAME)
    assert read.names == ["b", "a"]
    assert read.items == [["i1", "i3"], ["i2"]]
    assert read.times is not None
    assert read.times.tolist() == [20, 5, 10]
    assert HistoryLists.read(None, FRAME.drop(columns="timestamp")).times is None


def test_a_row_without_a_user_is_refused_not_dropped() -> None:
    for frame in (FRAME, FRAME.drop(columns="timestamp")):
        with pytest.raises(RequestError, match="is not an id"):
            HistoryLists.read(None, frame.assign(user_id=["b", None, "b"]))


def test_times_decide_the_order(fitted: Recommender) -> None:
    ordered = {"me": [("i3", 5), ("i1", "1970-01-01T00:00:20Z")]}
    turned = {"me": [("i1", 20), ("i3", 5)]}
    a, b = fitted.rank(histories=ordered), fitted.rank(histories=turned)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_array_equal(a.scores, b.scores)


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ({"a": [("i1", 5)], "b": ["i2"]}, "some histories have times"),
        ({"a": [("i1", 5), "i2"]}, "no .item id, time. pair"),
        ({"a": [("i1", None)]}, "no time, as others have"),
        (pd.Series([["i1"]]), "histories is a Series"),
        ("i1", "pass .user id"),
        (pd.DataFrame({"user": ["a"]}), "no column 'user_id'"),
    ],
)
def test_other_forms_are_refused(histories: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        HistoryLists.read(None, histories)


def test_unknown_items_are_left_out_where_asked(fitted: Recommender) -> None:
    with pytest.raises(RequestError, match="items 'gone', 'lost' are not in the graph"):
        fitted.recommend(histories={"me": ["i1", "gone", "lost"]})
    left = fitted.rank(histories={"me": ["i1", "gone"]}, missing="ignore")
    np.testing.assert_array_equal(left.ids, fitted.rank(histories={"me": ["i1"]}).ids)
    assert len(fitted.recommend(["nobody"], missing="ignore")) == 0


def test_a_tuple_of_timed_events_is_a_history(fitted: Recommender) -> None:
    events = [("i1", 5), ("i2", 6)]
    listed = fitted.rank(histories={"me": events})
    np.testing.assert_array_equal(fitted.rank(histories={"me": tuple(events)}).ids, listed.ids)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.assign(user_id=[["u1"]] * len(FRAME)), "histories: \\['u1'\\] is not an id"),
        (FRAME.assign(user_id=pd.NA), "histories: <NA> is not an id"),
        (pd.concat([FRAME, FRAME[["user_id"]]], axis=1), "a column twice"),
    ],
)
def test_a_wrong_frame_of_histories_is_refused(
    fitted: Recommender, frame: pd.DataFrame, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        fitted.recommend(histories=frame)


def test_integers_come_back_as_integers() -> None:
    frames = catalogs.frames()
    events = frames["interactions"]
    numbers = events.assign(
        user_id=events["user_id"].str[1:].astype(int), item_id=events["item_id"].str[1:].astype(int)
    )
    from graph_schema import Catalog

    model = Recommender(catalogs.config(**catalogs.SHORT)).fit(
        Catalog.from_frames(interactions=numbers[["user_id", "item_id", "timestamp", "split"]])
    )
    arrow, column = pa.array([1, 2]), pd.Series([1, 2], dtype="Int64")
    for users in (1, np.int64(1), np.array(1), 1.0, [1, 2], [1.0], np.array([1, 2]), arrow, column):
        answer = model.recommend(users)
        assert (answer["user_id"].dtype, answer["item_id"].dtype) == (np.int64, np.int64)
        assert model.similar_users(users)["similar_id"].dtype == np.int64
    assert model.recommend([1])["user_id"].tolist()[0] == 1
    assert model.recommend("1")["user_id"].tolist()[0] == "1"
    assert model.similar(5)["similar_id"].dtype == np.int64
