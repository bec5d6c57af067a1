"""Which rows choose the model, where some interactions have a time and others have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.fitting.validation import training_split
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import NO_TIME
from kgrec.graph.source import read_source
from kgrec.metrics.protocols import random_split
from tests.recommender import catalogs

CONFIG = catalogs.config(valid_share=0.2, **catalogs.SHORT)


def graph(missing: slice) -> GraphSnapshot:
    """The events of the sample without their split, those at ``missing`` without a time."""
    events = catalogs.frames()["interactions"].drop(columns="split")
    events["timestamp"] = events["timestamp"].astype("Int64")
    events.iloc[missing, events.columns.get_loc("timestamp")] = pd.NA
    return read_source(Catalog.from_frames(interactions=events))


def test_rows_are_held_out_by_time_where_some_lack_one() -> None:
    snapshot = graph(slice(0, 600, 7))
    with pytest.warns(UserWarning, match=r"86 of 600 interactions have no time"):
        held = training_split(snapshot, CONFIG, seed=0)
    events = snapshot.interactions
    assert held.any()
    for user in np.unique(events.user):
        times, chosen = events.timestamp[events.user == user], held[events.user == user]
        assert times[chosen].min() >= times[~chosen].max()


def test_rows_are_held_out_at_random_where_all_lack_one() -> None:
    snapshot = graph(slice(None))
    held = training_split(snapshot, CONFIG, seed=3)
    expected = random_split(snapshot.interactions, (0.8, 0.2, 0.0), seed=3) == "valid"
    np.testing.assert_array_equal(held, expected)


def test_a_user_without_times_is_held_out_at_random_beside_others() -> None:
    events = catalogs.frames()["interactions"]
    snapshot = graph(np.flatnonzero(events["user_id"] == "u3"))  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="no time"):
        held = training_split(snapshot, CONFIG, seed=3)
    own = snapshot.interactions.user == snapshot.users.rows(["u3"])[0]
    assert (snapshot.interactions.timestamp[own] == NO_TIME).all()
    expected = random_split(snapshot.interactions, (0.8, 0.2, 0.0), seed=3) == "valid"
    np.testing.assert_array_equal(held[own], expected[own])


@pytest.mark.parametrize("named", [False, True], ids=["drawn rows", "rows marked valid"])
def test_a_model_is_fitted_where_users_repeat_their_items(named: bool) -> None:
    rows = [(f"u{user}", f"i{item}") for user in range(6) for item in range(3)] * 4
    events = pd.DataFrame(rows, columns=["user_id", "item_id"])
    events = events.assign(timestamp=range(len(events)))
    if named:
        events["split"] = np.where(events.index < 54, "train", "valid")
    with pytest.warns(UserWarning, match=r"None of the \d+ validation rows is of an item"):
        model = Recommender(CONFIG).fit(Catalog.from_frames(interactions=events))
    assert len(model.rank("u1", exclude_seen=False).ids[0]) == 3


@pytest.mark.slow
def test_a_model_is_fitted_where_one_event_lacks_a_time() -> None:
    with pytest.warns(UserWarning, match="1 of 600"):
        model = Recommender(CONFIG).fit(graph(slice(0, 1)))
    assert len(model.recommend("u0", k=3)) == 3
