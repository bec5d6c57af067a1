"""Vectors beside a catalog's files: arrays with ids, Parquet lists, and what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema.errors import CatalogError, SourceError
from loaders.csv_folder import LIST
from tests.loaders import writing

NUMBERS = np.array([[1.0, 2.0], [0.5, -1.0]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writing.csv_folder(tmp_path)
    (tmp_path / "vectors").mkdir()
    return tmp_path


def put(folder: Path, name: str = "image", ids: str = "i2\ni1\n") -> None:
    np.save(folder / "vectors" / f"{name}.npy", NUMBERS)
    (folder / "vectors" / f"{name}.ids.txt").write_text(ids)


def test_arrays_and_parquet_files_are_read(folder: Path) -> None:
    put(folder)
    np.save(folder / "vectors" / "sound.npy", NUMBERS)
    (folder / "vectors" / "sound.ids.json").write_text(json.dumps(["i1", "i3"]))
    table = pa.table({"item_id": ["i3"], "vector": pa.array([[1.0, 2.0, 3.0]])})
    pq.write_table(table, folder / "vectors" / "plot.parquet")
    (folder / "vectors" / "readme.txt").write_text("mine")
    result = loaders.load(folder)
    found = {name: ids.tolist() for name, (ids, _) in result.catalog.vectors.items()}
    assert found == {"image": ["i1", "i2"], "plot": ["i3"], "sound": ["i1", "i3"]}
    np.testing.assert_array_equal(result.catalog.vectors["image"][1], NUMBERS[::-1])
    assert result.report.file("vectors/image.npy").read == 2
    assert any("readme.txt" in note for note in result.report.notes)


def test_they_are_exported_and_read_again(folder: Path, tmp_path: Path) -> None:
    put(folder)
    put(folder, "old")
    catalog = loaders.load(folder).catalog
    out = loaders.to_csv_folder(catalog, tmp_path / "out")
    assert loaders.load(out).catalog.equals(catalog)
    (folder / "vectors" / "old.npy").unlink()
    (folder / "vectors" / "old.ids.txt").unlink()
    loaders.to_csv_folder(loaders.load(folder).catalog, out)
    files = sorted(path.name for path in (out / "vectors").iterdir())
    assert files == ["image.ids.json", "image.npy"]
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [LIST]


def test_they_stand_beside_a_parquet_catalog_too(folder: Path, tmp_path: Path) -> None:
    plain = loaders.load(folder).catalog
    saved = plain.to_parquet(tmp_path / "saved")
    (saved / "vectors").mkdir()
    put(saved)
    assert loaders.load(saved).catalog.vectors["image"][0].tolist() == ["i1", "i2"]


def test_an_unknown_id_is_named_with_file_and_row(folder: Path) -> None:
    put(folder, ids="i2\nnowhere\n")
    message = r"image\.npy, row 2, column item_id: 'nowhere' is not among"
    with pytest.raises(CatalogError, match=message):
        loaders.load(folder)


def test_files_that_are_no_vectors_are_refused(folder: Path) -> None:
    place = folder / "vectors"
    np.save(place / "image.npy", NUMBERS)
    with pytest.raises(SourceError, match=r"image\.npy: its item ids must stand.*neither"):
        loaders.load(folder)
    (place / "image.ids.txt").write_text("i1\ni2\n")
    (place / "image.ids.json").write_text("[]")
    with pytest.raises(SourceError, match="both are there"):
        loaders.load(folder)
    (place / "image.ids.txt").unlink()
    (place / "image.ids.json").write_text("{}")
    with pytest.raises(SourceError, match="no list of ids"):
        loaders.load(folder)
    (place / "image.ids.json").write_text('["i1", "i2"]')
    np.save(place / "image.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(SourceError, match="not an array of numbers"):
        loaders.load(folder)
    (place / "image.npy").write_bytes(b"broken")
    with pytest.raises(SourceError, match="not an array of numbers"):
        loaders.load(folder)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"item_id": ["i1"]}, "its columns are item_id"),
        ({"item_id": ["i1"], "a": [[1.0]], "b": [[1.0]]}, "its columns are item_id, a, b"),
        ({"item_id": ["i1", "i2", "i3"], "v": [[1.0], [1.0, 2.0], [3.0]]}, "row 2, column v"),
        ({"item_id": ["i1", "i2"], "v": [[1.0], None]}, "row 2, column v: there is no vector"),
        ({"item_id": ["i1"], "v": ["x"]}, "no lists of numbers"),
    ],
)
def test_odd_parquet_files_are_refused(
    folder: Path, columns: dict[str, list[object]], message: str
) -> None:
    pq.write_table(pa.table(columns), folder / "vectors" / "image.parquet")
    with pytest.raises(SourceError, match=message):
        loaders.load(folder)


def test_a_small_array_that_names_many_numbers_is_refused(folder: Path) -> None:
    put(folder)
    with (folder / "vectors" / "image.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**13, 8)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(b"\0" * 64)
    with pytest.raises(SourceError, match=r"image\.npy: this is not an array"):
        loaders.load(folder)
