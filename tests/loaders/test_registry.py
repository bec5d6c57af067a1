"""The registry: every format is recognised, documented and has a sample for the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from graph_schema.errors import RequestError
from loaders.registry import LOADERS, recognise

from .writing import FILE_SAMPLES, Sample, amazon_2018, csv_folder, json_lines, put, reviews

PAGE = Path(__file__).resolve().parents[2] / "docs" / "csv-layout.md"


def test_every_loader_has_a_sample() -> None:
    assert {sample.format for sample in FILE_SAMPLES} == set(loaders.FORMATS)


def test_every_loader_is_described_once() -> None:
    assert all(isinstance(loader, loaders.Loader) for loader in LOADERS)
    for field in ("name", "title", "files"):
        values = [getattr(loader, field) for loader in LOADERS]
        assert all(values)
        assert len(set(values)) == len(values)


def test_the_documentation_lists_every_format() -> None:
    rows = [f"| `{x.name}` | {x.title} | {_code(x.files)} |" for x in LOADERS]
    table = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line in rows]
    assert table == rows, "write these lines into docs/csv-layout.md:\n" + "\n".join(rows)


def _code(files: str) -> str:
    """The file names as code: every word with a dot in it."""
    return " ".join(f"`{word}`" if "." in word else word for word in files.split())


@pytest.mark.parametrize("sample", FILE_SAMPLES, ids=lambda sample: sample.name)
def test_formats_are_recognised(sample: Sample, tmp_path: Path) -> None:
    assert recognise(sample.write(tmp_path / "data")).name == sample.format


def test_a_catalog_on_disk(tmp_path: Path) -> None:
    catalog = loaders.load(csv_folder(tmp_path / "data")).catalog
    result = loaders.load(catalog.to_parquet(tmp_path / "catalog"))
    assert result.catalog.equals(catalog)
    assert result.report.read == sum(table.num_rows for table in catalog.tables.values())


def test_one_file_of_a_folder(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "data")
    assert loaders.load(folder / "interactions.csv").catalog.equals(loaders.load(folder).catalog)


@pytest.mark.parametrize(
    ("name", "words"),
    [("absent", "there is nothing here"), ("", "no format is recognised")],
)
def test_nothing_to_load(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        loaders.load(tmp_path / name)


def test_an_unrecognised_folder_is_shown_the_files_of_every_format(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        loaders.load(tmp_path)
    assert all(f"{x.files} ({x.name})" in str(caught.value) for x in LOADERS)


def test_the_manifest_alone_is_enough(tmp_path: Path) -> None:
    folder = loaders.load(csv_folder(tmp_path / "data")).catalog.to_parquet(tmp_path / "catalog")
    assert loaders.load(folder / "catalog.json").catalog.equals(loaders.load(folder).catalog)


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="format 'xml' is unknown") as caught:
        loaders.load(tmp_path, format="xml")
    assert str(caught.value).endswith(f"use one of {', '.join(loaders.FORMATS)}.")


def test_an_option_of_another_format(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "data")
    with pytest.raises(
        RequestError,
        match=r"csv has no option metadata.*encoding, header, columns, language\)",
    ):
        loaders.load(folder, metadata=folder / "items.csv")


def test_several_review_files(tmp_path: Path) -> None:
    amazon_2018(tmp_path)
    put(tmp_path / "More_5.json.gz", json_lines(reviews()))
    with pytest.raises(SourceError, match=r"2 review files and 1 metadata files"):
        loaders.load(tmp_path)
