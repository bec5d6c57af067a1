"""The load benchmark measures what it says, and refuses a store that a second write changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.speed.files import measure_file, write_events
from graph_schema import Catalog
from graph_schema.errors import RequestError
from kgrec.graph import read_snapshot
from kgrec.stores import EmbeddedStore
from tests.graph.compare import assert_same_snapshot
from tests.recommender import catalogs

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path / "graph.kgl") as store:
        yield store


def test_figures_are_edges_over_seconds(store: EmbeddedStore) -> None:
    catalog = catalogs.catalog()
    figures, snapshot = load.measure(store, catalog)
    edges = len(catalog.interactions) + len(catalog.facts)
    assert figures["edges"] == edges
    for name in ("write", "second_write", "snapshot"):
        assert figures[f"{name}_seconds"] == pytest.approx(
            edges / figures[f"{name}_edges_per_s"], abs=0.006
        )
    assert_same_snapshot(snapshot, read_snapshot(store))


def test_a_second_write_that_changes_something_is_refused(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store.write

    def forgetful(catalog: Catalog, progress: object = None) -> None:
        again = store.node_counts()
        write(catalog)
        if again:
            store.remove(users="u1")

    monkeypatch.setattr(store, "write", forgetful)
    with pytest.raises(AssertionError):
        load.measure(store, catalogs.catalog())


def test_the_warm_up_is_a_part_of_the_edges_among_all_nodes() -> None:
    catalog = catalogs.catalog()
    part = load._part(catalog)
    assert len(part.interactions) == -(-len(catalog.interactions) // load.WARM_UP)
    assert len(part.facts) == -(-len(catalog.facts) // load.WARM_UP)
    assert part.users["user_id"].tolist() == catalog.users["user_id"].tolist()


def test_rows_of_a_file_are_measured_from_the_file_to_equal_snapshots(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    path = write_events(tmp_path / "data", 500, seed=1)
    assert path.read_bytes() == write_events(tmp_path / "again", 500, seed=1).read_bytes()
    figures, (direct, stored) = measure_file(path, store)
    assert figures["rows"] == len(direct.interactions.user) == 500
    assert figures["file_to_snapshot_seconds"] == pytest.approx(
        figures["load_seconds"] + figures["snapshot_seconds"], abs=0.002
    )
    assert_same_snapshot(direct, stored)


@pytest.mark.parametrize("options", [["--rows", "0"], ["--rows", "9", "--store", "neo4j"]])
def test_rows_that_can_not_be_measured_are_refused(options: list[str]) -> None:
    with pytest.raises(RequestError, match="--rows takes"):
        load.main(options)
