"""RecBole atomic files: links, sequences, a split of the caller, and wrong files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import loaders
from graph_schema import CatalogError, SourceError
from tests.loaders.writing import put, recbole_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return recbole_folder(tmp_path / "tiny")


def facts(folder: Path) -> set[tuple[str, ...]]:
    frame = loaders.recbole(folder).catalog.facts
    return set(
        frame[["head", "head_type", "relation", "tail", "tail_type"]].itertuples(index=False)
    )


def test_linked_entities_are_the_items_themselves(folder: Path) -> None:
    catalog = loaders.recbole(folder).catalog
    assert facts(folder) == {
        ("i1", "item", "film.film.genre", "m.g1", "entity"),
        ("i3", "item", "film.film.genre", "m.g1", "entity"),
        ("i1", "item", "film.film.sequel", "i3", "item"),
        ("m.g1", "entity", "film.genre.parent", "m.g2", "entity"),
    }
    assert sorted(catalog.entities["entity_id"]) == ["m.g1", "m.g2"]


def test_names_and_sequences(folder: Path) -> None:
    items = loaders.recbole(folder).catalog.items
    assert items["title"].tolist() == ["Toy Story", "Two", "III"]
    assert items["year"].tolist() == [1995, 1999, 2003]
    assert items["genres"].iloc[0] == "Comedy|Children's"
    assert loaders.recbole(folder).catalog.users["age"].tolist() == [24, 53, 7]


def test_without_links_and_item_file(folder: Path) -> None:
    (folder / "tiny.link").unlink()
    (folder / "tiny.item").unlink()
    result = loaders.recbole(folder)
    assert set(result.catalog.facts["head_type"]) == {"entity"}
    assert len(result.catalog.items) == 3


def test_dropped_links_are_counted(folder: Path) -> None:
    put(
        folder / "tiny.link",
        "item_id:token\tentity_id:token\ni1\tm.01\ni9\tm.03\ni3\tm.01\n",
    )
    report = {file.file: file for file in loaders.recbole(folder).report.files}["tiny.link"]
    assert report.dropped == {
        "the item is not in the catalog": 1,
        "the entity is linked to an item already": 1,
    }


def test_repeated_facts_are_counted(folder: Path) -> None:
    kg = folder / "tiny.kg"
    put(kg, kg.read_text() + "m.01\tfilm.film.genre\tm.g1\n")
    report = {file.file: file for file in loaders.recbole(folder).report.files}["tiny.kg"]
    assert (report.read, report.kept) == (5, 4)


def test_interactions_of_the_caller(folder: Path) -> None:
    (folder / "tiny.inter").unlink()
    own = pd.DataFrame({"user_id": [1, 2], "item_id": ["i1", "i2"], "split": ["train", "test"]})
    with pytest.raises(CatalogError, match=r"interactions frame, row 0, column user_id: '1'"):
        loaders.recbole(folder, own)
    own["user_id"] = ["u1", "u2"]
    catalog = loaders.recbole(folder, own).catalog
    assert catalog.interactions["split"].tolist() == ["train", "test"]
    assert len(catalog.items) == 3


def test_only_what_has_interactions(folder: Path) -> None:
    own = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": ["i1", "i2"]})
    result = loaders.recbole(folder, own, only_interacted=True)
    assert result.catalog.items["item_id"].tolist() == ["i1", "i2"]
    assert result.catalog.users["user_id"].tolist() == ["u1", "u2"]
    assert ("i1", "m.03", "entity") in set(
        result.catalog.facts[["head", "tail", "tail_type"]].itertuples(index=False, name=None)
    )
    report = {file.file: file for file in result.report.files}
    assert report["tiny.item"].dropped == {"it has no interaction": 1}
    assert report["tiny.link"].dropped == {"the item is not in the catalog": 1}


@pytest.mark.data
def test_the_fixed_split_of_ml100k_as_a_csv_folder(
    ml100k_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    parts = []
    for split in ("train", "valid", "test"):
        part = pd.read_csv(data_dir / "ml-100k-split" / f"{split}.csv")
        parts.append(part.rename(columns={"user": "user_id", "item": "item_id"}))
        parts[-1]["split"] = split
    catalog = loaders.recbole(ml100k_dir, pd.concat(parts), only_interacted=True).catalog
    again = loaders.load(loaders.to_csv_folder(catalog, tmp_path)).catalog
    assert [len(again.users), len(again.items), len(again.interactions)] == [938, 1_447, 55_361]
    assert again.equals(catalog)


def test_quotes_have_no_special_meaning(folder: Path) -> None:
    head = "item_id:token\tmovie_title:token_seq\n"
    put(folder / "tiny.item", head + 'i1\t"One\ni2\tTwo"\ni3\tThr"ee\n')
    assert loaders.recbole(folder).catalog.items["title"].tolist() == ['"One', 'Two"', 'Thr"ee']


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tiny.inter", "user_id\titem_id\nu1\ti1\n", "row 1: 'user_id' is not a RecBole header"),
        ("tiny.inter", "user_id:token,item_id:token\nu1,i1\n", "not a RecBole header"),
        ("tiny.kg", "head_id:token\ttail_id:token\na\tb\n", "the column relation_id:token is miss"),
        ("tiny.link", "item_id:token\ni1\n", "the column entity_id:token is missing"),
        ("tiny.user", "user_id:token\tage:token\nu1\n", "row 2: 1 fields where there are 2"),
    ],
)
def test_wrong_files_are_named(folder: Path, name: str, content: str, words: str) -> None:
    put(folder / name, content)
    with pytest.raises(SourceError) as caught:
        loaders.recbole(folder)
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_missing_columns_are_named(folder: Path) -> None:
    put(folder / "tiny.inter", "user_id:token\titem:token\nu1\ti1\n")
    with pytest.raises(CatalogError, match=r"tiny\.inter, column item_id: the column is missing"):
        loaders.recbole(folder)


def test_several_data_sets_in_one_folder(folder: Path) -> None:
    put(folder / "other.inter", "user_id:token\titem_id:token\na\tb\n")
    with pytest.raises(SourceError, match=r"several data sets are here \(other, tiny\)"):
        loaders.recbole(folder)
    assert len(loaders.recbole(folder, name="other").catalog.interactions) == 1
    assert len(loaders.load(folder / "tiny.inter").catalog.interactions) == 4


def test_ml100k_as_published(ml100k_dir: Path) -> None:
    result = loaders.load(ml100k_dir)
    catalog = result.catalog
    assert [len(catalog.frame(n)) for n in ("users", "items", "interactions", "facts")] == [
        943,
        1_682,
        100_000,
        91_631,
    ]
    assert {file.file: file.kept for file in result.report.files}["ml-100k.link"] == 1_598
    ends = catalog.facts.groupby(["head_type", "tail_type"]).size().to_dict()
    assert ends[("item", "item")] == 114
    assert catalog.items["genres"].iloc[0] == "Animation|Children's|Comedy"


def test_ids_that_are_whole_numbers_stay_text(folder: Path) -> None:
    put(folder / "tiny.kg", "head_id:token\trelation_id:token\ttail_id:token\n5\t7\t1990\n")
    (folder / "tiny.link").unlink()
    result = loaders.recbole(folder)
    assert result.catalog.facts["tail"].tolist() == ["1990"]
    assert "no fact is about an item" in str(result.report)


def test_users_and_items_without_a_row_are_added_and_noted(folder: Path) -> None:
    put(folder / "tiny.item", "item_id:token\tprice:float\ni1\t12.50\n")
    put(folder / "tiny.inter", "user_id:token\titem_id:token\nu1\ti1\nu1\ti7\n")
    result = loaders.recbole(folder)
    items = result.catalog.tables["items"]
    assert items["item_id"].to_pylist() == ["i1", "i7"]
    assert items["price"].to_pylist() == [12.5, None]
    assert "1 items of the interactions have no row here, such as 'i7'" in str(result.report)


def test_packed_and_hidden_files(folder: Path) -> None:
    put(folder / "tiny.inter.gz", (folder / "tiny.inter").read_bytes())
    (folder / "tiny.inter").unlink()
    put(folder / "._tiny.inter", b"\x00\x05\x16\x07")
    assert loaders.load(folder).report.file("tiny.inter.gz").read > 0
    put(folder / "other.inter", "user_id:token\titem_id:token\nu1\ti1\n")
    with pytest.raises(SourceError, match=r"Cure: give the file of one, such as other\.inter"):
        loaders.load(folder)


def test_class_is_a_genre_of_items_alone(folder: Path) -> None:
    put(folder / "tiny.user", "user_id:token\tclass:token\nu1\tgold\nu2\tblue\nu3\tred\n")
    assert "class" in loaders.recbole(folder).catalog.users.columns
