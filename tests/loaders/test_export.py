"""Catalogs written in the CSV layout and read again."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loaders
from graph_schema import Catalog, SourceError

from .writing import SAMPLES, Sample, csv_folder


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_round_trip(sample: Sample, compress: bool, tmp_path: Path) -> None:
    catalog = sample.load(sample.write(tmp_path / "data")).catalog
    folder = loaders.to_csv_folder(catalog, tmp_path / "out", compress=compress)
    assert loaders.load(folder).catalog.equals(catalog)


def test_an_earlier_export_is_replaced_whole(tmp_path: Path) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    loaders.to_csv_folder(catalog, tmp_path / "out")
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    loaders.to_csv_folder(catalog, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    smaller = Catalog.from_frames(interactions=catalog.interactions)
    loaders.to_csv_folder(smaller, tmp_path / "out", compress=True)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["interactions.csv.gz", "items.csv.gz", "users.csv.gz"]


def test_a_full_disk_leaves_the_earlier_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match=r"No space left"):
        loaders.to_csv_folder(catalog, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
IDS = st.lists(TEXT.filter(bool), min_size=1, max_size=5, unique=True)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(users=IDS, items=IDS, data=st.data())
def test_any_text_and_number_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    users: list[str],
    items: list[str],
    data: st.DataObject,
) -> None:
    n = data.draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[object]) -> list[object]:
        return data.draw(st.lists(values, min_size=n, max_size=n))

    ratings = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    events = pa.table(
        {
            "user_id": pa.array(column(st.sampled_from(users)), pa.string()),
            "item_id": pa.array(column(st.sampled_from(items)), pa.string()),
            "rating": pa.array(column(ratings), pa.float64()),
            "timestamp": pa.array(column(st.none() | st.integers(0, 10**11)), pa.int64()),
            "event": pa.array(column(st.none() | TEXT), pa.string()),
        }
    )
    catalog = Catalog.from_frames(
        users=pa.table({"user_id": users}),
        items=pa.table({"item_id": items, "title": data.draw(_titles(len(items)))}),
        interactions=events,
    )
    folder = loaders.to_csv_folder(catalog, tmp_path_factory.mktemp("any"))
    assert loaders.csv_folder(folder).catalog.equals(catalog)


def _titles(n: int) -> st.SearchStrategy[list[str]]:
    return st.lists(TEXT, min_size=n, max_size=n)
