"""One door for every format."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from loaders.detect import recognise

from .writing import FORMATS, Format, amazon_2018, csv_folder, put


@pytest.mark.parametrize("form", FORMATS[:-1], ids=lambda form: form.name)
def test_formats_are_recognised(form: Format, tmp_path: Path) -> None:
    assert recognise(form.write(tmp_path / "data")) == form.name.split("-")[0]


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


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"format 'xml' is unknown.*csv, recbole"):
        loaders.load(tmp_path, format="xml")


def test_several_review_files(tmp_path: Path) -> None:
    amazon_2018(tmp_path)
    put(tmp_path / "More_5.json.gz", "{}\n")
    with pytest.raises(SourceError, match=r"2 review files and 1 metadata files"):
        loaders.load(tmp_path)
