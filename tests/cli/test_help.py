import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graph_schema.errors import TextModelError
from kgrec.cli import app
from tests.loaders.writing import csv_folder, movielens_100k

COMMANDS = ["load", "train", "evaluate", "recommend", "explain", "explore", "similar", "search"]
COMMANDS += ["export", "doctor", "demo", "fairness", "predict", "recognise", "adapt", "link"]
COMMANDS += ["tune-text", "update", "score", "vectors", "recommend-users", "similar-users"]
COMMANDS += ["remove", "page", "compress", "serve", "ask", "rules"]


def test_the_commands_are_those_promised() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert [name for name in COMMANDS if f" {name} " not in result.stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert f"kgrec {command}" in result.stdout.split("Example:")[1]


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, version("kgrec"))
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert result.stdout.strip() == tomllib.loads(project.read_text())["project"]["version"]


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["load"], ["recommend", "--model", "m"], ["recommend", "-m", "m", "-k", "0"]],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments, env={"KGREC_STORE": ""}).exit_code == 2


@pytest.mark.slow
def test_a_real_process_ends_with_the_code_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from kgrec.cli import app; app()"]
    done = subprocess.run(
        [*command, "export", str(tmp_path / "out"), "--store", str(tmp_path / "none.kgl")],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "there is no store" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_times_no_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise TextModelError("there is no model; fetch one.")

    monkeypatch.setattr("kgrec.cli.doctor._text_model", missing)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert checks["text model"]["detail"] == "there is no model; fetch one."
    assert "text speed" not in checks


def test_doctor_reports_each_part() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    parts = {"python", "torch", "kglite", "processor", "text model", "text speed", "cache"}
    parts |= {"embedded store"}
    assert parts <= set(checks)
    speed = r"(fp32|bf16) by (torch|openvino): [\d,.]+ texts a second"
    assert re.match(speed, checks["text speed"]["detail"])
    assert "of at most 2,147 MB" in checks["cache"]["detail"]
    assert checks["torch"]["ok"] is True
    assert "cores" in checks["processor"]["detail"]


@pytest.mark.parametrize("option", ["--metadata", "--encoding"])
def test_an_option_of_another_format_is_wrong_usage(tmp_path: Path, option: str) -> None:
    folder, value = tmp_path / "data", tmp_path / "meta.json"
    csv_folder(folder) if option == "--metadata" else movielens_100k(folder)
    value.write_text("{}\n")
    arguments = ["load", str(folder), option, str(value), "--store", str(tmp_path / "new.kgl")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert f"{option} is an option of the format" in " ".join(result.stderr.split())
    assert not (tmp_path / "new.kgl").exists()
