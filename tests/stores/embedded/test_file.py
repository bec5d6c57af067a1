"""The embedded file: moved, deleted, read-only, beside strange locks; messages and cures."""

from __future__ import annotations

import ctypes
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import StoreError, StoreFileError
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore, NodeRef
from tests.graph.compare import assert_same_snapshot
from tests.stores.contract import sample

ZSTANDARD = b"\x28\xb5\x2f\xfd"  # the first bytes of each compressed part of a file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        store.write(sample())
        yield store


def content(path: Path) -> bytes:
    """Everything in a store's file, its compressed parts unpacked."""
    data = path.read_bytes()
    found, place = [data], data.find(ZSTANDARD)
    while place >= 0:
        with pa.CompressedInputStream(io.BytesIO(data[place:]), "zstd") as part:
            found.append(part.read())
        place = data.find(ZSTANDARD, place + 4)
    return b"\n".join(found)


def test_what_was_removed_is_not_in_the_file_any_more(store: EmbeddedStore) -> None:
    marked = pd.DataFrame(
        {
            "user_id": ["user-that-goes", "user-that-stays"],
            "item_id": ["item-that-goes", "i1"],
            "event": ["event-that-goes", "event-that-stays"],
        }
    )
    users = pd.DataFrame({"user_id": marked["user_id"], "mail": ["mail-that-goes", "mail-stays"]})
    reviews = marked[["user_id", "item_id"]].assign(text=["words that-goes", "words that-stays"])
    store.write(Catalog.from_frames(interactions=marked, users=users, reviews=reviews))
    assert content(store.path).count(b"-that-goes") >= 3
    store.remove(users="user-that-goes", items="item-that-goes")
    kept = content(store.path)
    assert b"that-goes" not in kept
    assert b"user-that-stays" in kept


def test_a_file_that_has_gone_is_no_empty_graph(store: EmbeddedStore, tmp_path: Path) -> None:
    before = read_snapshot(store)
    moved = store.path.rename(tmp_path / "moved.kgl")
    asking = (
        store.node_counts,
        store.edge_types,
        store.schema_version,
        lambda: store.read_nodes("Item"),
        lambda: store.query("MATCH (n) RETURN count(n) AS n"),
        lambda: store.neighbours(NodeRef("Item", "i1")),
        lambda: store.remove(users="u1"),
        lambda: read_snapshot(store),
    )
    for ask in asking:
        with pytest.raises(StoreFileError, match=r"graph\.kgl: .*moved or deleted\. Cure: connect"):
            ask()
    assert not store.path.exists()
    with EmbeddedStore(moved) as found:
        assert_same_snapshot(read_snapshot(found), before)
        found.remove(users="u1")
    moved.rename(store.path)
    assert store.node_counts()["User"] == 2


def test_a_file_that_has_gone_is_written_anew(store: EmbeddedStore) -> None:
    store.node_counts()
    store.path.unlink()
    store.write(Catalog.from_frames(users=pd.DataFrame({"user_id": ["only"]})))
    assert store.node_counts() == {"User": 1}


def test_another_file_in_its_place_is_read(store: EmbeddedStore, tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "other.kgl") as other:
        other.write(Catalog.from_frames(users=pd.DataFrame({"user_id": ["x", "y"]})))
    assert store.node_counts()["User"] == 3
    (tmp_path / "other.kgl").replace(store.path)
    assert store.node_counts() == {"User": 2}


@pytest.mark.parametrize("owner", ["pid=999999\nsince=2020-01-01T00:00:00Z\n", "", "{broken"])
def test_the_lock_of_a_dead_process_holds_nobody_up(store: EmbeddedStore, owner: str) -> None:
    Path(f"{store.path}.lock-owner").write_text(owner)
    Path(f"{store.path}.lock").write_text("")
    assert store.remove(users="u1").rows["users"] == 1
    store.write(sample())
    assert store.node_counts()["User"] == 3


def test_locks_without_their_file_are_an_empty_store(tmp_path: Path) -> None:
    for name in ("graph.kgl.lock", "graph.kgl.lock-owner"):
        (tmp_path / name).write_text("")
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        assert store.node_counts() == {}
        store.write(sample())
        assert store.node_counts()["User"] == 3


def test_a_folder_with_the_name_of_the_lock(store: EmbeddedStore) -> None:
    lock = Path(f"{store.path}.lock")
    lock.unlink()
    lock.mkdir()
    assert store.node_counts()["User"] == 3
    with pytest.raises(StoreError, match=r"a folder has the name .*graph\.kgl\.lock.*Cure: move"):
        store.remove(users="u1")


ASKING = """
import sys
from kgrec.errors import KgrecError
from kgrec.stores import EmbeddedStore
from tests.stores.contract import sample

store = EmbeddedStore(sys.argv[1])
for name, call in (
    ("read", store.node_counts),
    ("write", lambda: store.write(sample())),
    ("remove", lambda: store.remove(users="u1")),
    ("migrate", store.migrate),
):
    try:
        call()
        print(name, "done")
    except KgrecError as error:
        print(name, type(error).__name__, error)
"""


def as_anybody() -> None:
    """What root may do in spite of a file's mode is given up: its right to pass over modes."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def answers(path: Path) -> dict[str, str]:
    """What the calls of ASKING answer to a user who keeps to the modes of files."""
    done = subprocess.run(
        [sys.executable, "-c", ASKING, path.name],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=as_anybody,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="drops capabilities of Linux")
@pytest.mark.parametrize("protected", ["folder", "file", "lock"])
def test_a_read_only_store_is_read_and_says_how_to_write(
    store: EmbeddedStore, protected: str
) -> None:
    store.close()
    whole = store.path.read_bytes()
    for lock in store.path.parent.glob("*.lock*"):
        lock.unlink()
    place = {"folder": store.path.parent, "file": store.path}.get(protected)
    if place is None:
        place = Path(f"{store.path}.lock")
        place.touch()
    place.chmod({"folder": 0o555, "file": 0o444, "lock": 0o000}[protected])
    try:
        found = answers(store.path)
    finally:
        place.chmod(0o755)
    assert found.pop("read") == "done"
    assert len(found) == 3
    for message in found.values():
        assert "StoreError graph.kgl: the store can't be written: it is read-only here" in message
        assert "Cure: give a store that you may write to" in message
        assert ".tmp" not in message
        assert "newest kgrec" not in message
    assert store.path.read_bytes() == whole


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="drops capabilities of Linux")
def test_a_file_that_may_not_be_read(store: EmbeddedStore) -> None:
    store.close()
    store.path.chmod(0o000)
    found = answers(store.path)
    for message in found.values():
        assert message.startswith("Store")
        assert "graph.kgl: " in message
        assert "Cure: " in message
        assert "newest kgrec" not in message
    assert "you may not read this file" in found["read"]
