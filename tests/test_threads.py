"""The number of threads follows affinity and quota, and threads that wait sleep; the user wins."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kgrec import threads
from kgrec.errors import RequestError
from kgrec.threads import (
    Processors,
    beside_answers,
    choose_threads,
    cpu_quota,
    settle_threads,
)

SET = ("OMP_", "MKL_", "GOMP_", "KMP_", "OPENBLAS_", "KGREC_THREADS")
REPORT = """
import json, os, threading
from kgrec.threads import waiting
print(json.dumps({
    "threads": torch.get_num_threads(),
    "waiting": waiting(),
    "policy": os.environ.get("OMP_WAIT_POLICY"),
    "parked": [thread.name for thread in threading.enumerate()][1:],
}))
"""


def group(tmp_path: Path, line: str, files: dict[str, str]) -> float | None:
    own = tmp_path / "cgroup"
    own.write_text(line)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cpu_quota(tmp_path / "groups", own)


@pytest.mark.parametrize(
    ("line", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2.0),
        ("0::/not/seen/inside\n", {"cpu.max": "300000 100000"}, 3.0),
        ("0::/../other\n", {"other/cpu.max": "100000 100000"}, 1.0),
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n",
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "50000",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            },
            0.5,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        ("nonsense\n", {}, None),
        ("", {}, None),
    ],
)
def test_the_least_quota_of_a_group_and_those_above_counts(
    tmp_path: Path, line: str, files: dict[str, str], quota: float | None
) -> None:
    assert group(tmp_path, line, files) == quota


def test_no_groups_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path, tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("found", "count"),
    [
        (Processors(8, 8, None), 8),
        (Processors(8, 3, None), 3),
        (Processors(8, 8, 1.5), 2),
        (Processors(8, 2, 6.0), 2),
        (Processors(8, 8, 0.1), 1),
    ],
)
def test_as_many_threads_as_can_run_at_once(found: Processors, count: int) -> None:
    assert found.threads == count


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process where neither torch nor numpy has been imported: 8 cores, quota 2.5."""
    monkeypatch.setattr(threads, "_choice", threads._Choice())
    monkeypatch.setattr(threads, "_loaded_gomp", lambda: None)
    monkeypatch.setattr(threads, "processors", lambda: Processors(8, 8, 2.5))
    monkeypatch.setattr(threads.sys, "modules", {})


@pytest.mark.usefixtures("early")
def test_before_torch_the_environment_is_set() -> None:
    environ: dict[str, str] = {}
    choose_threads(environ)
    assert environ == {
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "1000",
        "MKL_CBWR": "AUTO",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_THREAD_TIMEOUT": "4",
    }


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_how_the_user_lets_threads_wait_stays(name: str) -> None:
    environ = {name: "7", "OMP_NUM_THREADS": "5", "OPENBLAS_THREAD_TIMEOUT": "20"}
    environ["MKL_CBWR"] = "AVX2"
    before = dict(environ)
    choose_threads(environ)
    assert environ == before
    assert threads.waiting() == f"as {name}=7 says"


@pytest.mark.usefixtures("early")
def test_kgrec_threads_is_the_number_unless_openmp_has_one() -> None:
    environ = {"KGREC_THREADS": "6"}
    choose_threads(environ)
    assert environ["OMP_NUM_THREADS"] == "6"
    environ = {"KGREC_THREADS": "6", "OMP_NUM_THREADS": "4"}
    choose_threads(environ)
    assert environ["OMP_NUM_THREADS"] == "4"
    environ = {"MKL_NUM_THREADS": "4"}
    choose_threads(environ)
    assert "OMP_NUM_THREADS" not in environ


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_is_refused(value: str) -> None:
    with pytest.raises(RequestError, match="KGREC_THREADS"):
        settle_threads({"KGREC_THREADS": value})


def in_process(imports: str, **variables: str) -> dict[str, object]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SET)}
    code = f"{imports}\nimport kgrec.device, torch\n{REPORT}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_kgrec_first_asks_the_library_and_starts_no_thread() -> None:
    found = in_process("import kgrec")
    assert (found["policy"], found["parked"]) == ("PASSIVE", [])
    assert found["threads"] == threads.processors().threads


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is Linux's")
def test_torch_first_starts_one_thread_that_shortens_the_waits() -> None:
    found = in_process("import torch", KGREC_THREADS="1")
    assert found["policy"] is None  # nobody would read it
    assert found["parked"] == ["kgrec-threads"]
    assert found["threads"] == 1
    assert "after a short try" in str(found["waiting"])


@pytest.mark.slow
def test_what_the_user_sets_wins_whatever_is_imported_first() -> None:
    found = in_process("import torch", OMP_WAIT_POLICY="active", OMP_NUM_THREADS="1")
    assert found == {
        "threads": 1,
        "waiting": "as OMP_WAIT_POLICY=active says",
        "policy": "active",
        "parked": [],
    }


def stat(tmp_path: Path, busy: tuple[int, ...]) -> Path:
    """A file as /proc/stat, for cores that have been busy for so many ticks."""
    path = tmp_path / "stat"
    cores = [f"cpu{core} {ticks - 2} 0 1 999 99 0 1 0 0 0\n" for core, ticks in enumerate(busy)]
    path.write_text("".join(["cpu  1 2 3 4 5 6 7 8 9 10\n", *cores, "intr 7\n"]))
    return path


def test_the_load_is_that_of_the_cores_that_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2}, raising=False)
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    load = threads.Load.now(stat(tmp_path, (5_000, 200, 300)))
    assert load is not None
    assert (load.cores, load.busy) == (2, 5.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7}, raising=False)
    assert threads.Load.now(stat(tmp_path, (5_000, 200, 300))) is None
    assert threads.Load.now(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("busy", "own", "expected"),
    [
        (2.0, 2.0, 2),  # nobody else
        (2.0, 1.0, 1),  # two busy programs beside two threads
        (2.0, 0.7, 1),  # two busy programs beside one thread
        (2.0, 1.3, 1),  # one beside two threads
        (2.0, 1.8, 2),  # a little else
        (2.0, 0.0, 1),
        (0.9, 1.0, 2),  # the counts of the system are coarser than the process's own
    ],
)
def test_as_many_threads_as_cores_that_others_leave_free(
    busy: float, own: float, expected: int
) -> None:
    before = threads.Load(10.0, 2, 100.0, 50.0)
    assert threads.Load(11.0, 2, 100.0 + busy, 50.0 + own).free_threads(before, 2) == expected


def test_threads_follow_the_load_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("KGREC_THREADS", raising=False)
    monkeypatch.setattr(threads, "_LOAD_SECONDS", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(threads.Load, "free_threads", lambda self, before, most: 1)
        with threads.following_load():
            threads.follow()
            within = torch.get_num_threads()
        assert (within, torch.get_num_threads()) == (1, 2)
        monkeypatch.setenv("KGREC_THREADS", "2")
        with threads.following_load():
            threads.follow()
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_decompositions_use_a_number_of_threads_by_their_size_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    monkeypatch.delenv("KGREC_THREADS", raising=False)
    monkeypatch.setattr(threads, "_LOAD_SECONDS", 0.0)
    monkeypatch.setattr(threads.Load, "free_threads", lambda self, before, most: 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    found = []
    try:
        with threads.following_load():
            threads.follow()
            for size in (2_048, 2_049):
                with threads.decomposing(size):
                    used = [one["num_threads"] for one in threads._libraries().info()]
                    found.append((torch.get_num_threads(), set(used) == {1}))
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert found[0] == (1, True)
    assert found[1][0] == 2


@pytest.mark.slow
def test_training_gives_the_same_weights_with_any_number_of_threads() -> None:
    code = """
import kgrec, torch
from kgrec import threads
from benchmarks.speed.generate import generate
threads._LOAD_SECONDS = 0.0
torch.set_num_threads(2)
config = kgrec.RecommenderConfig(
    model=kgrec.ModelConfig(use_text=False, embedding_size=32),
    training=kgrec.TrainingConfig(epochs=2, refit=False),
)
found = []
for number in (1, 2):
    threads.Load.free_threads = lambda self, before, most: number
    catalog = generate(4_000)
    users = catalog.tables["users"]["user_id"].to_pylist()
    found.append(kgrec.Recommender(config).fit(catalog, seed=0).recommend(users, k=10))
print(found[0].equals(found[1]))
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SET)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"]


@pytest.mark.parametrize("collects", [True, False])
def test_beside_answers_the_collector_rests_and_threads_take_turns(collects: bool) -> None:
    interval = sys.getswitchinterval()
    (gc.enable if collects else gc.disable)()
    try:
        with beside_answers():
            assert not gc.isenabled()
            assert sys.getswitchinterval() < interval
        assert gc.isenabled() is collects
        assert sys.getswitchinterval() == interval
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()


def test_of_several_blocks_beside_answers_the_last_one_sets_back() -> None:
    interval = sys.getswitchinterval()
    first, second = beside_answers(), beside_answers()
    try:
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert not gc.isenabled()
        assert sys.getswitchinterval() < interval
        second.__exit__(None, None, None)
        assert gc.isenabled()
        assert sys.getswitchinterval() == interval
    finally:
        gc.unfreeze()


def test_memory_is_given_back_to_the_system() -> None:
    code = """
from pathlib import Path
from kgrec.threads import give_memory_back
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
parts = [bytearray(60_000) for _ in range(2_000)]  # too small to be mapped one by one
last = parts.pop()
del parts
full = pages()
give_memory_back()
print(full - pages())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * os.sysconf("SC_PAGE_SIZE") > 50_000_000
