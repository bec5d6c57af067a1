"""What a mapping names and the files lack: one error lists all of it, before a row is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema import CatalogError, SourceError
from tests.loaders.mapping.loading import EVENTS, load


def error_of(folder: Path, mapping: str, **files: str) -> str:
    with pytest.raises(SourceError) as caught:
        load(folder, mapping, **files)
    return str(caught.value)


def test_every_problem_is_listed_with_its_field_and_the_nearest_name(tmp_path: Path) -> None:
    mapping = """
    [items]
    file = "book.csv"
    columns = { title = "Title" }
    attributes = ["authr"]
    [[interactions]]
    file = "evnts.csv"
    columns = { user_id = "user", item_id = "item" }
    [[interactions]]
    file = "events.csv"
    columns = { user_id = "User-ID", item_id = "item", rating = { column = "s", unit = "s" } }
    where = { kind = "buy" }
    join = { file = "book.csv", on = { item = "isbm" } }
    """
    files = {"events_csv": "user_id,item,s\n1,2,3\n", "book_csv": "isbn,title,author\n2,A,B\n"}
    message = error_of(tmp_path, mapping, **files)
    lines = [line.strip() for line in message.splitlines() if line.startswith("- ")]
    assert message.startswith(f"{tmp_path / 'kgrec.toml'}: the mapping does not fit")
    assert lines == [
        f"- interactions 1.file: no file is called 'evnts.csv' in {tmp_path}; the nearest is "
        "'events.csv' (there are book.csv, events.csv, kgrec.toml).",
        "- items.columns: item_id is missing; say which column it is, or give { value = ... }.",
        "- items.columns.title: book.csv has no column 'Title'; the nearest is 'title' (there are "
        "isbn, title, author).",
        "- items.attributes: book.csv has no column 'authr'; the nearest is 'author' (there are "
        "isbn, title, author).",
        "- interactions 2.columns.rating: format and unit are for times.",
        "- interactions 2.join.on: book.csv has no column 'isbm'; the nearest is 'isbn' (there are "
        "isbn, title, author).",
        "- interactions 2.columns.user_id: events.csv has no column 'User-ID'; the nearest is "
        "'user_id' (there are user_id, item, s, isbn, title, author).",
        "- interactions 2.where: events.csv has no column 'kind'; there are user_id, item, s, "
        "isbn, title, author.",
    ]


def test_a_wrong_delimiter_is_named(tmp_path: Path) -> None:
    message = error_of(tmp_path, EVENTS, events_csv="user\titem\n1\t2\n")
    assert 'The header looks separated by tabs: write delimiter = "\\t" in the mapping.' in message


@pytest.mark.parametrize("pattern", ["/etc/passwd", "**[", "a\\u0000", "../*.nothing"])
def test_odd_names_of_files(tmp_path: Path, pattern: str) -> None:
    mapping = EVENTS.replace("events.csv", pattern)
    assert "Cure: " in error_of(tmp_path, mapping, events_csv="user,item\n1,2\n")


def test_a_list_where_one_value_is_needed(tmp_path: Path) -> None:
    mapping = """
    [items]
    file = "events.csv"
    columns = { item_id = { column = "item", separator = "," }, title = { columns = ["a", "b"] } }
    first = true
    [reviews]
    file = "events.csv"
    columns = { user_id = "user", item_id = "item", text = "a" }
    first = true
    """
    message = error_of(tmp_path, mapping + EVENTS, events_csv="user,item,a,b\n1,2,,\n")
    assert "items.columns.item_id: one value a row is needed" in message
    assert "items.columns.title: one value a row is needed" in message
    assert "reviews.first: it needs the id of a row" in message


def test_joined_columns_that_clash(tmp_path: Path) -> None:
    join = '[[interactions.join]]\nfile = "b.csv"\non = "item"\n'
    files = {"events_csv": "user,item,x\n1,2,3\n", "b_csv": "item,x,y\n2,3,4\n"}
    message = error_of(tmp_path, EVENTS + join + join, **files)
    assert "events.csv has a column 'x' too; give prefix" in message
    assert "two joined files have a column 'y'; give prefix to one" in message


def test_a_wrong_row_is_named_with_its_own_file(tmp_path: Path) -> None:
    mapping = EVENTS.replace('"events.csv"', '"part*.csv"').replace("}", ', rating = "r" }')
    files = {"part1_csv": "user,item,r\n1,2,3\n", "part2_csv": "user,item,r\n1,2,3\n\n1,,four\n"}
    with pytest.raises(CatalogError) as caught:
        load(tmp_path, mapping, **files)
    message = str(caught.value)
    assert f"{tmp_path / 'part2.csv'}, row 4, column rating: 'four' is not a number" in message


def test_an_empty_id_is_named_with_its_own_file(tmp_path: Path) -> None:
    mapping = EVENTS.replace('"events.csv"', '["a.csv", "b.csv"]')
    files = {"a_csv": "user,item\n1,2\n", "b_csv": "user,item\n1,2\n1,\n"}
    with pytest.raises(CatalogError, match=r"b\.csv, row 3, column item_id: the id is empty"):
        load(tmp_path, mapping, **files)


def test_no_interaction_is_left(tmp_path: Path) -> None:
    message = error_of(tmp_path, EVENTS + 'where = { user = "9" }', events_csv="user,item\n1,2\n")
    assert "events.csv: no interaction is left. Cure: correct where" in message
