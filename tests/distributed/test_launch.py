"""``torchrun -m kgrec.distributed``: its options, its errors, and a whole run by one process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kgrec.distributed.__main__ import app
from tests.distributed.ranks import forked

WORLD = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
SETTINGS = """
[model]
embedding_size = 8
use_text = false
[training]
epochs = 1
negatives = 8
batch_size = 32
refit = false
"""


def test_without_a_launcher_the_command_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*WORLD, "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    found = CliRunner().invoke(app, ["--snapshot", str(tmp_path), "--out", str(tmp_path / "run")])
    assert found.exit_code == 1
    assert "start with torchrun, such as: torchrun --nproc-per-node 2" in found.output


@pytest.mark.parametrize("named", [[], ["--store", "a.kgl", "--snapshot", "b"]])
def test_the_graph_is_named_once(tmp_path: Path, named: list[str]) -> None:
    found = CliRunner().invoke(app, [*named, "--out", str(tmp_path)])
    assert found.exit_code == 1
    assert "name the graph once" in found.output


@pytest.mark.slow
def test_a_process_of_torchrun_saves_the_model(graph: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def run() -> int:
        os.environ.update(WORLD, MASTER_PORT=port)
        given = [
            "--snapshot",
            str(graph),
            "--config",
            str(settings),
            "--out",
            str(tmp_path / "run"),
        ]
        return CliRunner().invoke(app, given).exit_code

    assert forked(run) == (0, None)
    assert (tmp_path / "run" / "model" / "manifest.json").exists()
