"""Amazon reviews and metadata in both forms, and the errors of wrong files."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError
from graph_schema.errors import RequestError
from loaders.review_formats.amazon_products import clean
from tests.loaders.writing import (
    amazon_2014,
    amazon_2018,
    amazon_2023,
    json_lines,
    lines,
    put,
    reviews,
)


def test_2018(tmp_path: Path) -> None:
    result = loaders.load(amazon_2018(tmp_path))
    catalog = result.catalog
    files = {file.file: file for file in result.report.files}
    assert files["Toys_5.json.gz"].dropped == {"exact repeat of an earlier review": 1}
    assert files["meta_Toys.json.gz"].dropped == {
        "the product has no review": 1,
        "the product is in an earlier row": 1,
    }
    items = catalog.items.set_index("item_id")
    assert items.loc["i1", ["title", "price", "description"]].tolist() == [
        "Maggiano's Card",
        1250.0,
        "First. Second.",
    ]
    assert items.loc["i2", "title"] == ""
    assert items.loc["i3", "title"] == ""
    assert set(catalog.facts[["head", "relation", "tail"]].itertuples(index=False, name=None)) == {
        ("i1", "brand", "brand:Apple"),
        ("i1", "category", "category:Toys"),
        ("i1", "category", "category:Arts & Crafts"),
        ("i1", "also_bought", "i2"),
        ("i1", "also_viewed", "i3"),
    }
    assert "2 also_bought links lead to items or users that are not in the catalog" in str(
        result.report
    )
    assert "1 reviewed items have no metadata" in str(result.report)
    assert catalog.reviews["text"].iloc[0] == "About i1 & more"
    assert catalog.interactions["verified"].tolist() == [True] * 4


def test_2014_metadata_is_python_and_not_json(tmp_path: Path) -> None:
    catalog = loaders.load(amazon_2014(tmp_path)).catalog
    assert catalog.items.set_index("item_id").loc["i1", "title"] == 'It\'s "one"'
    assert catalog.facts.groupby("relation").size().to_dict() == {
        "also_bought": 1,
        "also_viewed": 1,
        "bought_together": 1,
        "bought_after_viewing": 1,
        "brand": 1,
        "category": 2,
    }
    assert "verified" not in catalog.interactions.columns


def test_unreviewed_products_on_request(tmp_path: Path) -> None:
    amazon_2018(tmp_path)
    files = (tmp_path / "Toys_5.json.gz", tmp_path / "meta_Toys.json.gz")
    catalog = loaders.amazon(*files, keep_unreviewed=True).catalog
    assert sorted(catalog.items["item_id"]) == ["i1", "i2", "i3", "unreviewed"]
    assert "unreviewed" in set(catalog.facts["head"])


def test_reviews_without_metadata_and_without_text(tmp_path: Path) -> None:
    rows = [{**review, "reviewText": None, "summary": ""} for review in reviews()]
    path = put(tmp_path / "r.json", json_lines(rows[:2]))
    result = loaders.load(path)
    assert len(result.catalog.reviews) == 0
    assert len(result.catalog.interactions) == 2
    assert "2 reviews without text" in str(result.report)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("A &amp; B", "A & B"),
        ('<span class="a-size-medium a-color-secondary"', ""),
        ("<b>Bold</b> text<br/>next", "Bold text next"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
        ("I <3 cats", "I <3 cats"),
        ("&lt;b&gt;twice&lt;/b&gt;", "twice"),
        ("<script>var a = '<b>';</script>left", "left"),
        ("many\n   spaces", "many spaces"),
        (None, ""),
        (["x"], ""),
    ],
)
def test_html_is_removed(raw: object, text: str) -> None:
    assert clean(raw) == text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{'overall': 5.0", "row 3: the line is not a JSON object"),
        ("[1, 2]", "row 3: the line is not a JSON object"),
        ("__import__('os')", "row 3: the line is not a JSON object"),
        ("\xff", "row 3: byte 0xff is not utf-8"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    text = json_lines(reviews()[:1]) + "\n" + line + "\n"
    path = put(tmp_path / "r.json.gz", text, "latin-1")
    with pytest.raises(SourceError, match=words):
        loaders.amazon(path)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("overall", "five", "row 2, column rating: 'five' is not a number"),
        ("overall", float("nan"), "row 2, column rating: 'nan' is not a number"),
        ("unixReviewTime", "soon", "row 2, column timestamp: 'soon' is not a time"),
        (
            "unixReviewTime",
            1393545600000,
            "row 2, column timestamp: 1393545600000 looks like milli",
        ),
        ("asin", None, "row 2, column item_id: the id is empty"),
        ("reviewerID", "", "row 2, column user_id: the id is empty"),
    ],
)
def test_a_wrong_field_is_named_with_its_row(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    rows = reviews()
    rows[1][field] = value
    path = put(tmp_path / "r.json", json_lines(rows))
    with pytest.raises(CatalogError) as caught:
        loaders.amazon(path)
    assert f"r.json, {words}" in str(caught.value)


def test_invalid_unicode_is_an_error_in_an_id_and_removed_from_a_text(tmp_path: Path) -> None:
    row = {**reviews()[0], "reviewText": "fine \ud800 emoji"}
    catalog = loaders.amazon(put(tmp_path / "r.json", json_lines([row]))).catalog
    assert catalog.reviews["text"].tolist() == ["fine emoji"]
    row["asin"] = "\ud800"
    with pytest.raises(SourceError, match=r"row 1: the value of asin '.*' is not valid Unicode"):
        loaders.amazon(put(tmp_path / "r.json", json_lines([row])))


def test_metadata_without_ids_is_an_error(tmp_path: Path) -> None:
    path = put(tmp_path / "r.json", json_lines(reviews()))
    other = put(tmp_path / "meta.json", json_lines([{"title": "no id"}]))
    with pytest.raises(SourceError, match=r"meta\.json, row 1: the product has no asin"):
        loaders.amazon(path, other)


@pytest.mark.data
def test_published_files(data_dir: Path) -> None:
    folder = data_dir / "amazon-reviews"
    kept = {"Gift_Cards": (2_972, 148), "Magazine_Subscriptions": (2_333, 157)}
    for name, (events, items) in kept.items():
        result = loaders.amazon(folder / f"{name}_5.json.gz", folder / f"meta_{name}.json.gz")
        assert len(result.catalog.interactions) == events
        assert len(result.catalog.items) == items
        assert len(result.catalog.facts) > 1_000
        assert not result.catalog.items["title"].str.contains("<span").any()
    old = loaders.amazon(folder / "Musical_Instruments_5.json.gz").catalog
    assert [len(old.users), len(old.items), len(old.reviews)] == [1_429, 900, 10_261]


def test_2023(tmp_path: Path) -> None:
    result = loaders.load(amazon_2023(tmp_path))
    catalog = result.catalog
    item = catalog.items.set_index("item_id").loc["i1"]
    assert item[["title", "main_category", "features", "details", "description"]].tolist() == [
        "Lamp",
        "All Toys",
        "Of oak Small",
        "Brand: Lampe; Color: red",
        "First. Second.",
    ]
    assert set(catalog.facts[["head", "relation", "tail"]].itertuples(index=False, name=None)) == {
        ("i1", "brand", "brand:Lampe"),
        ("i1", "store", "store:Lampco"),
        ("i1", "category", "category:Toys"),
        ("i1", "category", "category:Lamps"),
    }
    assert catalog.reviews[["text", "summary"]].iloc[0].tolist() == ["About i1 and more", "Fine"]
    assert catalog.interactions["verified"].tolist() == [True] * 4
    report = str(result.report)
    assert "read as reviews of the release of 2023" in report
    assert "the price of 1 products is not one number in dollars" in report
    assert "'from 19.99' in row 2" in report


def test_a_time_in_the_year_1_is_absent(tmp_path: Path) -> None:
    row = {"user_id": "A1", "parent_asin": "B1", "rating": 4.0}
    times = [-62135596800000, 1588687728923, -1, None]
    rows = [{**row, "timestamp": time} for time in times]
    result = loaders.load(put(tmp_path / "r.jsonl", json_lines(rows)))
    found = result.catalog.tables["interactions"].column("timestamp").to_pylist()
    assert found == [None, 1588687728, -1, None]
    assert "times in the year 1 count as absent (1 in all, the first in row 1)" in str(
        result.report
    )


def test_metadata_with_objects_in_texts_and_halves_of_characters(tmp_path: Path) -> None:
    amazon_2023(tmp_path)
    products = [
        {
            "parent_asin": "i1",
            "title": "One \ud83d",
            "details": '{"Brand": "Lampe \\ud83d", "Pages": 3}',
            "author": {"name": "Ann"},
            "subtitle": "A novel",
            "bought_together": ["i2", "\ud83d", 5, "\ud83dgone"],
            "\ud83d": 1,
        },
        {"parent_asin": "i2", "details": "{", "author": "nobody", "categories": None},
    ]
    put(tmp_path / "meta_Toys.jsonl.gz", json_lines(products))
    result = loaders.load(tmp_path)
    item = result.catalog.items.set_index("item_id").loc["i1"]
    assert item[["title", "details", "subtitle"]].tolist() == [
        "One",
        "Brand: Lampe; Pages: 3",
        "A novel",
    ]
    assert set(result.catalog.facts["tail"]) == {"brand:Lampe", "author:Ann", "i2"}


def test_2023_without_parent_asin(tmp_path: Path) -> None:
    row = {"user_id": "A1", "asin": "B1", "rating": 4.0, "timestamp": 1588687728923}
    put(tmp_path / "r.jsonl", json_lines([row]))
    put(tmp_path / "meta.jsonl", json_lines([{"parent_asin": "B1", "title": "One"}]))
    result = loaders.load(tmp_path)
    assert result.catalog.items["title"].tolist() == ["One"]
    assert "in which asin is the item" in str(result.report)


def test_times_of_2023_that_are_seconds_already(tmp_path: Path) -> None:
    header = "user_id,parent_asin,rating,timestamp\n"
    put(tmp_path / "Toys.csv", f"{header}A1,B1,5.0,1588687728\nA1,B2,5.0,\n")
    result = loaders.load(tmp_path)
    assert result.catalog.tables["interactions"].column("timestamp").to_pylist() == [
        1588687728,
        None,
    ]
    assert "times are read as seconds" in str(result.report)


def test_splits_of_2023_and_their_histories(tmp_path: Path) -> None:
    header = "user_id,parent_asin,rating,timestamp,history\n"
    times = {"train": 978_300_019_000, "valid": 978_300_020_000, "test": 978_300_021_000}
    for split, time in times.items():
        put(tmp_path / f"Toys.{split}.csv", f"{header}A1,B{time},5.0,{time},B0 B1\n")
    result = loaders.load(tmp_path)
    frame = result.catalog.interactions
    assert dict(zip(frame["split"], frame["timestamp"], strict=True)) == {
        "train": 978_300_019,
        "valid": 978_300_020,
        "test": 978_300_021,
    }
    assert str(result.report).count("column history was not read") == 3
    put(tmp_path / "Toys.valid.csv", f"{header}A1,B1,good,1000,\n")
    with pytest.raises(CatalogError, match=r"Toys\.valid\.csv, row 2, column rating: 'good'"):
        loaders.load(tmp_path)


USERS = ("A2SUAM1J3GNN3B", "AEXAMPLE1", "A1")
ITEMS = ("0205616461", "B00005N7P0", "043935806X")


@pytest.mark.parametrize("release", ["2014 (user first)", "2018 (product first)"])
def test_ratings_without_header(tmp_path: Path, release: str) -> None:
    pairs = [(USERS[n % 2], ITEMS[n % 3]) for n in range(6)]
    rows = [(*(pair if "2014" in release else pair[::-1]), 5.0, 1369699200) for pair in pairs]
    result = loaders.load(put(tmp_path / "ratings_Toys.csv", lines(rows, ",")))
    found = result.catalog.interactions[["user_id", "item_id"]]
    assert list(found.itertuples(index=False, name=None)) == pairs
    assert f"read as ratings without header of the release of {release}" in str(result.report)


def test_ratings_with_a_header_of_other_letters(tmp_path: Path) -> None:
    put(
        tmp_path / "ratings_Toys.csv",
        f"UserId,ProductId,Rating,Timestamp\n{USERS[0]},B1,4,1369699200\n",
    )
    frame = loaders.load(tmp_path).catalog.interactions
    assert frame.iloc[0].tolist() == [USERS[0], "B1", 4.0, 1369699200]


@pytest.mark.parametrize(
    "row",
    ["1,2,5.0,1369699200", "A1,B00005N7P0", "x,y,z,w", f"{USERS[0]},{ITEMS[0]},five,1369699200"],
)
def test_other_tables_are_not_ratings(tmp_path: Path, row: str) -> None:
    path = put(tmp_path / "table.csv", f"{row}\n{row}\n")
    with pytest.raises(SourceError, match=r"no format is recognised: table\.csv"):
        loaders.load(tmp_path)
    with pytest.raises(SourceError, match=r"table\.csv.*not a JSON object"):
        loaders.amazon(path)


def test_several_categories_together(tmp_path: Path) -> None:
    amazon_2018(tmp_path)
    other = [{**reviews()[0], "asin": "i9", "overall": 1.0}, reviews()[0]]
    put(tmp_path / "Home_5.json", json_lines(other))
    put(
        tmp_path / "meta_Home.json",
        json_lines([{"asin": "i9", "title": "Nine", "also_buy": ["i1"]}]),
    )
    with pytest.raises(
        SourceError, match=r"kgrec load \S+Home_5\.json --metadata \S+meta_Home\.json"
    ):
        loaders.load(tmp_path)
    one = loaders.load(tmp_path / "Home_5.json", metadata=tmp_path / "meta_Home.json")
    assert one.catalog.items["title"].tolist() == ["Nine", ""]
    assert "files that were not read: Toys_5.json.gz, meta_Toys.json.gz." in str(one.report)
    names = (["Toys_5.json.gz", "Home_5.json"], ["meta_Toys.json.gz", "meta_Home.json"])
    both = loaders.amazon(*([tmp_path / name for name in given] for given in names))
    assert len(both.catalog.interactions) == 5
    assert both.report.file("Home_5.json").dropped == {"exact repeat of an earlier review": 1}
    assert ("i9", "also_bought", "i1") in set(
        both.catalog.facts[["head", "relation", "tail"]].itertuples(index=False, name=None)
    )
    (tmp_path / "Toys_5.json.gz").unlink()
    assert loaders.load(tmp_path).catalog.items["title"].iloc[0] == "Nine"


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    put(tmp_path / "a.json", json_lines(reviews()))
    put(tmp_path / "products.json", json_lines([{"asin": "i1", "title": "One"}]))
    put(tmp_path / "dataset-metadata.json", '{"id": "someone/toys"}')
    result = loaders.load(tmp_path)
    assert "One" in result.catalog.items["title"].tolist()
    assert "files that were not read: dataset-metadata.json." in str(result.report)


@pytest.mark.parametrize("field", ["verified", "overall", "unixReviewTime"])
def test_invalid_unicode_in_any_field_is_named(tmp_path: Path, field: str) -> None:
    rows = reviews()
    rows[2][field] = "\ud83d cut"
    with pytest.raises(
        SourceError, match=rf"r\.json, row 3: the value of {field} .* not valid Unicode"
    ):
        loaders.load(put(tmp_path / "r.json", json_lines(rows)))


def test_records_of_something_else(tmp_path: Path) -> None:
    path = put(tmp_path / "r.json", '{"stars": 4, "business": "b"}\n')
    with pytest.raises(
        SourceError, match=r"row 1: this is not a review of Amazon.*business, stars"
    ):
        loaders.amazon(path)
    with pytest.raises(RequestError, match="reviews is empty"):
        loaders.amazon([])


def test_titles_that_are_scripts_are_left_out(tmp_path: Path) -> None:
    review = '{"reviewerID": "A1", "asin": "B1", "overall": 5.0, "unixReviewTime": 1514764800}\n'
    put(tmp_path / "Toys_5.json", review)
    title = "var aPageStart = (new Date()).getTime(); var x"
    put(tmp_path / "meta_Toys.json", f'{{"asin": "B1", "title": "{title}"}}\n')
    result = loaders.load(tmp_path)
    assert result.catalog.items["title"].tolist() == [""]
    notes = result.report.file("meta_Toys.json").notes
    assert any("the title of 1 products is a script" in note for note in notes)
