"""Catalogs written in the CSV layout and read again."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loaders
from graph_schema import Catalog, CatalogError, SourceError
from graph_schema.disk.change import COMMITTED
from graph_schema.disk.locks import held
from graph_schema.frames import SPECS
from loaders.csv_folder import LIST

from .writing import SAMPLES, Sample, csv_folder

# The package has a function of this name.
MODULE: Any = sys.modules["loaders.csv_folder"]


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
    assert names == [LIST, "interactions.csv.gz", "items.csv.gz", "users.csv.gz"]


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


def test_files_of_others_stay(tmp_path: Path) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    (folder / "vectors").mkdir()
    for name in ("notes.txt", "vectors/notes.txt"):
        (folder / name).write_text("mine")
    loaders.to_csv_folder(catalog, folder)
    for name in ("notes.txt", "vectors/notes.txt"):
        assert (folder / name).read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["items.csv", "items.parquet", "reviews.csv.gz", "vectors/faces.npy"]
)
def test_data_of_others_is_neither_replaced_nor_removed(name: str, tmp_path: Path) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    (tmp_path / "out" / "vectors").mkdir(parents=True)
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(SourceError, match=rf"holds {name}, which no export.*Cure: move it away"):
        loaders.to_csv_folder(catalog, tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["mine"]


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    assert loaders.to_csv_folder(catalog, "~/out") == tmp_path / "out"
    assert catalog.to_parquet("~/parquet") == tmp_path / "parquet"
    assert Catalog.read_parquet("~/parquet").equals(catalog)


def test_texts_that_look_like_something_else_come_back(tmp_path: Path) -> None:
    items = pd.DataFrame({"item_id": ["i1", "i2", "i3"], "code": ["NA", "1", "2"]})
    items = items.assign(price=["1.50", "2.50", "\\N"], open=["True", "False", "True"])
    events = pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "event": ["\\N"]})
    catalog = Catalog.from_frames(items=items, interactions=events)
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    assert loaders.load(folder).catalog.equals(catalog)


def test_an_export_that_was_interrupted_is_finished_by_a_load(tmp_path: Path) -> None:
    """The process was killed when no file of the new export had been moved to its place."""
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    smaller = Catalog.from_frames(interactions=catalog.interactions)
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    old = sorted(path.name for path in folder.iterdir())
    committed = folder / COMMITTED
    committed.mkdir()
    loaders.to_csv_folder(smaller, tmp_path / "new").rename(committed / "files")
    new = sorted(path.name for path in (committed / "files").iterdir())
    listed = {"new": new, "old": sorted(set(old) - set(new))}
    (committed / "change.json").write_text(json.dumps(listed))
    assert loaders.load(folder).catalog.equals(smaller)
    assert sorted(path.name for path in folder.iterdir()) == new


@pytest.mark.parametrize("compress", [False, True])
def test_an_export_that_is_replaced_while_it_is_loaded_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: bool
) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    smaller = Catalog.from_frames(interactions=catalog.interactions)
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    read, reads = MODULE.read_table, []

    def replaced_meanwhile(*arguments: Any) -> Any:
        reads.append(arguments)
        if len(reads) == 2:
            loaders.to_csv_folder(smaller, folder, compress=compress)
        return read(*arguments)

    monkeypatch.setattr(MODULE, "read_table", replaced_meanwhile)
    assert loaders.load(folder).catalog.equals(smaller)
    assert len(reads) > 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks")
def test_one_writer_exports_at_a_time(tmp_path: Path) -> None:
    catalog = loaders.csv_folder(csv_folder(tmp_path / "data")).catalog
    folder = loaders.to_csv_folder(catalog, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    smaller = Catalog.from_frames(interactions=catalog.interactions)
    with held(folder), pytest.raises(SourceError, match=r"another writer.*Cure: wait"):
        loaders.to_csv_folder(smaller, folder)
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


ODD = st.text(
    st.one_of(
        st.sampled_from("\"'\n\r\t |,;\\\0\ufeff\x1f\x85\u2028-0/."),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=6,
)
WORDS = st.one_of(
    st.none(),
    ODD,
    st.sampled_from(["NA", "null", "NaN", "true", "1", "007", "1.0", "-0", "1e5", "inf", ""]),
)
VALUES = st.one_of(
    *(
        st.lists(kind, min_size=3, max_size=3)
        for kind in (
            WORDS,
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.booleans(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.lists(ODD, max_size=2),
        )
    )
)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_what_is_exported_is_loaded_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Odd ids, relations, names and values: the catalog is refused before anything is written, or
    loads with the same ids and values; a number may come back for text that is that number."""
    users, items = (data.draw(st.lists(ODD, min_size=3, max_size=3, unique=True)) for _ in "ui")
    attributes = data.draw(st.dictionaries(ODD, VALUES, max_size=3))
    vectors = data.draw(st.none() | ODD)
    events = data.draw(st.lists(WORDS, min_size=3, max_size=3))
    fact = [items[0], "item", data.draw(ODD), items[1], "item"]
    folder = tmp_path_factory.mktemp("odd") / "out"
    try:
        catalog = Catalog.from_frames(
            users=pd.DataFrame({"user_id": users}),
            items=pd.DataFrame({"item_id": items, **attributes}),
            interactions=pd.DataFrame({"user_id": users, "item_id": items, "event": events}),
            facts=pd.DataFrame([fact], columns=list(SPECS["facts"].required)),
            vectors=None if vectors is None else {vectors: (items, np.ones((3, 2)))},
        )
        loaders.to_csv_folder(catalog, folder)
    except CatalogError:
        assert not folder.exists()
        return
    again = loaders.csv_folder(folder).catalog
    for name in ("users", "interactions", "facts"):
        assert again.tables[name].equals(catalog.tables[name])
    assert list(again.vectors) == list(catalog.vectors)
    for column in catalog.items.columns:
        pairs = zip(_column(catalog, column), _column(again, column), strict=True)
        assert all(
            one == two or str(one).lower() == str(two).lower() or float(one) == float(two)
            for one, two in pairs
        )
    catalog.to_parquet(folder / "parquet")
    assert loaders.load(folder / "parquet").catalog.equals(catalog)


def _column(catalog: Catalog, name: str) -> list[Any]:
    return [None if one == "" else one for one in catalog.tables["items"][name].to_pylist()]


@pytest.mark.parametrize("name", ["a/b", "..", "../x", ".hidden", "a\nb", "x" * 300])
def test_vectors_whose_name_is_no_file_name_are_refused(name: str, tmp_path: Path) -> None:
    catalog = Catalog.from_frames(
        interactions=pd.DataFrame({"user_id": ["u"], "item_id": ["i"]}),
        vectors={name: (["i"], np.ones((1, 2)))},
    )
    with pytest.raises(CatalogError, match=r"Cure: name them without slashes"):
        loaders.to_csv_folder(catalog, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_only_a_valid_catalog_is_exported(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": ["u"], "item_id": [""]})
    for wrong in (Catalog.from_frames(interactions=events), object()):
        with pytest.raises(CatalogError, match="Cure: "):
            loaders.to_csv_folder(wrong, tmp_path / "out")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def _titles(n: int) -> st.SearchStrategy[list[str]]:
    return st.lists(TEXT, min_size=n, max_size=n)
