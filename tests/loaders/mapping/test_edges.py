"""Interactions of rows with lists, facts of columns, and the entities that facts name."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema import SourceError
from tests.loaders.mapping.loading import EVENTS, load, report_of, rows

HISTORIES = """
[interactions]
file = "h.csv"
columns.user_id = "user"
columns.item_id = { column = "items", separator = " " }
columns.timestamp = { column = "times", separator = " " }
"""


def test_a_row_of_many_items_is_as_many_interactions(tmp_path: Path) -> None:
    text = "user,items,times\n1,10 11,5 6\n2,,\n3,12,7\n"
    result = load(tmp_path, HISTORIES, h_csv=text)
    assert rows(result, "interactions") == [("1", "10", 5), ("1", "11", 6), ("3", "12", 7)]
    report = report_of(result, "h.csv")
    assert "3 rows read, 2 kept; 1 dropped: no value in item_id, first in row 3" in report
    assert "2 rows with several values became 3 rows" in report


def test_lists_of_other_lengths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"h\.csv, row 3: .*has not as many values as item_id"):
        load(tmp_path, HISTORIES, h_csv="user,items,times\n1,10 11,5 6\n2,10 11,5\n")


AUTHORS = """
[items]
file = "books.csv"
columns = { item_id = "isbn", title = "title" }

[[facts]]
file = "books.csv"
columns.head = "isbn"
columns.relation = { value = "written_by" }
columns.tail = { column = "authors", separator = ",", prefix = "person:" }
columns.tail_kind = { value = "author" }

[[facts]]
file = "books.csv"
columns.head = "isbn"
columns.relation = { value = "translated_by" }
columns.tail = { column = "translator", prefix = "person:" }
columns.tail_kind = { value = "translator" }
"""
BOOKS = 'isbn,title,authors,translator\n2,A,"Ann, Bob",\n3,B,Bob,Cy\n4,C,,Bob\n'


def test_facts_and_entities_of_columns(tmp_path: Path) -> None:
    result = load(tmp_path, EVENTS + AUTHORS, events_csv="user,item\n1,2\n", books_csv=BOOKS)
    assert rows(result, "facts") == [
        ("2", "item", "written_by", "person:Ann", "entity"),
        ("2", "item", "written_by", "person:Bob", "entity"),
        ("3", "item", "written_by", "person:Bob", "entity"),
        ("3", "item", "translated_by", "person:Cy", "entity"),
        ("4", "item", "translated_by", "person:Bob", "entity"),
    ]
    assert rows(result, "entities") == [
        ("person:Ann", "Ann", "author"),
        ("person:Bob", "Bob", "author|translator"),
        ("person:Cy", "Cy", "translator"),
    ]
    assert "1 dropped: no tail, first in row 2" in report_of(result, "books.csv (facts 2)")


def test_names_of_entities_from_a_column_or_from_their_own_file(tmp_path: Path) -> None:
    mapping = """
    [entities]
    file = "people.csv"
    columns = { entity_id = "id", name = "name", kind = { value = "person" } }

    [facts]
    file = "links.csv"
    columns.head = "book"
    columns.relation = "how"
    columns.tail = "person"
    columns.tail_name = "person_name"
    attributes = ["weight"]
    """
    files = {
        "events_csv": "user,item\n1,2\n",
        "people_csv": "id,name\np1,Ann\n",
        "links_csv": "book,how,person,person_name,weight\n2,by,p1,X,1\n2,by,p2,Bob,2\n2,by,p3,,3\n",
    }
    result = load(tmp_path, EVENTS + mapping, **files)
    assert rows(result, "entities") == [
        ("p1", "Ann", "person"),
        ("p2", "Bob", ""),
        ("p3", "p3", ""),
    ]
    assert rows(result, "facts", "relation", "tail", "weight") == [
        ("by", "p1", 1),
        ("by", "p2", 2),
        ("by", "p3", 3),
    ]


def test_facts_between_users_from_a_list_of_friends(tmp_path: Path) -> None:
    mapping = """
    [facts]
    file = "users.csv"
    columns.head = "id"
    columns.head_type = { value = "user" }
    columns.relation = { value = "friend" }
    columns.tail = { column = "friends", separator = ",", words = { None = "" } }
    columns.tail_type = { value = "user" }
    """
    files = {"events_csv": "user,item\n1,2\n", "users_csv": 'id,friends\n1,"2, 3"\n2,None\n'}
    result = load(tmp_path, EVENTS + mapping, **files)
    assert rows(result, "facts", "head", "tail") == [("1", "2"), ("1", "3")]
    assert rows(result, "users") == [("1",), ("2",), ("3",)]
    assert rows(result, "entities") == []
