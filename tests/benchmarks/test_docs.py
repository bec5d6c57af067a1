"""Every command that the documents and the kept results name is one that its benchmark takes."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from benchmarks import accuracy
from benchmarks.harness.report import RESULTS
from benchmarks.harness.variants import VARIANTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(?:OMP_NUM_THREADS=1 )?python -m (benchmarks\.\w+)([^`…]*)`")


def named_commands() -> list[tuple[str, str]]:
    texts = [GUIDE, (ROOT / "README.md").read_text(encoding="utf-8")]
    texts += [f"`{json.loads(path.read_text())['command']}`" for path in RESULTS.rglob("*.json")]
    return sorted({found for text in texts for found in NAMED.findall(text)})


@pytest.mark.parametrize(("module", "options"), named_commands())
def test_a_named_command_is_understood(module: str, options: str) -> None:
    benchmark = importlib.import_module(module)
    if hasattr(benchmark, "_parser"):
        words = [word.replace("DATASET", "ml-1m-kg") for word in shlex.split(options)]
        benchmark._parser().parse_args(words)
    else:
        assert callable(benchmark.main)


def test_every_whole_benchmark_is_in_the_guide() -> None:
    result = {module for module, _ in named_commands()}
    mains = {
        f"benchmarks.{path.stem}"
        for path in (ROOT / "benchmarks").glob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    assert mains <= result


def test_every_kept_result_is_in_the_guide() -> None:
    patterns = re.findall(r"`([\w*.-]+\.json)`", GUIDE)
    unknown = [
        path.name
        for path in RESULTS.rglob("*.json")
        if not any(path.match(pattern) for pattern in patterns)
    ]
    assert unknown == []


def test_parts_and_peers_in_the_guide_are_those_there_are() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GUIDE.split("## Ablations")[1], flags=re.MULTILINE)
    result = {name.strip() for row in rows for name in row.split(",")}
    assert {variant.name for variant in VARIANTS} <= result
    peers = re.findall(r"^\| ([^|]+) \|", GUIDE.split("## Peers")[1], flags=re.MULTILINE)
    assert set(accuracy.PEERS) <= {name.strip() for row in peers for name in row.split(",")}
