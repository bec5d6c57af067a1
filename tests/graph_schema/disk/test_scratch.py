"""Temporary folders are held by their writers; those of killed writers are removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from graph_schema.disk.locks import held
from graph_schema.disk.scratch import made_folder, scratch_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs locks")
ROOT = Path(__file__).parents[3]
KILLED = """
import os, signal, sys
from pathlib import Path
from graph_schema.disk.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as scratch:
    (scratch / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_is_removed_in_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as scratch:
        (scratch / "part").mkdir()
        (scratch / "part" / "file.txt").write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, timeout=3600, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".kgrec-*/half.txt"))) == 1
    others = [tmp_path / ".kgrec-notes", tmp_path / ".kgrec-0123456789abcdef"]
    others[0].mkdir()
    others[1].symlink_to(others[0])
    with scratch_folder(tmp_path) as scratch:
        assert sorted(tmp_path.iterdir()) == sorted([*others, scratch])


def test_what_others_write_stays(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert one != other
        assert one.is_dir()


def test_many_writers_keep_their_own_folders(tmp_path: Path) -> None:
    def write(number: int) -> str:
        with scratch_folder(tmp_path) as scratch:
            (scratch / "file.txt").write_text(str(number))
            return (scratch / "file.txt").read_text()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(write, range(300))) == [str(number) for number in range(300)]
    assert list(tmp_path.iterdir()) == []


def test_one_holds_a_folder_until_its_block_ends(tmp_path: Path) -> None:
    with held(tmp_path) as first:
        assert first
        with pytest.raises(BlockingIOError), held(tmp_path):
            pass
    with held(tmp_path) as second:
        assert second


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with held(tmp_path):
        child = os.fork()
        if child == 0:
            os.read(reader, 1)
            os._exit(0)
    with held(tmp_path) as free:
        assert free
    os.write(writer, b".")
    os.waitpid(child, 0)


def test_only_folders_that_were_made_are_removed_after_an_error(tmp_path: Path) -> None:
    def fail(folder: Path, name: str = "") -> None:
        with made_folder(folder):
            if name:
                (folder / name).write_text("mine")
            raise OSError("no space")

    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "empty" / "a" / "b"):
        with pytest.raises(OSError, match="no space"):
            fail(folder)
    assert list(tmp_path.rglob("*")) == [tmp_path / "empty"]
    with pytest.raises(OSError, match="no space"):
        fail(tmp_path / "a" / "b", "file.txt")
    assert (tmp_path / "a" / "b" / "file.txt").read_text() == "mine"


def test_a_folder_that_another_writer_holds_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    def refused(other: ExitStack) -> None:
        with made_folder(folder):
            other.enter_context(held(folder))
            raise BlockingIOError

    with ExitStack() as other:
        with pytest.raises(BlockingIOError):
            refused(other)
        assert folder.is_dir()
