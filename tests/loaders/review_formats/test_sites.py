"""Yelp, Goodreads and Steam as published: what becomes of each file, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import Catalog, CatalogError, SourceError
from tests.loaders.writing import (
    EVENTS,
    goodreads_folder,
    json_lines,
    put,
    steam_folder,
    yelp_folder,
)


def facts_of(catalog: Catalog) -> set[tuple[str, str, str]]:
    return set(catalog.facts[["head", "relation", "tail"]].itertuples(index=False, name=None))


def test_yelp(tmp_path: Path) -> None:
    result = loaders.load(yelp_folder(tmp_path))
    catalog, report = result.catalog, str(result.report)
    items = catalog.items.set_index("item_id")
    assert items.loc["i1", ["title", "city", "is_open", "features"]].tolist() == [
        "Soup place",
        "Ulm",
        1,
        "WiFi: u'free'",
    ]
    assert facts_of(catalog) == {
        ("i1", "category", "category:Soup"),
        ("i1", "category", "category:Food"),
        ("u1", "friend", "u2"),
    }
    kinds = catalog.reviews[["review_id", "user_id", "kind", "text"]]
    assert kinds.iloc[0].tolist() == ["r0", "u1", "review", "Good\n\nsoup"]
    assert kinds.iloc[4, 1:].tolist() == ["u3", "tip", "Go"]
    assert "1 links to friends who wrote neither a review nor a tip were left out" in report
    assert "1 dropped: tip without user, business or text" in report
    assert "2 items of the interactions have no attributes" in report
    assert "1 users of the interactions have no attributes: their file lacks them" in report
    assert "fields that were not read: useful" in report
    assert "checkin.json was not read" in report


def test_yelp_by_short_names_and_content(tmp_path: Path) -> None:
    yelp_folder(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.removeprefix("yelp_academic_dataset_"))
    assert len(loaders.load(tmp_path).catalog.interactions) == len(EVENTS)
    put(tmp_path / "review.json", '{"a": 1}\n')
    (tmp_path / "user.json").unlink()
    with pytest.raises(SourceError, match=r"no format is recognised.*fields a \(not Amazon"):
        loaders.load(tmp_path)


def test_yelp_repeats_and_wrong_rows(tmp_path: Path) -> None:
    yelp_folder(tmp_path)
    path = tmp_path / "yelp_academic_dataset_review.json"
    put(path, path.read_text() * 2)
    report = loaders.load(tmp_path).report.file(path.name)
    assert report.dropped == {"exact repeat of an earlier review": len(EVENTS)}
    row = {"user_id": "u1", "business_id": "i1", "stars": "many", "date": "soon", "text": "x"}
    put(path, json_lines([row]))
    with pytest.raises(CatalogError, match=r"review\.json, row 1, column rating: 'many'") as caught:
        loaders.load(tmp_path)
    assert "row 1, column timestamp: 'soon'" in str(caught.value)


def test_yelp_of_other_content(tmp_path: Path) -> None:
    put(yelp_folder(tmp_path) / "yelp_academic_dataset_user.json", '{"name": "a", "b": 1}\n')
    with pytest.raises(
        SourceError, match=r"user\.json, row 1: none of the fields user_id.*name, b"
    ):
        loaders.load(tmp_path)


def test_yelp_twice(tmp_path: Path) -> None:
    put(yelp_folder(tmp_path) / "review.json.gz", "{}")
    with pytest.raises(
        SourceError, match=r"both review\.json\.gz and yelp.*hold review\. Cure: keep one"
    ):
        loaders.load(tmp_path)


def test_goodreads(tmp_path: Path) -> None:
    result = loaders.load(goodreads_folder(tmp_path))
    catalog = result.catalog
    assert facts_of(catalog) == {
        ("i1", "author", "author:7"),
        ("i1", "series", "series:s1"),
        ("i1", "genre", "genre:poetry"),
        ("i1", "similar_to", "i2"),
    }
    assert dict(catalog.entities[["entity_id", "name"]].itertuples(index=False, name=None)) == {
        "author:7": "Ann",
        "series:s1": "s1",
        "genre:poetry": "poetry",
    }
    assert catalog.items.set_index("item_id").loc["i1", "num_pages"] == 120
    assert set(catalog.interactions["event"]) == {"read"}
    assert len(catalog.reviews) == 3
    assert "fields that were not read: popular_shelves." in str(result.report)


def test_goodreads_shelves_and_absent_ratings(tmp_path: Path) -> None:
    row = {"user_id": "u1", "book_id": "i1", "rating": 0, "is_read": False, "date_added": ""}
    put(tmp_path / "goodreads_interactions_dedup.json.gz", json_lines([row]))
    table = loaders.load(tmp_path).catalog.tables["interactions"]
    assert table.to_pylist() == [{"user_id": "u1", "item_id": "i1", "event": "shelved"}]


@pytest.mark.parametrize("with_interactions", [False, True])
def test_goodreads_reviews(tmp_path: Path, with_interactions: bool) -> None:
    if with_interactions:
        goodreads_folder(tmp_path)
        path = tmp_path / "goodreads_interactions_poetry.json.gz"
        rows = [{"user_id": u, "book_id": i, "rating": r} for u, i, r, _ in EVENTS]
        put(path, json_lines(rows))
    review = {
        "user_id": "u1",
        "book_id": "i1",
        "review_id": "r1",
        "rating": 4,
        "review_text": "Good",
    }
    spoiler = {**review, "review_id": "r2", "review_text": None}
    spoiler["review_sentences"] = [[0, "It ends."], [1, "Badly."]]
    put(tmp_path / "goodreads_reviews_poetry.json.gz", json_lines([review, spoiler]))
    catalog = loaders.load(tmp_path).catalog
    assert catalog.reviews["text"].tolist() == ["Good", "It ends. Badly."]
    assert len(catalog.interactions) == (len(EVENTS) if with_interactions else 2)


def test_goodreads_numbers_of_the_table(tmp_path: Path) -> None:
    header = "user_id,book_id,is_read,rating,is_reviewed\n"
    put(tmp_path / "goodreads_interactions.csv", header + "0,948,1,5,0\n0,947,0,0,0\n")
    plain = loaders.load(tmp_path)
    assert plain.catalog.interactions["item_id"].tolist() == ["948", "947"]
    assert "book_id_map.csv is not here" in str(plain.report)
    put(tmp_path / "book_id_map.csv", "book_id_csv,book_id\n948,b948\n")
    put(tmp_path / "user_id_map.csv", "user_id_csv,user_id\n0,8842281e\n")
    result = loaders.load(tmp_path)
    rows = result.catalog.tables["interactions"].to_pylist()
    assert rows == [
        {"user_id": "8842281e", "item_id": "b948", "rating": 5.0, "event": "read"},
        {"user_id": "8842281e", "item_id": "947", "rating": None, "event": "shelved"},
    ]
    assert "1 book ids are not in book_id_map.csv and stay numbers" in str(result.report)
    put(tmp_path / "book_id_map.csv", "a,b\n948,b948\n")
    with pytest.raises(
        SourceError, match=r"book_id_map\.csv, row 1: the column book_id_csv is miss"
    ):
        loaders.load(tmp_path)


def test_goodreads_date_of_another_form_is_named(tmp_path: Path) -> None:
    row = {"user_id": "u1", "book_id": "i1", "rating": 1, "date_added": "Wed Mar 32 2017"}
    put(tmp_path / "goodreads_reviews_poetry.json.gz", json_lines([row]))
    with pytest.raises(CatalogError, match=r"row 1, column timestamp: 'Wed Mar 32 2017'"):
        loaders.load(tmp_path)


def test_steam(tmp_path: Path) -> None:
    result = loaders.load(steam_folder(tmp_path))
    catalog = result.catalog
    assert catalog.interactions["hours"].tolist() == [5.0, 3.0, 4.0, 2.0]
    assert catalog.reviews["text"].tolist() == ["Fun ☺"] * 4
    assert facts_of(catalog) == {
        ("i1", "genre", "genre:Action"),
        ("i1", "developer", "developer:Ann"),
    }
    assert result.report.file("steam_games.json.gz").dropped == {"game without id": 1}


def test_steam_of_australian_users(tmp_path: Path) -> None:
    game = {"item_id": "10", "item_name": "Counter", "playtime_forever": 90}
    users = [{"user_id": "js41637", "items": [game]}, {"user_id": "empty", "items": []}]
    put(tmp_path / "australian_users_items.json.gz", "".join(f"{user!r}\n" for user in users))
    posts = ("Posted November 5, 2011.", "Posted July 3.")
    review = {"item_id": "10", "recommend": True, "review": "Good"}
    said = [{"user_id": "js41637", "reviews": [{**review, "posted": post} for post in posts]}]
    put(tmp_path / "australian_user_reviews.json.gz", "".join(f"{one!r}\n" for one in said))
    result = loaders.load(tmp_path)
    frame = result.catalog.interactions
    assert frame["event"].tolist() == ["owned", "reviewed", "reviewed"]
    assert frame["hours"].iloc[0] == 1.5
    assert frame["recommended"].tolist()[1:] == [True, True]
    assert frame["timestamp"].tolist()[1] == 1320451200
    assert result.catalog.items["title"].tolist() == ["Counter"]
    assert "1 reviews have a day without a year" in str(result.report)
    assert result.report.file("australian_users_items.json.gz").dropped == {"user without games": 1}
    steam_folder(tmp_path)
    with pytest.raises(SourceError, match="two sets of users are here"):
        loaders.load(tmp_path)
    assert len(loaders.load(tmp_path / "steam_reviews.json.gz").catalog.interactions) == 4
    assert len(loaders.load(tmp_path / "australian_users_items.json.gz").catalog.users) == 1


def test_goodreads_authors_without_a_book_are_counted(tmp_path: Path) -> None:
    folder = goodreads_folder(tmp_path)
    authors = [{"author_id": one, "name": name} for one, name in (("7", "Ann"), ("8", "Bo"))]
    put(folder / "goodreads_book_authors.json.gz", json_lines(authors))
    report = loaders.load(folder).report
    file = report.file("goodreads_book_authors.json.gz")
    assert (file.read, file.kept, file.dropped) == (2, 1, {"no book names it": 1})
