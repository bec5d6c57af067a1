"""The mappings on the pages of the documentation load the files that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import loaders
from graph_schema.names import FRAMES
from tests.loaders.mapping.samples import PAGE_SAMPLES, PageSample
from tests.loaders.writing import put

DOCS = Path(__file__).resolve().parents[3] / "docs"


def mappings_of(page: str) -> list[str]:
    """The mappings on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("sample", PAGE_SAMPLES, ids=str)
def test_a_page_loads_its_data_set(sample: PageSample, tmp_path: Path) -> None:
    for name, text in sample.files.items():
        put(tmp_path / name, text, sample.encoding)
    put(tmp_path / "kgrec.toml", mappings_of(sample.page)[sample.number])
    result = loaders.load(tmp_path)
    tables = result.catalog.tables
    counts = {name: tables[name].num_rows for name in FRAMES if tables[name].num_rows}
    assert counts == sample.counts
    for frame, expected in sample.rows.items():
        found = tables[frame].to_pylist()
        for row in expected:
            assert any(row.items() <= one.items() for one in found), (frame, row, found)
    assert all(file.kept >= 0 for file in result.report.files)


def test_every_mapping_on_a_page_has_a_sample() -> None:
    pages = ["file-mapping.md", *(f"data-sets/{path.name}" for path in DOCS.glob("data-sets/*.md"))]
    there = {(page, number) for page in pages for number in range(len(mappings_of(page)))}
    assert {(sample.page, sample.number) for sample in PAGE_SAMPLES} == there
