"""Every data set in one way: figures that are kept, ranks, regret, and a setting left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import generality
from benchmarks.general_data.generated import WORLDS, made_snapshot
from benchmarks.general_data.left_out import leave_one_out
from benchmarks.general_data.measuring import Cell, Setting, evaluated_on_valid
from benchmarks.general_data.public import public_sources
from benchmarks.general_data.standing import standings, summary
from graph_schema.errors import SourceError
from kgrec.fitting import closed_form
from tests.benchmarks.samples import snapshot

pytestmark = pytest.mark.slow


def cell(values: np.ndarray) -> Cell:
    return Cell({"train": {"ndcg@10": values, "recall@20": values}}, 1.0)


def test_ranks_regret_and_verdicts() -> None:
    base = np.random.default_rng(0).random(500)
    cells = {"kgrec": cell(base - 0.05), "ease": cell(base), "als": cell(base - 0.1)}
    one = standings("data", cells)[0]
    assert (one.best, one.rank, one.verdict) == ("ease", 2, "behind")
    assert one.gain == pytest.approx(-100 * 0.05 / base.mean())
    found = summary(standings("data", cells))
    assert found["mean_rank"] == {"kgrec": 2.0, "ease": 1.0, "als": 3.0}
    assert found["mean_regret_%"]["ease"] == 0
    level = standings("data", {"kgrec": cell(base), "ease": cell(base)})[0]
    assert (level.rank, level.gain, level.verdict) == (1, 0, "level")


def test_a_value_is_chosen_without_the_data_that_judges_it() -> None:
    good, bad = np.full(30, 0.5), np.full(30, 0.4)
    first = (cell(bad), cell(good))
    rows = leave_one_out({"a": first, "b": first, "c": (cell(good), cell(bad))}, ("x", "y"))
    assert [row["chosen"] for row in rows] == ["x", "x", "y"]
    assert rows[2]["best here"] == "x"
    assert rows[2]["gain %"] == -20


def test_evaluated_on_valid_leaves_the_test_rows_out() -> None:
    whole = snapshot()
    found = evaluated_on_valid(whole)
    before, after = whole.interactions, found.interactions
    assert len(after) == (np.asarray(before.split) != "test").sum()
    for split, now in (("valid", "test"), ("train", "valid")):
        old = before.select(np.asarray(before.split == split))
        new = after.select(np.asarray(after.split == now))
        if split == "valid":
            np.testing.assert_array_equal(new.item, old.item)
        else:  # as many of the latest
            latest = old.select(np.append(old.user[1:] != old.user[:-1], True))
            np.testing.assert_array_equal(new.item, latest.item)


def test_a_constant_is_set_and_set_back() -> None:
    before = closed_form.GRAPHS
    with Setting("kgrec.fitting.closed_form.GRAPHS", [0.0]).applied():
        assert closed_form.GRAPHS == (0.0,)
    assert before == closed_form.GRAPHS


def test_made_worlds_have_what_their_names_say() -> None:
    found = {world.name: made_snapshot(world) for world in WORLDS if world.users <= 500}
    assert len(found["made-tiny"].users) == 50
    events = found["made-repeats"].interactions
    pairs = events.user * len(found["made-repeats"].items) + events.item
    assert len(np.unique(pairs)) < 0.9 * len(pairs)
    assert set(found["made-dense"].interactions.split) == {"train", "valid", "test"}


def test_a_run_is_kept_and_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generality, "SIMPLE_PEERS", ("popularity", "ease"))
    arguments = ("--data", "made-tiny", "--kept", str(tmp_path))
    generality.main(arguments)
    first = capsys.readouterr()
    generality.main(arguments)
    again = capsys.readouterr()
    assert "made-tiny: kgrec" in first.err
    assert again.err == ""
    results = [json.loads(text.out.splitlines()[-1]) for text in (first, again)]
    assert results[0]["standings"] == results[1]["standings"]
    assert results[0]["seconds"] == results[1]["seconds"]
    generality.main((*arguments, "--leave-one-out", "kgrec.fitting.closed_form.ERRORS=1,0"))
    left = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert left["values"] == ["1", "0"]
    assert set(left["figures"]["made-tiny"]["0"]) == {"now", "train"}


def test_unknown_names_are_refused() -> None:
    with pytest.raises(SourceError, match="no data set is called nowhere"):
        generality.main(("--data", "nowhere"))
    with pytest.raises(SourceError, match="'shrinkage' is no setting"):
        generality.main(("--data", "made-tiny", "--leave-one-out", "shrinkage"))
    assert len(public_sources()) == 20
