"""Files of another kind, encoding or form than their names say are refused with the cure."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema import CatalogError, SourceError
from graph_schema.errors import RequestError
from tests.loaders.writing import put

EVENTS = "user_id,item_id\nu1,i1\nu2,i2\n"


def refused(folder: Path, name: str, content: bytes | str) -> str:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        loaders.load(folder)
    assert "Cure:" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("codec", "option"),
    [
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("utf-32-le", "utf-32-le"),
    ],
)
def test_wide_encodings_are_named_and_the_option_reads_them(
    tmp_path: Path, codec: str, option: str
) -> None:
    text = refused(tmp_path, "interactions.csv", EVENTS.encode(codec))
    assert f"encoding='{option}' (--encoding {option})" in text
    assert loaders.load(tmp_path, encoding=option).catalog.interactions["user_id"].tolist() == [
        "u1",
        "u2",
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("<!DOCTYPE html>\n<html></html>\n", "a web page"),
        ('[{"user_id": 1, "item_id": 2}]', "JSON"),
        ('{"user_id": 1, "item_id": 2}\n', "JSON"),
        (b"PAR1....", "a Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook of Excel"),
        (gzip.compress(gzip.compress(EVENTS.encode(), mtime=0), mtime=0), "packed twice"),
        ("My export\n" + EVENTS, "is no header"),
        ("# exported\n" + EVENTS, "is no header"),
        ("\n" + EVENTS, "remove blank lines above it"),
        ("user_id item_id\nu1 i1\n", "--delimiter ' '"),
        ("user_id::item_id\nu1::i1\n", "--delimiter '::'"),
        ('"user_id,item_id"\n"u1,i1"\n', "remove the quotes around the rows"),
        ("user_id,item_id,\nu1,i1,x\n", "column 3 has values and no name"),
        ('user_id,item_id\nu1, "i,1"\n', "remove the blank between the delimiter"),
        ("user_id,item_id\nu1,i1,\n", "remove the delimiter ',' at the end"),
    ],
)
def test_other_content_than_the_name_says(tmp_path: Path, content: bytes | str, what: str) -> None:
    assert what in refused(tmp_path, "interactions.csv", content)


def test_a_workbook_with_the_name_of_a_table(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("xl/workbook.xml", "x")
    assert "a workbook of Excel" in refused(tmp_path, "interactions.csv", made.getvalue())


def test_commas_in_a_tsv_file(tmp_path: Path) -> None:
    assert "give it a name that ends in .csv" in refused(tmp_path, "interactions.tsv", EVENTS)


def test_empty_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", "user_id,item_id,,\nu1,i1,,\n")
    result = loaders.load(tmp_path)
    assert result.catalog.tables["interactions"].column_names == ["user_id", "item_id"]
    assert "without a name and without values, and so left out: 2 columns" in str(result.report)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('{"user_id": {"0": 1}, "item_id": {"0": 2}}', "orient='records'"),
        ('{"columns": ["user_id"], "index": [0], "data": [[1]]}', "orient='records'"),
        ('{"data": [{"user_id": 1, "item_id": 2}]}', "the rows are inside of data"),
        ('{"user_id": {"$oid": "a"}, "item_id": 2}', "its values are objects (user_id.$oid)"),
        ('{"user_id": 1, "item_id": 2},\n', "Extra data"),
    ],
)
def test_json_whose_objects_are_no_rows(tmp_path: Path, content: str, what: str) -> None:
    assert what in refused(tmp_path, "interactions.json", content)


@pytest.mark.parametrize(
    "name", ["Interactions.csv", "interactions (1).csv", "interactions.csv.txt"]
)
def test_a_table_with_nearly_the_right_name(tmp_path: Path, name: str) -> None:
    assert "call it interactions.csv" in refused(tmp_path, name, EVENTS)


def test_files_and_folders_that_were_not_read_are_noted(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", EVENTS)
    for name in ("items.bak", "README.txt", "~$items.xlsx", "Thumbs.db", ".DS_Store"):
        put(tmp_path / name, "x")
    put(tmp_path / "meta" / "items.csv", "item_id\ni1\n")
    assert loaders.load(tmp_path).report.notes == ["files that were not read: items.bak, meta."]


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").symlink_to("interactions.csv")
    with pytest.raises(SourceError, match="a symbolic link that leads to itself"):
        loaders.load(tmp_path)


def test_parquet_with_a_column_twice_or_in_partitions(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["user_id", "item_id", "item_id"])
    pq.write_table(twice, tmp_path / "interactions.parquet")
    with pytest.raises(SourceError, match="'item_id' is there twice"):
        loaders.load(tmp_path)
    (tmp_path / "interactions.parquet").unlink()
    (tmp_path / "interactions.parquet" / "event=a").mkdir(parents=True)
    with pytest.raises(SourceError, match="in folders such as event=a"):
        loaders.load(tmp_path)


def test_parts_with_their_columns_in_another_order(tmp_path: Path) -> None:
    folder = tmp_path / "interactions.parquet"
    folder.mkdir()
    for place, names in enumerate((["user_id", "item_id"], ["item_id", "user_id"])):
        table = pa.table({name: [f"{name[0]}{place}"] for name in names})
        pq.write_table(table, folder / f"part-{place}.parquet")
    events = loaders.load(tmp_path).catalog.interactions
    assert events["user_id"].tolist() == ["u0", "u1"]
    assert events["item_id"].tolist() == ["i0", "i1"]


def vectors(folder: Path, ids: bytes, end: str = "txt") -> loaders.LoadResult:
    put(folder / "interactions.csv", EVENTS)
    (folder / "vectors").mkdir()
    np.save(folder / "vectors" / "image.npy", np.eye(2))
    (folder / "vectors" / f"image.ids.{end}").write_bytes(ids)
    return loaders.load(folder)


@pytest.mark.parametrize(
    ("ids", "end"), [(b"\xef\xbb\xbfi1\r\ni2\r\n\r\n", "txt"), (b'["i1", "i2"]', "json")]
)
def test_ids_of_vectors(tmp_path: Path, ids: bytes, end: str) -> None:
    result = vectors(tmp_path, ids, end)
    assert result.catalog.items["item_id"].tolist() == ["i1", "i2"]
    assert result.report.notes == []


def test_ids_of_vectors_that_became_decimals(tmp_path: Path) -> None:
    result = vectors(tmp_path, b"[7.0, 8.0]", "json")
    assert result.catalog.items["item_id"].tolist() == ["i1", "i2", "7", "8"]


@pytest.mark.parametrize("ids", [b'["i1", null]', b'["i1", true]', b'["i1", 1.5]'])
def test_what_is_no_id_of_a_vector(tmp_path: Path, ids: bytes) -> None:
    with pytest.raises((SourceError, CatalogError), match=r"row 2: .* is no id"):
        vectors(tmp_path, ids, "json")


def test_an_archive_of_arrays_and_ids_alone(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", EVENTS)
    (tmp_path / "vectors").mkdir()
    put(tmp_path / "vectors" / "image.ids.txt", "i1\n")
    assert "image.ids.txt holds no vectors" in str(loaders.load(tmp_path).report)
    with (tmp_path / "vectors" / "image.npy").open("wb") as file:
        np.savez(file, a=np.eye(2))
    with pytest.raises(SourceError, match=r"numpy\.savez"):
        loaders.load(tmp_path)


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "utf-16", "utf-16-le"])
def test_bytes_far_down_that_are_not_of_the_encoding(tmp_path: Path, encoding: str) -> None:
    content = b"user_id,item_id\n" + b"1,2\n" * 5_000 + b"1,\xff\xff\n"
    (tmp_path / "interactions.csv").write_bytes(content)
    with pytest.raises(SourceError, match=f"not {encoding}"):
        loaders.load(tmp_path, encoding=encoding)


@pytest.mark.parametrize("encoding", ["rot13", "base64", "utf8mb4"])
def test_what_is_no_encoding_of_text(tmp_path: Path, encoding: str) -> None:
    put(tmp_path / "interactions.csv", EVENTS)
    with pytest.raises(RequestError, match="which Python does not know"):
        loaders.load(tmp_path, encoding=encoding)


@pytest.mark.parametrize(
    ("row", "order"),
    [
        ("u1,i1,964982703,4", "user_id,item_id,timestamp,rating"),
        ("u1,i1,964982703", "user_id,item_id,timestamp"),
    ],
)
def test_times_in_the_place_of_ratings_are_noted(tmp_path: Path, row: str, order: str) -> None:
    put(tmp_path / "interactions.csv", f"{row}\n")
    report = str(loaders.load(tmp_path, header=False).report)
    assert f"look like times: pass columns={order.split(',')} (--columns {order})" in report


def test_days_in_the_place_of_ratings_are_refused(tmp_path: Path) -> None:
    put(tmp_path / "interactions.csv", "u1,i1,2024-01-03\n")
    with pytest.raises(SourceError, match="--columns user_id,item_id,timestamp"):
        loaders.load(tmp_path, header=False)


def test_a_first_row_of_words_may_be_data(tmp_path: Path) -> None:
    assert "--no-header" in refused(tmp_path, "interactions.csv", "ann,film\nbob,film\n")
