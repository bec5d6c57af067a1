"""New events placed among those that are there give what merging all of them gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec.graph.columns import Inserted, RunInts
from kgrec.graph.growth.events import PlacedEvents
from kgrec.graph.growth.plain_events import plain_events
from kgrec.graph.merge import _merged, merged_graph
from kgrec.graph.news import merged_events, merged_news
from kgrec.graph.snapshot import COLUMNS, NO_TIME, Interactions
from kgrec.graph.source import catalog_snapshot
from tests.graph.compare import assert_same_snapshot

TIMES = np.array([NO_TIME, 3, 4, 9, 12, 15, 20])


def drawn(rng: np.random.Generator, count: int, users: int) -> Interactions:
    return Interactions(
        user=np.sort(rng.integers(users, size=count)),
        item=rng.integers(30, size=count),
        timestamp=rng.choice(TIMES, size=count),
        rating=rng.choice(np.array([np.nan, 1, 2], dtype=np.float32), size=count),
        event=rng.choice(np.array(["buy", "view"], dtype=object), size=count),
        scenario=np.full(count, "", dtype=object),
        split=rng.choice(np.array(["train", "test"], dtype=object), size=count),
    )


def assert_same_events(one: Interactions, other: Interactions) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(
            np.asarray(getattr(one, name)), np.asarray(getattr(other, name)), err_msg=name
        )


def test_placed_events_are_where_merging_all_puts_them() -> None:
    rng = np.random.default_rng(0)
    known, placed = _merged(drawn(rng, 0, 1), drawn(rng, 80, 20)), 0
    for _ in range(150):
        more = drawn(rng, int(rng.integers(1, 4)), 22)
        found, expected = PlacedEvents.find(known, more), _merged(known, more)
        if found is not None:
            placed += 1
            assert_same_events(found.into(known), expected)
            shown = expected.select(np.asarray(expected.split) != "test")
            visible = known.select(np.asarray(known.split) != "test")
            part = found.among_visible(known, visible, ("test",))
            if part is not None:
                assert_same_events(part.into(visible), shown)
            known = found.into(known)
        elif rng.random() < 0.2:
            known = expected
    assert placed > 50


def test_a_column_with_inserted_values_reads_as_its_array() -> None:
    rng = np.random.default_rng(1)
    plain = np.arange(40, dtype=np.float32)
    column = Inserted(plain, np.empty(0, dtype=np.int64), plain[:0])
    for step in range(300):
        places = np.sort(rng.choice(len(plain) + 1, size=2, replace=False))
        values = np.array([step, -step], dtype=np.float32)
        plain = np.insert(plain, places - np.arange(2), values)
        column = column.with_more(places, values)
        start, stop = np.sort(rng.integers(len(plain), size=2)).tolist()
        np.testing.assert_array_equal(column[start:stop], plain[start:stop])
        rows = rng.integers(-len(plain), len(plain), size=4)
        np.testing.assert_array_equal(column[rows], plain[rows])
        assert column[int(rows[0])] == plain[rows[0]]
    assert column.max() == plain.max()
    assert np.isnan(column).sum() == 0
    np.testing.assert_array_equal(np.asarray(column), plain)
    np.testing.assert_array_equal(list(column), plain)
    with pytest.raises(IndexError, match="among"):
        Inserted(plain, rows[:0], plain[:0])[np.array([len(plain)])]


def test_runs_are_read_in_parts_and_take_more() -> None:
    runs, plain = RunInts(np.array([0, 2, 2, 5])), np.array([0, 0, 2, 2, 2])
    for start in range(6):
        for stop in range(6):
            np.testing.assert_array_equal(runs[start:stop], plain[start:stop])
    more = runs.with_more(np.array([1, 4]))
    np.testing.assert_array_equal(more[:], [0, 0, 1, 2, 2, 2, 4])


EVENTS = pd.DataFrame(
    {
        "user_id": ["u1", "u1", "u2", "u3"],
        "item_id": ["i1", "i2", "i1", "i3"],
        "timestamp": [10**9, 10**9 + 5, 10**9, 10**9],
        "event": ["view", "buy", "view", "view"],
        "rating": [1.0, None, 3.0, 2.0],
    }
)


@pytest.mark.parametrize(
    "news",
    [
        {"user_id": ["u1"], "item_id": ["i3"], "timestamp": [10**9 + 2]},
        {"user_id": ["u3", "u1"], "item_id": ["i2", "i3"], "event": ["buy", "view"]},
        {"user_id": ["u2"], "item_id": ["i1"], "timestamp": [10**9], "event": ["view"]},
        {"user_id": ["u2"], "item_id": ["i3"], "timestamp": [10**9], "rating": [4]},
    ],
)
def test_a_small_frame_says_what_its_catalog_says(news: dict[str, list[object]]) -> None:
    graph = catalog_snapshot(Catalog.from_frames(interactions=EVENTS))
    frame = pd.DataFrame(news)
    found = merged_events(graph, frame)
    assert found is not None
    expected = merged_news(graph, Catalog.from_frames(interactions=frame)).snapshot
    assert_same_snapshot(found.snapshot, expected)


@pytest.mark.parametrize(
    "news",
    [
        {"user_id": ["u9"], "item_id": ["i3"]},
        {"user_id": ["u1"], "item_id": ["i9"]},
        {"user_id": ["u1"], "item_id": ["i3"], "event": ["hum"]},
        {"user_id": ["u1"], "item_id": ["i3"], "timestamp": ["2020-01-01"]},
        {"user_id": ["u1"], "item_id": ["i3"], "timestamp": [10**12]},
        {"user_id": ["u1"], "item_id": ["i3"], "rating": [np.inf]},
        {"user_id": ["u1"], "item_id": ["i3"], "scenario": ["home"]},
        {"user_id": [None], "item_id": ["i3"]},
        {"user_id": ["u1"]},
    ],
)
def test_other_frames_are_read_as_catalogs(news: dict[str, list[object]]) -> None:
    graph = catalog_snapshot(Catalog.from_frames(interactions=EVENTS))
    assert plain_events(graph, pd.DataFrame(news)) is None


def test_tables_that_stay_are_those_of_before() -> None:
    graph = catalog_snapshot(Catalog.from_frames(interactions=EVENTS))
    merged = merged_graph(graph, graph).snapshot
    assert merged.items is graph.items
    assert merged.facts is graph.facts
    assert merged.interactions is graph.interactions
