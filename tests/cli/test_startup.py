"""What a fresh process loads before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LARGE = {"torch", "transformers", "matplotlib", "kglite", "neo4j", "optuna", "peft"}
LARGE |= {"tensorboard", "mlflow"}
TABLES = {"pandas", "numpy", "pyarrow", "pydantic", "scipy", "loaders", "graph_schema.catalog"}
HELP = """
from typer.testing import CliRunner
from kgrec.cli import app
assert "recommend" in CliRunner().invoke(app, ["--help"]).stdout
"""
CLIENT = "import kgrec.client; kgrec.client.Client('http://127.0.0.1:9')"


def loaded(code: str) -> set[str]:
    """The modules that a fresh process has loaded after running ``code``."""
    command = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import kgrec; dir(kgrec)", LARGE),
        ("from kgrec import RecommenderConfig, ScenarioRule, NotFittedError", LARGE),
        ("from kgrec import GraphStore, connect", {"torch", "transformers", "matplotlib"}),
        (HELP, LARGE | TABLES),
        (CLIENT, LARGE | TABLES | {"starlette", "uvicorn", "kgrec.serving"}),
    ],
    ids=["import", "settings", "stores", "help", "client"],
)
def test_nothing_large_is_loaded_before_it_is_needed(code: str, absent: set[str]) -> None:
    assert loaded(code) & absent == set()


def test_the_recommender_loads_torch() -> None:
    """The test above could not fail if these names were wrong."""
    modules = loaded("from kgrec import Recommender")
    assert {"torch", "pandas", "numpy", "pyarrow", "pydantic"} <= modules
