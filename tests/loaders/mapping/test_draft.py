"""First mappings that are guessed: they load as they are, and say what they are of."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import loaders
from graph_schema import SourceError
from loaders.mapping.draft.form import form_of_file
from loaders.tables.tabular import CsvForm
from tests.loaders.mapping.samples import PAGE_SAMPLES, PageSample
from tests.loaders.writing import put


def drafted(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> dict[str, Any]:
    """The draft's fields; the draft is put into the folder and must load."""
    for name, text in files.items():
        put(folder / name, text, encoding)
    text = loaders.draft_mapping(folder)
    put(folder / "kgrec.toml", text)
    assert loaders.load(folder).catalog.validate().ok
    return tomllib.loads(text)


@pytest.mark.parametrize("sample", PAGE_SAMPLES, ids=str)
def test_a_draft_of_a_public_data_set_loads(sample: PageSample, tmp_path: Path) -> None:
    found = drafted(tmp_path, sample.files, sample.encoding)
    catalog = loaders.load(tmp_path).catalog
    assert found["interactions"]
    assert len(catalog.interactions) >= sample.counts["interactions"]
    by_hand = {row["user_id"] for row in sample.rows["interactions"] if "user_id" in row}
    assert by_hand <= set(catalog.users["user_id"])


def test_names_of_the_field_and_reasons(tmp_path: Path) -> None:
    files = {
        "Ratings.csv": "User-ID,ISBN,Book-Rating,ts\n1,a,5,1600000000\n2,a,0,1600000001\n",
        "Books.csv": "ISBN,Book-Title,Author,url\na,A,Ann,http://x\nb,B,Bob,http://y\n",
        "Users.csv": "User-ID,Age\n1,24\n2,30\n",
        "README.md": "# Data\n",
    }
    found = drafted(tmp_path, files)
    assert found["users"] == {
        "file": "Users.csv",
        "columns": {"user_id": "User-ID"},
        "attributes": ["Age"],
    }
    assert found["items"]["columns"] == {"item_id": "ISBN", "title": "Book-Title"}
    assert found["interactions"]["columns"] == {
        "user_id": "User-ID",
        "item_id": "ISBN",
        "rating": "Book-Rating",
        "timestamp": "ts",
    }
    assert found["facts"]["columns"]["tail"] == {"column": "Author", "prefix": "author:"}
    text = (tmp_path / "kgrec.toml").read_text()
    assert 'columns.user_id = "User-ID"  # 2 of 2 ids of interactions are here' in text
    assert "from 0 to 5, where 0 may say that there is none" in text
    assert "# Not read, since empty, addresses or objects: url." in text
    assert "# README.md: no data" in text


def test_german_names_and_prices(tmp_path: Path) -> None:
    items = [f"A{n:02};Buch {n};{n},50" for n in range(80)]
    pairs = [(user, (7 * user + 3 * place) % 80) for user in range(60) for place in range(8)]
    orders = [f"K{user};A{item:02};{item % 28 + 1:02}.10.2025;1" for user, item in pairs]
    files = {
        "artikel.csv": "\n".join(["ArtikelNr;Bezeichnung;Preis", *items, "A80;Mehr;1.250,99 €"]),
        "bestellungen.csv": "\n".join(["Kunde;Artikel;Bestelldatum;Menge", *orders]),
    }
    found = drafted(tmp_path, files)
    price = {"column": "Preis", "decimal": ","}  # one price, not a list of 12 and 50
    columns = {"item_id": "ArtikelNr", "title": "Bezeichnung", "Preis": price}
    assert found["items"]["columns"] == columns
    assert loaders.load(tmp_path).catalog.items["Preis"].max() == 1250.99


def test_a_file_without_a_header(tmp_path: Path) -> None:
    text = "u1|i1|pv|1600000000000\nu1|i2|buy|1600000001000\nu2|i1|pv|1600000002000\n"
    found = drafted(tmp_path, {"log.txt": text})
    assert found["files"] == {"delimiter": "|"}
    assert found["interactions"] == {
        "file": "log.txt",
        "names": ["col_1", "col_2", "col_3", "col_4"],
        "columns": {
            "user_id": "col_1",
            "item_id": "col_2",
            "event": "col_3",
            "timestamp": {"column": "col_4", "unit": "ms"},
        },
    }
    draft = (tmp_path / "kgrec.toml").read_text()
    assert "#   u1 | i1 | pv | 1600000000000" in draft
    assert "# Not sure: the names of the columns say little." in draft


def test_files_alike_are_read_one_after_another_and_others_have_events(tmp_path: Path) -> None:
    rows = "user,item\n1,2\n2,2\n"
    files = {"clicks_2023.csv": rows, "clicks_2024.csv": rows, "orders.csv": rows}
    found = drafted(tmp_path, files)
    assert [(one["file"], one["columns"]["event"]) for one in found["interactions"]] == [
        (["clicks_2023.csv", "clicks_2024.csv"], {"value": "clicks_2023"}),
        ("orders.csv", {"value": "orders"}),
    ]


def test_absent_ids_and_words_are_left_out(tmp_path: Path) -> None:
    files = {"r.csv": "user_id,item_id,rating\n1,2,NULL\n,3,4\n2,NULL,5\n1,3,4\n"}
    found = drafted(tmp_path, files)
    assert found["interactions"]["columns"]["rating"]["words"] == {"NULL": ""}
    assert found["interactions"]["where"] == {
        "user_id": {"not": [""]},
        "item_id": {"not": ["NULL"]},
    }
    assert len(loaders.load(tmp_path).catalog.interactions) == 2


def test_parts_of_a_split_and_tables_of_the_layout(tmp_path: Path) -> None:
    files = {
        "train.csv": "user,item\n1,2\n2,2\n",
        "test_set.csv": "user,item\n1,3\n2,3\n",
        "facts.csv": "head,head_type,relation,tail,tail_type,weight\n2,item,by,e1,entity,3\n",
        "people.csv": "entity_id,name,kind\ne1,Ann,person\n",
    }
    found = drafted(tmp_path, files)
    assert {one["file"]: one["columns"]["split"]["value"] for one in found["interactions"]} == {
        "train.csv": "train",
        "test_set.csv": "test",
    }
    assert found["facts"]["columns"]["tail"] == "tail"
    assert found["facts"]["attributes"] == ["weight"]
    assert found["entities"]["columns"]["name"] == "name"


def test_a_table_with_a_known_item_and_another_word_for_users(tmp_path: Path) -> None:
    found = drafted(tmp_path, {"log.csv": "who,isbn,rating\nann,a,3\nann,b,4\nbob,a,5\n"})
    assert found["interactions"]["columns"] == {
        "user_id": "who",
        "item_id": "isbn",
        "rating": "rating",
    }
    reason = 'columns.user_id = "who"  # not sure: the first column that may be an id'
    assert reason in (tmp_path / "kgrec.toml").read_text()


def test_facts_by_another_id_of_the_items(tmp_path: Path) -> None:
    files = {
        "ratings.csv": "user_id,book_id,rating\n1,1,5\n2,2,4\n2,1,3\n",
        "books.csv": "book_id,goodreads_book_id,title\n1,2767052,A\n2,30,B\n",
        "book_tags.csv": "goodreads_book_id,tag_id,count\n30,5,9\n2767052,5,7\n30,6,1\n",
        "tags.csv": "tag_id,tag_name\n5,fantasy\n6,war\n",
    }
    found = drafted(tmp_path, files)
    assert found["facts"]["columns"]["head"] == "item.book_id"
    assert found["facts"]["join"]["on"] == {"goodreads_book_id": "goodreads_book_id"}
    catalog = loaders.load(tmp_path).catalog
    assert sorted(zip(catalog.facts["head"], catalog.facts["tail"], strict=True)) == [
        ("1", "tag:5"),
        ("2", "tag:5"),
        ("2", "tag:6"),
    ]
    assert set(catalog.entities["name"]) == {"fantasy", "war"}


def test_isbns_are_no_times_and_decimals_no_ids(tmp_path: Path) -> None:
    files = {"r.csv": "A1,0205616461,5.0,1369699200\nA2,0558925278,3.0,1355443200\n"}
    assert drafted(tmp_path, files)["interactions"]["columns"] == {
        "user_id": "col_1",
        "item_id": "col_2",
        "rating": "col_3",
        "timestamp": "col_4",
    }


def test_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    """Ratings and prices; ids side by side stay a list."""
    files = {
        "r.csv": 'user_id,item_id,rating\n1,2,"4,50"\n2,3,"3,00"\n',
        "items.csv": "item_id;price;related\n2;5,09;3\n3;1.250,90;2,3\n",
    }
    found = drafted(tmp_path, files)
    assert found["interactions"]["columns"]["rating"] == {"column": "rating", "decimal": ","}
    assert found["items"]["columns"]["price"] == {"column": "price", "decimal": ","}
    assert loaders.load(tmp_path).catalog.items["price"].tolist() == [5.09, 1250.9]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("2020-07-05T10:00:00Z", "date"),
        ("31/12/2020", {"column": "date", "format": "%d/%m/%Y"}),
        ("12/31/2020", {"column": "date", "format": "%m/%d/%Y"}),
        ("20201231", {"column": "date", "format": "%Y%m%d"}),
        ('"Dec 31, 2020"', {"column": "date", "format": "%b %d, %Y"}),
        ("1600000000000000", {"column": "date", "unit": "us"}),
    ],
)
def test_forms_of_times(tmp_path: Path, value: str, field: object) -> None:
    files = {"r.csv": f"user_id,item_id,date\n1,2,{value}\n2,3,{value}\n"}
    assert drafted(tmp_path, files)["interactions"]["columns"]["timestamp"] == field


def test_titles_among_the_interactions(tmp_path: Path) -> None:
    files = {"p.csv": "user,track_id,track_name,genre\n1,a,A,x\n2,b,B,y\n2,a,A,x\n"}
    found = drafted(tmp_path, files)
    assert found["items"]["columns"] == {"item_id": "track_id", "title": "track_name"}
    assert found["items"]["first"] is True
    assert found["facts"]["columns"]["tail"] == {"column": "genre", "prefix": "genre:"}


def test_a_folder_without_users_and_items(tmp_path: Path) -> None:
    put(tmp_path / "names.csv", "name,age\nAnn,3\n")
    (tmp_path / "bad.csv.gz").write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(SourceError) as caught:
        loaders.draft_mapping(tmp_path)
    message = str(caught.value)
    assert "no table has users and items" in message
    assert "names.csv (name, age)" in message
    assert "bad.csv.gz: the gzip file is truncated or damaged" in message
    assert "Cure: write a mapping by hand" in message
    with pytest.raises(SourceError, match="there is no such folder"):
        loaders.draft_mapping(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "encoding", "form"),
    [
        ("a,b\n1,2\n", "utf-8", CsvForm()),
        ("a\tb\n1\t2\n", "utf-8", CsvForm("\t")),
        ('a;b\n"1";"x, \\"y\\""\n', "latin-1", CsvForm(";", escape="\\")),
        ("é;b\n1;2\n", "latin-1", CsvForm(";", "latin-1")),
        ("1::2\n2::3\n", "utf-8", CsvForm("::", quoted=False, names=("col_1", "col_2"))),
        ('a\tb\n1\tSome "Band\n', "utf-8", CsvForm("\t", quoted=False)),
        ("1 2\n3 4\n", "utf-8", CsvForm(" ", names=("col_1", "col_2"))),
        ("one\ntwo\n", "utf-8", None),
        ("a\0b,c\n", "utf-8", None),
    ],
)  # fmt: skip
def test_forms(tmp_path: Path, text: str, encoding: str, form: CsvForm | None) -> None:
    assert form_of_file(put(tmp_path / "a.txt", text, encoding)) == form


def test_a_value_in_parentheses_is_no_reason_against_a_separator(tmp_path: Path) -> None:
    files = {
        "films.csv": "movieId,title,genres\n1,A,Drama|War\n2,B,(no genres listed)\n3,C,War\n",
        "ratings.csv": "userId,movieId,rating\nu,1,3\nu,2,4\nv,3,5\n",
    }
    fact = drafted(tmp_path, files)["facts"]
    assert fact["columns"]["tail"]["separator"] == "|"


def test_another_id_that_has_more_of_the_values_is_joined(tmp_path: Path) -> None:
    files = {
        "books.csv": "book_id,site_book_id,title\n1,70,A\n2,3,B\n3,72,C\n",
        "ratings.csv": "user_id,book_id,rating\nu,1,3\nu,2,4\nv,3,5\n",
        "book_tags.csv": "site_book_id,tag_id\n70,5\n3,5\n72,6\n",
        "tags.csv": "tag_id,tag_name\n5,x\n6,y\n",
    }
    drafted(tmp_path, files)
    facts = loaders.load(tmp_path).catalog.facts
    assert set(facts["head"]) == {"1", "2", "3"}


def test_a_table_of_items_that_is_left_out_says_so(tmp_path: Path) -> None:
    files = {
        "events.csv": "visitorid,itemid,timestamp\nu,1,1433221332\nv,2,1433221333\n",
        "properties.csv": "itemid,shade,amount\n1,size,9\n1,size,8\n2,size,7\n",
    }
    drafted(tmp_path, files)
    text = (tmp_path / "kgrec.toml").read_text("utf-8")
    assert "itemid seems to name items" in " ".join(text.replace("#", "").split())
