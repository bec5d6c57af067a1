"""Following a file that grows: whole lines, positions, cut and replaced files, bad lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graph_schema import SourceError
from loaders.following import FollowedFile, Position, events_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"one\ntwo\n")
    return path


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as handle:
        handle.write(text)


def test_whole_lines_alone_and_each_once(file: Path, tmp_path: Path) -> None:
    followed = FollowedFile(file, Position())
    assert followed.read(1) == [(1, b"one\n")]
    append(file, b"thr")
    assert followed.read(9) == [(2, b"two\n")]
    assert followed.read(9) == []
    append(file, b"ee\r\n")
    followed.position.save(tmp_path / "position.json", file)
    followed.close()
    known = Position.load(tmp_path / "position.json")
    assert known == followed.position
    again = FollowedFile(file, known)
    assert again.read(9) == [(3, b"three\r\n")]
    again.give_back([(3, b"three\r\n")])
    assert again.read(9) == [(3, b"three\r\n")]
    assert again.notes == []


def test_a_file_that_was_cut_is_read_from_its_start(file: Path) -> None:
    followed = FollowedFile(file, Position())
    followed.read(9)
    file.write_bytes(b"new\n")
    assert followed.read(9) == [(1, b"new\n")]
    assert "was cut meanwhile" in followed.notes.pop()
    file.write_bytes(b"other and longer\n")  # cut, and grown beyond the position
    assert followed.read(9) == [(1, b"other and longer\n")]
    assert len(followed.notes) == 1


def test_a_file_that_was_replaced_is_read_to_its_end_first(file: Path) -> None:
    followed = FollowedFile(file, Position())
    followed.read(9)
    append(file, b"last\nhalf")
    file.rename(file.with_suffix(".1"))
    assert followed.read(9) == [(3, b"last\n")]
    assert followed.read(9) == []  # the next file has not come yet
    file.write_bytes(b"fresh\n")
    assert followed.read(9) == [(1, b"fresh\n")]
    assert "read to its end but 4 bytes without a line end" in followed.notes.pop()


def test_another_file_at_the_start_is_noticed(file: Path) -> None:
    followed = FollowedFile(file, Position())
    followed.read(9)
    file.write_bytes(b"six\nten\n")
    again = FollowedFile(file, followed.position)
    assert "what was written to the earlier one after line 2 was not read" in again.notes.pop()
    assert again.read(9) == [(1, b"six\n"), (2, b"ten\n")]


def test_wrong_files_are_refused(file: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(SourceError, match="Cure"):
            FollowedFile(path, Position())
    assert Position.load(tmp_path / "none") is None
    with pytest.raises(SourceError, match=r"no position of a followed file.* Cure: remove it"):
        Position.load(file)
    if os.geteuid():
        file.chmod(0)
        with pytest.raises(SourceError, match="you may not read it"):
            FollowedFile(file, Position())


def test_lines_that_are_no_events_are_told_apart(file: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"user_id": 7, "item_id": "a", "timestamp": 1100000000, "rating": 4}\n',
        b"{oops\n",
        b"\n",
        b'{"user_id": "u", "item_id": ""}\n',
        b'{"user_id": "u", "item_id": "a", "rating": "much"}\n',
        b'{"user_id": true, "item_id": "a"}\n',
        b'{"user_id": "u", "item_id": "\xff"}\n',
        b"[1]\n",
        b'{"user_id": "u", "item_id": "b", "timestamp": "2024-01-03T10:00:00Z", "device": "tv"}\n',
    ]
    found = events_of(list(enumerate(lines, start=1)), file)
    assert sorted(found.bad) == [2, 4, 5, 6, 7, 8]
    for number, text in found.bad.items():
        assert f"row {number}" in text
    assert found.catalog is not None
    events = found.catalog.tables["interactions"].to_pylist()
    assert [(row["user_id"], row["item_id"], row["timestamp"]) for row in events] == [
        ("7", "a", 1100000000),
        ("u", "b", 1704276000),
    ]
    assert events_of([(1, b" \n")], file).catalog is None
