"""Packed files of every form: read as what they hold, and refused where they are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loaders
from graph_schema import SourceError
from loaders.tables.streams import text_lines

EVENTS = b"user_id,item_id\nu1,i1\nu2,i2\n"


def zstandard(content: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return bytes(packed.getvalue())


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as members:
        for name, content in files.items():
            members.writestr(name, content)
    return packed.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard,
    ".zip": lambda content: archive(**{"interactions.csv": content}),
}


def refused(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        loaders.csv_folder(folder)
    assert "Cure: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("end", FORMS)
@pytest.mark.parametrize("name", ["interactions.csv{}", "interactions.csv", "interactions.csv.gz"])
def test_a_packed_table_is_read_whatever_its_name(name: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / name.format(end)
    path.write_bytes(FORMS[end](EVENTS))
    seen: list[tuple[str, int, int]] = []
    result = loaders.load(tmp_path, progress=lambda *step: seen.append(step))
    assert result.catalog.interactions["user_id"].tolist() == ["u1", "u2"]
    assert seen[-1] == (path.name, path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize("end", FORMS)
@pytest.mark.parametrize("left", [0.5, 0.98])
def test_a_packed_table_that_is_cut_off(left: float, end: str, tmp_path: Path) -> None:
    content = EVENTS + b"".join(b"u%d,i%d\n" % (n, n * 7919 % 10_007) for n in range(20_000))
    packed = FORMS[end](content)
    (tmp_path / f"interactions.csv{end}").write_bytes(packed[: int(left * len(packed))])
    assert "file is truncated or damaged" in refused(tmp_path)


@pytest.mark.parametrize("end", [".gz", ".xz", ".bz2", ".zip"])  # they have a checksum
def test_a_packed_table_with_wrong_bytes(end: str, tmp_path: Path) -> None:
    content = EVENTS + b"".join(b"u%d,i%d\n" % (n, n * 7919 % 10_007) for n in range(20_000))
    packed = bytearray(FORMS[end](content))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / f"interactions.csv{end}").write_bytes(packed)
    assert "file is truncated or damaged" in refused(tmp_path)


@pytest.mark.parametrize("end", FORMS)
def test_a_packed_table_without_content(end: str, tmp_path: Path) -> None:
    (tmp_path / f"interactions.csv{end}").write_bytes(FORMS[end](b""))
    assert "the file is empty" in refused(tmp_path)


def test_an_archive_of_one_table_with_what_systems_add(tmp_path: Path) -> None:
    files = {"data/a.tsv": EVENTS.replace(b",", b"\t"), "__MACOSX/data/._a.tsv": b"", ".x": b"1"}
    (tmp_path / "interactions.zip").write_bytes(archive(**files))
    assert loaders.load(tmp_path).catalog.interactions["item_id"].tolist() == ["i1", "i2"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.csv": EVENTS, "b.csv": b""}, "holds 2 files ('a.csv', 'b.csv')"),
        ({"__MACOSX/a.csv": EVENTS}, "holds no file"),
    ],
)
def test_an_archive_of_another_count_of_tables(
    files: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    (tmp_path / "interactions.zip").write_bytes(archive(**files))
    assert words in refused(tmp_path)


def test_an_encrypted_archive(tmp_path: Path) -> None:
    packed = bytearray(archive(**{"a.csv": EVENTS}))
    for header in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag of encryption
        packed[packed.index(header) + (6 if header[2] == 3 else 8)] |= 1
    (tmp_path / "interactions.zip").write_bytes(packed)
    assert "a.csv is encrypted" in refused(tmp_path)


def test_an_archive_of_another_form_in_disguise(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(20))
    assert "this is a 7z archive" in refused(tmp_path)


def test_a_packed_parquet_file(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"user_id": ["u1"], "item_id": ["i1"]}), whole)
    (tmp_path / "interactions.parquet.xz").write_bytes(lzma.compress(whole.read_bytes()))
    whole.unlink()
    assert loaders.load(tmp_path).catalog.interactions["item_id"].tolist() == ["i1"]


def test_lines_of_a_packed_file_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.bz2"
    path.write_bytes(bz2.compress(b"one\r\n\ntwo"))
    assert list(text_lines(path)) == [(1, "one"), (2, ""), (3, "two")]


def test_text_that_begins_like_bzip2(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_bytes(b"BZh1,user_id,item_id\n1,u1,i1\n")
    assert len(loaders.load(tmp_path).catalog.interactions) == 1
