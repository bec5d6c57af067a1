"""What every loader promises, whatever the format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

import loaders
from graph_schema import Catalog, KgrecError, SourceError
from graph_schema.names import FRAMES

from .writing import EVENTS, FORMATS, Format, put

pytestmark = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


def events_of(catalog: Catalog) -> set[tuple[str, str, float, int]]:
    frame = catalog.interactions
    columns = (frame[name] for name in ("user_id", "item_id", "rating", "timestamp"))
    return set(zip(*columns, strict=True))


def test_it_returns_a_valid_catalog_with_the_events(form: Format, tmp_path: Path) -> None:
    result = form.load(form.write(tmp_path / "data"))
    assert result.catalog.validate().ok
    step = 86_400 if form.days else 1
    assert events_of(result.catalog) == {(*e[:3], e[3] // step * step) for e in EVENTS}
    assert len(result.catalog.interactions) == len(EVENTS)
    assert sorted(result.catalog.users["user_id"]) == ["u1", "u2", "u3"]
    assert sorted(result.catalog.items["item_id"]) == ["i1", "i2", "i3"]


def test_ids_are_strings(form: Format, tmp_path: Path) -> None:
    tables = form.load(form.write(tmp_path / "data")).catalog.tables
    for name in FRAMES:
        for column in ("user_id", "item_id", "entity_id", "head", "tail"):
            if column in tables[name].column_names:
                assert tables[name].schema.field(column).type == pa.string()


def test_the_report_adds_up(form: Format, tmp_path: Path) -> None:
    result = form.load(form.write(tmp_path / "data"))
    assert result.report.files
    for file in result.report.files:
        assert file.read == file.kept + sum(file.dropped.values())
        assert file.kept > 0
        assert f"{file.read:,} rows read" in str(result.report)
    events = next(f for f in result.report.files if "inter" in f.file or f.file == form.events)
    assert events.kept == len(result.catalog.interactions)


def test_a_second_run_gives_the_same(form: Format, tmp_path: Path) -> None:
    folder = form.write(tmp_path / "data")
    assert form.load(folder).catalog.equals(form.load(folder).catalog)


def test_the_order_of_rows_changes_nothing_but_the_order(form: Format, tmp_path: Path) -> None:
    first = form.load(form.write(tmp_path / "data")).catalog
    path = tmp_path / "data" / form.events
    packed = path.suffix == ".gz"
    raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    rows = raw.splitlines(keepends=True)
    head = rows[:1] if form.header else []
    put(path, b"".join([*head, *rows[len(head) :][::-1]]))
    again = form.load(tmp_path / "data").catalog
    for name in FRAMES:
        columns = first.tables[name].column_names
        assert again.tables[name].column_names == columns
        as_sets = [sorted(map(repr, c.tables[name].to_pylist())) for c in (first, again)]
        assert as_sets[0] == as_sets[1]


def test_a_missing_file_is_named(form: Format, tmp_path: Path) -> None:
    folder = form.write(tmp_path / "data")
    (folder / form.events).unlink()
    with pytest.raises(SourceError, match=r"Cure: "):
        form.load(folder)


def test_an_empty_file_is_named(form: Format, tmp_path: Path) -> None:
    folder = form.write(tmp_path / "data")
    (folder / form.events).write_bytes(b"")
    with pytest.raises(SourceError, match=rf"{form.events}.*(empty|no review).*Cure"):
        form.load(folder)


def test_damaged_rows_raise_and_give_nothing(form: Format, tmp_path: Path) -> None:
    folder = form.write(tmp_path / "data")
    put(folder / form.events, "{ this is no table\n\x00 of events\n")
    with pytest.raises(KgrecError, match=form.events):
        form.load(folder)


def test_progress_ends_at_the_end_of_the_file(form: Format, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    loaders.load(form.write(tmp_path / "data"), progress=lambda *step: seen.append(step))
    last = {name: (done, total) for name, done, total in seen}
    assert form.events in last
    assert all(done == total for done, total in last.values())
