"""Files that are made to fill the memory are refused: with the file, the row and the cure."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph_schema.disk.limits import COLUMNS, RECORD, UNPACKED
from graph_schema.errors import RequestError, SourceError
from loaders.tables.streams import open_bytes, text_lines
from loaders.tables.tabular import CsvForm, read_table

MIB = 1 << 20
SIZE = 8 * MIB  # of the bombs here, unpacked
ROW = b"u1,i1\n"


def _zip(content: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("interactions.csv", content)
    return whole.getvalue()


def _zstandard(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lambda content: lzma.compress(content, preset=0),  # with a small window
    ".zst": _zstandard,
    ".zip": _zip,
}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return b"user_id,item_id\n" + ROW * (SIZE // len(ROW))


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the limits were low: files of the real size would take the tests' time."""
    monkeypatch.setenv(UNPACKED.name, str(MIB))
    monkeypatch.setenv(RECORD.name, str(MIB // 4))
    monkeypatch.setenv(COLUMNS.name, "50")


@pytest.mark.parametrize("end", PACKED)
@pytest.mark.usefixtures("low")
def test_a_packed_bomb_is_refused_early(tmp_path: Path, bomb: bytes, end: str) -> None:
    path = tmp_path / f"interactions.csv{end}"
    path.write_bytes(PACKED[end](bomb))
    with pytest.raises(SourceError, match=rf"{path.name}, row [0-9,]+: .*Cure.*{UNPACKED.name}"):
        read_table(path, CsvForm())
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="unpack to"), open_bytes(path) as stream:
            stream.read()
        assert tracemalloc.get_traced_memory()[1] < 0.75 * SIZE
    finally:
        tracemalloc.stop()


def test_the_limit_can_be_raised(
    tmp_path: Path, bomb: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "interactions.csv.gz"
    path.write_bytes(gzip.compress(bomb))
    monkeypatch.setenv(UNPACKED.name, str(2 * SIZE))
    assert read_table(path, CsvForm()).table.num_rows == SIZE // len(ROW)


@pytest.mark.usefixtures("low")
def test_a_packed_file_of_data_may_be_longer(tmp_path: Path) -> None:
    path = tmp_path / "interactions.csv.gz"
    rows = "".join(f"u{n * 7919 % 100_003},i{n * 104_729 % 7919}\n" for n in range(100_000))
    path.write_bytes(gzip.compress(f"user_id,item_id\n{rows}".encode()))
    assert len(rows) > UNPACKED.value()
    assert read_table(path, CsvForm()).table.num_rows == 100_000


@pytest.mark.usefixtures("low")
def test_a_parquet_file_of_many_equal_values_is_refused(tmp_path: Path) -> None:
    """Before it is read: the file says how many there are."""
    path = tmp_path / "interactions.parquet"
    part = pa.table({"user_id": pa.array(["u1"]).take(pa.array([0] * MIB))})
    with pq.ParquetWriter(path, part.schema) as writer:
        writer.write_table(part)
    assert path.stat().st_size < MIB / 100
    with pytest.raises(SourceError, match=rf"{path.name}: .*Cure.*{UNPACKED.name}"):
        read_table(path, CsvForm())


@pytest.mark.usefixtures("low")
def test_a_parquet_file_of_long_equal_texts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    texts = pa.array(["x" * 1000]).take(pa.array([0] * 70_000))
    pq.write_table(pa.table({"title": texts}), path)
    with pytest.raises(SourceError, match=rf"{path.name}, row [0-9,]+: .*{UNPACKED.name}"):
        read_table(path, CsvForm())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "item_id,title\ni1,short\ni2,{}\n"),
        ("a.csv", 'item_id,title\ni1,short\ni2,"{}"\n'),
        ("a.csv", "item_id,{}\ni1,short\n"),
        ("a.jsonl", '{{"item_id": "i1"}}\n{{"item_id": "i2", "title": "{}"}}\n'),
        ("a.json", '[{{"item_id": "i1"}}, {{"item_id": "i2", "title": "{}"}}]'),
    ],
)
@pytest.mark.usefixtures("low")
def test_a_huge_field_is_refused_with_its_row(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content.format("x" * MIB))
    row = r"row (1|2|3)( of the array)?"
    with pytest.raises(SourceError, match=rf"{name}, {row}: .*Cure.*{RECORD.name}"):
        read_table(path, CsvForm())


@pytest.mark.usefixtures("low")
def test_a_line_without_an_end_is_not_read_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"one\n" + b"x" * MIB)
    with pytest.raises(SourceError, match="row 2: it is longer"):
        list(text_lines(path))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.usefixtures("low")
def test_too_many_columns_are_refused(tmp_path: Path, name: str) -> None:
    path, names = tmp_path / name, [f"c{n}" for n in range(60)]
    if name.endswith("parquet"):
        pq.write_table(pa.table({one: ["x"] for one in names}), path)
    elif name.endswith("jsonl"):
        path.write_text("".join(json.dumps({one: 1}) + "\n" for one in names))
    else:
        path.write_text(",".join(names) + "\n" + ",".join("x" for _ in names) + "\n")
    with pytest.raises(SourceError, match=rf"{name}, row [0-9]+: .*Cure.*{COLUMNS.name}"):
        read_table(path, CsvForm())


@pytest.mark.parametrize("form", ['{{"item_id": {}}}\n', '[{{"item_id": {}}}]'])
def test_deep_json_is_refused_with_its_row(tmp_path: Path, form: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(form.format("[" * 100_000 + "]" * 100_000))
    with pytest.raises(SourceError, match=r"row 1.*Cure"):
        read_table(path, CsvForm())


@pytest.mark.parametrize("value", ["no", "-1", "0", "1.5", "²"])
def test_a_wrong_limit_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(COLUMNS.name, value)
    with pytest.raises(RequestError, match=f"{COLUMNS.name} is .*whole number of columns"):
        COLUMNS.value()
