"""Folders are replaced as a whole, by kgrec's own files alone, whenever the process is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from graph_schema.disk.locks import held
from kgrec import files
from kgrec.errors import ModelError
from kgrec.files import (
    FolderKind,
    check_folder,
    check_writable,
    read_folder,
    readable_folder,
    replaced_folder,
)

KIND = FolderKind("thing", "manifest.json", lambda content: content.get("files"))


def write(folder: Path, text: str) -> None:
    """A folder whose files all hold ``text``; the manifest comes last."""
    (folder / "part").mkdir()
    names = ["one.txt", "part/two.txt"]
    for name in names:
        (folder / name).write_text(text)
    (folder / "manifest.json").write_text(json.dumps({"files": names, "text": text}))


def save(folder: Path, text: str) -> None:
    with replaced_folder(folder, KIND) as fresh:
        write(fresh, text)


def text_of(folder: Path) -> str:
    """What all files hold. Raises AssertionError where they are mixed or incomplete."""

    def read(place: Path) -> str:
        manifest = json.loads((place / "manifest.json").read_text())
        for name in manifest["files"]:
            assert (place / name).read_text() == manifest["text"]
        return str(manifest["text"])

    return read_folder(folder, KIND, read)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["exchange", "renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to replace a folder: in one step, and by two renames."""
    if request.param == "renames":
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("before", ["nothing", "empty", "saved"])
def test_a_folder_takes_its_place_as_a_whole(tmp_path: Path, before: str) -> None:
    folder = tmp_path / "parent" / "thing"
    if before == "empty":
        folder.mkdir(parents=True)
    if before == "saved":
        save(folder, "old")
        (tmp_path / "parent" / "thing.old").mkdir()
        (tmp_path / "parent" / "thing.new").mkdir()
        (tmp_path / "parent" / "thing.new" / "mine.txt").write_text("mine")
    save(folder, "new")
    assert text_of(folder) == "new"
    assert names(folder) == ["manifest.json", "one.txt", "part"]
    others = ["thing.new", "thing.old"] if before == "saved" else []
    assert names(folder.parent) == ["thing", *others]
    if others:
        assert (folder.parent / "thing.new" / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="the system can't exchange folders")
def test_linux_exchanges_two_folders_in_one_step(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name.txt").write_text(name)
    assert files._exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "name.txt").read_text() == "other"
    assert not files._exchange(tmp_path / "one", tmp_path / "missing")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("before", ["saved", "nothing"])
def test_files_of_the_system_stop_no_save_and_leave_with_the_folder(
    tmp_path: Path, before: str
) -> None:
    folder = tmp_path / "thing"
    if before == "saved":
        save(folder, "old")
    for place in (folder, folder / "part"):
        place.mkdir(exist_ok=True)
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "Desktop.ini"):
            (place / name).write_text("of the system")
    check_writable(folder, KIND)
    save(folder, "new")
    assert text_of(folder) == "new"
    assert names(folder) == ["manifest.json", "one.txt", "part"]
    assert names(tmp_path) == ["thing"]


def test_a_folder_with_the_name_of_a_system_file_is_foreign(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    (folder / ".DS_Store").mkdir()
    with pytest.raises(ModelError, match="DS_Store"):
        save(folder, "new")


@pytest.mark.parametrize("name", ["mine.txt", "part/mine.txt", "mine/", ".hidden"])
def test_a_folder_with_foreign_files_is_refused_by_their_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    if name.endswith("/"):
        (folder / name).mkdir()
    else:
        (folder / name).write_text("mine")
    with pytest.raises(ModelError, match=f"holds {name.rstrip('/')}, which no thing.*move it away"):
        save(folder, "new")
    assert text_of(folder) == "old"
    assert (folder / name).exists()
    assert names(tmp_path) == ["thing"]


def test_a_file_that_comes_while_the_folder_is_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")

    def save_slowly() -> None:
        with replaced_folder(folder, KIND) as fresh:
            write(fresh, "new")
            (folder / "mine.txt").write_text("mine")

    with pytest.raises(ModelError, match=r"holds mine.txt"):
        save_slowly()
    assert text_of(folder) == "old"
    assert (folder / "mine.txt").read_text() == "mine"
    assert names(tmp_path) == ["thing"]


@pytest.mark.parametrize(
    "manifest", ["{", "[]", "{}", '{"files": ["../mine.txt"]}', '{"files": ["/etc/passwd"]}']
)
def test_a_manifest_of_another_kind_lists_nothing(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(ModelError, match=r"holds manifest.json"):
        save(folder, "new")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (folder / "manifest.json").read_text() == manifest


def test_files_and_the_working_folder_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="is a file"):
        check_folder(tmp_path / "file", KIND)
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    for named in (".", "..", str(tmp_path)):
        with pytest.raises(ModelError, match="the working folder"):
            check_folder(named, KIND)
    with pytest.raises(ModelError, match="mount point"):
        check_folder("/proc" if Path("/proc").is_dir() else Path(inner.anchor), KIND)
    assert check_folder("below", KIND) == inner / "below"


def test_the_home_folder_and_links_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(Path("~/thing"), "old")
    link = tmp_path / "link"
    link.symlink_to("thing")
    save(link, "new")
    assert link.is_symlink()
    assert text_of(link) == text_of(tmp_path / "thing") == "new"
    dangling = tmp_path / "dangling"
    dangling.symlink_to("later")
    save(dangling, "new")
    assert dangling.is_symlink()
    assert text_of(tmp_path / "later") == "new"


def test_a_link_inside_the_folder_leads_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    elsewhere = tmp_path / "elsewhere"
    (folder / "part").rename(elsewhere)
    (folder / "part").symlink_to(elsewhere)
    with pytest.raises(ModelError, match="holds part"):
        save(folder, "new")
    assert (elsewhere / "two.txt").read_text() == "old"


@pytest.mark.usefixtures("way")
def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")

    def stop() -> None:
        with replaced_folder(folder, KIND) as fresh:
            write(fresh, "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert text_of(folder) == "old"
    assert names(tmp_path) == ["thing"]


def test_a_second_rename_that_fails_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    rename, calls = os.rename, []

    def refuse(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 3:
            raise PermissionError(13, "refused")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(PermissionError):
        save(folder, "new")
    assert text_of(folder) == "old"
    assert names(tmp_path) == ["thing"]


def test_a_place_that_refuses_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match=r"can't write there .* name another folder"):
        check_writable(tmp_path / "file" / "thing", KIND)
    check_writable(tmp_path / "above" / "thing", KIND)
    assert names(tmp_path / "above") == []


def test_a_replacement_that_an_older_version_left_half_done_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(tmp_path / "thing.old", "old")
    with pytest.raises(ModelError, match=r"thing is missing.*Rename thing.old to thing"):
        readable_folder(folder, KIND)
    (tmp_path / "thing.old").rename(folder)
    assert text_of(folder) == "old"
    mine = tmp_path / "other.old"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    assert readable_folder(tmp_path / "other", KIND) == tmp_path / "other"


def test_a_moved_folder_is_not_answered_from_what_a_save_left(tmp_path: Path) -> None:
    """A process that was killed after it replaced the folder leaves the old one beside it."""
    folder = tmp_path / "thing"
    save(folder, "new")
    left = tmp_path / ".thing.kgrec-0123456789abcdef"
    left.mkdir()
    write(left, "old")
    folder.rename(tmp_path / "moved")
    assert not readable_folder(folder, KIND).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="without locks nobody knows who was killed")
def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    left, replaced, written, other = (
        tmp_path / name
        for name in (
            ".thing.kgrec-0123456789abcdef",
            ".thing.kgrec-1123456789abcdef.previous",
            ".thing.kgrec-2123456789abcdef",
            ".thing.kgrec-notes",
        )
    )
    for path in (left, replaced, written, other):
        path.mkdir()
    with held(written):
        save(folder, "new")
    assert not left.exists()
    assert not replaced.exists()
    assert written.exists()  # another writer holds it
    assert other.exists()  # no name that kgrec gives
    check_writable(folder, KIND)
    assert not written.exists()


@pytest.mark.parametrize("name", ["ö" * 120, "字" * 80, "x" * 250])
def test_names_may_be_as_long_as_the_disk_takes(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, "old")
    save(tmp_path / name, "new")
    assert text_of(tmp_path / name) == "new"
    assert names(tmp_path) == [name]


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "old")
    seen: list[str] = []

    def read(place: Path) -> list[str]:
        first = (place / "one.txt").read_text()
        if not seen:
            save(folder, "new")
        seen.append(first)
        return [first, (place / "part" / "two.txt").read_text()]

    assert read_folder(folder, KIND, read) == ["new", "new"]
    assert seen == ["old", "new"]


@pytest.mark.skipif(sys.platform != "linux", reason="the system can't exchange folders")
def test_several_writers_and_readers_never_see_a_mixture(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    save(folder, "0")
    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(save, folder, str(number)) for number in range(40)]
        readers = [pool.submit(text_of, folder) for _ in range(40)]
        for writer in writers:
            writer.result()
        assert {reader.result() for reader in readers} <= {str(n) for n in range(40)}
    assert names(tmp_path) == ["thing"]


KILLED = """
import json, os, signal, sys
from pathlib import Path
from kgrec import files
from kgrec.files import FolderKind, read_folder, readable_folder, replaced_folder


base, way = Path(sys.argv[1]), sys.argv[2]
if way == "renames":
    files._exchange = lambda *_: False
KIND = FolderKind("thing", "manifest.json", lambda content: content.get("files"))
WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "ctypes.dlsym"}
state = {"left": -1}

def hook(event, arguments):
    if event in WATCHED and state["left"] >= 0:
        if state["left"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        state["left"] -= 1

sys.addaudithook(hook)

def save(folder, text):
    with replaced_folder(folder, KIND) as fresh:
        names = [f"{n}.txt" for n in range(3)]
        for name in names:
            (fresh / name).write_text(text)
        (fresh / "manifest.json").write_text(json.dumps({"files": names, "text": text}))

def read(place):
    manifest = json.loads((place / "manifest.json").read_text())
    texts = {(place / name).read_text() for name in manifest["files"]}
    assert texts == {manifest["text"]}, texts
    return manifest["text"]

found, point = [], 0
while True:
    folder = base / str(point) / "thing"
    save(folder, "old")
    child = os.fork()
    if child == 0:
        state["left"] = point
        save(folder, "new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    text = read_folder(folder, KIND, read)
    gap = not folder.exists()
    save(folder, "again")
    assert read_folder(folder, KIND, read) == "again"
    found.append([text, gap])
    if not os.WIFSIGNALED(status):
        break
    point += 1
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("how", ["exchange", "renames"])
def test_a_process_killed_at_any_step_leaves_the_old_folder_or_the_new(
    tmp_path: Path, how: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), how],
        cwd=Path(files.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[Any]] = json.loads(done.stdout)
    texts = [text for text, _ in found]
    assert len(texts) > 20
    assert texts[0] == "old"
    assert texts[-1] == "new"
    assert texts == sorted(texts, reverse=True)  # old, old, ..., new, new
    gaps = sum(gap for _, gap in found)
    assert gaps == 0 if how == "exchange" else gaps > 0
