"""The embedded store: the contract, and what is special about one local file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import StoreError, StoreFileError
from graph_schema.migration import latest_version
from kgrec.graph import read_snapshot
from kgrec.stores import EdgeType, EmbeddedStore, connect, difference
from kgrec.stores.embedded.store import Limits
from tests.graph.compare import assert_same_snapshot
from tests.stores.contract import INTERACTED, StoreContract, sample
from tests.stores.embedded.engine import edit

# A second process: opens the store, tells each step, waits for a line after each.
WRITER = """
import sys
import pandas as pd
from graph_schema.catalog import Catalog
from kgrec.stores import EmbeddedStore

def step(what, done, total):
    print(what, flush=True)
    sys.stdin.readline()

frame = pd.DataFrame({"user_id": [f"u{i}" for i in range(2000)], "item_id": "i1", "timestamp": 5})
EmbeddedStore(sys.argv[1]).write(Catalog.from_frames(interactions=frame), progress=step)
print("written", flush=True)
"""
READER = """
import sys
from kgrec.stores import EmbeddedStore
print(sum(edge.count for edge in EmbeddedStore(sys.argv[1]).edge_types()))
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        yield store


class TestContract(StoreContract):
    """The contract."""


class TestRebuilding(StoreContract):
    """The contract again, with every merge taking the way that is meant for many rows."""

    @pytest.fixture(autouse=True)
    def rebuild(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(EmbeddedStore, "limits", Limits(patch_rows=-1))


def python(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2])
def test_killed_while_writing_leaves_the_old_graph(store: EmbeddedStore, steps: int) -> None:
    """Killed after the first step of the merge, and after the last, right before the file."""
    store.write(sample())
    before = read_snapshot(store)
    with python(WRITER, store.path) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(steps - 1):
            writer.stdout.readline()
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert writer.stdout.readline() != "written\n"
        os.kill(writer.pid, signal.SIGKILL)
    with EmbeddedStore(store.path) as again:
        assert_same_snapshot(read_snapshot(again), before)
        again.write(sample())  # the dead writer holds nothing up


@pytest.mark.slow
def test_another_process_reads_while_one_writes(store: EmbeddedStore) -> None:
    store.write(sample())
    edges = sum(edge.count for edge in store.edge_types())
    with python(WRITER, store.path) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdout.readline()
        with python(READER, store.path) as reader:
            assert reader.stdout is not None
            assert reader.stdout.read() == f"{edges}\n"
        assert sum(edge.count for edge in store.edge_types()) == edges
        with pytest.raises(StoreError, match=rf"another writer.*process {writer.pid}.*Cure"):
            store.write(sample())
        with pytest.raises(StoreError, match="another writer"):
            store.remove(users="u1")
        writer.stdin.write("\n" * 20)
        writer.stdin.close()
        assert writer.stdout.read().endswith("written\n")
    # What the other process wrote is seen without opening anything again.
    assert sum(edge.count for edge in store.edge_types()) == edges + 2000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too small"),
        (b"user_id,item_id\n1,2\n", "not a kglite graph"),
        ("truncated", "truncated"),
        ("newer", "version 99"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_kept(
    store: EmbeddedStore, content: bytes | str, message: str
) -> None:
    if isinstance(content, str):
        store.write(sample())
        whole = store.path.read_bytes()
        # The fifth byte is the version of the codec.
        newer = whole[:4] + bytes([99]) + whole[5:]
        content = whole[: len(whole) // 2] if content == "truncated" else newer
    store.path.write_bytes(content)
    for action in (store.edge_types, store.schema_version, store.migrate):
        with pytest.raises(StoreFileError, match=rf"(?s)graph\.kgl.*{message}.*Cure") as caught:
            action()
        assert "Catalog.read_parquet" in str(caught.value)
    with pytest.raises(StoreFileError):
        store.write(sample())
    assert store.path.read_bytes() == content


def test_a_newer_schema_is_refused(store: EmbeddedStore) -> None:
    edit(store.path, schema_version=latest_version() + 1)
    with pytest.raises(StoreFileError, match=r"schema version \d+.*newest kgrec"):
        store.edge_types()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreFileError, match="Cure"):
        EmbeddedStore(tmp_path).edge_types()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="Cure"):
        EmbeddedStore(tmp_path / "file" / "graph.kgl").write(sample())


FULL = """
import resource, signal, sys
from kgrec.stores import EmbeddedStore
from graph_schema.errors import StoreError
from tests.stores.contract import sample

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))  # bytes in any one file: like a full disk
try:
    EmbeddedStore(sys.argv[1]).remove(users="u1")
except StoreError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file(store: EmbeddedStore) -> None:
    store.write(sample())
    before, whole = read_snapshot(store), store.path.read_bytes()
    with python(FULL, store.path) as process:
        assert process.stdout is not None
        message = process.stdout.read()
    assert "can't be saved" in message
    assert "Cure: check the free space" in message
    assert store.path.read_bytes() == whole
    assert_same_snapshot(read_snapshot(store), before)
    left = {path.name for path in store.path.parent.iterdir()} - {"graph.kgl"}
    assert all(".lock" in name for name in left), left


@pytest.mark.parametrize("replace", [False, True])
def test_an_interrupted_write_changes_nothing(store: EmbeddedStore, replace: bool) -> None:
    store.write(sample())
    before = read_snapshot(store)

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    extra = Catalog.from_frames(users=pd.DataFrame({"user_id": ["new"]}))
    with pytest.raises(KeyboardInterrupt):
        store.write(extra, replace=replace, progress=interrupt)
    assert_same_snapshot(read_snapshot(store), before)
    store.write(extra, replace=replace)
    expected = 1 if replace else len(before.users) + 1
    assert len(read_snapshot(store).users) == expected


def test_what_would_change_is_said_without_a_file(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "none" / "graph.kgl") as store:
        assert difference(store, sample(), replace=True)["users"].added == 3
    assert not (tmp_path / "none").exists()


def test_a_failed_first_write_leaves_no_file(store: EmbeddedStore) -> None:
    def fail(what: str, done: int, total: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        store.write(sample(), progress=fail)
    assert not store.path.exists()
    assert store.edge_types() == []


def test_a_reader_sees_the_next_write(store: EmbeddedStore) -> None:
    store.write(sample())
    with EmbeddedStore(store.path) as reader:
        assert len(reader.read_nodes("User")) == 3
        store.remove(users="u3")
        assert len(reader.read_nodes("User")) == 2


def test_close_is_repeatable_and_missing_folders_are_made(tmp_path: Path) -> None:
    store = connect(tmp_path / "deep" / "down" / "graph.kgl")
    store.write(sample())
    store.close()
    store.close()
    assert store.read_edges(INTERACTED).num_rows == 4  # opens itself again


def test_several_types_in_one_property_are_read_as_text(store: EmbeddedStore) -> None:
    """A graph that other programs changed."""
    store.write(sample())
    edit(
        store.path,
        "MATCH (n:Item {id: 'i1'}) SET n.year = 'unknown'",
        "MATCH (n:Item {id: 'i2'}) SET n.tags = ['a', 'b']",
    )
    table = store.read_nodes("Item").to_pandas().set_index("id")
    assert table["year"].to_dict() == {"i1": "unknown", "i2": "2001", "i3": "2003"}
    assert list(table["tags"]["i2"]) == ["a", "b"]


def test_labels_of_other_programs_are_kept(store: EmbeddedStore) -> None:
    store.write(sample())
    edit(
        store.path,
        "CREATE (:Shop {id: 's'})",
        "MATCH (a:Shop), (b:Item {id: 'i1'}) CREATE (a)-[:SELLS {since: 3}]->(b)",
    )
    many = pd.DataFrame({"user_id": [f"u{i}" for i in range(20_001)], "item_id": "i1"})
    store.write(Catalog.from_frames(interactions=many))  # so many that the graph is built anew
    sells = EdgeType("Shop", "SELLS", "Item", 1)
    assert sells in store.edge_types()
    assert store.read_edges(sells).to_pylist() == [{"source": "s", "target": "i1", "since": 3}]
    assert store.node_counts()["Shop"] == 1
    for call in (store.write, partial(difference, store)):
        with pytest.raises(StoreError, match=r"nodes that kgrec did not write \(Shop\).* Cure"):
            call(sample(), replace=True)
    assert store.node_counts()["Shop"] == 1


def test_edges_are_read_in_pages(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same edges whatever the size of a page, also where only one page has a "" or a text."""
    frame = pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(40)],
            "item_id": "i1",
            "timestamp": range(40),
            "event": ["" if i == 7 else None for i in range(40)],
        }
    )
    store.write(Catalog.from_frames(interactions=frame))
    whole = read_snapshot(store)
    monkeypatch.setattr(EmbeddedStore, "limits", Limits(page_edges=3))
    assert_same_snapshot(read_snapshot(store), whole)
    assert len(whole.interactions) == 40


def test_a_graph_from_before_there_were_scenarios_is_read_and_written_on(
    store: EmbeddedStore,
) -> None:
    store.write(sample())
    edit(
        store.path,
        "MATCH (n:Scenario) DETACH DELETE n",
        "DROP CONSTRAINT kgrec_scenario_id",
        schema_version=1,
    )
    assert store.schema_version() == 1
    assert read_snapshot(store).scenarios.ids.tolist() == ["app", "web"]
    store.write(sample())
    assert store.schema_version() == latest_version()
    assert read_snapshot(store).scenarios.ids.tolist() == ["tv", "app", "web"]
