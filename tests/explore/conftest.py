"""The graph that the tests of exploring use."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec.explain import Explainer
from kgrec.explore import GraphExplorer
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.paths.people import ShownPeople
from kgrec.stores import EmbeddedStore

from .catalogs import catalog


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    path: Path = tmp_path_factory.mktemp("explore") / "graph.kgl"
    with EmbeddedStore(path) as store:
        store.write(catalog())
        return read_snapshot(store)


@pytest.fixture(scope="session")
def explorer(world: GraphSnapshot) -> GraphExplorer:
    return GraphExplorer(Explainer(world, people=ShownPeople(named=True)))
