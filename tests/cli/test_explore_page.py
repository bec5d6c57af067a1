"""The commands and the Python of docs/explore.md run as they stand, on another catalog's names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import kgrec

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "explore.md").read_text(encoding="utf-8")
NAMES = {
    "Item:408": "Item:i0",
    "Item:169": "Item:i3",
    "Aardman Animations": "drama",
    "The Wrong Trousers": "A comedy called i3",
    '"1"': '"u0"',
    '"408"': '"i3"',
    "--user 1": "--user u0",
    "--item 408": "--item i3",
}


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for name, other in NAMES.items():
        found = [block.replace(name, other) for block in found]
    return found


@pytest.mark.parametrize("line", "".join(blocks("sh")).splitlines())
def test_the_commands_run(
    line: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(model) if word == "model" else word for word in shlex.split(line)[1:]]
    assert kgrec(*words).stdout
    files = [word for word in words if re.fullmatch(r"\w+\.(html|svg|png|graphml|cypher)", word)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
    assert all((tmp_path / name).stat().st_size > 100 for name in files)


def test_the_python_runs(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").symlink_to(model, target_is_directory=True)
    names: dict[str, object] = {}
    exec("\n".join(blocks("python")), names)
    assert len(names["edges"]) > 0  # type: ignore[arg-type]
    assert set(names["again"]) == set(names["part"])  # type: ignore[call-overload]
    assert "MATCH " in capsys.readouterr().out
    saved = {"around.svg", "paths.html", "part.graphml", "why.html", "why.json"}
    saved |= {"importance.svg"}
    assert {path.name for path in tmp_path.iterdir()} == {*saved, "model"}
