"""A catalog on disk: reading gives what was written, or an error that names the file."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema import Catalog, SourceError, files
from graph_schema.disk.locks import held
from graph_schema.names import FRAMES

from .samples import frames


def written(folder: Path) -> Path:
    return Catalog.from_frames(**frames()).to_parquet(folder / "catalog")


def test_round_trip_and_rewrite(tmp_path: Path) -> None:
    folder = written(tmp_path)
    first = Catalog.read_parquet(folder)
    assert first.equals(Catalog.from_frames(**frames()))
    names = sorted(path.name for path in folder.iterdir())
    written(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == names


def test_a_new_catalog_replaces_the_old_one_and_its_files(tmp_path: Path) -> None:
    folder = written(tmp_path)
    smaller = Catalog.from_frames(interactions=frames()["interactions"])
    smaller.to_parquet(folder)
    assert Catalog.read_parquet(folder).equals(smaller)
    assert len(list(folder.glob("*.parquet"))) == len(FRAMES)


def test_a_catalog_written_before_there_were_scenarios_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path)
    manifest = json.loads((folder / files.MANIFEST).read_text())
    (folder / manifest["frames"].pop("scenarios")["file"]).unlink()
    (folder / files.MANIFEST).write_text(json.dumps(manifest))
    catalog = Catalog.read_parquet(folder)
    assert catalog.scenarios["scenario_id"].tolist() == ["web", "app"]
    assert catalog.validate().ok


def test_a_failed_write_leaves_the_old_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path)
    before = sorted(path.name for path in folder.iterdir())

    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == files.MANIFEST:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SourceError, match=r"No space left.*Cure"):
        Catalog.from_frames(interactions=frames()["interactions"]).to_parquet(folder)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert Catalog.read_parquet(folder).equals(Catalog.from_frames(**frames()))


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    folder = written(tmp_path)
    before = sorted(path.name for path in folder.iterdir())
    (folder / "mine-0123456789ab.parquet").write_text("mine")
    (folder / "users-0123456789ab.parquet").write_text("put there before the manifest")
    (folder / ".kgrec-0123456789abcdef").mkdir()
    (folder / ".kgrec-0123456789abcdef" / "users").write_text("half")
    written(tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([*before, "mine-0123456789ab.parquet"])


def test_a_first_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(SourceError, match="No space left"):
        written(tmp_path / "above")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks")
def test_one_writer_at_a_time(tmp_path: Path) -> None:
    folder = written(tmp_path)
    smaller = Catalog.from_frames(interactions=frames()["interactions"])
    with held(folder), pytest.raises(SourceError, match=r"another writer.*Cure: wait"):
        smaller.to_parquet(folder)
    assert Catalog.read_parquet(folder).equals(Catalog.from_frames(**frames()))
    smaller.to_parquet(folder)
    assert Catalog.read_parquet(folder).equals(smaller)


def test_a_catalog_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path)
    smaller = Catalog.from_frames(interactions=frames()["interactions"])
    read, reads = pq.read_table, []

    def replaced_meanwhile(path: Path) -> pa.Table:
        reads.append(path)
        if len(reads) == 2:
            smaller.to_parquet(folder)
        return read(path)

    monkeypatch.setattr(pq, "read_table", replaced_meanwhile)
    assert Catalog.read_parquet(folder).equals(smaller)


def test_a_folder_without_a_catalog(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no catalog here"):
        Catalog.read_parquet(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "newer than the 1"),
        ({"format": "something"}, "not the manifest of a kgrec catalog"),
        ({"frames": {"users": {"file": "../users"}}}, "list of frames is damaged"),
    ],
)
def test_a_foreign_or_newer_manifest(tmp_path: Path, change: dict[str, object], words: str) -> None:
    folder = written(tmp_path)
    manifest = json.loads((folder / files.MANIFEST).read_text())
    (folder / files.MANIFEST).write_text(json.dumps({**manifest, **change}))
    with pytest.raises(SourceError, match=words):
        Catalog.read_parquet(folder)


@pytest.mark.parametrize("damage", ["missing", "truncated", "exchanged", "manifest"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    folder = written(tmp_path)
    users = next(folder.glob("users-*.parquet"))
    if damage == "missing":
        users.unlink()
    elif damage == "truncated":
        users.write_bytes(users.read_bytes()[:-20])
    elif damage == "exchanged":
        shutil.copy(next(folder.glob("items-*.parquet")), users)
    else:
        (folder / files.MANIFEST).write_text("{")
    with pytest.raises(SourceError, match="Cure: write the catalog again"):
        Catalog.read_parquet(folder)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
IDS = st.lists(TEXT.filter(bool), min_size=1, max_size=6, unique=True)


@settings(max_examples=40, deadline=None)
@given(users=IDS, items=IDS, data=st.data())
def test_any_catalog_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    users: list[str],
    items: list[str],
    data: st.DataObject,
) -> None:
    n = data.draw(st.integers(0, 8))

    def column(values: st.SearchStrategy[object]) -> list[object]:
        return data.draw(st.lists(values, min_size=n, max_size=n))

    times = st.none() | st.integers(-(10**11), 10**11)
    ratings = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    events = pa.table(
        {
            "user_id": pa.array(column(st.sampled_from(users)), pa.string()),
            "item_id": pa.array(column(st.sampled_from(items)), pa.string()),
            "rating": pa.array(column(ratings), pa.float64()),
            "timestamp": pa.array(column(times), pa.int64()),
            "note": pa.array(column(st.none() | TEXT), pa.string()),
        }
    )
    catalog = Catalog.from_frames(
        users=pa.table({"user_id": users}), items=pa.table({"item_id": items}), interactions=events
    )
    assert catalog.validate().ok
    folder = tmp_path_factory.mktemp("any")
    assert Catalog.read_parquet(catalog.to_parquet(folder)).equals(catalog)
    rebuilt = Catalog.from_frames(**{name: catalog.tables[name] for name in catalog.tables})
    assert rebuilt.equals(catalog)


@pytest.mark.parametrize("content", ['{"title": "mine"}', "[]", "mine"])
def test_a_catalog_of_others_stays(content: str, tmp_path: Path) -> None:
    (tmp_path / files.MANIFEST).write_text(content)
    with pytest.raises(SourceError, match=r"that no kgrec wrote. Cure: move it away"):
        Catalog.from_frames(**frames()).to_parquet(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]
