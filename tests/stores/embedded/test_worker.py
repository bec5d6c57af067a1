"""The process that holds an embedded graph: its start, its end, and what goes wrong between."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import StoreError
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore, NodeRef
from kgrec.stores.embedded import client
from tests.graph.compare import assert_same_snapshot
from tests.stores.contract import sample

LONG = (
    "UNWIND range(1, 3000) AS a UNWIND range(1, 3000) AS b UNWIND range(1, 3000) AS c RETURN sum(c)"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(sample())
        yield store


def workers(parent: int | None = None) -> set[int]:
    """The running worker processes of a process."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        start = next((i for i, part in enumerate(command) if b"embedded.worker" in part), None)
        if start is not None and int(command[start + 1]) == (parent or os.getpid()):
            found.add(int(folder.name))
    return found


def kill_workers(*_: object) -> None:
    pids = workers()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):  # where its end has been noticed already
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def ended(pids: set[int], seconds: float = 1800) -> bool:
    """Whether the processes end; a zombie has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not {pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _alive(pid)}:
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _hears_ctrl_c() -> None:
    """A process started in the background of a shell would ignore it, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def script(code: str, path: Path, **options: object) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, **options}
    pipes["preexec_fn"] = _hears_ctrl_c
    return subprocess.Popen([sys.executable, "-c", code, str(path)], **pipes)  # type: ignore[call-overload, no-any-return]


def test_this_process_never_loads_kglite(store: EmbeddedStore) -> None:
    code = (
        "import sys; from kgrec.stores import EmbeddedStore; store = EmbeddedStore(sys.argv[1]); "
        "store.query('MATCH (n:Item) RETURN n.nothing AS x'); store.remove(users='u1'); "
        "print('kglite' in sys.modules)"
    )
    with script(code, store.path, stderr=subprocess.PIPE) as process:
        assert process.communicate() == ("False\n", "")  # nor does it repeat the engine's notices


def test_a_worker_that_was_killed_between_calls_is_replaced(store: EmbeddedStore) -> None:
    before = read_snapshot(store)
    kill_workers()
    assert_same_snapshot(read_snapshot(store), before)
    kill_workers()
    store.write(sample())
    assert_same_snapshot(read_snapshot(store), before)


def test_a_worker_that_is_killed_while_it_writes(store: EmbeddedStore) -> None:
    before = read_snapshot(store)
    extra = Catalog.from_frames(users=pd.DataFrame({"user_id": ["new"]}))
    with pytest.raises(StoreError, match=r"(?s)graph\.kgl: .*SIGKILL.*Cure: run the call again"):
        store.write(extra, progress=kill_workers)
    assert_same_snapshot(read_snapshot(store), before)
    store.write(extra)
    assert len(read_snapshot(store).users) == len(before.users) + 1


def test_a_worker_that_is_killed_while_it_answers(store: EmbeddedStore) -> None:
    timer = threading.Timer(0.5, kill_workers)
    timer.start()
    with pytest.raises(StoreError, match=r"SIGKILL.*Cure: run the call again"):
        store.query(LONG)
    timer.join()  # it kills the kept workers, too: the next call must not get one of them
    assert store.node_counts()["User"] == 3


def test_a_worker_that_can_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: EmbeddedStore
) -> None:
    while client._spares:
        client._spares.pop().close()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(StoreError, match=r"no-python.*Cure: check that this Python"):
        EmbeddedStore(tmp_path / "other.kgl").edge_types()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StoreError, match=r"ended during the call \(exit code 1\)|as soon as"):
        EmbeddedStore(tmp_path / "other.kgl").edge_types()


INTERRUPTED = f"""
import os, sys, threading
from kgrec.stores import EmbeddedStore

with EmbeddedStore(sys.argv[1]) as store:
    store.edge_types()
    print("running", flush=True)
    try:
        store.query({LONG!r})
    except KeyboardInterrupt:
        print(store.node_counts()["User"], flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_call_and_not_the_store(store: EmbeddedStore) -> None:
    with script(INTERRUPTED, store.path, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # the whole group, as a terminal does
        assert process.stdout.readline() == "3\n"
        assert process.wait() == 0
    assert ended(workers(process.pid))


SAVING = """
import sys
import numpy as np, pandas as pd
from graph_schema import Catalog
from kgrec.stores import EmbeddedStore

n = 300_000
frame = pd.DataFrame({"user_id": np.arange(n) % 5000, "item_id": np.arange(n) % 3001})
catalog = Catalog.from_frames(interactions=frame)
catalog.validate()
print("ready", flush=True)
try:
    EmbeddedStore(sys.argv[1]).write(catalog)
except KeyboardInterrupt:
    pass
print("written", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("wait", [0.1, 0.6, 1.0, 1.5])
def test_a_write_that_is_cut_off_leaves_the_old_graph_or_the_new(
    store: EmbeddedStore, sent: signal.Signals, wait: float
) -> None:
    before = read_snapshot(store)
    with script(SAVING, store.path, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        os.kill(process.pid, sent)
    assert ended(workers(process.pid))
    after = read_snapshot(store)
    if len(after.interactions) == len(before.interactions):
        assert_same_snapshot(after, before)
    else:
        assert len(after.interactions) == len(before.interactions) + 300_000
    unfinished = list(store.path.parent.glob("*.tmp.*"))
    assert sent is signal.SIGKILL or not unfinished
    store.write(sample())
    assert list(store.path.parent.glob("*.tmp.*")) == []


REMOVING = """
import sys
from kgrec.stores import EdgeType, EmbeddedStore

store = EmbeddedStore(sys.argv[1])
rows = store.read_edges(EdgeType("User", "INTERACTED", "Item"))
rows = rows.rename_columns(["user_id", "item_id"]).slice(0, 60_000)
print("ready", flush=True)
store.remove(users=[f"u{n}" for n in range(200)], interactions=rows)
"""


@pytest.mark.slow
def test_a_removal_that_is_cut_off_leaves_the_old_graph_or_the_new(tmp_path: Path) -> None:
    n = 120_000
    frame = pd.DataFrame({"user_id": np.arange(n) % 3000, "item_id": np.arange(n) % 1999})
    frame["user_id"] = "u" + frame["user_id"].astype(str)
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(Catalog.from_frames(interactions=frame))
        whole = store.path.read_bytes()
        counts = [(store.node_counts(), store.edge_types())]
        with script(REMOVING, store.path) as process:
            assert process.wait() == 0
        counts.append((store.node_counts(), store.edge_types()))
        assert counts[1][0]["User"] == 2800
        for wait in (0.05, 0.3, 0.6, 0.9, 1.2, 1.6):
            store.path.write_bytes(whole)
            with script(REMOVING, store.path) as process:
                assert process.stdout is not None
                process.stdout.readline()
                time.sleep(wait)
                process.kill()
            assert ended(workers(process.pid))
            assert (store.node_counts(), store.edge_types()) in counts
        store.path.write_bytes(whole)
        store.remove(users="u1")
        assert list(tmp_path.glob("*.tmp.*")) == []


FORKING = """
import os, sys, time
from kgrec.stores import EmbeddedStore

store = EmbeddedStore(sys.argv[1])
store.edge_types()
child = os.fork()
if not child:
    time.sleep(3600)
    os._exit(0)
print(child, flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_killed_process_leaves_no_worker_even_where_a_child_holds_its_pipes(
    store: EmbeddedStore,
) -> None:
    with script(FORKING, store.path) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        running = workers(process.pid)
        assert len(running) == 1
        process.kill()
        process.wait()
        assert ended(running)
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_has_a_worker_of_its_own(store: EmbeddedStore) -> None:
    store.edge_types()
    mine = workers()
    child = os.fork()
    if not child:
        try:
            fine = store.node_counts()["User"] == 3 and len(workers()) == 1
            store.remove(users="u3")
            store.close()
        except BaseException:
            os._exit(2)
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert workers() == mine
    assert store.node_counts()["User"] == 2
    assert ended(workers(child))


def test_a_store_can_be_sent_to_another_process(store: EmbeddedStore) -> None:
    with pickle.loads(pickle.dumps(store)) as other:
        assert other.path == store.path
        assert other.node_counts() == store.node_counts()


def test_reading_goes_on_while_this_process_writes(store: EmbeddedStore) -> None:
    counts = store.node_counts()
    seen = []
    extra = Catalog.from_frames(users=pd.DataFrame({"user_id": ["new"]}))
    store.write(extra, progress=lambda *step: seen.append(store.node_counts()))
    assert seen
    assert all(count == counts for count in seen)
    assert store.node_counts()["User"] == 4


def test_many_threads_read_one_store(store: EmbeddedStore) -> None:
    wrong: list[object] = []

    def read() -> None:
        for _ in range(20):
            near = store.neighbours(NodeRef("Item", "i1"), relations=["directed_by"])
            if [n.node.id for n in near] != ["e1"]:
                wrong.append(near)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        store.write(sample())
        store.close()
    for thread in threads:
        thread.join()
    assert not wrong


def test_workers_are_used_again_and_end_with_their_store(tmp_path: Path) -> None:
    for number in range(3):
        with EmbeddedStore(tmp_path / f"{number}.kgl") as store:
            store.write(sample())
            store.write(sample())
            assert len(workers()) <= 2
    left = EmbeddedStore(tmp_path / "0.kgl")
    left.edge_types()
    busy = workers()
    del left
    assert len(workers()) == len(busy) - 1


def test_values_cross_as_they_are(store: EmbeddedStore) -> None:
    values = {
        "when": datetime(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        "day": date(2020, 1, 2),
        "text": 'é\n"\0',
        "list": [1, 2.5, True, None, "x"],
        "map": {"a": {"b": [1]}},
        "nan": math.nan,
        "big": 2**62 + 1,
    }
    (row,) = store.query("RETURN " + ", ".join(f"${name} AS {name}" for name in values), values)
    assert math.isnan(row.pop("nan"))
    del values["nan"]
    assert row == values
    assert [type(value) for value in row["list"]] == [int, float, bool, type(None), str]
    numpy = {"x": np.int64(3), "y": np.array([1.5]), "t": pd.Timestamp("2020-01-01"), "n": pd.NaT}
    (row,) = store.query("RETURN $x AS x, $y AS y, $t AS t, $n AS n", numpy)
    assert row == {"x": 3, "y": [1.5], "t": datetime(2020, 1, 1), "n": None}


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), 2**70, "\ud800"])
def test_values_that_no_graph_holds_are_refused(store: EmbeddedStore, value: object) -> None:
    with pytest.raises(StoreError, match=r"graph\.kgl"):
        store.query("RETURN $x AS x", {"x": value})
    assert store.node_counts()["User"] == 3


def test_unfinished_files_of_killed_writers_are_removed_and_no_others(store: EmbeddedStore) -> None:
    folder = store.path.parent
    mine, others = (
        folder / "graph.kgl.tmp.123.0",
        ["graph.kgl.tmp", "graph.kgl.tmp.1.x", "a.tmp.1.0"],
    )
    mine.write_bytes(b"part")
    for name in others:
        (folder / name).write_text("mine")
    store.write(sample())
    assert not mine.exists()
    assert all((folder / name).read_text() == "mine" for name in others)
