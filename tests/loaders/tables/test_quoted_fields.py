"""Any fields that a CSV file can hold are read as they are written."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.tables.tabular import CsvForm, read_csv
from tests.loaders.writing import put

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
