"""The campaign of faults finds what is wrong, and nothing wrong with kgrec's own operations."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from benchmarks import faults
from benchmarks.fault_points import full_disk, kills, writers
from benchmarks.fault_points.children import COMPLETED, FAILED, REFUSED, start
from benchmarks.fault_points.contents import Content
from benchmarks.fault_points.kills import Tally
from benchmarks.fault_points.operations import Operation, without_server
from graph_schema.disk.files import put_text
from graph_schema.errors import SourceError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork, /proc and SIGKILL")
NAMES = ("one.txt", "two.txt")
EDGES = 2_000


def texts(folder: Path) -> Mapping[str, Content]:
    found = {name: (folder / name).read_text() for name in NAMES if (folder / name).exists()}
    return {"texts": dict(found)}


def write_both(text: str, folder: Path) -> None:
    for name in NAMES:
        put_text(folder / name, text)


def operation(step: object, **changed: object) -> Operation:
    """An operation on two files that hold "old" before."""
    prepare = lambda folder: write_both("old", folder)  # noqa: E731
    return Operation("texts", prepare, (step,), texts, **changed)  # type: ignore[arg-type]


def killed(found: Operation, folder: Path, points: int = 12) -> Tally:
    return kills.measure(found, points, folder, np.random.default_rng(0))


@pytest.mark.slow
def test_a_step_that_can_be_half_done_is_found(tmp_path: Path) -> None:
    tally = killed(operation(lambda folder: write_both("new", folder), kills=("step",)), tmp_path)
    assert tally.stopped > 0
    assert any("one.txt': 'new', 'two.txt': 'old'" in problem for problem in tally.problems)


def test_files_that_stay_are_found(tmp_path: Path) -> None:
    def careless(folder: Path) -> None:
        temporary = folder / f"{os.getpid()}.tmp"
        temporary.write_text("new")
        temporary.rename(folder / "one.txt")

    tally = killed(operation(careless, kills=("step",)), tmp_path, points=6)
    assert any("files left or missing" in problem for problem in tally.problems)
    assert not any("holds" in problem for problem in tally.problems)


@pytest.mark.slow
def test_what_was_reported_and_is_not_there_is_found(tmp_path: Path) -> None:
    """The second step undoes the first before it does its own."""

    def one(folder: Path) -> None:
        put_text(folder / "one.txt", "new")

    def both(folder: Path) -> None:
        put_text(folder / "one.txt", "old")
        write_both("new", folder)

    twice = Operation(
        "texts", lambda folder: write_both("old", folder), (one, both), texts, kills=("step",)
    )
    tally = killed(twice, tmp_path)
    undone = "holds {'one.txt': 'old', 'two.txt': 'old'}"
    assert any(undone in problem for problem in tally.problems)


def test_an_operation_that_differs_from_run_to_run_is_refused(tmp_path: Path) -> None:
    def differs(folder: Path) -> None:
        put_text(folder / "one.txt", str(time.perf_counter_ns()))

    with pytest.raises(AssertionError, match="differs from run to run"):
        killed(operation(differs), tmp_path)


def test_how_a_process_ended(tmp_path: Path) -> None:
    def refuse(_: Path) -> None:
        raise SourceError("no")

    def one(folder: Path) -> None:
        put_text(folder / "one.txt", "new")

    completed = start([one, one], tmp_path).end()
    assert (completed.code, completed.done) == (COMPLETED, 2)
    assert completed.operations > 6
    refused = start([one, refuse], tmp_path).end()
    assert (refused.code, refused.done, refused.words) == (REFUSED, 1, "SourceError: no")
    failed = start([lambda _: 1 / 0], tmp_path).end()
    assert failed.code == FAILED
    assert "ZeroDivisionError" in failed.words
    stopped = start([one, one], tmp_path, kill_before=completed.operations // 2 + 1).end()
    assert (stopped.code, stopped.done) == (-signal.SIGKILL, 1)
    waits = start([lambda _: time.sleep(3600)], tmp_path).end(seconds=0.2)
    assert waits.code == FAILED
    assert "did not end" in waits.words


@pytest.mark.slow
@pytest.mark.parametrize("limited", [True, False])
def test_a_small_disk_finds_what_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    """``limited``: the size of files is limited, even where a disk may be mounted."""

    def careless(folder: Path) -> None:
        try:
            for name in NAMES:
                (folder / name).write_text("new" * 20_000)
        except OSError as error:
            raise SourceError("full") from error

    def careful(folder: Path) -> None:
        try:
            put_text(folder / "one.txt", "new" * 20_000)
        except OSError as error:
            raise SourceError("full") from error

    if limited:
        monkeypatch.setattr(full_disk, "can_mount", lambda _: False)
    tally = full_disk.measure(operation(careless), 2, tmp_path / "careless")
    assert any("which is mixed" in problem for problem in tally.problems)
    tally = full_disk.measure(operation(careful), 2, tmp_path / "careful")
    assert tally.problems == []
    assert 0 < tally.stopped < tally.points


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("load", 2),
        ("train", 2),
        ("save", 4),
        ("update", 3),
        ("remove", 3),
        ("export csv", 12),
        ("export parquet", 12),
    ],
)
def test_a_killed_operation_is_whole_and_can_be_completed(
    name: str, points: int, tmp_path: Path
) -> None:
    found = {one.name: one for one in without_server(EDGES)}[name]
    tally = killed(found, tmp_path, points)
    assert tally.problems == []
    assert 0 < tally.stopped <= points


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load", "save", "export csv", "export parquet"])
def test_a_full_disk_changes_nothing(name: str, tmp_path: Path) -> None:
    found = {one.name: one for one in without_server(EDGES)}[name]
    tally = full_disk.measure(found, 1, tmp_path)
    assert tally.problems == []
    assert tally.stopped > 0


@pytest.mark.slow
def test_six_writers_lose_nothing(tmp_path: Path) -> None:
    found = [
        *writers.into_one_folder(1, tmp_path / "folders"),
        writers.into_one_store(1, tmp_path / "store"),
    ]
    assert [problem for tally in found for problem in tally.problems] == []
    assert all(tally.found["new"] for tally in found)


@pytest.mark.slow
def test_the_command_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    faults.main(["--store", "embedded", "--subjects", "server"])
    assert '"problems": []' in capsys.readouterr().out.splitlines()[-1]
