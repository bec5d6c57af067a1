"""MovieLens as published: encodings, genre flags, and codes replaced by words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError

from .writing import (
    movielens_1m,
    movielens_10m,
    movielens_100k,
    movielens_csv,
    movietweetings,
    put,
)


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
    movielens_1m(tmp_path)
    rows = [f"u{1 + n % 3}::i{1 + n % 3}::{1 + n % 5}::{978300000 + n}" for n in range(500)]
    put(tmp_path / "ratings.dat", "\n".join(rows) + "\n")
    whole = loaders.movielens(tmp_path).catalog
    for block in (97, 101, 128):
        monkeypatch.setenv("KGREC_MAX_RECORD", str(block))
        assert loaders.movielens(tmp_path).catalog.equals(whole)


@pytest.mark.parametrize("name", ["u.item", "u.user"])
def test_a_file_beside_the_ratings_may_be_missing(tmp_path: Path, name: str) -> None:
    events = len(loaders.movielens(movielens_100k(tmp_path)).catalog.interactions)
    (tmp_path / name).unlink()
    result = loaders.movielens(tmp_path)
    assert len(result.catalog.interactions) == events
    assert f"not here, and so not read: {name}." in result.report.notes


def test_films_and_users_that_their_files_lack_are_added(tmp_path: Path) -> None:
    put(movielens_1m(tmp_path) / "ratings.dat", "u1::i1::5::978300019\nu9::i9::4::978300020\n")
    result = loaders.movielens(tmp_path)
    assert "i9" in set(result.catalog.items["item_id"])
    for name, frame in (("movies.dat", "items"), ("users.dat", "users")):
        assert any(f"1 {frame} of the" in note for note in result.report.file(name).notes)


def test_ratings_alone(tmp_path: Path) -> None:
    put(tmp_path / "ratings.dat", "u1::i1::5::978300019\r\nu2::i1::4::978300020\r\n")
    result = loaders.load(tmp_path)
    assert result.catalog.interactions["rating"].tolist() == [5.0, 4.0]
    assert "not here, and so not read: movies.dat, tags.dat." in result.report.notes


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


def test_csv_files_with_tags_links_and_no_genres(tmp_path: Path) -> None:
    result = loaders.load(movielens_csv(tmp_path))
    items = result.catalog.items
    assert items["title"].tolist() == ["Long Day, The", "Two", "III"]
    assert result.catalog.tables["items"].column("year").to_pylist() == [1995, 1999, None]
    assert result.catalog.tables["items"].column("genres").to_pylist() == [
        "Drama|War",
        None,
        "Drama",
    ]
    assert result.catalog.tables["items"].column("imdb_id").to_pylist() == [
        "0112792",
        "0033563",
        None,
    ]
    assert result.catalog.tables["items"].column("tmdb_id").to_pylist() == ["9909", None, None]
    tag = result.catalog.reviews.iloc[0]
    assert tag[["user_id", "item_id", "text", "timestamp"]].tolist() == [
        "u1",
        "i1",
        "slow",
        978300100,
    ]
    assert "read as MovieLens in CSV files" in str(result.report)


def test_csv_files_that_are_absent_or_not_read_are_noted(tmp_path: Path) -> None:
    movielens_csv(tmp_path)
    for name in ("movies.csv", "tags.csv"):
        (tmp_path / name).unlink()
    put(tmp_path / "genome-scores.csv", "movieId,tagId,relevance\n")
    put(tmp_path / "README.txt", "about")
    result = loaders.load(tmp_path)
    assert sorted(result.catalog.items["item_id"]) == ["i1", "i2", "i3"]
    report = str(result.report)
    assert "not read: genome-scores.csv, links.csv." in report
    assert "not here, and so not read: movies.csv, tags.csv." in report


def test_names_in_the_singular_packed_and_with_dates(tmp_path: Path) -> None:
    header = '"userId","movieId","rating","timestamp"\n'
    put(tmp_path / "rating.csv.gz", header + '"u1","i1","3.5","2005-04-02 23:53:47"\n')
    put(tmp_path / "movie.csv", 'movieId,title,genres\ni1,"One (1999)",Drama\n')
    catalog = loaders.load(tmp_path).catalog
    assert catalog.interactions[["rating", "timestamp"]].values.tolist() == [[3.5, 1112486027]]
    assert catalog.items["title"].tolist() == ["One"]


def test_10m_has_half_stars_tags_and_users_who_only_tag(tmp_path: Path) -> None:
    movielens_10m(tmp_path)
    put(tmp_path / "ratings.dat", "u1::i1::3.5::978300019\n")
    put(
        tmp_path / "tags.dat",
        "u1::i1::très bon::978300100\nu9::i3:: ::1\nu9::i3::slow::978300200\n",
    )
    result = loaders.load(tmp_path)
    assert result.catalog.interactions["rating"].tolist() == [3.5]
    assert result.catalog.users["user_id"].tolist() == ["u1", "u9"]
    assert result.catalog.reviews["text"].tolist() == ["très bon", "slow"]
    files = {file.file: file for file in result.report.files}
    assert files["tags.dat"].dropped == {"empty tag": 1}
    assert result.catalog.tables["items"].column("genres").to_pylist() == ["Drama", None, "War"]


@pytest.mark.parametrize(
    ("encoding", "words"), [("utf-8", "UTF-8"), ("latin-1", "latin-1, as line")]
)
@pytest.mark.parametrize("write", [movielens_1m, movielens_100k, movielens_csv])
def test_files_saved_again_in_another_encoding(
    tmp_path: Path, encoding: str, words: str, write: Callable[[Path], Path]
) -> None:
    write(tmp_path)
    name = {movielens_1m: "movies.dat", movielens_100k: "u.item", movielens_csv: "movies.csv"}[
        write
    ]
    raw = (tmp_path / name).read_bytes()
    text = raw.decode("latin-1").replace("III", "Ênfin").replace("Seven", "Ênfin")
    put(tmp_path / name, text, encoding)
    result = loaders.load(tmp_path)
    assert result.catalog.items["title"].iloc[2].startswith("Ênfin")
    assert f"read as {words}" in str(result.report)


def test_utf8_that_is_cut_at_the_end_is_latin1(tmp_path: Path) -> None:
    put(movielens_1m(tmp_path) / "movies.dat", "i1::One::Drama\ni2::Two::War\ni3::é::Café", "utf-8")
    put(tmp_path / "movies.dat", (tmp_path / "movies.dat").read_bytes()[:-1])
    report = str(loaders.load(tmp_path).report)
    assert "read as latin-1, as line 3 is not UTF-8." in report
    put(tmp_path / "movies.dat", "i1::Café::Drama\ni2::Två::War\n".encode() + b"i3::\xe9::X\n")
    assert "2 others are UTF-8 and come out wrong" in str(loaders.load(tmp_path).report)


def test_a_file_that_is_there_twice(tmp_path: Path) -> None:
    movielens_csv(tmp_path)
    put(tmp_path / "tags.csv.gz", (tmp_path / "tags.csv").read_bytes())
    with pytest.raises(SourceError, match=r"both tags\.csv and tags\.csv\.gz exist"):
        loaders.load(tmp_path)


def test_movietweetings(tmp_path: Path) -> None:
    result = loaders.load(movietweetings(tmp_path))
    assert result.catalog.users["twitter_id"].tolist() == ["0139", "1752", "17"]
    assert result.catalog.tables["items"].column("genres").to_pylist() == ["Drama", None, "War"]
    assert "read as MovieTweetings" in str(result.report)


def test_users_of_another_width_are_named(tmp_path: Path) -> None:
    put(movielens_1m(tmp_path) / "users.dat", "u1::F::1\n")
    with pytest.raises(
        SourceError, match=r"users\.dat: the first row has 3 fields.*MovieTweetings"
    ):
        loaders.load(tmp_path)


def test_folds_are_not_read(tmp_path: Path) -> None:
    movielens_100k(tmp_path)
    for name in ("u1.base", "u1.test", "u.genre", "u.info"):
        put(tmp_path / name, "u1\ti1\t5\t1\n")
    assert "files that were not read: u1.base, u1.test." in str(loaders.load(tmp_path).report)


@pytest.mark.parametrize(
    "header",
    ["userId,movieId,rating", "user,item,rating,timestamp", "userId;movieId;rating;timestamp"],
)
def test_other_ratings_are_not_movielens(tmp_path: Path, header: str) -> None:
    put(tmp_path / "ratings.csv", header + "\n1,2,3,4\n")
    put(tmp_path / "dataset-metadata.json", '{\n "id": "someone/ratings"\n}\n')
    with pytest.raises(SourceError, match=r"ratings\.csv is no name of the CSV layout") as caught:
        loaders.load(tmp_path)
    assert "dataset-metadata.json is JSON with the fields id (not Amazon" in str(caught.value)
    assert "--mapping" in str(caught.value)


def test_a_column_of_movies_is_missing(tmp_path: Path) -> None:
    put(movielens_csv(tmp_path) / "movies.csv", "movieId;title;genres\ni1;One;Drama\n")
    with pytest.raises(
        SourceError,
        match=r"movies\.csv, row 1: the column movieId is missing.*semicolons: write commas",
    ):
        loaders.load(tmp_path)


def test_ratings_dat_of_other_data_is_not_movielens(tmp_path: Path) -> None:
    put(tmp_path / "ratings.dat", "user\titem\trating\n1\t2\t3\n")
    with pytest.raises(SourceError, match=r"no format is recognised: ratings\.dat"):
        loaders.load(tmp_path)


def test_files_that_were_joined(tmp_path: Path) -> None:
    movielens_csv(tmp_path)
    path = tmp_path / "movies.csv"
    header, *rows = path.read_text().splitlines(keepends=True)
    put(path, "".join([header, rows[0], "\ufeff", header, *rows[1:]]))
    result = loaders.load(tmp_path)
    assert result.catalog.items["item_id"].tolist() == ["i1", "i2", "i3"]
    assert result.report.file("movies.csv").dropped == {"the header again, first in row 3": 1}


def test_tags_of_another_delimiter(tmp_path: Path) -> None:
    put(movielens_csv(tmp_path) / "tags.csv", "userId;movieId;tag;timestamp\nu1;i1;slow;1\n")
    with pytest.raises(SourceError, match=r"tags\.csv, row 1: the column userId is missing"):
        loaders.load(tmp_path)
