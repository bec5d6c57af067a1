"""The load benchmark measures what it says, and refuses a store that a second write changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import load
from graph_schema import Catalog
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
