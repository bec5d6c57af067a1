"""A single file is complete or not there, and nothing is left beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graph_schema.disk.files import digest, put_file, put_text


def test_a_file_is_complete_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "notes.txt"
    put_text(path, "old")

    def fail(name: str) -> None:
        Path(name).write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        put_file(path, fail)
    assert path.read_text() == "old"
    assert [one.name for one in path.parent.iterdir()] == ["notes.txt"]
    with pytest.raises(OSError, match="no space"):
        put_file(tmp_path / "other" / "folder" / "notes.txt", fail)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_refusal_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"File exists.*notes\.txt") as caught:
        put_text(tmp_path / "file" / "notes.txt", "new")
    assert ".kgrec-" not in str(caught.value)


def test_the_ending_is_that_of_the_file(tmp_path: Path) -> None:
    seen: list[str] = []

    def write(name: str) -> None:
        seen.append(Path(name).suffix)
        Path(name).write_text("new")

    put_file(tmp_path / "PICTURE.PNG", write)
    assert seen == [".png"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs the rights of files")
def test_whoever_may_read_the_folder_may_read_the_file(tmp_path: Path) -> None:
    def write(name: str) -> None:
        Path(name).write_text("new")
        Path(name).chmod(0o600)

    (tmp_path / "usual").touch()
    put_file(tmp_path / "file", write)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_digest_is_the_sha256_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest(tmp_path / "abc").startswith("ba7816bf8f01cfea")
