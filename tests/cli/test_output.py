import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgrec.cli.output import print_frame, print_json, print_values
from kgrec.cli.progress import PlainLines


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


def test_plain_progress_says_begin_and_end_once(capsys: pytest.CaptureFixture[str]) -> None:
    report = PlainLines()
    for done in (1, 2, 3, 3):
        report("rows", done, 3)
    report("training: loss 2.0", 1, 10)
    report("training: loss 1.0", 2, 10)  # too soon after the last line
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["rows 1/3", "rows 3/3", "training: loss 2.0 1/10"]
