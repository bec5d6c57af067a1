"""A wheel is built from the sources, and works outside the repository where it alone has kgrec."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import write_folder

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("kgrec", "graph_schema", "loaders")

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path) -> str:
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is written into the repository."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist")
    run(sys.executable, *build, ".", folder=copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has the wheel, and what kgrec needs from the one that
    runs the tests, but not kgrec's sources."""
    place = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", place, folder=wheel.parent)
    names = {"base": str(place), "platbase": str(place)}
    packages = Path(sysconfig.get_path("purelib", vars=names))
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    run(place / "bin" / "python", *install, folder=wheel.parent)
    return place / "bin"


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.split("/")[0] in SOURCES}
    files = (path for name in SOURCES for path in (ROOT / name).rglob("*") if path.is_file())
    assert inside == {
        path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts
    }


def test_the_commands_work_outside_the_repository(programs: Path, tmp_path: Path) -> None:
    place = run(programs / "python", "-c", "import kgrec; print(kgrec.__file__)", folder=tmp_path)
    assert place.startswith(str(programs.parent))
    write_folder(tmp_path / "data")
    settings = "[model]\nuse_text = false\n[training]\nepochs = 1\nrefit = false\n"
    (tmp_path / "settings.toml").write_text(settings)
    kgrec = programs / "kgrec"
    run(kgrec, "load", "data", "--store", "graph.kgl", folder=tmp_path)
    train = ("train", "--store", "graph.kgl", "--model", "model", "--config", "settings.toml")
    run(kgrec, *train, folder=tmp_path)
    asked = ("--model", "model", "--user", "u1", "--json")
    rows = json.loads(run(kgrec, "recommend", *asked, "-k", "3", folder=tmp_path))
    assert [row["rank"] for row in rows] == [1, 2, 3]
    page = ("--item", rows[0]["item_id"], "--picture", "why.html")
    run(kgrec, "explain", *asked, *page, folder=tmp_path)
    assert "<html" in (tmp_path / "why.html").read_text()
