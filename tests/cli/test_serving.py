"""The commands of the service: keys, models, and what serve refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgrec.cli import app
from kgrec.serving.access import Keys
from kgrec.serving.audit import AuditLog
from kgrec.serving.registry import Root
from tests.cli.conftest import kgrec, kgrec_json


def test_keys_are_made_listed_and_removed(tmp_path: Path) -> None:
    root = tmp_path / "service"
    made = kgrec_json("keys", "add", "shop", "--scopes", "read,write", "--root", root, "--json")
    assert Keys(root / "keys.json").find(made["key"]) is not None
    listed = kgrec_json("keys", "list", "--root", root, "--json")
    assert [(one["name"], one["scopes"]) for one in listed] == [("shop", ["read", "write"])]
    assert made["key"] not in kgrec("keys", "list", "--root", root).stdout
    kgrec("keys", "remove", "shop", "--root", root)
    assert kgrec_json("keys", "list", "--root", root, "--json") == []
    assert "no key is called" in kgrec("keys", "remove", "shop", "--root", root, expect=1).stderr


def test_the_audit_log_is_shown_and_checked(tmp_path: Path) -> None:
    root = Root.open(tmp_path / "service")
    log = AuditLog(root.audit, 10_000, 2)
    for status in (200, 403, 200):
        log.add("ada", "POST", "/v1/models/{name}/activate", status, "r1", "summer")
    log.close()
    done = kgrec_json("keys", "audit", "--root", root.folder, "--last", "2", "--json")
    assert done["entries"] == 3
    assert [one["status"] for one in done["last"]] == [403, 200]
    shown = kgrec("keys", "audit", "--root", root.folder)
    assert "ada POST /v1/models/{name}/activate 403 summer" in shown.stdout
    root.audit.write_text(root.audit.read_text().replace("403", "200"))
    assert "was changed" in kgrec("keys", "audit", "--root", root.folder, expect=1).stderr


def test_models_are_added_activated_and_rolled_back(tmp_path: Path, saved: Path) -> None:
    root = tmp_path / "service"
    kgrec("models", "add", "spring", saved, "--root", root, "--note", "the first")
    kgrec("models", "add", "summer", saved, "--root", root)
    assert "no model answered" in kgrec("models", "rollback", "--root", root, expect=1).stderr
    for name in ("spring", "summer"):
        kgrec("models", "activate", name, "--root", root, "--reason", "season")
    listed = kgrec_json("models", "list", "--root", root, "--json")
    assert [(one["name"], one["active"]) for one in listed] == [("spring", False), ("summer", True)]
    assert "* summer" in kgrec("models", "list", "--root", root).stdout
    done = kgrec_json("models", "rollback", "--root", root, "--json")
    assert done == {"model": "spring", "before": "summer"}
    history = kgrec_json("models", "history", "--root", root, "--json")
    assert [one["name"] for one in history] == ["spring", "summer", "spring"]
    assert "season" in kgrec("models", "history", "--root", root).stdout


def test_a_folder_that_is_no_model_is_not_registered(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    root = tmp_path / "service"
    said = kgrec("models", "add", "x", tmp_path / "empty", "--root", root, expect=1).stderr
    assert "manifest.json is missing" in said
    said = kgrec("serve", "--model", tmp_path / "empty", "--root", root, expect=1).stderr
    assert "manifest.json is missing" in said
    assert Root.open(root).read().models == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve"],
        ["serve", "--port", "70000", "--root", "r"],
        ["serve", "--root", "r", "--certificate", __file__],
        ["keys", "add", "x"],
        ["keys", "add", "x", "--root", "r", "--root", "s"],
        ["models", "activate"],
        ["models", "diff", "a"],
        ["models", "add", "a", "nothing", "--root", "r"],
        ["models", "experiment", "start", "x", "--root", "r"],
    ],
)
def test_wrong_usage(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_named(tmp_path: Path, saved: Path) -> None:
    (tmp_path / "limits.toml").write_text("max_bodyy = 5\nin_flight = 0\n")
    arguments = ["--model", saved, "--root", tmp_path / "r", "--config", tmp_path / "limits.toml"]
    said = kgrec("serve", *arguments, expect=1).stderr
    assert "max_bodyy" in said
    assert "in_flight" in said


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "nul\0", "x" * 5000, "\udcff"])
def test_odd_names_are_no_error_in_kgrec(name: str, tmp_path: Path, saved: Path) -> None:
    for line in (
        ["keys", "add", "--root", str(tmp_path / "r"), "--", name],
        ["keys", "remove", "--root", str(tmp_path / "r"), "--", name],
        ["models", "add", "--root", str(tmp_path / "r"), "--", name, str(saved)],
        ["models", "activate", "--root", str(tmp_path / "r"), "--", name],
        ["models", "diff", "--root", str(tmp_path / "r"), "--", name, name],
        ["models", "experiment", "show", "--root", str(tmp_path / "r"), "--", name],
        ["models", "experiment", "stop", "--root", str(tmp_path / "r"), "--", name],
    ):
        result = CliRunner().invoke(app, line)
        assert result.exit_code in (0, 1, 2), (line, result.stderr)
        assert "Traceback" not in result.stderr


def test_help_shows_examples() -> None:
    for group, commands in (
        ("keys", ("add", "list", "remove")),
        ("models", ("list", "activate", "rollback", "history", "feedback-log", "diff")),
        ("models", ("train-next", "trainings")),
        ("models experiment", ("start", "show", "list", "stop")),
    ):
        for command in commands:
            line = [*group.split(), command, "--help"]
            result = CliRunner().invoke(app, line, env={"COLUMNS": "120"})
            assert f"kgrec {group} {command}" in result.stdout.split("Example:")[1]


def test_experiments_are_started_shown_and_stopped(tmp_path: Path, saved: Path) -> None:
    root = tmp_path / "service"
    for name in ("spring", "summer"):
        kgrec("models", "add", name, saved, "--root", root)
    arms = ["--arm", "spring=0.5", "--arm", "summer=0.5", "--root", root]
    start = ["models", "experiment", "start", "season", *arms]
    assert "no model answers yet" in kgrec(*start, expect=1).stderr
    kgrec("models", "activate", "spring", "--root", root)
    begun = kgrec_json(*start, "--event", "buy", "--delta", "0.1", "--json")
    assert begun["state"] == "running"
    assert [arm["share"] for arm in begun["arms"]] == [0.5, 0.5]
    show = ["models", "experiment", "show", "season", "--root", root]
    text = kgrec(*show).stdout
    assert "go on" in text
    assert "arm a has 0 of the first 100 users" in text
    assert "experiment runs" in kgrec("models", "train-next", "--root", root, expect=1).stderr
    [listed] = kgrec_json("models", "experiment", "list", "--root", root, "--json")
    assert listed["arms"] == {"spring": 0.5, "summer": 0.5}
    kgrec("models", "experiment", "stop", "season", "--root", root, "--reason", "enough")
    assert "enough" in kgrec("models", "experiment", "list", "--root", root).stdout
    beside = ["models", "experiment", "start", "beside", "--mode", "shadow", "--root", root]
    assert kgrec_json(*beside, "--arm", "summer=1", "--json")["mode"] == "shadow"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--arm", "spring"],
        ["--arm", "spring=x"],
        ["--arm", "=0.5"],
        ["--arm", "spring=nan"],
        ["--arm", "spring=1", "--error", "2"],
        ["--arm", "spring=1", "--delta", "-1"],
        ["--arm", "spring=1", "--planned", "1"],
        ["--arm", "spring=1", "--hours", "nan"],
        ["--arm", "spring=1", "--most", "0"],
        ["--arm", "spring=1", "--max-errors", "nan"],
    ],
)
def test_wrong_experiments_have_a_cure(wrong: list[str], tmp_path: Path, saved: Path) -> None:
    root = tmp_path / "service"
    kgrec("models", "add", "spring", saved, "--root", root)
    kgrec("models", "activate", "spring", "--root", root)
    said = kgrec("models", "experiment", "start", "x", "--root", root, *wrong, expect=1).stderr
    assert said.startswith("error: ")
    assert kgrec_json("models", "experiment", "list", "--root", root, "--json") == []
