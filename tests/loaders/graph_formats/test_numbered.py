"""Formats in numbers: folders of KGAT, LightGCN and KGCN, and SASRec's file."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from loaders.registry import recognise

from ..writing import kgat_folder, kgcn_folder, lightgcn_folder, put, sasrec_folder

Fact = tuple[str, str, str]


def facts_of(result: loaders.LoadResult) -> set[Fact]:
    facts = result.catalog.facts
    return set(zip(facts["head"], facts["relation"], facts["tail"], strict=True))


def test_numbers_of_kgat_become_original_ids(tmp_path: Path) -> None:
    put(kgat_folder(tmp_path) / "test.txt", "1 3\n")
    result = loaders.load(tmp_path)
    events = result.catalog.interactions
    assert events.iloc[-1].tolist() == ["u2", "i3", "test"]
    assert (events["split"] == "train").sum() == 4
    assert facts_of(result) == {
        ("i1", "film.genre", "m.g1"),
        ("i3", "film.genre", "m.g1"),
        ("i1", "film.sequel", "i3"),
        ("m.g1", "film.genre", "m g2"),
    }
    assert set(result.catalog.facts["relation_iri"]) == {
        "http://x.org/ns/film.genre",
        "http://x.org/ns/film.sequel",
    }
    assert result.catalog.entities["entity_id"].tolist() == ["m.g1", "m g2"]
    items = result.catalog.items.set_index("item_id")["freebase_id"]
    assert items["i1"] == "m.01"
    assert items.isna()["i2"]


def test_numbers_stay_where_a_list_lacks_one(tmp_path: Path) -> None:
    put(lightgcn_folder(tmp_path) / "train.txt", "7 0 1\n1 9\n")
    result = loaders.load(tmp_path)
    assert set(result.catalog.interactions["item_id"]) == {"0", "1", "9"}
    assert set(result.catalog.interactions["user_id"]) == {"u1", "u2"}
    assert "no id here for 1 of 4 numbers, such as 9" in str(result.report)


def test_numbers_stay_where_an_id_is_there_twice(tmp_path: Path) -> None:
    put(lightgcn_folder(tmp_path) / "user_list.txt", "org_id remap_id\na 7\na 1\nb 2\n")
    result = loaders.load(tmp_path)
    assert set(result.catalog.users["user_id"]) == {"1", "2", "7"}
    assert "1 ids are here for several numbers" in str(result.report)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("org_id remap_id freebase_id", "one 0 m.1\ntwo words 1\nthree 3 words 3 m.3\n"),
        ("", "one 0 m.1\ntwo words 1\nthree 3 words 3\n"),
        ("remap_id org_id", "0 one\n1 two words\n3 three 3 words\n"),
    ],
)
def test_ids_with_blanks_and_empty_columns(tmp_path: Path, header: str, rows: str) -> None:
    put(lightgcn_folder(tmp_path) / "item_list.txt", f"{header}\n{rows}" if header else rows)
    items = loaders.load(tmp_path).catalog.items["item_id"]
    assert items.tolist() == ["one", "two words", "three 3 words"]


def test_a_number_with_two_ids_is_refused(tmp_path: Path) -> None:
    put(lightgcn_folder(tmp_path) / "user_list.txt", "org_id remap_id\na 7\nb 7\n")
    with pytest.raises(SourceError, match=r"user_list\.txt, row 3: the number 7"):
        loaders.load(tmp_path)


def test_without_lists_the_graph_has_items_below_the_greatest_number(tmp_path: Path) -> None:
    put(tmp_path / "train.txt", "0\t0 2\n1 2 2\n5\n\n")
    put(tmp_path / "kg_final.txt", "1 0 3\n3 0 4\n2 0 1\n")
    result = loaders.load(tmp_path)
    assert set(result.catalog.items["item_id"]) == {"0", "1", "2"}
    assert set(result.catalog.entities["entity_id"]) == {"3", "4"}
    file = result.report.file("train.txt")
    assert file.dropped == {"blank row": 1, "the user has the item already": 1}
    assert file.notes == ["lines with a user and no item: 1."]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("train.txt", "0 1 x\n", r"train\.txt, row 1: 'x' is no number"),
        ("train.txt", f"0 {'9' * 30}\n", r"train\.txt, row 1: '999"),
        ("train.txt", "0\n", "no user has an item"),
        ("kg_final.txt", "0 1 2 3\n", r"kg_final\.txt, row 1: 4 fields where there are 3"),
        ("item_list.txt", "org_id remap_id\na\n", r"item_list\.txt, row 2: 1 fields"),
    ],
)
def test_wrong_rows_of_kgat_are_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    put(kgat_folder(tmp_path) / name, text)
    with pytest.raises(SourceError, match=words):
        loaders.load(tmp_path)


def test_lists_of_items_are_recognised_by_their_lines(tmp_path: Path) -> None:
    path = put(tmp_path / "train.txt", "0 1 2\n1 \n")
    assert recognise(tmp_path).name == "kgat"
    put(path, "0 1\n0 2\n1 1\n")  # a user's items in several lines: SASRec's form
    assert recognise(tmp_path).name == "sasrec"
    put(path, "a\tb\tc\n")
    assert recognise(tmp_path).name == "csv"


def test_sampled_rows_of_kgcn_are_no_interactions(tmp_path: Path) -> None:
    result = loaders.load(kgcn_folder(tmp_path))
    (dropped,) = result.report.file("ratings_final.txt").dropped.items()
    assert dropped == ("label 0: a sampled item that the user did not choose", 1)
    assert facts_of(result) == {
        ("i1", "film.film.genre", "m.g1"),
        ("i3", "film.film.genre", "m.g1"),
        ("i1", "film.film.sequel", "i3"),
        ("m.g1", "film.genre.parent", "m.g2"),
    }


def test_numbers_stay_where_kg_has_other_facts(tmp_path: Path) -> None:
    put(kgcn_folder(tmp_path) / "kg.txt", "m.01\tr\tm.g1\n")
    result = loaders.load(tmp_path)
    assert facts_of(result) == {
        ("i1", "0", "3"),
        ("i3", "0", "3"),
        ("i1", "1", "i3"),
        ("3", "2", "4"),
    }
    assert "kg.txt hasn't the same facts" in str(result.report)


def test_rippleNet_leaves_out_facts_of_unknown_heads(tmp_path: Path) -> None:
    folder = kgcn_folder(tmp_path)
    put(folder / "kg.txt", "m.zz\tr0\tm.01\nm.01\tr1\tm.g1\nm.g1\tr2\tm.g2\n")
    put(folder / "kg_final.txt", "0\t0\t3\n3\t1\t4\n")
    assert facts_of(loaders.load(folder)) == {("i1", "r1", "m.g1"), ("m.g1", "r2", "m.g2")}


def test_items_keep_their_numbers_where_one_has_no_line(tmp_path: Path) -> None:
    put(kgcn_folder(tmp_path) / "ratings_final.txt", "u1\t0\t1.0\nu2\t7\t0.0\n")
    result = loaders.load(tmp_path)
    assert set(result.catalog.items["item_id"]) == {"0", "1", "2", "7"}
    assert ("0", "film.film.sequel", "1") in facts_of(result)
    assert "item 7 has no line here: the items keep their numbers" in str(result.report)


@pytest.mark.parametrize(
    ("text", "words"),
    [("u1\t0\t2\n", "row 1: the label is '2'"), ("u1\t0\t0\n", "no row has label 1")],
)
def test_wrong_labels_are_named(tmp_path: Path, text: str, words: str) -> None:
    put(kgcn_folder(tmp_path) / "ratings_final.txt", text)
    with pytest.raises(SourceError, match=words):
        loaders.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "column", "value"),
    [
        ("user_artists.dat", "userID\tartistID\tweight\nu1\ti1\t12\n", "weight", 12.0),
        ("ratings.csv", "userId,movieId,rating,timestamp\nu1,i1,4.5,978300019\n", "rating", 4.5),
        ("BX-Book-Ratings.csv", '"User-ID";"ISBN";"Book-Rating"\n"u1";"i1";"7"\n', "rating", 7.0),
    ],
)
def test_raw_ratings(tmp_path: Path, name: str, text: str, column: str, value: float) -> None:
    folder = kgcn_folder(tmp_path)
    for final in ("ratings_final.txt", "kg_final.txt"):
        (folder / final).unlink()
    put(folder / name, text)
    result = loaders.load(folder)
    assert result.catalog.interactions[column].tolist() == [value]
    assert ("i1", "film.film.sequel", "i3") in facts_of(result)


def test_the_order_of_sasrec_becomes_the_order_of_time(tmp_path: Path) -> None:
    put(sasrec_folder(tmp_path) / "Toys.txt", "u1 b\nu2 z\nu1 a\n\nu1 b\n")
    events = loaders.load(tmp_path).catalog.interactions
    own = events[events["user_id"] == "u1"].sort_values("timestamp")
    assert own["item_id"].tolist() == ["b", "a", "b"]
    assert own["timestamp"].tolist() == [86_400, 172_800, 259_200]


def test_one_of_several_files_of_sasrec(tmp_path: Path) -> None:
    put(sasrec_folder(tmp_path) / "Beauty.txt", "1 1\n")
    assert len(loaders.load(tmp_path / "Toys.txt").catalog.interactions) == 4
    with pytest.raises(SourceError, match="no format is recognised"):
        loaders.load(tmp_path)


def test_a_table_in_a_text_file_is_not_taken_for_sasrec(tmp_path: Path) -> None:
    path = put(tmp_path / "log.txt", "user_id,item_id,rating\na,b,3\n")
    assert recognise(path).name == "csv"
    put(path, "user_id item_id\na b\na c\n")
    assert recognise(path).name == "sasrec"
    assert loaders.load(path).catalog.interactions["item_id"].tolist() == ["b", "c"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("about.txt", "What this is\n"),
        ("README.txt", "a b\n"),
        ("rsc15.txt", "SessionId\tItemId\tTime\n1\t2\t1396861405.1\n"),
        ("ml-1m.txt", "1 1 5 978300760\n"),
        ("combined.txt", "1:\n7,5,2005-09-06\n8,5,2005-09-06\n"),
        ("foods.txt", "review/userId: A1\nreview/score: 5.0\n"),
        ("user_trust.txt", "1 2\n2 3\n"),
    ],
)
def test_other_text_is_no_file_of_sasrec(name: str, text: str, tmp_path: Path) -> None:
    put(tmp_path / name, text)
    with pytest.raises(SourceError, match=r"no format is recognised.*Cure: ") as caught:
        loaders.load(tmp_path)
    assert name == "README.txt" or f"kgrec map {tmp_path} --out" in str(caught.value)


def test_a_wrong_row_of_sasrec_is_named(tmp_path: Path) -> None:
    put(tmp_path / "Toys.txt", "1 1\n1 2\n1 2 3\n")
    with pytest.raises(SourceError, match=r"Toys\.txt, row 3: '1 2 3' is not a user and an item"):
        loaders.load(tmp_path)


def test_lines_of_a_user_that_are_apart_are_noted(tmp_path: Path) -> None:
    put(tmp_path / "pairs.txt", "1 1\n2 1\n1 2\n")
    note = "the lines of some users are apart: 3 runs of lines of 2 users"
    assert note in str(loaders.load(tmp_path).report)
    put(tmp_path / "pairs.txt", "1 1\n1 2\n2 1\n")
    assert "are apart" not in str(loaders.load(tmp_path).report)


def test_the_graph_of_kgcl_is_read_and_other_files_are_noted(tmp_path: Path) -> None:
    put(tmp_path / "train.txt", "0 0 1 2\n1 1 2 3\n")
    put(tmp_path / "kg.txt", "0 1 9\n1 1 9\n")
    put(tmp_path / "s_adj_mat.npz", "x")
    result = loaders.load(tmp_path)
    assert facts_of(result) == {("0", "1", "9"), ("1", "1", "9")}
    assert "files that were not read: s_adj_mat.npz." in result.report.notes


@pytest.mark.parametrize(
    ("ratings", "text"),
    [
        ("ratings.dat", "u1::i1::5::978300019\nu1::i2::4::978300020\n"),
        ("BX-Book-Ratings.csv", '"User-ID";"ISBN";"Book-Rating"\n"u1";"i1";"5"\n"u1";"i2";"4"\n'),
    ],
)
def test_the_raw_files_of_ripplenet(ratings: str, text: str, tmp_path: Path) -> None:
    put(tmp_path / ratings, text)
    put(tmp_path / "item_index2entity_id_rehashed.txt", "i1\t0\ni2\t1\n")
    stems = ("kg_part1", "kg_part2") if ratings == "ratings.dat" else ("kg",)
    for number, stem in enumerate(stems):
        put(tmp_path / f"{stem}_rehashed.txt", f"{number}\tfilm.star\t7\n")
    result = loaders.load(tmp_path)
    assert len(result.catalog.interactions) == 2
    assert ("i1", "film.star", "7") in facts_of(result)
    assert len(result.catalog.facts) == len(stems)
