"""CSV files with the headers of neo4j-admin import."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError

from ..writing import neo4j_admin_folder, put


def test_labels_types_and_arrays(tmp_path: Path) -> None:
    catalog = loaders.load(neo4j_admin_folder(tmp_path)).catalog
    assert set(catalog.interactions["event"]) == {"RATED"}
    assert catalog.users["age"].fillna(0).tolist() == [24, 0, 7]
    assert catalog.items["tags"][0] == "a|b"
    assert catalog.entities.iloc[0].tolist() == ["1", "Ann", "Person|Director"]
    facts = catalog.facts
    assert facts[["head", "head_type", "tail", "tail_type"]].values.tolist() == [
        ["i1", "item", "1", "entity"],
        ["i3", "item", "1", "entity"],
    ]
    assert facts["year"].fillna(0).tolist() == [1999, 0]


def test_the_same_names_as_the_layout(tmp_path: Path) -> None:
    (neo4j_admin_folder(tmp_path) / "ratings.csv").rename(tmp_path / "interactions.csv")
    assert len(loaders.load(tmp_path).catalog.interactions) == 4


def test_headers_in_files_of_their_own(tmp_path: Path) -> None:
    folder = neo4j_admin_folder(tmp_path)
    for name, ending in (("ratings", "-header"), ("users", "_header")):
        header, *rows = (folder / f"{name}.csv").read_text().splitlines(keepends=True)
        put(folder / f"{name}{ending}.csv", header)
        put(folder / f"{name}.csv", "".join(rows))
    result = loaders.load(folder)
    assert (len(result.catalog.interactions), len(result.catalog.users)) == (4, 3)
    put(folder / "ratings.csv", "u1,i9,RATED,5,1\n")
    with pytest.raises(SourceError, match=r"ratings\.csv, row 1: no node has the id 'i9'"):
        loaders.load(folder)


def test_bars_and_labels_from_id_spaces_and_names(tmp_path: Path) -> None:
    put(tmp_path / "users.csv", "id:ID|age:int\n1|20\n")
    put(tmp_path / "films.csv", "id:ID(Item)|title\n1|Seven\n")
    put(tmp_path / "saw.csv", ":START_ID|:END_ID(Item)|rating:int\n1|1|5\n")
    events = loaders.load(tmp_path).catalog.interactions
    assert events.values.tolist() == [["1", "1", 5.0, "saw"]]


def test_the_same_id_in_two_id_spaces(tmp_path: Path) -> None:
    folder = neo4j_admin_folder(tmp_path)
    put(folder / "places.csv", "id:ID(Place),name,:LABEL\n1,Rome,City\n")
    put(folder / "born.csv", ":START_ID(Person),:END_ID(Place),:TYPE\n1,1,BORN_IN\n")
    result = loaders.load(folder)
    assert set(result.catalog.entities["entity_id"]) == {"Person:1", "Place:1"}
    assert set(result.catalog.facts["tail"]) == {"Person:1", "Place:1"}
    assert "the space is put before it" in str(result.report)


def test_rows_that_lead_elsewhere_are_noted(tmp_path: Path) -> None:
    folder = neo4j_admin_folder(tmp_path)
    for name in ("directed.csv", "items.csv", "people.csv"):
        (folder / name).unlink()
    put(folder / "users.csv", "id:ID,:LABEL\nu1,User\nu2,User\ni1,Item\nann,Person\n")
    put(folder / "ratings.csv", ":START_ID,:END_ID,:TYPE\nu1,i1,LIKES\nu2,ann,LIKES\n")
    result = loaders.load(folder)
    assert (len(result.catalog.interactions), len(result.catalog.facts)) == (1, 1)
    assert "1 rows are facts, as they don't lead from a user to an item; the first is row 3" in str(
        result.report
    )


def test_other_labels(tmp_path: Path) -> None:
    put(tmp_path / "people.csv", ":ID,name,:LABEL\n1,Ann,Person\n3,Bob,Person\n")
    put(tmp_path / "films.csv", ":ID,name,:LABEL\n2,Seven,Movie\n")
    put(tmp_path / "saw.csv", ":START_ID,:END_ID,:TYPE\n1,2,SAW\n1,3,KNOWS\n1,3,KNOWS\n")
    with pytest.raises(SourceError, match=r"no node has the label User \(labels: Movie, Person\)"):
        loaders.load(tmp_path)
    result = loaders.load(tmp_path, user="Person", item="Movie")
    assert result.catalog.items["title"].tolist() == ["Seven"]
    assert result.catalog.facts[["head_type", "tail_type"]].values.tolist() == [["user", "user"]]
    assert result.report.file("saw.csv").dropped == {"exact repeat of an earlier row": 1}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ratings.csv", ":START_ID(User),:END_ID(Item)\nu1,i9\n", r"ratings\.csv, row 2: no node"),
        ("ratings.csv", ":START_ID(User),:TYPE\nu1,A\n", "there is no column :END_ID"),
        ("users.csv", "id:ID(User),age:int,:LABEL\nu1,old,User\n", r"users\.csv, column age"),
        ("other.csv", "a,b\n1,2\n", r"other\.csv, row 1: there is neither :ID"),
        ("ratings.csv", ":START_ID(Item),:END_ID(Item)\ni1,i2\n", "no relationship leads"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    put(neo4j_admin_folder(tmp_path) / name, text)
    with pytest.raises(SourceError, match=words):
        loaders.load(tmp_path)
