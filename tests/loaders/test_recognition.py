"""Files that no format recognises: the error says what they are, and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from loaders.recognition import FileNames, plain_name

from .writing import FILE_SAMPLES, Sample, amazon_2018, csv_folder, movielens_csv, put


def message(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        loaders.load(folder)
    return str(caught.value)


@pytest.mark.parametrize("sample", FILE_SAMPLES, ids=lambda sample: sample.name)
def test_the_folder_in_an_unpacked_folder_is_named(sample: Sample, tmp_path: Path) -> None:
    sample.write(tmp_path / "outer" / "inner")
    (tmp_path / "outer" / "__MACOSX").mkdir()
    put(tmp_path / "outer" / "__MACOSX" / "interactions.csv", "")
    words = f"in a folder below. Cure: give {tmp_path / 'outer' / 'inner'} ({sample.format})."
    assert words in message(tmp_path / "outer")


def test_several_folders_below(tmp_path: Path) -> None:
    csv_folder(tmp_path / "a")
    movielens_csv(tmp_path / "b")
    assert f"give {tmp_path / 'a'} (csv), {tmp_path / 'b'} (movielens)." in message(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "data.json",
            '{"b": 1, "a": 2}\n',
            "data.json is JSON with the fields a, b (not Amazon: no ",
        ),
        ("data.json", '{"\\ud83da": 1}', "data.json is JSON with the fields a (not Amazon"),
        ("data.json", "[]", "data.json has no JSON object"),
        ("data.json", "<html>", "data.json, row 1: the line is not a JSON object: '<html>'"),
        ("data.json.gz", "", "data.json.gz: the file is empty. Cure: "),
        ("data.csv", "", "data.csv: the file is empty. Cure: "),
        ("data.csv", "a,b\n1,2\n", "data.csv is no name of the CSV layout, and begins with 'a,b'"),
        (
            "data.csv",
            "user_id,item_id\nu,i\n",
            "data.csv has user_id and item_id: give it by itself",
        ),
        ("data.parquet", "x", "data.parquet is no name of the CSV layout"),
        ("u1.base", "1\t2\t3\t4\n", "u1.base is a fold of MovieLens 100K, of which u.data is"),
        ("x.train.rating", "1\t2\t5\n", "x.train.rating is no name of the CSV layout, and begins"),
        ("x.txt", "1:\n7,5,2005-09-06\n", "x.txt is no table: lines such as '1:' say what"),
        ("x.txt", "a/id: A\na/n: 5\n\na/id: B\na/n: 4\n", "each line is a name and a value"),
        ("x.dat", "2 1 5\n1 7\n", "each line is a count and that many numbers"),
        ("x.txt", "1 4 5 6\n2 7\n3 1 2\n", "call it train.txt (the format kgat"),
        ("ml.zip", "PK", "ml.zip is an archive: unpack it"),
        ("yelp.tar", "x", "yelp.tar is an archive: unpack it"),
        ("x.json", '{"business_id": "b", "user_id": "u"}', "has the fields of yelp: call it yelp_"),
        ("x.json", '{"book_id": "b", "user_id": "u"}', "has the fields of goodreads: call it good"),
        (
            "x.json",
            '{"product_id": "b", "username": "u"}',
            "has the fields of steam: call it steam",
        ),
        (
            "x.json",
            "version https://git-lfs.github.com/spec/v1\n",
            "x.json: this is a pointer of Git",
        ),
    ],
)
def test_what_a_file_is(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = put(tmp_path / name, content)
    if name.endswith(".gz"):
        path.write_bytes(content.encode())
    found = message(tmp_path)
    assert words in found
    assert "Cure: " in found


def test_files_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    for name in (".DS_Store", "._data.json", "README.txt", "picture.png", "Thumbs.db"):
        put(tmp_path / name, "{}")
    assert "no format is recognised. Cure: give" in message(tmp_path)


def test_folders_below_folders_are_named(tmp_path: Path) -> None:
    csv_folder(tmp_path / "a" / "b")
    assert f"in a folder below. Cure: give {tmp_path / 'a' / 'b'} (csv)." in message(tmp_path)


def test_folders_without_a_format_are_named(tmp_path: Path) -> None:
    put(tmp_path / "a" / "b" / "c" / "d" / "u.data", "1\t2\t3\t4\n")
    assert "no format is recognised (folders here: a). Cure: give" in message(tmp_path)


def test_many_files_are_counted(tmp_path: Path) -> None:
    for number in range(8):
        put(tmp_path / f"{number}.json", "{}\n")
    assert "4.json has no JSON object; and 3 more files. Cure" in message(tmp_path)


def test_other_json_beside_the_files_of_a_format_changes_nothing(tmp_path: Path) -> None:
    plain = loaders.load(csv_folder(tmp_path / "data")).catalog
    put(tmp_path / "data" / "dataset-metadata.json", '{"id": "someone/data"}')
    assert loaders.load(tmp_path / "data").catalog.equals(plain)


def test_the_csv_layout_comes_before_the_files_that_it_was_made_of(tmp_path: Path) -> None:
    plain = loaders.load(csv_folder(tmp_path)).catalog
    for sample in FILE_SAMPLES:
        if sample.name in ("movielens-csv", "yelp", "goodreads", "steam", "amazon-2023"):
            sample.write(tmp_path)
    assert loaders.load(tmp_path).catalog.equals(plain)


def test_names_lines_and_fields(tmp_path: Path) -> None:
    amazon_2018(tmp_path)
    put(tmp_path / "t.csv", '\ufeffa,"b, c"\r\n1,2\n')
    put(tmp_path / ".hidden", "")
    files = FileNames(tmp_path)
    assert files == {"Toys_5.json.gz", "meta_Toys.json.gz", "t.csv"}
    assert files.header("t.csv") == ["a", "b, c"]
    assert files.cells("t.csv")[1] == ["1", "2"]
    assert files.lines("absent.csv") == []
    assert files.fields("t.csv") == set()
    assert {"asin", "overall"} <= files.fields("Toys_5.json.gz")
    assert files.ending((".json",)) == ["Toys_5.json.gz", "meta_Toys.json.gz"]
    assert FileNames(tmp_path / ".hidden") == {".hidden"}
    assert [plain_name(one) for one in ("a.csv.GZ", "a.csv", "a.gz.csv")] == [
        "a.csv",
        "a.csv",
        "a.gz.csv",
    ]


def test_lines_of_a_long_or_damaged_file(tmp_path: Path) -> None:
    put(tmp_path / "long.csv", "abc\n" * 30_000)
    put(tmp_path / "one.csv", "a" * 100_000)
    damaged = gzip.compress(b"a,b\n" * 30_000)[:-20]
    (tmp_path / "damaged.csv.gz").write_bytes(damaged)
    files = FileNames(tmp_path)
    assert set(files.lines("long.csv")) == {"abc"}
    assert len(files.lines("one.csv")) == 1
    assert set(files.lines("damaged.csv.gz")) <= {"a,b"}
