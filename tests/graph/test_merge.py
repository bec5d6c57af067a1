"""Merging two snapshots is loading both catalogs into one store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.catalog import Catalog
from kgrec.graph import GraphSnapshot
from kgrec.graph.merge import _merge_interactions, _merged, merge_snapshots
from kgrec.graph.snapshot import COLUMNS, NO_TIME, Interactions
from kgrec.graph.source import read_source
from kgrec.stores import EmbeddedStore
from tests.graph.compare import assert_same_snapshot
from tests.graph.test_read import snapshot_of
from tests.graph_schema.samples import frames
from tests.recommender import catalogs


@pytest.fixture
def old(tmp_path: Path) -> GraphSnapshot:
    return snapshot_of(Catalog.from_frames(**frames()), tmp_path)


def merged_in_store(folder: Path, *parts: Catalog) -> GraphSnapshot:
    from kgrec.graph import read_snapshot

    with EmbeddedStore(folder / "both.kgl") as store:
        for part in parts:
            store.write(part)
        return read_snapshot(store)


def assert_same_graph(one: GraphSnapshot, other: GraphSnapshot) -> None:
    """As far as the model reads: ids, events, facts, texts; attributes up to how they are kept."""
    for name in ("users", "items", "entities", "scenarios"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.ids.tolist() == right.ids.tolist()
        for column in left.attributes.columns.union(right.attributes.columns):
            values = [
                frame[column].astype(object).where(frame[column].notna() & (frame[column] != ""))
                for frame in (left.attributes, right.attributes)
            ]
            pd.testing.assert_series_equal(
                *values, check_dtype=False, check_index_type=False, obj=f"{name}.{column}"
            )
    for name in ("user", "item", "timestamp", "rating", "event", "scenario", "split"):
        np.testing.assert_array_equal(
            getattr(one.interactions, name), getattr(other.interactions, name), err_msg=name
        )
    result = [[(f.head_label, f.relation, f.tail_label) for f in s.facts] for s in (one, other)]
    assert result[0] == result[1]
    for left, right in zip(one.facts, other.facts, strict=True):
        np.testing.assert_array_equal(left.head, right.head)
        np.testing.assert_array_equal(left.tail, right.tail)
    for name in ("reviews", "queries"):
        for column in ("id", "text", "user", "item", "timestamp"):
            np.testing.assert_array_equal(
                getattr(getattr(one, name), column), getattr(getattr(other, name), column)
            )


def test_merging_equals_writing_both_into_one_store(tmp_path: Path) -> None:
    parts = [catalogs.catalog(seed=0), catalogs.catalog(seed=1)]
    snapshots = []
    for name, part in zip("ab", parts, strict=True):
        (tmp_path / name).mkdir()
        snapshots.append(catalogs.snapshot(tmp_path / name, part))
    assert_same_graph(merge_snapshots(*snapshots), merged_in_store(tmp_path, *parts))


def test_merging_with_itself_changes_nothing(old: GraphSnapshot) -> None:
    assert_same_graph(merge_snapshots(old, old), old)


def test_merging_twice_is_merging_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    one = catalogs.snapshot(tmp_path / "a", catalogs.catalog(seed=0))
    two = catalogs.snapshot(tmp_path / "b", catalogs.catalog(seed=1))
    once = merge_snapshots(one, two)
    assert_same_snapshot(merge_snapshots(once, two), once)


def test_rows_are_renumbered_where_new_ids_come_between(tmp_path: Path, old: GraphSnapshot) -> None:
    more = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": ["u0", "u2"], "item_id": ["i0", "i1"]}),
    )
    (tmp_path / "more").mkdir()
    both = merge_snapshots(old, snapshot_of(more, tmp_path / "more"))
    assert both.users.ids.tolist() == ["u0", "u1", "u2", "u3"]
    assert both.items.ids.tolist() == ["i0", "i1", "i2", "i3"]
    events = both.interactions
    pairs = [
        (both.users.ids[u], both.items.ids[i])
        for u, i in zip(events.user, events.item, strict=True)
    ]
    assert pairs == [
        ("u0", "i0"), ("u1", "i1"), ("u1", "i1"), ("u2", "i2"), ("u2", "i1"), ("u3", "i3"),
    ]  # fmt: skip
    fact = next(f for f in both.facts if f.relation == "directed_by")
    assert both.items.ids[fact.head].tolist() == ["i1"]
    assert both.entities.ids[fact.tail].tolist() == ["e1"]
    assert {both.items.ids[row] for row in both.reviews.item} == {"i1"}


def test_newer_attributes_win_and_blank_ones_do_not(tmp_path: Path, old: GraphSnapshot) -> None:
    items = pd.DataFrame({"item_id": ["i1", "i2", "i9"], "title": ["New", "", "Nine"]})
    (tmp_path / "more").mkdir()
    both = merge_snapshots(old, snapshot_of(Catalog.from_frames(items=items), tmp_path / "more"))
    titles = dict(zip(both.items.ids, both.items.attributes["title"], strict=True))
    assert (titles["i1"], titles["i2"], titles["i9"]) == ("New", "Two", "Nine")
    years = dict(zip(both.items.ids, both.items.attributes["year"], strict=True))
    assert (years["i1"], years["i2"]) == (1999, 2001)
    assert years["i9"] is pd.NA
    assert both.items.attributes["year"].dtype == "Int64"


def test_scenarios_of_both_are_there_with_what_is_said_of_them(
    tmp_path: Path, old: GraphSnapshot
) -> None:
    news = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "scenario": ["web"]}),
        scenarios=pd.DataFrame({"scenario_id": ["web", "gift"], "description": ["", "Presents."]}),
    )
    (tmp_path / "more").mkdir()
    both = merge_snapshots(old, snapshot_of(news, tmp_path / "more")).scenarios
    assert both.ids.tolist() == ["tv", "app", "web", "gift"]
    assert both.attributes["description"].tolist() == [
        "", "The app on a phone.", "Pages in a browser.", "Presents.",
    ]  # fmt: skip
    assert both.attributes["screen"].tolist()[:3] == [50, 6, 14]


def test_merging_nothing_changes_nothing(tmp_path: Path, old: GraphSnapshot) -> None:
    (tmp_path / "more").mkdir()
    empty = snapshot_of(Catalog.from_frames(), tmp_path / "more")
    assert_same_snapshot(merge_snapshots(old, empty), old)
    assert_same_graph(merge_snapshots(empty, old), old)


Event = tuple[str, str, int | None]


def events_of(rows: list[Event]) -> GraphSnapshot:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frame["timestamp"] = frame["timestamp"].astype("Int64")
    return read_source(Catalog.from_frames(interactions=frame))


def order_of(snapshot: GraphSnapshot, user: str) -> list[str]:
    events = snapshot.interactions
    own = events.user == snapshot.users.rows([user])[0]
    return snapshot.items.ids[events.item[own]].tolist()


def test_an_event_without_a_time_is_the_newest_when_it_is_merged() -> None:
    graph = events_of([("u", "i1", 10), ("u", "i2", 20), ("u", "i0", None), ("v", "i9", 99)])
    assert order_of(graph, "u") == ["i0", "i1", "i2"]
    click = events_of([("u", "i1", None)])
    graph = merge_snapshots(graph, click)
    assert order_of(graph, "u") == ["i0", "i1", "i2", "i1"]
    assert_same_snapshot(merge_snapshots(graph, click), graph)
    graph = merge_snapshots(graph, events_of([("u", "i4", 30), ("u", "i5", 15), ("w", "i3", None)]))
    assert order_of(graph, "u") == ["i0", "i1", "i5", "i2", "i1", "i4"]
    graph = merge_snapshots(graph, events_of([("u", "i3", None), ("u", "i6", 5), ("u", "i6", 40)]))
    assert order_of(graph, "u") == ["i0", "i6", "i1", "i5", "i2", "i1", "i4", "i6", "i3"]
    assert order_of(graph, "w") == ["i3"]


@given(
    parts=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from("uv"),
                st.sampled_from(["i0", "i1", "i2"]),
                st.one_of(st.none(), st.integers(0, 3)),
            ),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_merged_events_keep_the_order_of_their_times(parts: list[list[Event]]) -> None:
    graph = events_of(parts[0])
    for part in parts[1:]:
        graph = merge_snapshots(graph, events_of(part))
        assert_same_snapshot(merge_snapshots(graph, events_of(part)), graph)
    events = graph.interactions
    for user in range(len(graph.users)):
        own = events.timestamp[events.user == user]
        timed = own[own != NO_TIME]
        assert (np.diff(timed) >= 0).all()
        if len(timed) and any(
            time is None for name, _, time in parts[-1] if _is(graph, user, name)
        ):
            assert NO_TIME in own


def _is(graph: GraphSnapshot, row: int, name: str) -> bool:
    return bool(graph.users.ids[row] == name)


@pytest.mark.parametrize("seed", range(4))
def test_events_of_some_users_are_merged_as_all_are(seed: int) -> None:
    """Only the events of users who have new ones are put in order again."""
    rng = np.random.default_rng(seed)

    def drawn(count: int, users: int) -> Interactions:
        user = np.sort(rng.integers(users, size=count))
        return Interactions(
            user=user,
            item=rng.integers(5, size=count),
            timestamp=rng.choice([NO_TIME, 3, 4, 9], size=count),
            rating=rng.choice(np.array([np.nan, 1, 2], dtype=np.float32), size=count),
            event=rng.choice(np.array(["buy", "view"], dtype=object), size=count),
            scenario=np.full(count, "", dtype=object),
            split=rng.choice(np.array(["train", "test"], dtype=object), size=count),
        )

    nothing = drawn(0, 1)
    old = _merged(nothing, drawn(80, 20))
    new = drawn(5, 22)
    found = _merge_interactions(old, new)
    expected = _merged(old, new)
    for name in COLUMNS:
        np.testing.assert_array_equal(
            np.asarray(getattr(found, name)), np.asarray(getattr(expected, name)), err_msg=name
        )
    assert len(found) > len(old)
