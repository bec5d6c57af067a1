"""A snapshot in a folder of raw columns is the snapshot that was written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import ModelError, SourceError
from kgrec.graph import GraphSnapshot, columns
from kgrec.graph.columns import (
    Column,
    PackedInts,
    RunInts,
    among,
    codes_and_names,
    recoded,
    words,
)
from kgrec.graph.mapped import is_snapshot, open_snapshot, save_snapshot
from kgrec.graph.mapped.folder import META, check_files
from kgrec.graph.snapshot import NO_TIME
from kgrec.graph.source import catalog_snapshot
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import frames
from tests.recommender import catalogs


def events(**given: list[object]) -> GraphSnapshot:
    count = len(next(iter(given.values())))
    ends = {"user_id": ["u"] * count, "item_id": [f"i{row}" for row in range(count)]}
    return catalog_snapshot(Catalog.from_frames(interactions=pd.DataFrame(ends | given)))


@pytest.mark.parametrize(
    "snapshot",
    [
        catalog_snapshot(Catalog.from_frames(**frames())),
        catalog_snapshot(catalogs.catalog()),
        catalog_snapshot(Catalog.from_frames()),
        events(timestamp=[None, None]),
        events(timestamp=[5, None, 3]),
        events(timestamp=[-(2**33), None, 2**33]),
        events(timestamp=[2**31, 2**31 + 5]),
        events(rating=[None, 2.5], event=["b", "a"], split=["train", None]),
        events(event=[f"e{row}" for row in range(300)]),
    ],
    ids=["frames", "larger", "empty", "no-time", "some-time", "wide", "late", "rated", "words"],
)
def test_it_is_the_snapshot_that_was_written(snapshot: GraphSnapshot, tmp_path: Path) -> None:
    save_snapshot(snapshot, tmp_path / "one")
    mapped = open_snapshot(tmp_path / "one")
    assert_same_snapshot(mapped, snapshot)
    assert mapped.integer_ids == snapshot.integer_ids
    save_snapshot(mapped, tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    check_files(tmp_path / "one")


def test_a_column_that_says_the_same_of_all_rows_has_no_file(tmp_path: Path) -> None:
    save_snapshot(events(timestamp=[1, 2], event=["a", "a"]), tmp_path / "one")
    names = {path.stem for path in (tmp_path / "one").glob("*.npy")}
    assert names == {"user_indptr", "item", "timestamp"}
    assert np.load(tmp_path / "one" / "timestamp.npy").dtype == np.int32


def test_parts_of_a_mapped_snapshot_are_those_of_the_snapshot(tmp_path: Path) -> None:
    snapshot = catalog_snapshot(catalogs.catalog())
    save_snapshot(snapshot, tmp_path / "one")
    mapped = open_snapshot(tmp_path / "one")
    held = np.random.default_rng(0).random(len(snapshot.interactions)) < 0.3
    assert_same_snapshot(mapped.without(held), snapshot.without(held))
    left = mapped.without(held).interactions
    assert isinstance(left.item, PackedInts)
    assert isinstance(left.user, RunInts)
    rows = np.flatnonzero(held)[::-1]
    for name in ("user", "item", "timestamp", "rating", "event", "scenario", "split"):
        one, other = (getattr(x.interactions.select(rows), name) for x in (mapped, snapshot))
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), name)
    assert mapped.without(np.zeros(len(held), dtype=bool)).interactions is mapped.interactions


@pytest.mark.parametrize(
    ("column", "plain"),
    [
        (PackedInts(np.array([3, 0, -1, 2], np.int32), 7), np.array([10, 7, NO_TIME, 9])),
        (RunInts(np.array([0, 2, 2, 5])), np.array([0, 0, 2, 2, 2])),
    ],
)
def test_a_small_column_is_used_as_its_array(column: Column, plain: np.ndarray) -> None:
    np.testing.assert_array_equal(np.asarray(column), plain)
    for rows in (slice(1, 3), slice(None), np.array([2, 0]), np.arange(len(plain)) % 2 == 0, 1, -1):
        found = column[rows]
        np.testing.assert_array_equal(found, plain[rows])
        assert found.dtype == np.int64
    np.testing.assert_array_equal(column * 2 + column, plain * 3)
    np.testing.assert_array_equal(np.add(1, column), plain + 1)
    assert (column == plain).all()
    assert column.max() == plain.max()
    assert column.shape == plain.shape
    assert np.bincount(np.maximum(column, 0)).tolist() == np.bincount(np.maximum(plain, 0)).tolist()
    np.testing.assert_array_equal(column.taken(plain > 0), plain[plain > 0])


def test_words_are_in_the_order_of_their_code_points() -> None:
    given = np.array(["b", "", "ä", "B", "b"], dtype=object)
    for column in (given, pd.Categorical(given, categories=["b", "ä", "B", ""])):
        codes, names = codes_and_names(words(column))
        assert names.tolist() == ["", "B", "b", "ä"]
        assert codes.tolist() == [2, 0, 3, 1, 2]
        assert among(words(column), ["b", "c"]).tolist() == [True, False, False, False, True]
    assert recoded(words(given), {"b": 5}, -1).tolist() == [5, -1, -1, -1, 5]


def test_parts_of_users_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BLOCK", 3)
    indptr = np.array([0, 2, 2, 3, 10, 10, 11, 12])
    parts = list(columns.parts_of_users(indptr))
    assert [(part.start, part.stop) for part in parts] == [(0, 3), (3, 10), (10, 12)]
    assert list(columns.parts_of_users(np.array([0, 0]))) == []
    np.testing.assert_array_equal(columns.count_rows(np.array([1, 1, 0, 3, 1]), 5), [1, 3, 0, 1, 0])


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    assert not is_snapshot(tmp_path)
    with pytest.raises(SourceError, match="there is no snapshot here"):
        open_snapshot(tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"mine\.txt"):
        save_snapshot(events(timestamp=[1]), tmp_path)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    save_snapshot(events(timestamp=[1, 2]), tmp_path / "one")
    item = tmp_path / "one" / "item.npy"
    content = item.read_bytes()
    item.write_bytes(content[:-1] + b"\x01")
    with pytest.raises(SourceError, match=r"item\.npy is missing or was changed"):
        check_files(tmp_path / "one")
    item.write_bytes(content[:-2])
    with pytest.raises(SourceError, match="make it again"):
        open_snapshot(tmp_path / "one")
    item.unlink()
    with pytest.raises(SourceError, match="make it again"):
        open_snapshot(tmp_path / "one")


def test_a_folder_of_a_newer_kgrec_is_refused(tmp_path: Path) -> None:
    save_snapshot(events(timestamp=[1]), tmp_path / "one")
    meta = json.loads((tmp_path / "one" / META).read_text())
    (tmp_path / "one" / META).write_text(json.dumps({**meta, "version": 99}))
    with pytest.raises(SourceError, match="has version 99"):
        open_snapshot(tmp_path / "one")


def test_a_changed_snapshot_can_be_saved_in_its_own_place(tmp_path: Path) -> None:
    save_snapshot(events(timestamp=[1, 2]), tmp_path / "one")
    mapped = open_snapshot(tmp_path / "one")
    save_snapshot(replace(mapped, uri="elsewhere"), tmp_path / "one")
    assert open_snapshot(tmp_path / "one").uri == "elsewhere"
    assert mapped.interactions.item.tolist() == [0, 1]
