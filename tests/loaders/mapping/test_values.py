"""Values of columns: times, words, lists, flags, constants, several columns, ids as written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import loaders
from graph_schema.errors import KgrecError, SourceError
from tests.loaders.mapping.loading import EVENTS, load, report_of, rows
from tests.loaders.writing import put


def events(columns: str, text: str, folder: Path) -> loaders.LoadResult:
    mapping = f"""
    [interactions]
    file = "events.csv"
    columns = {{ user_id = "u", item_id = "i", {columns} }}
    """
    return load(folder, mapping, events_csv=text)


@pytest.mark.parametrize(
    ("how", "written", "seconds"),
    [
        ('"t"', "978300019", 978300019),
        ('{ column = "t", unit = "ms" }', "978300019999", 978300019),
        ('{ column = "t", unit = "us" }', "1.5e6", 1),
        ('{ column = "t", unit = "ns" }', "978300019123456789", 978300019),
        ('{ column = "t", unit = "ms" }', "-1", -1),
        ('{ column = "t", format = "%d/%m/%y" }', "31/12/00", 978220800),
        ('{ column = "t", format = "%Y%m%d" }', "20001231", 978220800),
        ('{ column = "t", format = "%Y%m%d" }', "00010101", -62135596800),
        ('{ column = "t", format = "%a %b %d %H:%M:%S %z %Y" }',
         "Fri Mar 10 12:00:00 -0800 2017", 1489176000),
        ('{ column = "t", format = "%b %d, %Y" }', '"Nov 2, 2010"', 1288656000),
        ('{ column = "t", format = "%Y", words = { "?" = "" } }', "?", None),
    ],
)  # fmt: skip
def test_times(tmp_path: Path, how: str, written: str, seconds: int | None) -> None:
    result = events(f"timestamp = {how}", f"u,i,t\n1,2,{written}\n1,3,\n", tmp_path)
    assert rows(result, "interactions", "timestamp") == [(seconds,), (None,)]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ('format = "%d.%m.%Y"', "'2000-13-99' is not written as %d.%m.%Y (2 rows in all)"),
        ('format = "%Q"', "is not written as %Q"),
        ('unit = "ms"', "'2000-13-99' is no number"),
    ],
)
def test_a_wrong_time_is_named_with_its_row(tmp_path: Path, how: str, words: str) -> None:
    text = "u,i,t\n1,2,\n1,3,2000-13-99\n1,4,2000-13-99\n"
    with pytest.raises(SourceError) as caught:
        events(f'timestamp = {{ column = "t", {how} }}', text, tmp_path)
    assert "interactions.columns.timestamp: events.csv, row 3: " in str(caught.value)
    assert words in str(caught.value)


def test_words_constants_and_prefixes(tmp_path: Path) -> None:
    columns = (
        'event = { column = "e", words = { "1" = "view", "2" = "buy" } }, rating = { value = 1 }, '
        'shop = { value = "north" }'
    )
    result = events(columns, "u,i,e\n007,2,1\n7,2.0,2\n7,2,3\n", tmp_path)
    assert rows(result, "interactions", "user_id", "item_id", "event", "rating", "shop") == [
        ("007", "2", "view", 1.0, "north"),
        ("7", "2.0", "buy", 1.0, "north"),
        ("7", "2", "3", 1.0, "north"),
    ]


DWELL = 'event = { column = "s", ranges = { "<10" = "glance", "10..60" = "read", ">60" = "read" } }'


def test_numbers_become_words_by_range(tmp_path: Path) -> None:
    text = "u,i,s\n1,2,3\n1,3,9.999999\n1,4,1e1\n1,5,\n1,6,600\n"
    result = events(DWELL, text, tmp_path)
    kinds = [kind for (kind,) in rows(result, "interactions", "event")]
    assert kinds == ["glance", "glance", "read", None, "read"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ('ranges = { "<10" = "short" }', "row 3: '12' is in none of the ranges"),
        ('ranges = { "<20" = "short" }', "row 4: 'long' is no number"),
        ('ranges = { "long" = "short" }', "'long' is no range of numbers"),
        ('ranges = { "3..1" = "short" }', "the range '3..1' is empty"),
        ('ranges = { "1" = "short" }, words = { a = "b" }', "without words"),
    ],
)
def test_a_number_without_range_is_named_with_its_row(tmp_path: Path, how: str, words: str) -> None:
    text = "u,i,s\n1,2,5\n1,3,12\n" + ("1,4,long\n" if "no number" in words else "")
    with pytest.raises(KgrecError) as caught:
        events(f'event = {{ column = "s", {how} }}', text, tmp_path)
    assert words in str(caught.value)


ITEMS = """
[items]
file = "items.csv"
columns.item_id = {{ column = "i", prefix = "m" }}
columns.genres = {{ {0} }}
"""


@pytest.mark.parametrize(
    ("how", "header", "row", "genres"),
    [
        ('column = "g", separator = ","', "g", '" Drama, ,War"', "Drama|War"),
        ('column = "g", separator = ",", words = { W = "War" }', "g", '"D,W"', "D|War"),
        ('column = "g", separator = "[]"', "g", '"[8, 9]"', "8|9"),
        ('column = "g", separator = "[]"', "g", "\"['a', 'b, c']\"", "a|b, c"),
        ('column = "g", separator = "[]"', "g", "", None),
        ('flags = ["Drama", "War"]', "Drama,War", "1,1", "Drama|War"),
        ('flags = { g1 = "Drama", g2 = "War" }', "g1,g2", "False,true", "War"),
        ('columns = ["g1", "g2"]', "g1,g2", "Drama,", "Drama"),
        ('columns = ["g1", "g2"]', "g1,g2", "Drama,War", "Drama|War"),
        ('columns = ["g1", "g2"], join = " - "', "g1,g2", "Drama,War", "Drama - War"),
        ('columns = ["g1", "g2"], join = " - "', "g1,g2", ",War", "War"),
    ],
)
def test_several_values(tmp_path: Path, how: str, header: str, row: str, genres: object) -> None:
    mapping = EVENTS + ITEMS.format(how)
    files = {"events_csv": "user,item\n1,m2\n", "items_csv": f"i,{header}\n2,{row}\n"}
    result = load(tmp_path, mapping, **files)
    assert rows(result, "items", "item_id", "genres") == [("m2", genres)]


@pytest.mark.parametrize(
    ("how", "value", "words"),
    [
        ('column = "g", separator = "[]"', "Drama", "'Drama' is no list in brackets"),
        ('column = "g", separator = "[]"', "[[1]]", "'[[1]]' is no list in brackets"),
        ('flags = ["g"]', "maybe", "'maybe' is neither yes nor no for g"),
    ],
)
def test_values_that_are_none(tmp_path: Path, how: str, value: str, words: str) -> None:
    files = {"events_csv": "user,item\n1,m2\n", "items_csv": f"i,g\n2,{value}\n"}
    with pytest.raises(SourceError) as caught:
        load(tmp_path, EVENTS + ITEMS.format(how), **files)
    assert f"items.columns.genres: items.csv, row 2: {words}" in str(caught.value)


def test_attributes_keep_their_names_and_become_numbers(tmp_path: Path) -> None:
    mapping = EVENTS + '[items]\nfile = "i.csv"\ncolumns = { item_id = "i", title = "name" }\n'
    files = {"events_csv": "user,item\n1,2\n", "i_csv": "i,name,year,zip,x\n2,A,1999,02139,\n"}
    result = load(tmp_path, mapping + 'attributes = "all"', **files)
    assert rows(result, "items") == [("2", "A", 1999, "02139", None)]
    result = load(tmp_path, mapping + 'attributes = ["zip"]')
    assert rows(result, "items") == [("2", "A", "02139")]
    assert "note: columns that are not read: year, x." in report_of(result, "i.csv")


def test_a_column_whose_name_is_taken_is_left_out(tmp_path: Path) -> None:
    mapping = EVENTS + '[items]\nfile = "i.csv"\ncolumns = { item_id = "i", title = "name" }\n'
    files = {"events_csv": "user,item\n1,2\n", "i_csv": "i,name,title\n2,A,B\n"}
    result = load(tmp_path, mapping + 'attributes = "all"', **files)
    assert rows(result, "items") == [("2", "A")]
    assert "column title is left out: the mapping makes title of" in report_of(result, "i.csv")


def test_types_of_parquet_are_kept_and_ids_become_text(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "u": [1, 2],
            "i": [10.0, 11.0],
            "r": [4.5, 3.0],
            "t": pd.to_datetime(["2001-01-01", "2001-01-02"]),
            "tags": [["a", "b"], []],
        }
    )
    frame.to_parquet(tmp_path / "events.parquet")
    columns = '{ user_id = "u", item_id = "i", rating = "r", timestamp = "t" }'
    mapping = f'[interactions]\nfile = "events.parquet"\ncolumns = {columns}\nattributes = ["tags"]'
    put(tmp_path / "kgrec.toml", mapping)
    assert rows(loaders.load(tmp_path), "interactions") == [
        ("1", "10", 4.5, 978307200, "a|b"),
        ("2", "11", 3.0, 978393600, None),
    ]


def test_quotes_escaped_by_a_backslash(tmp_path: Path) -> None:
    text = '"user";"item";"a"\n"1";"2";"the \\"normal\\"; one"\n"1";"3";NULL\n'
    mapping = EVENTS + 'delimiter = ";"\nescape = "\\\\"\nattributes = ["a"]\n'
    result = load(tmp_path, mapping, events_csv=text)
    assert rows(result, "interactions", "a") == [('the "normal"; one',), ("NULL",)]


def test_a_file_without_a_header(tmp_path: Path) -> None:
    mapping = EVENTS + 'names = ["user", "item", "kind"]\nattributes = ["kind"]\n'
    result = load(tmp_path, mapping, events_csv="1,2,a\n3,4,b\n")
    assert rows(result, "interactions") == [("1", "2", "a"), ("3", "4", "b")]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("5,09", 5.09),
        ("1.250,90 €", 1250.9),
        ("CHF 1'250,5", 1250.5),
        ("12 345 678,00", 12345678.0),
        ("1\u202f250", 1250.0),
        ("-3,5", -3.5),
        ("7", 7.0),
        ("", None),
        ("k. A.", None),
    ],
)
def test_numbers_with_a_decimal_comma(tmp_path: Path, written: str, number: float | None) -> None:
    how = '{ column = "p", decimal = ",", words = { "k. A." = "" } }'
    text = f'u,i,p\n1,2,"{written}"\n1,3,"2,50"\n'
    result = events(f"price = {how}", text, tmp_path)
    assert rows(result, "interactions", "price") == [(number,), (2.5,)]


@pytest.mark.parametrize("written", ["1,2,3", "5.09", "1.25,0", "dear", "1,"])
def test_what_has_no_decimal_comma_is_named(tmp_path: Path, written: str) -> None:
    text = f'u,i,p\n1,2,\n1,3,"{written}"\n'
    with pytest.raises(SourceError) as caught:
        events('price = { column = "p", decimal = "," }', text, tmp_path)
    assert f"row 3: '{written}' is no number with a decimal comma" in str(caught.value)


def test_a_decimal_comma_is_of_single_numbers(tmp_path: Path) -> None:
    with pytest.raises(KgrecError, match="numbers of one column"):
        events('price = { column = "p", decimal = ",", separator = ";" }', "u,i,p\n", tmp_path)
