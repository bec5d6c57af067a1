"""DuckDB under a memory limit writes the bytes that a whole load writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError, SourceError
from kgrec.graph.mapped import open_snapshot, save_snapshot
from kgrec.graph.mapped.build import build_snapshot
from kgrec.graph.source import catalog_snapshot
from loaders import parts as parts_module
from loaders.parts import FolderParts
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, frames
from tests.recommender import catalogs

pytest.importorskip("duckdb", reason="needs the extra duckdb")


def write(folder: Path, given: dict[str, pd.DataFrame], pieces: int = 1) -> Path:
    """The frames as Parquet files; interactions and facts in so many files."""
    folder.mkdir(exist_ok=True)
    for name, frame in given.items():
        if pieces == 1 or name not in parts_module.EDGES:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
            continue
        (folder / f"{name}.parquet").mkdir()
        for place, rows in enumerate(np.array_split(np.arange(len(frame)), pieces)):
            table = pa.Table.from_pandas(frame, preserve_index=False).take(rows)
            pq.write_table(table, folder / f"{name}.parquet" / f"part-{place}.parquet")
    return folder


def both(folder: Path, source: Path) -> Path:
    """Build in both ways, compare every byte, and return one of the folders."""
    parts = FolderParts.find(source)
    assert parts is not None
    build_snapshot(parts, folder / "parts", catalog_snapshot, memory="200MB")
    loaded = loaders.load(source)
    save_snapshot(catalog_snapshot(loaded.catalog), folder / "whole")
    names = {path.name for path in (folder / "whole").iterdir()}
    assert {path.name for path in (folder / "parts").iterdir()} == names
    for name in names:
        one, other = (folder / place / name for place in ("parts", "whole"))
        assert one.read_bytes() == other.read_bytes(), name
    assert {(f.file, f.read, f.kept) for f in parts.report.files} == {
        (f.file, f.read, f.kept) for f in loaded.report.files
    }
    return folder / "parts"


@pytest.mark.parametrize("pieces", [1, 3])
def test_it_writes_the_bytes_of_a_whole_load(tmp_path: Path, pieces: int) -> None:
    source = write(tmp_path / "data", catalogs.frames(), pieces)
    built = both(tmp_path, source)
    assert_same_snapshot(open_snapshot(built), catalog_snapshot(loaders.load(source).catalog))


def test_small_parts_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "BATCH", 7)
    both(tmp_path, write(tmp_path / "data", catalogs.frames()))


@pytest.mark.parametrize("left_out", ["users", "items", "entities", "scenarios", "facts"])
def test_absent_frames_are_made_of_what_edges_name(tmp_path: Path, left_out: str) -> None:
    given = {name: frame for name, frame in catalogs.frames().items() if name != left_out}
    both(tmp_path, write(tmp_path / "data", given))


def test_interactions_alone_are_enough(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 500
    given = {
        "user_id": rng.choice(list(ODD_IDS), n),
        "item_id": rng.integers(0, 30, n),
        "timestamp": pd.array(rng.integers(0, 20, n), dtype="Int64"),
        "rating": rng.choice([1.5, 2.0, -0.25, 1e-3], n),
        "event": rng.choice(["b", "", "ä", "a"], n),
        "split": rng.choice(["train", "valid", "test"], n),
    }
    frame = pd.DataFrame(given)
    frame.loc[rng.random(n) < 0.3, "timestamp"] = pd.NA
    frame.loc[rng.random(n) < 0.3, "rating"] = None
    both(tmp_path, write(tmp_path / "data", {"interactions": frame}))


def test_a_catalog_folder_is_read_in_parts_too(tmp_path: Path) -> None:
    Catalog.from_frames(**frames()).to_parquet(tmp_path / "data")
    both(tmp_path, tmp_path / "data")


def test_repeated_facts_are_dropped_and_counted(tmp_path: Path) -> None:
    given = catalogs.frames()
    facts = given["facts"]
    given["facts"] = pd.concat([facts, facts.iloc[:5], facts.iloc[:2]], ignore_index=True)
    source = write(tmp_path / "data", given, pieces=3)
    parts = FolderParts.find(source)
    assert parts is not None
    build_snapshot(parts, tmp_path / "parts", catalog_snapshot)
    file = parts.report.file("facts.parquet")
    assert file.read - file.kept == 7
    whole = catalog_snapshot(loaders.load(source).catalog)
    assert_same_snapshot(open_snapshot(tmp_path / "parts"), whole)


def refused(folder: Path, given: dict[str, pd.DataFrame], pieces: int = 2) -> str:
    parts = FolderParts.find(write(folder / "data", given, pieces))
    assert parts is not None
    with pytest.raises(CatalogError) as error:
        build_snapshot(parts, folder / "out", catalog_snapshot)
    assert sorted(path.name for path in folder.iterdir()) == ["data"]
    return str(error.value)


def test_unknown_ends_are_refused_with_their_rows(tmp_path: Path) -> None:
    given = catalogs.frames()
    given["interactions"].loc[[3, 9], "item_id"] = "nobody"
    given["facts"].loc[4, "tail"] = "nothing"
    message = refused(tmp_path, given)
    assert "3 problems" in message
    assert "interactions.parquet, row 4, column item_id: 'nobody' is not among the ids" in message
    assert "facts.parquet, row 5, column tail: 'nothing' is not among the ids" in message


def test_a_row_that_breaks_the_schema_is_refused(tmp_path: Path) -> None:
    given = catalogs.frames()
    given["interactions"].loc[400, "split"] = "later"
    assert "row 401, column split: 'later' is not a split" in refused(tmp_path, given)


def test_facts_that_differ_in_other_columns_are_refused(tmp_path: Path) -> None:
    given = catalogs.frames()
    facts = given["facts"].assign(weight=1.0)
    given["facts"] = pd.concat([facts, facts.iloc[[0]].assign(weight=2.0)], ignore_index=True)
    assert "the same fact is in another row, with other values" in refused(tmp_path, given)


def test_a_folder_without_parquet_interactions_is_read_as_a_whole(tmp_path: Path) -> None:
    catalogs.frames()["interactions"].to_csv(tmp_path / "interactions.csv", index=False)
    assert FolderParts.find(tmp_path) is None


def test_interactions_without_a_row_are_refused(tmp_path: Path) -> None:
    events = catalogs.frames()["interactions"].iloc[:0]
    parts = FolderParts.find(write(tmp_path / "data", {"interactions": events}))
    assert parts is not None
    with pytest.raises(SourceError, match="add interactions"):
        build_snapshot(parts, tmp_path / "out", catalog_snapshot)
