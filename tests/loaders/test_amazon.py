"""Amazon reviews and metadata in both forms, and the errors of wrong files."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError
from loaders.amazon_records import clean

from .writing import amazon_2014, amazon_2018, json_lines, put, reviews


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
    assert "2 also_bought links lead to products that are not in the catalog" in str(result.report)
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
    with pytest.raises(SourceError, match=r"row 1: the id '.*' is not valid Unicode"):
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
