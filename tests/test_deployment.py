"""The files for containers, systemd, Prometheus and nginx fit the service and each other."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from kgrec.cli import app
from kgrec.serving.metrics import Metrics

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "deployment"
CONTAINER = (ROOT / "Containerfile").read_text("utf-8")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FILES / "kgrec.service")
    return parser["Service"]


def _in_container(name: str) -> list[str]:
    found = re.search(rf"^{name} (\[.*\])$", CONTAINER, re.MULTILINE)
    assert found is not None, name
    parts: list[str] = yaml.safe_load(found[1])
    return parts


@pytest.mark.parametrize(
    "words",
    [
        [*_in_container("ENTRYPOINT"), *_in_container("CMD")],
        ["kgrec", *_yaml(ROOT / "compose.yaml")["services"]["kgrec"]["command"]],
        shlex.split(_unit()["ExecStart"]),
    ],
    ids=["container", "compose", "systemd"],
)
def test_the_commands_have_the_options_of_serve(words: list[str]) -> None:
    assert [Path(words[0]).name, words[1]] == ["kgrec", "serve"]
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    options = [word for word in words if word.startswith("--")]
    assert options
    assert [one for one in options if one not in shown] == []


def test_paths_and_ports_agree() -> None:
    services = _yaml(ROOT / "compose.yaml")["services"]
    kgrec, prometheus = services["kgrec"], services["prometheus"]
    assert (ROOT / kgrec["build"]["dockerfile"]).is_file()
    port = _in_container("CMD")[_in_container("CMD").index("--port") + 1]
    assert f"EXPOSE {port}" in CONTAINER
    assert f"127.0.0.1:{port}/health/ready" in CONTAINER
    assert kgrec["ports"] == [f"127.0.0.1:{port}:{port}"]
    whole = _in_container("CMD")
    assert kgrec["command"][: len(whole)] == whole
    assert kgrec["command"][len(whole) :] == ["--store", "neo4j://neo4j:7687"]
    assert kgrec["volumes"] == ["kgrec-data:/data"]
    assert re.search(r"KGREC_ROOT=/data/", CONTAINER)
    for mount in prometheus["volumes"][:2]:
        assert (ROOT / mount.split(":")[0]).is_file(), mount
    [scrape] = _yaml(FILES / "prometheus.yaml")["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"kgrec:{port}"]}]
    secret = Path(scrape["authorization"]["credentials_file"])
    assert secret.parent == Path("/run/secrets")
    assert prometheus["secrets"] == [secret.name]
    assert f"127.0.0.1:{port};" in (FILES / "nginx.conf").read_text("utf-8")


def test_everything_is_reached_from_this_machine_alone() -> None:
    services = _yaml(ROOT / "compose.yaml")["services"]
    ports = [port for one in services.values() for port in one["ports"]]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    assert re.search(r"^USER 10001:10001$", CONTAINER, re.MULTILINE)
    kgrec = _yaml(ROOT / "compose.yaml")["services"]["kgrec"]
    assert kgrec["read_only"] is True
    assert kgrec["cap_drop"] == ["ALL"]
    unit = _unit()
    assert (unit["DynamicUser"], unit["ProtectSystem"]) == ("yes", "strict")
    assert unit["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize("file", [FILES / "alerts.yaml", ROOT / "docs" / "deployment.md"])
def test_the_metrics_that_are_named_exist(file: Path) -> None:
    metrics = Metrics()
    metrics.requests.labels("/v1/recommend", "POST", "200").inc()
    metrics.swaps.labels("failed").inc()
    metrics.shed.labels("busy").inc()
    metrics.events.labels("rejected").inc()
    metrics.seconds.labels("/v1/recommend").observe(0.001)
    metrics.model.labels("m").set(1)
    there = set(re.findall(r"kgrec_\w+", metrics.text().decode()))
    named = set(re.findall(r"\bkgrec_[a-z_]+\b", file.read_text("utf-8")))
    assert len(named) >= 6
    assert named - there == set()
