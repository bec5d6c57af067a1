"""read_snapshot: the graph as arrays, the same whatever the order of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.catalog import Catalog
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.graph.read import _ranks, _sorted
from kgrec.graph.snapshot import NO_TIME, rows_in
from kgrec.stores import EmbeddedStore
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import frames


def snapshot_of(catalog: Catalog, folder: Path, **options) -> GraphSnapshot:
    path = folder / "graph.kgl"
    path.unlink(missing_ok=True)
    with EmbeddedStore(path) as store:
        store.write(catalog)
        return read_snapshot(store, **options)


def test_arrays_are_what_the_frames_say(tmp_path: Path) -> None:
    snapshot = snapshot_of(Catalog.from_frames(**frames()), tmp_path)
    assert snapshot.users.ids.tolist() == ["u1", "u2", "u3"]
    assert snapshot.items.attributes["year"].tolist() == [1999, 2001, 2003]
    assert snapshot.items.attributes["title"].tolist() == ["One", "Two", ""]
    events = snapshot.interactions
    assert events.user.tolist() == [0, 0, 1, 2]
    assert events.item.tolist() == [0, 0, 1, 2]
    assert events.timestamp.tolist() == [10, 10, 20, NO_TIME]
    np.testing.assert_array_equal(events.rating, np.float32([5, 5, 3.5, np.nan]))
    assert events.event.tolist() == ["view", "view", "buy", ""]
    assert events.split.tolist() == ["train", "train", "valid", "test"]
    assert events.user.dtype == np.int64
    assert events.rating.dtype == np.float32
    assert events.indptr(3).tolist() == [0, 2, 3, 4]
    assert snapshot.seen_until == 20
    result = [(f.head_label, f.relation, f.tail_label) for f in snapshot.facts]
    assert result == sorted(result)
    assert ("Item", "directed_by", "Entity") in result


def test_texts_know_their_user_and_item(tmp_path: Path) -> None:
    snapshot = snapshot_of(Catalog.from_frames(**frames()), tmp_path)
    assert snapshot.reviews.text.tolist() == ["Good.", "Good."]
    assert snapshot.reviews.user.tolist() == [0, 0]
    assert snapshot.reviews.item.tolist() == [0, 0]
    ends = zip(snapshot.queries.user, snapshot.queries.item, strict=True)
    by_text = dict(zip(snapshot.queries.text, ends, strict=True))
    assert by_text == {"space film": (0, -1), "cats": (-1, 1)}


def test_ids_are_in_canonical_order(tmp_path: Path) -> None:
    ids = ["10", "9", "a", "100", "é", "B"]
    catalog = Catalog.from_frames(interactions=pd.DataFrame({"user_id": ids, "item_id": ids}))
    assert snapshot_of(catalog, tmp_path).users.ids.tolist() == ["9", "B", "a", "é", "10", "100"]


def test_no_held_out_row_is_in_a_training_snapshot(tmp_path: Path) -> None:
    given_frames = frames()
    given_frames["reviews"] = pd.DataFrame(
        {"user_id": ["u1", "u2"], "item_id": ["i1", "i2"], "text": ["kept", "tells the future"]}
    )
    catalog = Catalog.from_frames(**given_frames)
    snapshot = snapshot_of(catalog, tmp_path, splits=("train",))
    assert set(snapshot.interactions.split) == {"train"}
    assert snapshot.seen_until == 10
    assert snapshot.reviews.text.tolist() == ["kept"]
    assert snapshot.splits == ("train",)
    assert len(snapshot.users) == 3


def test_progress_names_what_was_read(tmp_path: Path) -> None:
    result: list[str] = []
    catalog = Catalog.from_frames(**frames())
    snapshot_of(catalog, tmp_path, progress=lambda what, done, total: result.append(what))
    assert {"User", "Item", "Entity", "INTERACTED", "directed_by", "Review", "Query"} <= set(result)


ids = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8
).filter(lambda text: bool(text.strip()))
events = st.lists(
    st.tuples(
        ids,
        ids,
        st.one_of(st.none(), st.integers(0, 2**33)),
        st.one_of(st.none(), st.sampled_from([1.0, 2.5, 5.0])),
        st.one_of(st.none(), st.sampled_from(["view", "buy", 'odd"\n'])),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events, st.randoms())
def test_any_rows_in_any_order_give_one_snapshot(tmp_path: Path, rows, random) -> None:
    def snapshot(ordered) -> GraphSnapshot:
        columns = list(zip(*ordered, strict=True))
        frame = pd.DataFrame(
            {
                "user_id": columns[0],
                "item_id": columns[1],
                "timestamp": pd.array(columns[2], dtype="Int64"),
                "rating": pd.array(columns[3], dtype="Float64"),
                "event": pd.Series(columns[4], dtype=object),
            }
        )
        return snapshot_of(Catalog.from_frames(interactions=frame), tmp_path)

    first = snapshot(rows)
    assert sorted(
        zip(
            first.users.ids[first.interactions.user],
            first.items.ids[first.interactions.item],
            strict=True,
        )
    ) == sorted((user, item) for user, item, *_ in rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert_same_snapshot(snapshot(shuffled), first)


@pytest.mark.data
@pytest.mark.slow
def test_movielens_comes_back_whole(data_dir: Path, tmp_path: Path) -> None:
    import loaders

    catalog = loaders.csv_folder(data_dir / "ml-1m-kg").catalog
    snapshot = snapshot_of(catalog, tmp_path)
    assert len(snapshot.interactions) == 932_293
    assert sum(len(facts) for facts in snapshot.facts) == 193_089
    frame = catalog.interactions
    assert snapshot.interactions.timestamp.sum() == frame["timestamp"].sum()
    counts = frame.groupby("user_id").size()
    np.testing.assert_array_equal(
        np.diff(snapshot.interactions.indptr(len(snapshot.users))),
        counts.loc[snapshot.users.ids].to_numpy(),
    )


@given(st.integers(0, 60), st.integers(0, 99), st.booleans())
def test_rows_are_sorted_by_every_key_in_turn(n: int, seed: int, untimed: bool) -> None:
    """Also where the keys are too wide to be one number."""
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 2**40, n) * (rng.random(n) < 0.5)
    if untimed:
        time[rng.random(n) < 0.3] = NO_TIME
    keys = (rng.integers(0, 5, n), time, rng.integers(0, 2**30, n), rng.integers(-3, 4, n))
    order = _sorted(keys)
    result = [tuple(int(key[row]) for key in keys) for row in order]
    assert result == sorted(tuple(map(int, row)) for row in zip(*keys, strict=True))


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 2.0, float("nan"), float("inf")]), max_size=20))
def test_ranks_are_places_among_the_distinct_values(values: list[float]) -> None:
    array = np.array(values, dtype=np.float32)
    np.testing.assert_array_equal(_ranks(array), np.unique(array, return_inverse=True)[1])


def test_few_ids_are_looked_up_like_many() -> None:
    ids = np.array([str(number) for number in range(30)], dtype=object)
    wanted = ["3", "nobody", "0", "29", "", "3"]
    few = rows_in(ids, wanted)
    many = rows_in(ids, wanted * 10)
    assert few.dtype == many.dtype == np.int64
    assert few.tolist() == [3, -1, 0, 29, -1, 3]
    assert many.tolist() == few.tolist() * 10
    assert rows_in(ids, []).shape == (0,)
