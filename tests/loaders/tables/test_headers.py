"""Interactions without a header, with other names of their columns, and single files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import loaders
from graph_schema import SourceError
from graph_schema.errors import RequestError
from tests.loaders.writing import put

ROWS = "1,10,4,1100000000\n2,20,5,1100000001\n"
NAMES = ["user_id", "item_id", "timestamp", "event"]


def refused(path: Path, **options: Any) -> str:
    with pytest.raises((SourceError, RequestError)) as caught:
        loaders.load(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_columns_by_their_number(count: int, tmp_path: Path) -> None:
    rows = "".join(",".join(row.split(",")[:count]) + "\n" for row in ROWS.splitlines())
    put(tmp_path / "interactions.csv", rows)
    put(tmp_path / "items.csv", "item_id,title\n10,A\n20,B\n")
    result = loaders.load(tmp_path, header=False)
    names = ["user_id", "item_id", "rating", "timestamp"][:count]
    assert result.catalog.interactions.columns.tolist() == names
    assert result.catalog.interactions["user_id"].tolist() == ["1", "2"]
    assert f"the columns are read as {', '.join(names)} (by their number)" in str(result.report)


@pytest.mark.parametrize(("third", "noted"), [("1100000000", True), ("5", False)])
def test_times_in_the_place_of_ratings_are_noted(third: str, noted: bool, tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", f"1,10,{third}\n2,20,{third}\n")
    report = str(loaders.load(tmp_path, header=False).report)
    assert ("the values of rating look like times" in report) == noted


def test_columns_as_given(tmp_path: Path) -> None:
    put(tmp_path / "interactions.tsv", "1\t10\t1100000000\tpv\n1\t20\t1100000001\tbuy\n")
    result = loaders.load(tmp_path, header=False, columns=NAMES)
    assert result.catalog.interactions["event"].tolist() == ["pv", "buy"]
    assert "(as given)" in str(result.report)


def test_other_names_than_those_of_the_header(tmp_path: Path) -> None:
    path = put(tmp_path / "ratings.csv", "userId,movieId,r\n1,10,4\n")
    result = loaders.load(path, columns=["user_id", "item_id", "rating"])
    assert result.catalog.interactions["rating"].tolist() == [4.0]
    assert "userId as user_id, movieId as item_id, r as rating" in str(result.report)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "looks like data and not like a header"),
        ({"columns": NAMES}, "Cure: pass header=False (--no-header) as well"),
        ({"columns": NAMES[:3]}, "there are 4 columns, and 3 names are given"),
        ({"header": False, "columns": NAMES[:3]}, "there are 4 columns, and 3 names are given"),
        ({"header": False, "delimiter": ";"}, "there are 1 columns (delimiter ';')"),
        ({"columns": ["user_id", "user_id"]}, "columns names 'user_id' twice"),
        ({"columns": ["user_id", "item"]}, "columns lacks item_id"),
        ({"columns": ["user_id", ""]}, "columns has an empty name"),
        ({"columns": "user_id,item_id"}, "give a list of names"),
    ],
)
def test_names_that_do_not_fit(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", ROWS)
    assert words in refused(tmp_path, **options)


def test_equal_values_in_the_first_row_are_no_names_given_twice(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", "1,1,4\n2,2,4\n")
    assert "pass header=False (--no-header)" in refused(tmp_path)


def test_files_whose_columns_have_names(tmp_path: Path) -> None:
    put(tmp_path / "interactions.jsonl", '{"user_id": 1, "item_id": 2}\n')
    assert "the columns of such a file have names" in refused(tmp_path, header=False)


@pytest.mark.parametrize("name", ["ratings.csv", "Log.TSV", "log.txt", "log.dat"])
def test_a_single_file_of_any_name(name: str, tmp_path: Path) -> None:
    text = "user_id,item_id\nu1,i1\n"
    path = put(tmp_path / name, text.replace(",", "\t") if name.endswith("TSV") else text)
    put(tmp_path / "items.csv", "item_id\nother\n")  # belongs to no layout here
    assert loaders.load(path).catalog.interactions["item_id"].tolist() == ["i1"]


def test_a_single_file_without_interactions(tmp_path: Path) -> None:
    message = refused(put(tmp_path / "prices.csv", "a,b\nx,y\n"))
    assert "there is no column user_id (columns here: 'a', 'b')" in message
    assert "--columns user_id,item_id" in message
