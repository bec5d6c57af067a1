"""The command from end to end on small data, what it takes away, and the README's table."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import accuracy, table
from benchmarks.harness import report
from benchmarks.harness.rows import Rows, read_rows
from benchmarks.harness.variants import VARIANTS, one_relation, only_relations, without_times
from graph_schema.errors import SourceError
from kgrec.graph.parquet import write_snapshot
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot
from tests.benchmarks.samples import N_USERS, snapshot

pytestmark = pytest.mark.slow


QUICK = ("--epochs", "5", "--device", "cpu")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "results"
    for module in (report, table):
        monkeypatch.setattr(module, "RESULTS", folder)
    return folder


def kept(folder: Path, data: GraphSnapshot) -> str:
    folder.mkdir()
    write_snapshot(data, folder)
    return str(folder)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    accuracy.main(arguments)
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_kgrec_beside_a_peer(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(tmp_path / "rows", snapshot())
    options = ("--snapshot", folder, "--only", "kgrec,popularity", *QUICK)
    found = run(capsys, "ml-100k-split", *options)
    assert found["history"] == "now"
    assert found["kgrec"]["ndcg@10"] > found["peers"]["popularity"]["ndcg@10"]
    ahead = found["peers"]["popularity"]["kgrec_ahead_ndcg@10"]
    assert ahead["mean"] == pytest.approx(
        found["kgrec"]["ndcg@10"] - found["peers"]["popularity"]["ndcg@10"], abs=2e-5
    )
    assert ahead["low"] < ahead["mean"] < ahead["high"]
    assert set(found["history=train"]) == {"kgrec", "peers"}
    assert "fit_seconds" in found
    assert found["peak_memory_gb"] > 0
    assert not results.exists()


def test_results_become_the_table(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(tmp_path / "rows", snapshot())
    for names in ("popularity,item-knn", "ease"):
        run(capsys, "ml-1m-kg", "--snapshot", folder, "--only", names, "--tries", "2", "--save")
    quick = ("--only", "kgrec", "--effort", "quick", "--device", "cpu", "--save")
    assert run(capsys, "ml-1m-kg", "--snapshot", folder, *quick)["effort"] == "quick"
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.START}\nold\n{table.END}\nafter\n", encoding="utf-8")
    table.main(["--file", str(readme)])
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert str(tmp_path) not in text
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ml-1m-kg")]
    assert len(lines) == 8
    assert {line[2] for line in lines} == {"kgrec, quick", "popularity", "item-knn", "ease"}
    assert lines[3][2] == "popularity"  # best first
    assert sum(line.startswith("- `python") for line in text.splitlines()) == 3  # the commands


def test_a_table_needs_results_and_markers(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Cure: python -m"):
        table.accuracy_table(tmp_path)
    with pytest.raises(SourceError, match="markers are missing"):
        report.between("no markers", "table", table.START, table.END)


def test_without_validation_rows_a_tenth_of_train_chooses() -> None:
    rows = Rows.of(snapshot(("train", "test")))
    assert rows.refit
    assert rows.histories() == ("train",)
    assert len(rows.valid) == N_USERS  # one of seven each, the nearest to a tenth
    assert len(rows.fit) + len(rows.valid) == len(rows.train) == len(rows.known)
    assert (rows.valid.split == "train").all()


def test_a_peer_is_fitted_again_on_all_of_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(tmp_path / "rows", snapshot(("train", "test")))
    found = run(capsys, "amazon-beauty-kg", "--snapshot", folder, "--only", "ease", "--tries", "1")
    assert found["history"] == "train"
    assert "history=now" not in found
    assert found["peers"]["ease"]["ndcg@10"] > 0.3


def test_arrays_kept_are_the_rows_read(tmp_path: Path) -> None:
    folder = Path(kept(tmp_path / "rows", snapshot()))
    rows, _ = read_rows(lambda: pytest.fail("the catalog was loaded again"), folder)
    np.testing.assert_array_equal(rows.train.item, Rows.of(snapshot()).train.item)


def test_what_is_taken_away_is_gone() -> None:
    whole = snapshot()
    merged = one_relation(whole)
    assert [len(facts) for facts in merged.facts] == [len(whole.items)]  # repeats count once
    assert [f.relation for f in only_relations(("OF_KIND",))(whole).facts] == ["OF_KIND"]
    untimed = without_times(whole).interactions
    assert (untimed.timestamp == NO_TIME).all()
    pairs = lambda events: sorted(zip(events.user, events.item, events.split, strict=True))  # noqa: E731
    assert pairs(untimed) == pairs(whole.interactions)


def test_parts_are_taken_only_from_data_that_has_them() -> None:
    rows = Rows.of(snapshot())
    names = {variant.name for variant in VARIANTS if variant.applies(rows)}
    timed = {"without times", "without time cuts", "without visit scales", "one time scale"}
    timed |= {"without shrinkage and early cuts"}
    always = {"without item weights", "without averaging"}
    assert names == {"without graph", "one relation"} | timed | always
    bare = Rows.of(without_times(replace(snapshot(), facts=())))
    assert {variant.name for variant in VARIANTS if variant.applies(bare)} == always


@pytest.mark.slow
def test_ablations_tell_the_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kept(tmp_path / "rows", snapshot())
    found = run(capsys, "ml-1m-kg", "--snapshot", folder, "--ablate", *QUICK)
    part = found["ablations"]["without graph"]
    assert part["change"]["ndcg@10"]["mean"] == pytest.approx(
        part["ndcg@10"] - found["kgrec"]["ndcg@10"], abs=2e-5
    )
    assert {"without times", "one time scale"} <= set(found["ablations"])
