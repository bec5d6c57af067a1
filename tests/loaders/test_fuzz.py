"""Damaged files of every format: either a valid catalog or a KgrecError."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema import Catalog, KgrecError
from loaders.tabular import CsvForm, read_csv

from .writing import FILE_SAMPLES, Sample, put

PIECES = st.sampled_from(
    [
        *(b"", b"\n", b"\r\n", b",", b'"', b"\t", b"::", b"|", b"\x00", b"\xff", b"{", b"}"),
        *(b"NaN", b"null", b"9" * 30, b"-1", b"\xed\xa0\x80", b"\\ud800"),
        *("é".encode("latin-1"), "🎬".encode()),
    ]
)


def outcome_of(sample: Sample, folder: Path) -> Catalog | str:
    try:
        return sample.load(folder).catalog
    except KgrecError as error:
        return str(error)


@pytest.mark.parametrize("sample", FILE_SAMPLES, ids=lambda sample: sample.name)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damage(
    sample: Sample, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = sample.write(tmp_path_factory.mktemp("fuzz") / "data")
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    packed = path.suffix == ".gz"
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        content = content[:start] + data.draw(PIECES) + content[start + length :]
    if data.draw(st.booleans()):
        put(path, content)
    else:
        whole = gzip.compress(content) if packed else content
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    outcome = outcome_of(sample, folder)
    assert outcome.validate().ok if isinstance(outcome, Catalog) else "Cure: " in outcome


FIELD = st.text(st.sampled_from('ab,;"\n\r\t é🎬'), max_size=6)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=6))
def test_any_quoted_fields_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b", "c"), *rows])
    path = put(tmp_path_factory.mktemp("csv") / "t.csv", text.getvalue())
    part = read_csv(path, CsvForm())
    kept = [(number, row) for number, row in enumerate(rows, start=2) if any(row)]
    assert [tuple(row.values()) for row in part.table.to_pylist()] == [row for _, row in kept]
    assert part.rows.tolist() == [number for number, _ in kept]
    assert part.blank == len(rows) - len(kept)
