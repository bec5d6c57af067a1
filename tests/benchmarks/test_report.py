"""The end of every benchmark: what is printed and what is kept."""

import json
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.harness import report

pytestmark = pytest.mark.slow


ROWS = [{"model": "a", "ndcg@10": 0.25, "fit_seconds": 1234.5}, {"model": "b", "ndcg@10": None}]


def test_the_last_line_is_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    report.finish("latency-x", {"data": "toy", "kgrec": {"ndcg@10": 0.25}}, ROWS, save=False)
    lines = capsys.readouterr().out.splitlines()
    last = json.loads(lines[-1])
    assert last["data"] == "toy"
    assert last["kgrec"] == {"ndcg@10": 0.25}
    assert {"processor", "versions", "date", "command"} <= set(last)
    assert lines[1].split() == ["a", "0.2500", "1,234.5"]
    assert lines[2].split() == ["b", "-", "-"]


def test_saving_keeps_what_was_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    report.finish("latency-x", {"data": "toy"}, ROWS, save=True)
    kept = json.loads(
        (tmp_path / "results" / "speed" / "latency-x.json").read_text(encoding="utf-8")
    )
    assert kept == json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_processor_is_named() -> None:
    assert "cores" in report.processor()
    assert report.versions()["python"].startswith("3.")


def test_what_cannot_be_measured_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KGREC_TEST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match=r"^error: .*nowhere: the benchmark data is not here"):
        report.run(lambda: load.main(["--store", "embedded"]))
