"""XMRec's markets as published: scenarios, users of two markets, dates, and wrong files."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import CatalogError, SourceError

from .writing import put, xmrec_folder

HEADER = "userId itemId rate date\n"


def two_markets(folder: Path) -> Path:
    put(folder / "jp_5core.txt", HEADER + "u1 i1 4.0 2016-02-29\nu9 i9 1.0 1969-12-31\n")
    put(folder / "readme.txt", "Not a market.")
    return xmrec_folder(folder)


def test_a_market_is_a_scenario_with_description_and_attributes(tmp_path: Path) -> None:
    put(tmp_path / "zz_5core.txt.gz", HEADER + "u7 i1 4.0 2016-02-29\n")
    catalog = loaders.load(two_markets(tmp_path)).catalog
    assert catalog.interactions["scenario"].tolist() == ["de"] * 4 + ["jp"] * 2 + ["zz"]
    table = catalog.tables["scenarios"].to_pylist()
    assert [row["scenario_id"] for row in table] == ["de", "jp", "zz"]
    assert table[1] == {
        "scenario_id": "jp",
        "description": "The shop in Japan, East Asia; its language is Japanese, its currency the "
        "yen.",
        "country": "Japan",
        "language": "Japanese",
        "currency": "yen",
        "region": "East Asia",
    }
    assert set(table[2].values()) == {"zz", "", None}


def test_a_user_of_two_markets_is_two_users(tmp_path: Path) -> None:
    result = loaders.load(two_markets(tmp_path))
    users = result.catalog.interactions["user_id"].tolist()
    assert users == ["de:u1", "de:u1", "u2", "u3", "jp:u1", "u9"]
    assert "1 user id is in two markets or more" in str(result.report)
    assert sorted(set(result.catalog.items["item_id"])) == ["i1", "i2", "i3", "i9"]


def test_a_date_is_its_midnight(tmp_path: Path) -> None:
    events = loaders.load(two_markets(tmp_path)).catalog.interactions
    assert events["timestamp"].tolist()[-2:] == [1_456_704_000, -86_400]


def test_some_markets_alone(tmp_path: Path) -> None:
    folder = two_markets(tmp_path)
    alone = loaders.xmrec(folder, markets=["jp"]).catalog
    assert loaders.load(folder / "jp_5core.txt").catalog.equals(alone)
    assert alone.interactions["user_id"].tolist() == ["u1", "u9"]
    with pytest.raises(SourceError, match=r"there is no uk_5core\.txt\.gz.*Cure"):
        loaders.xmrec(folder, markets=["jp", "uk"])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("u i 4.0 yesterday", r"column date: 'yesterday' is not a date\. Cure: write dates as"),
        ("u i 4.0 2016-02-30", r"column date: '2016-02-30' is not a date"),
        ("u i 4.0 2016-1-5", r"column date: '2016-1-5' is not a date"),
        ("u i four 2016-02-29", r"column rating: 'four' is not a number"),
        (" i 4.0 2016-02-29", r"column user_id: the id is empty"),
    ],
)
def test_a_wrong_row_is_named_with_its_file(tmp_path: Path, row: str, words: str) -> None:
    put(tmp_path / "jp_5core.txt.gz", HEADER + f"u1 i1 4.0 2016-02-29\n{row}\n")
    with pytest.raises(CatalogError, match=rf"jp_5core\.txt\.gz, row 3, {words}"):
        loaders.load(xmrec_folder(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER + "u i 4.0\n", r"row 2: 3 fields where there are 4 columns"),
        (HEADER, "there is a header but no row"),
        ("userId\titemId\trate\tdate\nu\ti\t1\t2016-02-29\n", r"row 1: the column userId is miss"),
        ("user item rate date\nu i 1 2016-02-29\n", r"row 1: the column userId is missing.*Cure"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str, words: str) -> None:
    put(tmp_path / "jp_5core.txt.gz", content)
    with pytest.raises(SourceError, match=rf"jp_5core\.txt\.gz.*{words}"):
        loaders.xmrec(tmp_path)


def test_two_files_of_one_market_and_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no MARKET_5core\.txt\.gz"):
        loaders.xmrec(tmp_path)
    with pytest.raises(SourceError, match="there is no such folder"):
        loaders.xmrec(tmp_path / "absent")
    two_markets(tmp_path)
    put(tmp_path / "jp_5core.txt.gz", HEADER + "u i 1 2016-02-29\n")
    with pytest.raises(SourceError, match=r"both jp_5core\.txt and jp_5core\.txt\.gz"):
        loaders.xmrec(tmp_path)


@pytest.mark.data
def test_the_published_markets(data_dir: Path) -> None:
    result = loaders.load(data_dir / "xmrec-markets")
    events = result.catalog.interactions
    assert events["scenario"].value_counts().to_dict() == {
        "ca": 55_045,
        "uk": 44_515,
        "fr": 22_905,
        "de": 22_247,
        "mx": 17_095,
        "jp": 4_485,
        "in": 2_015,
    }
    assert events.groupby("user_id")["scenario"].nunique().max() == 1
    prefixed = events["user_id"][events["user_id"].str.contains(":")]
    assert prefixed.nunique() == 8, "four ids are in two markets each"
    assert (result.catalog.scenarios["description"] != "").all()
