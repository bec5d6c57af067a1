"""A snapshot written as Parquet is the snapshot that is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graph_schema.catalog import Catalog
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot
from kgrec.graph.snapshot import NO_TIME
from tests.graph.compare import assert_same_snapshot
from tests.graph.test_read import snapshot_of
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames
from tests.recommender import catalogs


def again(catalog: Catalog, folder: Path) -> None:
    """Write, read, and compare value by value and type by type."""
    snapshot = snapshot_of(catalog, folder)
    (folder / "saved").mkdir()
    write_snapshot(snapshot, folder / "saved")
    assert_same_snapshot(read_saved_snapshot(folder / "saved"), snapshot)


def test_every_frame_comes_back(tmp_path: Path) -> None:
    again(Catalog.from_frames(**frames()), tmp_path)


def test_a_larger_graph_comes_back(tmp_path: Path) -> None:
    again(catalogs.catalog(), tmp_path)


def test_odd_ids_and_relations_come_back(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": list(ODD_IDS), "item_id": list(ODD_IDS)[::-1]})
    facts = pd.DataFrame(
        {
            "head": list(ODD_IDS)[: len(ODD_RELATIONS)],
            "head_type": "item",
            "relation": list(ODD_RELATIONS),
            "tail": "e1",
            "tail_type": "entity",
        }
    )
    again(Catalog.from_frames(interactions=events, facts=facts), tmp_path)


def test_an_empty_graph_comes_back(tmp_path: Path) -> None:
    again(Catalog.from_frames(), tmp_path)


def test_absent_times_and_ratings_stay_absent(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": ["u1"], "item_id": ["i1"]})
    snapshot = snapshot_of(Catalog.from_frames(interactions=events), tmp_path)
    write_snapshot(snapshot, tmp_path)
    back = read_saved_snapshot(tmp_path).interactions
    assert back.timestamp.tolist() == [NO_TIME]
    assert np.isnan(back.rating).all()
    assert back.scenario.tolist() == [""]
    assert back.rating.dtype == np.float32


def test_a_snapshot_written_before_there_were_scenarios_is_read(tmp_path: Path) -> None:
    write_snapshot(snapshot_of(Catalog.from_frames(**frames()), tmp_path), tmp_path)
    (tmp_path / "scenarios.parquet").unlink()
    scenarios = read_saved_snapshot(tmp_path).scenarios
    assert scenarios.ids.tolist() == ["app", "web"]
    assert scenarios.attributes["description"].tolist() == ["", ""]


def test_equal_snapshots_are_equal_files(tmp_path: Path) -> None:
    snapshot = snapshot_of(catalogs.catalog(), tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_snapshot(snapshot, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["users", "interactions", "facts", "queries"])
def test_a_missing_or_damaged_file_is_an_error(tmp_path: Path, name: str) -> None:
    write_snapshot(snapshot_of(catalogs.catalog(), tmp_path), tmp_path)
    path = tmp_path / f"{name}.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises((OSError, pa.ArrowException)):
        read_saved_snapshot(tmp_path)
    path.unlink()
    with pytest.raises(OSError, match=name):
        read_saved_snapshot(tmp_path)
