"""What the README shows works as it is written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgrec.cli import app


def _command(words: list[str]) -> list[str]:
    """The words that name a command: those of its groups, and its own."""
    group, name = app, list[str]()
    for word in words:
        name.append(word)
        inner = [one.typer_instance for one in group.registered_groups]
        found = [one for one in inner if one is not None and one.info.name == word]
        if not found:
            break
        group = found[0]
    return name


ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # against a hang alone: a busy machine may take its time
def test_the_python_session_runs_as_it_stands(tmp_path: Path) -> None:
    session = "\n".join(_blocks("python"))
    assert "Recommender().fit(" in session
    done = subprocess.run(
        [sys.executable, "-c", session],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    header = next(line for line in _blocks("text")[0].splitlines() if line.strip())
    assert header.split() == done.stdout.splitlines()[0].split()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_shown_exists_with_its_options(document: Path) -> None:
    lines = [
        line
        for block in _blocks("sh", document.read_text(encoding="utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("kgrec ")
    ]
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        name = _command(words)
        shown = CliRunner().invoke(app, [*name, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
        assert [option for option in options if option not in shown.stdout] == [], line
