"""First mappings of files that look like events and are something else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import loaders
from graph_schema import SourceError
from tests.loaders.writing import put

EVENTS = "".join(f"{n % 7} {n % 11} {n % 5 + 1}\n" for n in range(30))
TRUST = "".join(f"{n} {(n + 1) % 7} 1\n" for n in range(7))
META = "".join(
    f'{{"asin": "B{n}", "imUrl": "http://x/{n % 3}", "salesRank": {{"Toys": {n * 999}}}}}\n'
    for n in range(9)
)


def drafted(folder: Path, **files: str) -> dict[str, Any]:
    """The draft's fields (the name ``a__txt`` is a.txt); the draft loads."""
    for name, text in files.items():
        put(folder / name.replace("__", "."), text)
    put(folder / "kgrec.toml", loaders.draft_mapping(folder))
    assert loaders.load(folder).catalog.validate().ok
    return tomllib.loads((folder / "kgrec.toml").read_text())


def refused(folder: Path, **files: str) -> str:
    for name, text in files.items():
        put(folder / name.replace("__", "."), text)
    with pytest.raises(SourceError, match="no table has users and items") as caught:
        loaders.draft_mapping(folder)
    return str(caught.value)


@pytest.mark.parametrize("name", ["trust__txt", "trust_data__txt", "loc-edges__txt"])
def test_a_network_of_users_is_no_table_of_events(name: str, tmp_path: Path) -> None:
    found = drafted(tmp_path, ratings__txt=EVENTS, **{name: TRUST})
    assert found["interactions"]["file"] == "ratings.txt"
    assert found["facts"]["columns"]["tail_type"] == {"value": "user"}
    assert len(loaders.load(tmp_path).catalog.facts) == 7


def test_triples_are_facts_where_they_have_items(tmp_path: Path) -> None:
    events = "".join(f"u{n % 5}\tm{n % 7}\n" for n in range(20))
    graph = "".join(f"m{n}\tfilm.genre\tg{n % 2}\n" for n in range(5))
    found = drafted(tmp_path, plays__tsv=events, kg__txt=graph)
    assert found["interactions"]["file"] == "plays.tsv"
    assert found["facts"]["columns"]["relation"] == "col_2"
    assert found["facts"]["columns"]["head_type"] == {"value": "item"}


@pytest.mark.parametrize("name", ["kg__txt", "freebase-train__txt", "train__txt"])
def test_triples_alone_are_no_events(name: str, tmp_path: Path) -> None:
    rows = "".join(f"/m/{n % 7}\t/film/genre\t/m/{n % 11 + 20}\n" for n in range(30))
    assert name.replace("__", ".") in refused(tmp_path, **{name: rows})


def test_rdf_is_left_out(tmp_path: Path) -> None:
    events = "user_id,item_id\n1,a\n2,a\n1,b\n"
    drafted(tmp_path, interactions__csv=events, g__nt="<x:a> <x:by> <x:e> .\n" * 3)
    assert "g.nt: RDF, which kgrec load reads" in (tmp_path / "kgrec.toml").read_text()


def test_the_parts_of_a_split_are_read_alike(tmp_path: Path) -> None:
    test = "".join(f"{n} {n + 1} 1\n" for n in range(7))
    found = drafted(tmp_path, ml__train__rating=EVENTS, ml__test__rating=test)
    splits = {one["file"]: one["columns"]["split"]["value"] for one in found["interactions"]}
    assert splits == {"ml.train.rating": "train", "ml.test.rating": "test"}
    assert "users" not in found


def test_one_fold_of_several_is_read(tmp_path: Path) -> None:
    files = {f"u{n}__{end}": EVENTS for n in (1, 2) for end in ("base", "test")}
    found = drafted(tmp_path, **files)
    assert {one["file"] for one in found["interactions"]} == {"u1.base", "u1.test"}
    assert "u2.base: another fold" in (tmp_path / "kgrec.toml").read_text()


def test_one_part_of_a_split_says_nothing_of_a_split(tmp_path: Path) -> None:
    rows = "".join(f"{n};{n % 5};i{n % 3}\n" for n in range(9))
    views = "sessionId;userId;itemId\n" + rows.replace(";1;", ";NA;").replace(";2;", ";NA;")
    files = {"train-views__csv": views, "train-buys__csv": "sessionId;userId;itemId\n" + rows}
    found = drafted(tmp_path, **files)
    columns = [one["columns"] for one in found["interactions"]]
    assert {one["event"]["value"] for one in columns} == {"train-views", "train-buys"}
    assert {one["user_id"] for one in columns} == {"sessionId"}


def test_a_row_for_each_user_is_a_table_of_users(tmp_path: Path) -> None:
    plays = "".join(f"s{n % 9}\tm-{n % 11}\tartist {n % 11}\t{n + 100}\n" for n in range(40))
    people = "".join(f"s{n}\tm\t{20 + n % 4}\tGermany\tFeb 1, 2007\n" for n in range(9))
    found = drafted(tmp_path, plays__tsv=plays, profile__tsv=people)
    assert found["interactions"]["file"] == "plays.tsv"
    assert found["users"]["file"] == "profile.tsv"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("meta__json", META),  # addresses and ranks are no users
        ("jester__csv", "".join(f"100,{'99,' * 20}{n}\n" for n in range(9))),
        ("combined__txt", "1:\n" + "7,5,2005-09-06\n" * 9),
        ("foods__txt", "review/userId: A\nreview/score: 5.0\n\n" * 9),
        ("events__idomaar", "play\t1\t{}\nplay\t2\t{}\n" * 5),
        ("users__dat", "2 1 5\n1 7\n3 1 2 5\n"),
        ("beauty__txt", "1 4 5 6\n2 7\n3 1 2 5 8\n"),
    ],
)
def test_what_is_no_table_of_events(name: str, text: str, tmp_path: Path) -> None:
    assert f"- {name.replace('__', '.')}" in refused(tmp_path, **{name: text})


def test_blanks_in_names_are_no_delimiter(tmp_path: Path) -> None:
    rows = "".join(
        f"{n % 5}\tv{n % 7}\tArts & Crafts\tTue Apr 03 18:00:{n:02d} +0000 2012\n"
        for n in range(20)
    )
    found = drafted(tmp_path, checkins__txt=rows)
    assert found["interactions"]["columns"]["item_id"] == "col_2"
    assert found["interactions"]["columns"]["timestamp"]["format"].startswith("%a %b %d")


def test_ratings_with_points_and_those_of_minus_one(tmp_path: Path) -> None:
    jokes = "".join(f"{n % 9}\t\t{n % 5}\t\t{n / 7 - 4:.3f}\n" for n in range(40))
    found = drafted(tmp_path / "a", jokes__dat=jokes)
    assert found["interactions"]["columns"]["rating"] == "col_5"
    rows = "".join(f"{n % 9},{n % 5},{(-1, 8)[n % 2]}\n" for n in range(40))
    drafted(tmp_path / "b", rating__csv="user_id,anime_id,rating\n" + rows)
    assert "-1 may say that there is none" in (tmp_path / "b" / "kgrec.toml").read_text()


def test_texts_of_several_lines(tmp_path: Path) -> None:
    rows = "".join(f'"u{n % 5}","b{n % 7}","Good,\nvery good\nindeed"\n' for n in range(40))
    drafted(tmp_path, yelp_review__csv='"user_id","business_id","text"\n' + rows)
    catalog = loaders.load(tmp_path).catalog
    assert len(catalog.interactions) == len(catalog.reviews) == 40


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = put(tmp_path / "events.csv", "user,item\n1,2\n")
    with pytest.raises(SourceError, match=r"events\.csv: this is a file. Cure: give its folder"):
        loaders.draft_mapping(path)


def test_properties_of_items_in_rows(tmp_path: Path) -> None:
    events = "".join(f"{n % 5},i{n % 7},view\n" for n in range(30))
    rows = "".join(f"i{n % 9},{('categoryid', '888')[n % 2]},{n % 3}\n" for n in range(20))
    found = drafted(
        tmp_path,
        events__csv="visitorid,itemid,event\n" + events,
        item_properties__csv="itemid,property,value\n" + rows,
    )
    assert found["facts"]["where"] == {"property": ["categoryid"]}
    facts = loaders.load(tmp_path).catalog.facts
    assert set(facts["relation"]) == {"categoryid"}
    assert set(facts["tail"]) == {"categoryid:0", "categoryid:1", "categoryid:2"}


def test_numbers_called_id_are_doubtful(tmp_path: Path) -> None:
    ratings = "".join(f"{n % 5},{n % 7}\n" for n in range(30))
    genres = "\"[{'id': 16, 'name': 'Comedy'}]\""
    films = "id,title,genres\n" + "".join(f"{n},T{n},{genres}\n" for n in range(7))
    found = drafted(tmp_path, ratings__csv="userId,movieId\n" + ratings, movies_metadata__csv=films)
    assert "facts" not in found
    text = (tmp_path / "kgrec.toml").read_text()
    assert "Not sure: check that the numbers of id" in text
    assert "addresses or objects: genres" in text
