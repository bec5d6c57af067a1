"""The CSV layout: what is read, and the error of every wrong file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema import CatalogError, KgrecError, SourceError
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS

from .writing import csv_folder, put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return csv_folder(tmp_path / "shop")


def refused(folder: Path, kind: type[KgrecError] = SourceError) -> str:
    with pytest.raises(kind) as caught:
        loaders.csv_folder(folder)
    assert "Cure: " in str(caught.value)
    return str(caught.value)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def test_types_of_attributes(folder: Path) -> None:
    rows = "u1,02139,1,true,1.10\nu2,1,2,false,1.2\n"
    put(folder / "users.csv.gz", f"user_id,zip,age,vip,note\n{rows}")
    put(folder / "interactions.csv", "user_id,item_id,device\nu1,i1,tv\nu2,i2,\n")
    catalog = loaders.csv_folder(folder).catalog
    users = catalog.tables["users"]
    assert [str(users.schema.field(n).type) for n in ("zip", "age", "vip", "note")] == [
        "string",
        "int64",
        "bool",
        "string",
    ]
    assert users.column("zip").to_pylist() == ["02139", "1"]
    assert catalog.tables["interactions"].column("device").to_pylist() == ["tv", None]


def test_only_interactions_are_needed(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "interactions.csv":
            path.unlink()
    catalog = loaders.csv_folder(folder).catalog
    assert catalog.items["item_id"].tolist() == ["i1", "i2", "i3"]


def test_numeric_looking_ids_stay_as_written(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    put(folder / "interactions.csv", "user_id,item_id\n007,1.0\n7,1\n")
    catalog = loaders.csv_folder(folder).catalog
    assert catalog.interactions["user_id"].tolist() == ["007", "7"]
    assert catalog.items["item_id"].tolist() == ["1.0", "1"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bom_line_ends_and_quoted_newlines(folder: Path, end: str) -> None:
    rows = ["item_id,title", 'i1,"One\nline ""two"""', "i2,Two, too".replace(", ", " "), "i3,é"]
    put(folder / "items.csv", "\ufeff" + end.join(rows) + end)
    items = loaders.csv_folder(folder).catalog.items
    assert items["title"].tolist() == ['One\nline "two"', "Two too", "é"]


def test_another_delimiter_and_encoding(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    put(folder / "interactions.csv", "user_id;item_id\nu1;café\n", "latin-1")
    result = loaders.csv_folder(folder, delimiter=";", encoding="latin-1")
    assert result.catalog.items["item_id"].tolist() == ["café"]


def test_parquet_files_keep_their_types(folder: Path) -> None:
    (folder / "items.csv").unlink()
    items = pa.table({"item_id": ["i1", "i2", "i3"], "price": [1.5, None, 2.0], "zip": ["1"] * 3})
    pq.write_table(items, folder / "items.parquet")
    table = loaders.csv_folder(folder).catalog.tables["items"]
    assert table.schema.field("price").type == pa.float64()


def test_blank_rows_and_repeats_are_dropped_and_counted(folder: Path) -> None:
    put(folder / "entities.csv", "entity_id,name,kind\ne1,Ann,x\n\n,,\ne1,Ann,x\n")
    report = {file.file: file for file in loaders.csv_folder(folder).report.files}
    entities = report["entities.csv"]
    assert (entities.read, entities.kept) == (4, 1)
    assert entities.dropped == {"blank row": 2, "exact repeat of an earlier row": 1}


def test_equal_events_are_separate(folder: Path) -> None:
    put(folder / "interactions.csv", "user_id,item_id,timestamp\n" + "u1,i1,5\n" * 3)
    assert len(loaders.csv_folder(folder).catalog.interactions) == 3


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_survive_files(folder: Path, odd: str) -> None:
    items = f"item_id,title\n{quoted(odd)},Odd\ni1,One\ni2,Two\ni3,Three\n"
    put(folder / "items.csv", items)
    events = f"user_id,item_id,rating,timestamp\nu1,{quoted(odd)},5,978300019\n"
    put(folder / "interactions.csv", events)
    catalog = loaders.csv_folder(folder).catalog
    assert catalog.interactions["item_id"].tolist() == [odd]
    back = loaders.csv_folder(loaders.to_csv_folder(catalog, folder / "back")).catalog
    assert back.interactions["item_id"].tolist() == [odd]


@pytest.mark.parametrize("odd", ODD_RELATIONS)
def test_odd_relations_survive_files(folder: Path, odd: str) -> None:
    head = "head,head_type,relation,tail,tail_type\n"
    put(folder / "facts.csv", f"{head}i1,item,{quoted(odd)},e1,entity\n")
    assert loaders.csv_folder(folder).catalog.facts["relation"].tolist() == [odd]


# --- files that can't be read


def test_no_folder(tmp_path: Path) -> None:
    assert "there is no such folder" in refused(tmp_path / "absent")


def test_a_missing_interactions_file(folder: Path) -> None:
    (folder / "interactions.csv").unlink()
    assert "there is no interactions.csv" in refused(folder)


def test_a_misspelt_file_name(folder: Path) -> None:
    (folder / "users.csv.gz").rename(folder / "user.csv.gz")
    assert "call it users.csv.gz" in refused(folder)


def test_other_files_are_not_read_and_reported(folder: Path) -> None:
    put(folder / "prices.csv", "a,b\n")
    assert "prices.csv is not a file of the layout" in str(loaders.csv_folder(folder).report)


def test_two_files_for_one_frame(folder: Path) -> None:
    put(folder / "users.csv", "user_id\nu1\n")
    assert "both users.csv and users.csv.gz exist" in refused(folder)


@pytest.mark.parametrize("name", ["interactions.csv", "users.csv.gz", "facts.csv"])
def test_an_empty_file(folder: Path, name: str) -> None:
    put(folder / name, "")
    assert f"{name}: the file is empty" in refused(folder)


def test_a_header_without_rows(folder: Path) -> None:
    put(folder / "interactions.csv", "user_id,item_id\n")
    assert "there is a header but no row" in refused(folder)


def test_an_empty_header(folder: Path) -> None:
    put(folder / "users.csv.gz", "\nu1\n")
    assert "row 1: the header is empty" in refused(folder)


def test_a_missing_column(folder: Path) -> None:
    put(folder / "interactions.csv", "user_id,item\nu1,i1\n")
    message = refused(folder, CatalogError)
    assert "interactions.csv, column item_id: the column is missing" in message
    assert "columns here: 'user_id', 'item'" in message


def test_a_repeated_column(folder: Path) -> None:
    put(folder / "users.csv.gz", "user_id,age,age\nu1,1,2\n")
    assert "users.csv.gz, row 1: the header has 'age' twice" in refused(folder)


@pytest.mark.parametrize(
    ("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_a_wrong_delimiter(folder: Path, delimiter: str, word: str) -> None:
    text = "user_id,item_id\nu1,i1\n".replace(",", delimiter)
    put(folder / "interactions.csv", text)
    message = refused(folder)
    assert f"looks separated by {word}" in message
    assert f"delimiter={delimiter!r}" in message


@pytest.mark.parametrize("before", [0, 60_000])
def test_a_wrong_encoding_names_row_and_byte(folder: Path, before: int) -> None:
    rows = "".join(f"x{n},fine\n" for n in range(before))
    put(folder / "items.csv", ("item_id,title\n" + rows + "i1,café\n").encode("latin-1"))
    assert f"items.csv, row {before + 2}: byte 0xe9 is not utf-8" in refused(folder)


def test_utf16(folder: Path) -> None:
    put(folder / "items.csv", "item_id,title\ni1,One\n", "utf-16")
    assert "items.csv: the file is UTF-16" in refused(folder)


@pytest.mark.parametrize("left", [2, 15, 0.5, 0.95])
def test_a_truncated_gzip(folder: Path, left: float) -> None:
    rows = "".join(f"u{n},{n * 7919 % 100_000}\n" for n in range(50_000))
    packed = gzip.compress(("user_id,zip\n" + rows).encode())
    size = int(left if left >= 1 else len(packed) * left)
    (folder / "users.csv.gz").write_bytes(packed[:size])
    assert "users.csv.gz: the gzip file is truncated or damaged" in refused(folder)


def test_a_gzip_with_a_wrong_byte(folder: Path) -> None:
    packed = bytearray(gzip.compress(b"user_id,zip\nu1,1\nu2,2\nu3,3\n"))
    packed[-6] ^= 0xFF
    (folder / "users.csv.gz").write_bytes(packed)
    assert "truncated or damaged" in refused(folder)


@pytest.mark.parametrize("row", ["i9,a,1,b", "i9"])
def test_a_row_with_too_many_or_too_few_fields(folder: Path, row: str) -> None:
    put(folder / "items.csv", f"item_id,title,year\ni1,One,1\n\ni2,Two,2\n{row}\ni3,Three,3\n")
    fields = row.count(",") + 1
    assert f"items.csv, row 5: {fields} fields where there are 3 columns" in refused(folder)


@pytest.mark.parametrize(
    ("after", "said"),
    [(2, "a quote is opened and never closed"), (200_000, "it is longer than 16,777,216 bytes")],
)
def test_an_unclosed_quote(folder: Path, after: int, said: str) -> None:
    rows = "".join(f"x{n},{'word ' * 20}\n" for n in range(after))
    put(folder / "items.csv", 'item_id,title\ni1,One\ni2,"Two\n' + rows)
    assert f"items.csv, row 3: {said}" in refused(folder)


def test_a_quote_inside_a_field_is_fine(folder: Path) -> None:
    put(folder / "items.csv", 'item_id,title\ni1,12" vinyl\ni2,Two\ni3,\n')
    assert loaders.csv_folder(folder).catalog.items["title"].tolist() == ['12" vinyl', "Two", ""]


def test_a_damaged_parquet_file(folder: Path) -> None:
    (folder / "items.csv").unlink()
    (folder / "items.parquet").write_bytes(b"PAR1 and then nothing")
    assert "items.parquet: the Parquet file is damaged" in refused(folder)


# --- content that breaks the schema


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("NaN,5", "row 4, column rating: 'NaN' is not a number"),
        ("inf,5", "row 4, column rating: 'inf' is not a number"),
        ("five,5", "row 4, column rating: 'five' is not a number"),
        ("4,NaN", "row 4, column timestamp: 'NaN' is not a time"),
        ("4,2001-13-01", "row 4, column timestamp: '2001-13-01' is not a time"),
        ("4,978300019000", "row 4, column timestamp: 978300019000 looks like milliseconds"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(folder: Path, field: str, words: str) -> None:
    head = "user_id,item_id,rating,timestamp\n"
    put(folder / "interactions.csv", f"{head}u1,i1,4,5\n\nu1,i2,{field}\nu2,i1,,\n")
    assert f"interactions.csv, {words}" in refused(folder, CatalogError)


def test_unknown_ids_are_named_with_their_rows(folder: Path) -> None:
    put(folder / "interactions.csv", "user_id,item_id\nu1,i1\nghost,i9\n")
    put(folder / "facts.csv", "head,head_type,relation,tail,tail_type\ni1,item,r,e9,entity\n")
    message = refused(folder, CatalogError)
    for words in (
        "interactions.csv, row 3, column user_id: 'ghost' is not among the ids of",
        "interactions.csv, row 3, column item_id: 'i9' is not among the ids of",
        "facts.csv, row 2, column tail: 'e9' is not among the ids of",
    ):
        assert words in message


def test_a_repeated_id_after_a_quoted_newline_has_the_right_row(folder: Path) -> None:
    put(folder / "items.csv", 'item_id,title\ni1,"a\nb"\ni2,c\n\ni3,d\ni2,other\n')
    message = refused(folder, CatalogError)
    assert "items.csv, row 6, column item_id: the id 'i2' is in an earlier row" in message


def test_an_id_of_ten_thousand_characters_is_an_error_with_its_row(folder: Path) -> None:
    put(folder / "users.csv.gz", f"user_id\nu1\nu2\nu3\n{'x' * 10_000}\n")
    message = refused(folder, CatalogError)
    assert "users.csv.gz, row 5, column user_id: the id 'xxx" in message
    assert len(message) < 500


def test_nothing_in_the_folder_changes(folder: Path) -> None:
    for users in ("user_id\nu1\nu2\nu3\n", "user_id\n"):
        put(folder / "users.csv.gz", users)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        if users.endswith("u3\n"):
            loaders.csv_folder(folder)
        else:
            refused(folder, CatalogError)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.data
def test_ml1m_loads_completely(data_dir: Path) -> None:
    catalog = loaders.load(data_dir / "ml-1m-kg").catalog
    expected = pd.read_csv(data_dir / "ml-1m-kg" / "interactions.csv.gz", dtype=str)
    got = catalog.interactions
    assert got["user_id"].tolist() == expected["user_id"].tolist()
    assert got["item_id"].tolist() == expected["item_id"].tolist()
    assert (got["rating"] == expected["rating"].astype(float)).all()
    assert (got["timestamp"] == expected["timestamp"].astype(int)).all()
    assert got["split"].value_counts().to_dict() == {
        "train": 556_989,
        "valid": 190_063,
        "test": 185_241,
    }
    assert len(catalog.facts) == 193_089
    assert "02139" in set(catalog.users["zip"])


def test_the_index_of_a_parquet_file_is_left_out_and_noted(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]}, index=[7, 9])
    events.to_parquet(tmp_path / "interactions.parquet")
    result = loaders.csv_folder(tmp_path)
    assert list(result.catalog.interactions.columns) == ["user_id", "item_id"]
    assert "interactions.parquet: the column __index_level_0__" in str(result.report)


def test_the_index_of_a_csv_file_is_named_with_the_cure(tmp_path: Path) -> None:
    events = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    events.to_csv(tmp_path / "interactions.csv")
    with pytest.raises(CatalogError, match=r"interactions\.csv.*Cure: write .* index=False"):
        loaders.csv_folder(tmp_path)


def test_a_single_file_without_header_and_with_another_delimiter(tmp_path: Path) -> None:
    path = put(tmp_path / "ratings.txt", "1\t2\t5\n1\t3\t4\n")
    message = refused(path)
    assert "(--delimiter 'tab')" in message
    assert "(--no-header) too" in message
    result = loaders.load(path, delimiter="\t", header=False)
    assert len(result.catalog.interactions) == 2


def test_a_single_file_that_is_no_table(tmp_path: Path) -> None:
    path = put(tmp_path / "combined_data_1.txt", "1:\n7,5,2005-09-06\n8,3,2005-09-06\n")
    message = refused(path)
    assert "this is no table: lines such as '1:' say what the lines below belong to." in message
    assert "Cure: write a table of it" in message


def test_a_folder_of_other_tables_is_told_of_mappings(tmp_path: Path) -> None:
    put(tmp_path / "users.csv", "UserID,Age\n1,2\n")
    put(tmp_path / "ratings.csv", "UserID,MovieID,Rating\n1,2,3\n")
    assert f"kgrec map {tmp_path} --out FILE.toml" in refused(tmp_path)
