"""The contract of every loader, whatever its format."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import loaders
from graph_schema import Catalog, KgrecError, SourceError
from graph_schema.names import FRAMES

from .writing import EVENTS, SAMPLES, Sample, put

pytestmark = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def events_of(catalog: Catalog, columns: list[str]) -> set[tuple[object, ...]]:
    return set(zip(*(catalog.interactions[name] for name in columns), strict=True))


def test_the_catalog_is_valid_and_has_the_events(sample: Sample, tmp_path: Path) -> None:
    result = sample.load(sample.write(tmp_path / "data"))
    assert result.catalog.validate().ok
    step = 86_400 if sample.days else 1
    known = [name for name in COLUMNS if name not in sample.lacks]
    expected = [dict(zip(COLUMNS, (*e[:3], e[3] // step * step), strict=True)) for e in EVENTS]
    assert events_of(result.catalog, known) == {tuple(e[n] for n in known) for e in expected}
    assert len(result.catalog.interactions) == len(EVENTS)
    assert sorted(result.catalog.users["user_id"]) == ["u1", "u2", "u3"]
    assert sorted(result.catalog.items["item_id"]) == ["i1", "i2", "i3"]


def test_ids_are_strings(sample: Sample, tmp_path: Path) -> None:
    tables = sample.load(sample.write(tmp_path / "data")).catalog.tables
    for name in FRAMES:
        for column in ("user_id", "item_id", "entity_id", "head", "tail"):
            if column in tables[name].column_names:
                assert tables[name].schema.field(column).type == pa.string()


def test_the_report_adds_up(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    result = sample.load(folder)
    assert result.report.files
    for file in result.report.files:
        assert file.read == file.kept + sum(file.dropped.values())
        assert (file.kept > 0) == (file.read > 0)
        assert f"{file.read:,} rows read" in str(result.report)
    name = sample.events_file(folder).name if sample.format else "interactions frame"
    events = next(file for file in result.report.files if file.file == name)
    assert events.kept == len(result.catalog.interactions)


def test_a_second_run_gives_the_same(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    assert sample.load(folder).catalog.equals(sample.load(folder).catalog)


def test_the_order_of_rows_changes_nothing_but_the_order(sample: Sample, tmp_path: Path) -> None:
    first = sample.load(sample.write(tmp_path / "data")).catalog
    sample.reverse_events(tmp_path / "data")
    again = sample.load(tmp_path / "data").catalog
    for name in FRAMES:
        columns = first.tables[name].column_names
        assert again.tables[name].column_names == columns
        as_sets = [sorted(map(repr, c.tables[name].to_pylist())) for c in (first, again)]
        assert as_sets[0] == as_sets[1]


def test_a_missing_file_is_named(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    sample.events_file(folder).unlink()
    with pytest.raises(SourceError, match=r"Cure: "):
        sample.load(folder)


def test_an_empty_file_is_named(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    path = sample.events_file(folder)
    path.write_bytes(b"")
    with pytest.raises(SourceError, match=rf"{path.name}.*(empty|no review|isn't the one).*Cure"):
        sample.load(folder)


def test_damaged_rows_raise_and_give_nothing(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    path = put(sample.events_file(folder), "{ this is no table\n\x00 of events\n")
    with pytest.raises(KgrecError, match=path.name):
        sample.load(folder)


def test_progress_ends_at_the_end_of_the_file(sample: Sample, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = sample.write(tmp_path / "data")
    loaders.load(folder, progress=lambda *step: seen.append(step))
    last = {name: (done, total) for name, done, total in seen}
    assert sample.events_file(folder).name in last
    assert all(done == total for done, total in last.values())


def test_a_pointer_of_git_lfs_is_named(sample: Sample, tmp_path: Path) -> None:
    folder = sample.write(tmp_path / "data")
    path = sample.events_file(folder)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")
    with pytest.raises(SourceError, match=rf"{path.name}.*(pointer of Git LFS|isn't the one)"):
        sample.load(folder)
