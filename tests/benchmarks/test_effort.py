"""Accuracy against seconds, from end to end on small data."""

import json
from pathlib import Path

import pytest

from benchmarks import effort
from benchmarks.harness import report
from kgrec.graph.parquet import write_snapshot
from tests.benchmarks.samples import snapshot

pytestmark = pytest.mark.slow


def test_a_quick_fit_beside_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    folder = tmp_path / "ml-100k-split"
    folder.mkdir()
    write_snapshot(snapshot(), folder)
    options = ("--efforts", "quick", "--peers", "popularity", "local-ridge", "--tries", "1")
    effort.main(("ml-100k-split", "--snapshots", str(tmp_path), "--save", *options))
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["datasets"]["ml-100k-split"]
    models = found["models"]
    assert set(models) == {"kgrec, quick", "popularity", "local-ridge"}
    assert models["kgrec, quick"]["ndcg@10"] > models["popularity"]["ndcg@10"]
    ahead = found["ahead_ndcg@10"]["kgrec, quick"]["popularity"]
    assert ahead["low"] < ahead["mean"] < ahead["high"]
    kept = tmp_path / "results" / "accuracy"
    assert (kept / "effort.json").is_file()
    assert (kept / "effort.png").stat().st_size > 5_000
