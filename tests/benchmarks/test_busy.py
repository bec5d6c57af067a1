"""The benchmark of busy machines measures what it says."""

from __future__ import annotations

import json

import pytest

from benchmarks import busy


def test_busy_programs_run_while_the_block_runs() -> None:
    with busy.busy_programs(2) as running:
        assert [process.poll() for process in running] == [None, None]
    assert all(process.returncode is not None for process in running)


def test_busy_programs_end_with_an_error_too() -> None:
    with pytest.raises(ValueError, match="no number"), busy.busy_programs(1) as running:
        raise ValueError("no number")
    assert running[0].returncode is not None


def test_a_way_starts_without_what_is_set_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("KGREC_THREADS", "7")
    assert not {"OMP_NUM_THREADS", "KGREC_THREADS"} & set(busy.environment("kgrec first"))
    assert busy.environment("active")["GOMP_SPINCOUNT"] == "300000"


def test_figures_compare_the_busy_fit_with_the_mean_of_the_two_alone() -> None:
    def run(seconds: float, used: float) -> dict[str, object]:
        return {"seconds": seconds, "processor_seconds": used, "threads": 2, "waiting": "asleep"}

    row = busy.figures("kgrec first", run(10.0, 5.0), run(22.0, 6.0), run(12.0, 5.0))
    assert (row["alone_seconds"], row["busy_seconds"]) == (11.0, 22.0)
    assert (row["ratio"], row["processor_ratio"]) == (2.0, 1.2)
    assert busy._quiet_loss({"kgrec first": row, "active": {"alone_seconds": 10.0}}) == 0.1
    assert busy._quiet_loss({"kgrec first": row}) is None


@pytest.mark.slow
def test_one_fit_reports_its_seconds_and_threads(capsys: pytest.CaptureFixture[str]) -> None:
    busy.main(["--edges", "600", "--epochs", "1", "--fit", "kgrec", "torch"])
    found = json.loads(capsys.readouterr().out)
    assert found["seconds"] > 0
    assert found["processor_seconds"] > 0
    assert set(found) == {"seconds", "processor_seconds", "threads", "waiting"}
