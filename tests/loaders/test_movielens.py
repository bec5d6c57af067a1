"""MovieLens as published: encodings, genre flags, and codes replaced by words."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError

from .writing import movielens_1m, movielens_100k, put


def test_ml100k_titles_years_and_genres(tmp_path: Path) -> None:
    catalog = loaders.movielens(movielens_100k(tmp_path)).catalog
    assert catalog.items["title"].tolist() == ["Café", "unknown", "Seven (Se7en)"]
    assert catalog.tables["items"].column("year").to_pylist() == [1995, None, 1995]
    assert catalog.tables["items"].column("genres").to_pylist() == [
        "Animation|Comedy",
        "unknown",
        None,
    ]
    assert catalog.users["age"].tolist() == [24, 53, 9]
    assert catalog.users["zip"].tolist() == ["85711", "94043", "T8H1N"]


def test_ml1m_codes_in_words(tmp_path: Path) -> None:
    catalog = loaders.movielens(movielens_1m(tmp_path)).catalog
    assert catalog.items["title"].tolist() == ["Léon: The Pro", "Two", "III"]
    assert catalog.items["genres"].tolist() == ["Crime|Drama", "Drama", "War"]
    assert catalog.users["age"].tolist() == ["under 18", "56+", "25-34"]
    assert catalog.users["occupation"].tolist() == ["K-12 student", "self-employed", "scientist"]
    assert catalog.users["zip"].tolist() == ["48067", "02139", "1"]


@pytest.mark.data
def test_ml1m_words_are_those_of_the_benchmark(tmp_path: Path, data_dir: Path) -> None:
    known = loaders.load(data_dir / "ml-1m-kg").catalog.users
    codes = ("1", "18", "25", "35", "45", "50", "56")
    rows = [(f"u{n}", "F", codes[n % 7], n, "1") for n in range(21)]
    movielens_1m(tmp_path)
    put(tmp_path / "users.dat", "".join("::".join(map(str, row)) + "\n" for row in rows))
    put(tmp_path / "ratings.dat", "u1::i1::5::978300019\n")
    users = loaders.movielens(tmp_path).catalog.users
    assert set(users["age"]) == set(known["age"])
    assert set(users["occupation"]) == set(known["occupation"])


def test_a_delimiter_across_two_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from loaders import tabular

    movielens_1m(tmp_path)
    rows = [f"u{1 + n % 3}::i{1 + n % 3}::{1 + n % 5}::{978300000 + n}" for n in range(500)]
    put(tmp_path / "ratings.dat", "\n".join(rows) + "\n")
    whole = loaders.movielens(tmp_path).catalog
    for block in (97, 101, 128):
        monkeypatch.setattr(tabular, "BLOCK", block)
        assert loaders.movielens(tmp_path).catalog.equals(whole)


@pytest.mark.parametrize("name", ["u.item", "u.user"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    (movielens_100k(tmp_path) / name).unlink()
    with pytest.raises(SourceError, match=rf"{name}: there is no such file"):
        loaders.movielens(tmp_path)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"neither u\.data \(ml-100k\) nor ratings\.dat"):
        loaders.movielens(tmp_path)


def test_rows_are_numbered_from_one_without_a_header(tmp_path: Path) -> None:
    movielens_1m(tmp_path)
    put(tmp_path / "ratings.dat", "u1::i1::5::978300019\nu1::i1::x::978300019\n")
    with pytest.raises(CatalogError, match=r"ratings\.dat, row 2, column rating: 'x'"):
        loaders.movielens(tmp_path)
    put(tmp_path / "ratings.dat", "u1::i1::5::978300019\nu1::i1::5\n")
    with pytest.raises(SourceError, match=r"ratings\.dat, row 2: 3 fields"):
        loaders.movielens(tmp_path)
