"""``kgrec recommend --explore`` and ``kgrec judge``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kgrec.evaluation import FeedbackLog
from tests.cli.conftest import kgrec, kgrec_json

pytestmark = pytest.mark.slow


def test_explored_lists_are_logged_and_read(model: Path, tmp_path: Path) -> None:
    shown = []
    for seed in range(12):
        out = tmp_path / f"lists{seed}.csv"
        answer = kgrec_json(
            *("recommend", "-m", model, "--all-users", "-k", "4", "--explore", "0.3"),
            *("--seed", str(seed), "--out", out, "--json"),
        )
        shown.append(pd.read_csv(out, dtype={"list_id": str}))
        assert answer["rows"] == len(shown[-1])
    lists = pd.concat(shown)
    assert lists["probability"].between(0, 1).all()
    log = FeedbackLog.of_lists(lists, lists[lists["rank"] == 1].assign(reward=1.0))
    log.write(tmp_path / "log.parquet")
    done = kgrec("judge", "-m", model, "--log", tmp_path / "log.parquet")
    report = kgrec_json("judge", "-m", model, "--log", tmp_path / "log.parquet")
    assert report["places"] == len(lists)
    assert report["values"]["ips"]["mean"] == pytest.approx(0.25, abs=0.03)  # the first of four
    assert "mean reward of a place, 95 % interval:" in done.stderr


def test_a_list_id_repeats_its_list(model: Path) -> None:
    asked = ("recommend", "-m", model, "--user", "u0", "-k", "5", "--explore", "0.5", "--json")
    first = kgrec_json(*asked)
    again = kgrec_json(*asked, "--seed", first[0]["list_id"])
    assert again == first
    assert (
        "seed is given without explore"
        in kgrec("recommend", "-m", model, "--user", "u0", "--seed", "3", expect=1).stderr
    )


def test_a_log_without_probabilities_ends_in_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("list_id,user_id,item_id,position,reward\na,u0,i1,1,1\n")
    answer = kgrec("judge", "-m", model, "--log", tmp_path / "log.csv", expect=1).stderr
    assert "the log has no column probability" in answer
    assert "Traceback" not in answer
