"""Triples beside interactions: the forms of pykeen, DGL-KE, OpenKE and OGB, and which nodes are
items."""

from __future__ import annotations

from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError

from ..writing import csv_with_triples, put

EVENTS = "user_id,item_id\na,lamp\nb,desk\nb,chair\n"
MADE = {
    ("lamp", "item", "made_by", "acme", "entity"),
    ("desk", "item", "made_by", "acme", "entity"),
}
FORMS = {
    "pykeen": {"train.txt": "lamp\tmade_by\tacme\n", "test.txt": "desk\tmade_by\tacme\n"},
    "header": {
        "triples.tsv": "subject\tpredicate\tobject\nlamp\tmade_by\tacme\ndesk\tmade_by\tacme\n"
    },
    "layout": {"facts.tsv": "lamp\tmade_by\tacme\n\ndesk\tmade_by\tacme\n"},
    "blanks": {"kg.txt": "lamp made_by acme\ndesk made_by acme\n"},
    "commas": {"facts.csv": 'lamp,"made_by",acme\ndesk,made_by,acme\n'},
    "packed": {"facts.tsv.gz": "lamp\tmade_by\tacme\ndesk\tmade_by\tacme\n"},
    "dgl-ke": {
        "entities.dict": "0\tlamp\n1\tdesk\n2\tacme\n",
        "relations.dict": "0\tmade_by\n",
        "train.txt": "0\t0\t2\n",
        "valid.txt": "1\t0\t2\n",
    },
    "dgl-ke-names": {
        "entities.tsv": "lamp\t0\ndesk\t1\nacme\t2\n",
        "relations.tsv": "made_by\t0\n",
        "train.tsv": "lamp\tmade_by\tacme\ndesk\tmade_by\tacme\n",
    },
    "openke": {
        "entity2id.txt": "3\nlamp\t0\ndesk\t1\nacme\t2\n",
        "relation2id.txt": "1\nmade_by\t0\n",
        "train2id.txt": "2\n0 2 0\n1 2 0\n",
    },
    "ogb": {
        "edge.csv.gz": "0,2\n1,2\n",
        "edge_reltype.csv.gz": "0\n0\n",
        "nodeidx2entityid.csv.gz": "node idx,entity id\n0,lamp\n1,desk\n2,acme\n",
        "reltype2relid.csv.gz": "reltype,rel id\n0,made_by\n",
    },
}


def folder_with(folder: Path, files: dict[str, str], events: str = EVENTS) -> Path:
    for name, text in {"interactions.csv": events, **files}.items():
        put(folder / name, text)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_every_form(tmp_path: Path, form: str) -> None:
    result = loaders.load(folder_with(tmp_path, FORMS[form]))
    facts = result.catalog.facts
    assert set(facts.itertuples(index=False, name=None)) == MADE
    assert "2 of 3 items are nodes" in str(result.report)
    assert all(file.kept for file in result.report.files)


@pytest.mark.parametrize("form", FORMS)
def test_facts_alone_are_refused_with_the_cure(tmp_path: Path, form: str) -> None:
    folder = folder_with(tmp_path, FORMS[form])
    (folder / "interactions.csv").unlink()
    with pytest.raises(SourceError, match=r"no interactions.*Cure: put a file interactions\.csv"):
        loaders.load(folder)


def test_interactions_are_not_taken_for_triples(tmp_path: Path) -> None:
    files = {
        "train.tsv": "user_id\titem_id\trating\na\tlamp\t3\n",
        "test.txt": "1\t2\t5\n",
        "train.csv": "a,lamp,3\n",
    }
    result = loaders.load(folder_with(tmp_path, files))
    assert not len(result.catalog.facts)
    assert "train.csv is not a file of the layout" in str(result.report)


def test_names_that_look_absent_stay(tmp_path: Path) -> None:
    files = {"train.txt": "lamp\tmade_by\tnan\nlamp\tmade_by\tNULL\nlamp\tmade_by\tnan\n"}
    result = loaders.load(folder_with(tmp_path, files))
    assert result.catalog.entities["entity_id"].tolist() == ["nan", "NULL"]
    assert result.report.file("train.txt").dropped == {"exact repeat of an earlier row": 1}


def test_a_column_of_items_links_them(tmp_path: Path) -> None:
    items = "item_id,title,genre,entity\nlamp,Lamp,acme,1\ndesk,Desk,acme,2\nchair,Chair,x,2\n"
    files = {"items.csv": items, "kg.txt": "1\tr\t2\n2\tr\tacme\n3\tr\t1\n"}
    result = loaders.load(folder_with(tmp_path, files))
    assert set(zip(result.catalog.facts["head"], result.catalog.facts["tail"], strict=True)) == {
        ("lamp", "desk"),
        ("desk", "acme"),
        ("3", "lamp"),
    }
    assert "2 of 3 items are nodes of kg.txt, by the column entity. 1 items name" in str(
        result.report
    )


def test_a_column_of_ids_goes_before_numbers_that_are_item_ids_by_accident(tmp_path: Path) -> None:
    events, items = "user_id,item_id\na,1\na,2\na,3\n", "item_id,node\n1,7\n2,8\n3,\n"
    files = {"items.csv": items, "kg.txt": "1\tr\t7\n2\tr\t8\n3\tr\t7\n"}
    facts = loaders.load(folder_with(tmp_path, files, events)).catalog.facts
    assert facts["head_type"].tolist() == ["entity"] * 3
    assert facts["tail"].tolist() == ["1", "2", "1"]


def test_entities_that_a_table_lacks_are_added(tmp_path: Path) -> None:
    folder = csv_with_triples(tmp_path)
    put(folder / "entities.csv", "entity_id,name,born\nann,Ann,1950\n")
    result = loaders.load(folder)
    entities = result.catalog.entities
    assert entities[["entity_id", "name"]].values.tolist() == [["ann", "Ann"], ["paris", ""]]
    assert "1 entities of the facts have no row" in str(result.report)


def test_a_table_of_facts_goes_before_triples(tmp_path: Path) -> None:
    folder = csv_with_triples(tmp_path)
    put(folder / "facts.csv", "head,head_type,relation,tail,tail_type\ni1,item,r,x,entity\n")
    result = loaders.load(folder)
    assert len(result.catalog.facts) == 1
    assert "test.txt, train.txt: not read, as there is a table of facts" in str(result.report)


@pytest.mark.parametrize(
    ("form", "name", "text", "words"),
    [
        ("pykeen", "train.txt", "a\tr\tb\n" * 30 + "a\tr\n", r"train\.txt, row 31: 2 fields"),
        ("pykeen", "train.txt", "a\tr\tb\n" * 30 + "a\t\tb\n", r"row 31: a field is empty"),
        ("openke", "train2id.txt", "0 2 0\n", r"train2id\.txt, row 1: '0 2 0' is no count"),
        ("openke", "train2id.txt", "1\n0 9 0\n", r"train2id\.txt, row 2: 9 has no name"),
        ("openke", "entity2id.txt", "2\na\t0\nb\t0\n", r"entity2id\.txt, row 3"),
        ("ogb", "edge_reltype.csv.gz", "0\n", r"edge\.csv\.gz: 2 rows, and 1 in"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, form: str, name: str, text: str, words: str) -> None:
    folder = folder_with(tmp_path, FORMS[form])
    put(folder / name, text)
    with pytest.raises(SourceError, match=words):
        loaders.load(folder)


def test_numbers_without_a_name_are_noted(tmp_path: Path) -> None:
    put(folder_with(tmp_path, FORMS["dgl-ke"]) / "entities.dict", "0\tlamp\n1\tdesk\n")
    result = loaders.load(tmp_path)
    assert result.catalog.facts["head"].tolist() == ["0", "1"]
    assert "no name is there for 1 of 3 numbers of the triples, such as '2'" in str(result.report)


def test_a_wrong_count_of_openke_is_noted(tmp_path: Path) -> None:
    put(folder_with(tmp_path, FORMS["openke"]) / "train2id.txt", "5\n0 2 0\n1 2 0\n")
    result = loaders.load(tmp_path)
    assert "the first line says 5 rows, and there are 2." in str(result.report)


def test_the_order_of_transe(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", "user_id,item_id\nu,/m/a\n")
    put(tmp_path / "train.txt", "/m/a\t/m/b\t/r\n/m/a\t/m/c\t/r\n")
    put(tmp_path / "relation2id.txt", "/r\t0\n")
    result = loaders.load(tmp_path)
    assert set(result.catalog.facts["relation"]) == {"/r"}
    assert set(result.catalog.facts["tail"]) == {"/m/b", "/m/c"}
    assert any("head, tail and relation" in note for note in result.report.notes)


def test_a_short_row_of_triples_is_named(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", "user_id,item_id\nu,a\n")
    put(tmp_path / "train.txt", "a\tr\tb\n" * 7 + "a\tr\n")
    with pytest.raises(SourceError, match=r"train\.txt, row 8: 2 fields where there are 3"):
        loaders.load(tmp_path)
