import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.progress import Progress

from kgrec.cli._output import print_frame, print_json, print_values
from kgrec.cli._progress import Bars, PlainLines


def test_json_of_every_kind_of_value(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "row": np.int64(3),
        "scores": np.array([0.5, np.nan]),
        "path": Path("a/b"),
        "none": pd.NA,
        "text": "ünï\n",
        1: (True, None, float("inf")),
    }
    print_json(value)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "row": 3,
        "scores": [0.5, None],
        "path": "a/b",
        "none": None,
        "text": "ünï\n",
        "1": [True, None, None],
    }


def test_a_frame_is_one_object_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"item_id": ["7", "[bold]x"], "score": [0.25, float("nan")]})
    print_frame(frame, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert rows == [{"item_id": "7", "score": 0.25}, {"item_id": "[bold]x", "score": None}]


def test_a_table_shows_ids_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"item_id": ["[bold]x"], "score": [0.25]})
    print_frame(frame, as_json=False, title="Top")
    out = capsys.readouterr().out
    assert "[bold]x" in out
    assert "0.2500" in out
    assert "Top" in out


def test_values_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_values({"users": 6040, "seconds": 1.5}, as_json=False)
    assert capsys.readouterr().out == "users    6,040\nseconds  1.5000\n"


def test_plain_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    report = PlainLines()
    for done in (1, 2, 3, 3):
        report("rows", done, 3)
    report("training: loss 2.0", 1, 10)  # too soon after the last line
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["rows 1/3", "rows 3/3"]


def test_plain_progress_has_the_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr("kgrec.cli._progress.time.monotonic", lambda: clock[0])
    report = PlainLines()
    for seconds, done in ((0.0, 0), (10.0, 2_000), (11.0, 2_100), (20.0, 5_000)):
        clock[0] = seconds
        report("events.csv", done, 5_000)
    clock[0] = 30.0
    report("events.csv", 5_000, 5_000)
    report("training", 1, 4)
    assert capsys.readouterr().err.splitlines() == [
        "events.csv 0/5,000",
        "events.csv 2,000/5,000 (200/s, 15 s left)",
        "events.csv 5,000/5,000 (250/s)",
        "training 1/4",
    ]


def test_bars_keep_only_work_that_took_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("kgrec.cli._progress.time.monotonic", lambda: clock[0])
    shown = Progress(console=Console(file=io.StringIO()))
    bars = Bars(shown)
    bars("small", 5, 5)
    bars("training: loss 2.0", 1, 2)
    clock[0] = 9.0
    bars("training: loss 1.0", 2, 2)
    assert [(task.description, task.visible) for task in shown.tasks] == [
        ("small", False),
        ("training: loss 1.0", True),
    ]
