"""Downloads of the demo's data: once, checked, repaired, and an error without a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import loaders
from graph_schema import SourceError
from loaders import wheels

pytestmark = pytest.mark.slow


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip and uv use no network and no cache."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.mark.usefixtures("offline")
def test_a_complete_folder_needs_no_network(
    ml100k_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    shutil.copytree(ml100k_dir, tmp_path / "ml-100k")
    assert loaders.fetch("ml-100k") == tmp_path / "ml-100k"
    names = {path.suffix for path in loaders.fetch().iterdir()}
    assert names >= {".inter", ".user", ".item", ".kg", ".link"}


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_error_has_a_cure_and_no_file_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    with pytest.raises(SourceError, match=r"recbole==1\.2\.1 can't be downloaded.*KGREC_CACHE_DIR"):
        loaders.fetch("ml-100k")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("offline")
def test_a_damaged_folder_is_not_used(
    ml100k_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    shutil.copytree(ml100k_dir, tmp_path / "ml-100k")
    (tmp_path / "ml-100k" / "ml-100k.kg").write_bytes(b"half")
    with pytest.raises(SourceError, match="can't be downloaded"):
        loaders.fetch("ml-100k")


def test_a_foreign_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path))
    (tmp_path / "recbole-1.2.1-py3-none-any.whl").write_bytes(b"not the wheel")
    with pytest.raises(SourceError, match=r"is not the published wheel.*Cure"):
        loaders.fetch("ml-100k")
    assert not (tmp_path / "ml-100k").exists()


def test_an_unknown_name() -> None:
    with pytest.raises(SourceError, match="'ml-2b' is not a known data set"):
        loaders.fetch("ml-2b")


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGREC_CACHE_DIR", str(tmp_path / "own"))
    assert wheels.cache_root() == tmp_path / "own"
    monkeypatch.delenv("KGREC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert wheels.cache_root() == tmp_path / "kgrec"
