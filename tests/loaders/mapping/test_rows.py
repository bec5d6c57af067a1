"""Rows that are left out, joined by a key, repeated, or in several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.loaders.mapping.loading import EVENTS, load, report_of, rows
from tests.loaders.writing import put


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ('{ kind = "buy" }', "2"),
        ('{ kind = ["buy", "pv"] }', "12"),
        ('{ kind = { not = ["buy", "", "z"] } }', "1"),
        ("{ stars = 4 }", "2"),
        ("{ stars = { min = 3 } }", "12"),
        ("{ stars = { min = 3, max = 3.5, not = 3 } }", ""),
        ('{ stars = { max = 4 }, kind = "pv" }', "1"),
        ("{ known = true }", "13"),
    ],
)
def test_where(tmp_path: Path, condition: str, kept: str) -> None:
    text = "user,item,kind,stars,known\n1,1,pv,3,true\n1,2,buy,4.0,false\n1,3,,,true\n1,z,z,0,x\n"
    mapping = EVENTS + "where = " + condition
    second = (
        '[[interactions]]\nfile = "events.csv"\ncolumns = { user_id = "user", item_id = "item" }'
    )
    both = mapping.replace("[interactions]", "[[interactions]]") + "\n" + second
    result = load(tmp_path, both + '\nwhere = { item = "z" }', events_csv=text)
    assert "".join(str(row[1]) for row in rows(result, "interactions")) == kept + "z"
    assert f"4 rows read, {len(kept)} kept" in report_of(result, "events.csv (interactions 1)")
    assert "3 dropped: left out by where.item" in report_of(result, "events.csv (interactions 2)")


def test_a_list_meets_a_condition_by_one_of_its_values(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "k": [["a", "b"], ["b"], []]})
    frame.to_parquet(tmp_path / "events.parquet")
    mapping = EVENTS.replace(".csv", ".parquet") + "where = { k = "
    assert rows(load(tmp_path, mapping + '"a" }'), "interactions") == [("1", "1")]
    assert rows(load(tmp_path, mapping + '{ not = "a" } }'), "interactions") == [
        ("1", "2"),
        ("1", "3"),
    ]


def test_columns_of_another_file_by_its_key(tmp_path: Path) -> None:
    mapping = """
    [interactions]
    file = "plays.tsv"
    columns = { user_id = "user", item_id = "map.new" }
    attributes = ["map.name"]
    where = { "map.new" = { not = "" } }
    join = { file = "map.csv", on = { song = "old" }, prefix = "map." }
    """
    plays = "user\tsong\nu1\t1\nu1\t2\nu2\t9\n"
    result = load(tmp_path, mapping, plays_tsv=plays, map_csv="old,new,name\n1,a,A\n2,b,B\n2,c,C\n")
    assert rows(result, "interactions") == [("u1", "a", "A"), ("u1", "b", "B")]
    assert "1 rows have no match in map.csv, the first is row 4" in report_of(result, "plays.tsv")
    joined = report_of(result, "map.csv (joined to plays.tsv)")
    assert "3 rows read, 2 kept; 1 dropped: a key again, first in row 4" in joined


def test_a_key_of_two_columns(tmp_path: Path) -> None:
    join = 'join = { file = "b.csv", on = { a = "c", user = "d" } }\nattributes = ["e"]'
    files = {"events_csv": "user,item,a\n1,2,3\n12,2,3\n", "b_csv": "c,d,e\n3,1,x\n31,2,y\n"}
    assert rows(load(tmp_path, EVENTS + join, **files), "interactions", "e") == [("x",), (None,)]


def test_several_files_are_one_table(tmp_path: Path) -> None:
    put(tmp_path / "deep" / "c.csv", "item,user,n\n9,3,z\n")
    mapping = EVENTS.replace('"events.csv"', '["[ab].csv", "deep/*.csv"]') + 'attributes = ["n"]'
    files = {"a_csv": "user,item,n\n1,2,1\n", "b_csv": "user,item,n\n2,2,2.5\n"}
    result = load(tmp_path, mapping, **files)
    assert rows(result, "interactions") == [("1", "2", "1"), ("2", "2", "2.5"), ("3", "9", "z")]
    assert [file.file for file in result.report.files] == ["a.csv", "b.csv", "deep/c.csv"]


def test_numbers_of_several_files_stay_numbers(tmp_path: Path) -> None:
    mapping = EVENTS.replace('"events.csv"', '"*.csv"') + 'attributes = ["n"]'
    files = {"a_csv": "user,item,n\n1,2,1\n", "b_csv": "user,item,n\n2,2,2.5\n"}
    assert rows(load(tmp_path, mapping, **files), "interactions", "n") == [(1.0,), (2.5,)]


def test_the_first_row_of_each_id(tmp_path: Path) -> None:
    items = """
    [items]
    file = "events.csv"
    columns = { item_id = "item", title = "name" }
    first = true
    """
    text = "user,item,name\n1,2,A\n1,3,B\n2,2,C\n"
    result = load(tmp_path, EVENTS + items, events_csv=text)
    assert rows(result, "items") == [("2", "A"), ("3", "B")]
    assert "1 dropped: a later row of the same id" in report_of(result, "events.csv (items)")


def test_exact_repeats_are_counted_in_their_own_files(tmp_path: Path) -> None:
    items = '[items]\nfile = ["a.csv", "b.csv"]\ncolumns = { item_id = "i", title = "n" }'
    files = {"a_csv": "i,n\n2,A\n3,B\n", "b_csv": "i,n\n2,A\n4,C\n2,A\n"}
    result = load(tmp_path, EVENTS + items, events_csv="user,item\n1,2\n", **files)
    assert rows(result, "items") == [("2", "A"), ("3", "B"), ("4", "C")]
    assert "2 rows read, 2 kept" in report_of(result, "a.csv")
    assert "2 dropped: exact repeat of an earlier row" in report_of(result, "b.csv")


def test_ids_that_no_file_lists_are_added_and_counted(tmp_path: Path) -> None:
    items = '[items]\nfile = "i.csv"\ncolumns = { item_id = "i", title = "n" }'
    events = "user,item\n1,2\n1,8\n1,9\n"
    result = load(tmp_path, EVENTS + items, events_csv=events, i_csv="i,n\n2,A\n")
    assert rows(result, "items") == [("2", "A"), ("8", ""), ("9", "")]
    assert "2 items that other tables name are in no file of items" in str(result.report)


def test_a_repeated_header_blank_rows_and_other_files_are_reported(tmp_path: Path) -> None:
    text = "user,item\n1,2\n\nuser,item\n3,4\n"
    result = load(tmp_path, EVENTS, events_csv=text, other_csv="a\n1\n")
    assert rows(result, "interactions") == [("1", "2"), ("3", "4")]
    report = report_of(result, "events.csv")
    assert "4 rows read, 2 kept; 1 dropped: blank row; 1 dropped: the header again" in report
    assert "files that the mapping does not name were not read: other.csv." in str(result.report)


LISTED = """
[items]
file = "i.csv"
columns = { item_id = "i", title = "n" }
[facts]
file = "i.csv"
columns.head = "i"
columns.head_type = { value = "item" }
columns.relation = { value = "like" }
columns.tail = { column = "like", separator = " " }
columns.tail_type = { value = "item" }
listed = true
"""


def test_rows_of_what_no_file_lists_can_be_left_out(tmp_path: Path) -> None:
    events = "user,item\n1,2\n1,8\n1,9\n"
    files = {"events_csv": events, "i_csv": "i,n,like\n2,A,3 7 3\n3,B,8\n4,C,3\n"}
    result = load(tmp_path, EVENTS + "listed = true\n" + LISTED, **files)
    assert rows(result, "items", "item_id") == [("2",), ("3",), ("4",)]
    assert rows(result, "interactions") == [("1", "2")]
    assert rows(result, "facts", "head", "tail") == [("2", "3"), ("4", "3")]
    report = report_of(result, "events.csv")
    assert "3 rows read, 1 kept; 2 dropped: items that are not listed, first in row 3" in report
    report = report_of(result, "i.csv (facts)")
    assert "3 rows read, 2 kept; 1 dropped: items that are not listed, first in row 3" in report
    assert "1 values of rows with several were left out: items that are not listed" in report


def test_facts_of_items_without_a_file_of_their_own(tmp_path: Path) -> None:
    facts = LISTED[LISTED.index("[facts]") :]
    files = {"events_csv": "user,item\n1,2\n1,3\n", "i_csv": "i,like\n2,3\n3,9\n"}
    result = load(tmp_path, EVENTS + facts, **files)
    assert rows(result, "facts", "head", "tail") == [("2", "3")]
    assert rows(result, "items", "item_id") == [("2",), ("3",)]
