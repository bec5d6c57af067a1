"""Several files of a folder change together, whenever the writer is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph_schema.disk.change import COMMITTED, changed_files, finish_change

ROOT = Path(__file__).parents[3]


def own(folder: Path) -> list[Path]:
    return [*folder.glob("*.csv"), *folder.glob("part/*.csv")]


def write(folder: Path, *names: str, text: str = "new") -> None:
    with changed_files(folder, own) as fresh:
        for name in names:
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_own_files_are_replaced_or_removed_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "folder"
    write(folder, "a.csv", "b.csv", "part/c.csv", text="old")
    (folder / "part" / "mine.txt").write_text("mine")
    (folder / "mine.txt").write_text("mine")
    write(folder, "b.csv", "part/d.csv")
    mine = {"mine.txt": "mine", "part/mine.txt": "mine"}
    assert content(folder) == {"b.csv": "new", "part/d.csv": "new", **mine}
    assert sorted(path.name for path in folder.iterdir()) == ["b.csv", "mine.txt", "part"]


def test_an_error_changes_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        with changed_files(folder, own) as fresh:
            (fresh / "a.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path / "above" / "folder")
    assert list(tmp_path.iterdir()) == []
    write(tmp_path, "a.csv", "b.csv", text="old")
    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path)
    assert content(tmp_path) == {"a.csv": "old", "b.csv": "old"}


def test_a_folder_in_the_place_of_a_file_is_told_before_the_change(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", text="old")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"b\.csv is a folder"):
        write(tmp_path, "a.csv", "b.csv")
    assert content(tmp_path) == {"a.csv": "old"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks")
def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with changed_files(tmp_path, own) as fresh:
        (fresh / "a.csv").write_text("first")
        with pytest.raises(BlockingIOError):
            write(tmp_path, "a.csv", text="second")
    assert content(tmp_path) == {"a.csv": "first"}


KILLED = """
import json, os, signal, sys
from pathlib import Path
from graph_schema.disk.change import changed_files, finish_change

base = Path(sys.argv[1])
WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"}
left = -1

def hook(event, arguments):
    global left
    if event in WATCHED and left >= 0:
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(hook)

def write(folder, names, text):
    with changed_files(folder, lambda place: list(place.glob("*.csv"))) as fresh:
        for name in names:
            (fresh / name).write_text(text)

def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}

found, point = [], 0
while True:
    folder = base / str(point)
    write(folder, ["a.csv", "b.csv"], "old")
    (folder / "mine.txt").write_text("mine")
    child = os.fork()
    if child == 0:
        left = point
        write(folder, ["b.csv", "c.csv"], "new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    finish_change(folder)
    found.append(content(folder))
    write(folder, ["a.csv"], "again")
    assert content(folder) == {"a.csv": "again", "mine.txt": "mine"}
    assert len(list(folder.iterdir())) == 2, list(folder.iterdir())
    if not os.WIFSIGNALED(status):
        break
    point += 1
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and SIGKILL")
def test_a_writer_killed_at_any_step_has_changed_all_files_or_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    old = {"a.csv": "old", "b.csv": "old", "mine.txt": "mine"}
    new = {"b.csv": "new", "c.csv": "new", "mine.txt": "mine"}
    change = found.index(new)
    assert change > 10
    assert found == [old] * change + [new] * (len(found) - change)


def test_a_change_that_can_not_be_finished_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", text="old")
    (tmp_path / COMMITTED / "files").mkdir(parents=True)
    (tmp_path / COMMITTED / "files" / "a.csv").write_text("new")
    listed = json.dumps({"new": ["a.csv"], "old": []})
    (tmp_path / COMMITTED / "change.json").write_text(listed)
    (tmp_path / "a.csv").unlink()
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(OSError, match=r"a\.csv"):
        finish_change(tmp_path)
    (tmp_path / "a.csv").rmdir()
    finish_change(tmp_path)
    assert content(tmp_path) == {"a.csv": "new"}


@pytest.mark.parametrize("listed", ["{", "[]", '{"new": []}', '{"new": [], "old": 1}'])
def test_a_damaged_list_is_an_error_that_says_what_to_delete(tmp_path: Path, listed: str) -> None:
    (tmp_path / COMMITTED).mkdir()
    (tmp_path / COMMITTED / "change.json").write_text(listed)
    with pytest.raises(OSError, match=r"damaged; delete \.kgrec-committed"):
        finish_change(tmp_path)


@pytest.mark.parametrize("part", ["new", "old"])
@pytest.mark.parametrize("name", ["../mine.csv", "link/mine.csv", "/mine.csv", 7])
def test_a_list_from_elsewhere_touches_nothing_outside(
    tmp_path: Path, part: str, name: object
) -> None:
    folder = tmp_path / "given"
    (folder / COMMITTED / "files" / "link").mkdir(parents=True)
    (folder / COMMITTED / "files" / "link" / "mine.csv").write_text("theirs")
    (folder / "link").symlink_to(tmp_path)
    (tmp_path / "mine.csv").write_text("mine")
    listed = json.dumps({"new": [], "old": [], part: [name]})
    (folder / COMMITTED / "change.json").write_text(listed)
    with pytest.raises(OSError, match="leads out of the folder"):
        finish_change(folder)
    assert (tmp_path / "mine.csv").read_text() == "mine"


def test_a_link_out_of_the_folder_is_reported_before_the_change(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write(folder, "a.csv", text="old")
    (folder / "part").symlink_to(tmp_path)
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(OSError, match=r"part/c\.csv leads out of the folder"):
        write(folder, "a.csv", "part/c.csv")
    with pytest.raises(OSError, match=r"part/mine\.csv leads out of the folder"):
        write(folder, "a.csv")
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert content(folder)["a.csv"] == "old"
    assert not (folder / COMMITTED).exists()
