"""The commands and the Python of docs/explanations.md run as they stand, on another catalog's
names; and its table is made from what benchmarks keep."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks import explain_table
from graph_schema.errors import SourceError
from kgrec import Recommender
from tests.cli.conftest import kgrec

PAGE = (Path(__file__).parents[2] / "docs" / "explanations.md").read_text(encoding="utf-8")
# The page's names are those of `kgrec demo`; these of the small catalog take their places.
NAMES = {"462": "i0", "294": "i33", "50": "i3", "172": "i9", "Item:171": "Item:i3", "1": "u0"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def named(text: str) -> str:
    """The text with the page's quoted ids replaced."""
    return re.sub(r'"([^"\n]*)"', lambda found: f'"{NAMES.get(found[1], found[1])}"', text)


def test_its_commands_run(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").symlink_to(model)
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    lines = [line for line in lines if line.startswith("kgrec ")]
    assert len(lines) > 5
    for line in lines:
        words = [NAMES.get(word, word) for word in shlex.split(line)[1:]]
        words = [",".join(["i3", "i6", "i9"]) if "," in word else word for word in words]
        answer = kgrec(*words).stdout
        assert answer.strip(), line
    assert (tmp_path / "why.svg").exists()


def test_its_python_runs(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").symlink_to(model)
    session = named("\n".join(blocks("python")))
    session = session.replace('["i3", "u0"]', '["i3", "i6"]')
    exec(compile(session, "explanations.md", "exec"), {})
    message = capsys.readouterr().out
    assert "rank" in message
    assert {"why.svg", "why.html"} <= {path.name for path in tmp_path.iterdir()}


def test_its_calls_are_there() -> None:
    for call in re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE):
        assert callable(getattr(Recommender, call)), call


def test_its_table_is_made_from_what_is_kept(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no explain-"):
        explain_table.table(tmp_path)
    kept = {
        "kgrec": {"coverage": 0.99, "fidelity": {"to_gates": 3.5}, "ms_ten": 90.5, "reproduced": 1},
        "command": "python -m benchmarks.explain",
        "date": "2026-11-23",
        "processor": "one",
    }
    (tmp_path / "explain-ml-1m-kg.json").write_text(json.dumps(kept))
    text = explain_table.table(tmp_path)
    assert "| coverage | ≥ .97 (Beauty: .90) | 0.99 |" in text
    assert "| fidelity.to_gates | > 1 | 3.5 |" in text
    assert "| ms_ten | ≤ 100 | 90.5 |" in text
    assert "| ms_hub | ≤ 200 | – |" in text
    alone = kept | {"kgrec": {"ms_ten": 80.5}, "command": "python -m benchmarks.explain --times"}
    (tmp_path / "explain-ml-1m-kg.times.json").write_text(json.dumps(alone))
    text = explain_table.table(tmp_path)
    assert "| ms_ten | ≤ 100 | 80.5 |" in text
    assert "| coverage | ≥ .97 (Beauty: .90) | 0.99 |" in text
    assert "`python -m benchmarks.explain --times`" in text
    marks = explain_table.START, explain_table.END
    page = explain_table.between(PAGE, text, *marks)
    assert text in page
    assert explain_table.between(page, text, *marks) == page
    with pytest.raises(SourceError, match="markers"):
        explain_table.between("nothing", text, *marks)
