"""One recommender, fitted once; tests that change it make a copy through ``update`` or ``load``."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec import Recommender
from tests.recommender import catalogs

SHORT = {"epochs": 2}


@pytest.fixture(scope="session")
def fitted() -> Recommender:
    return Recommender(catalogs.config(epochs=40, learning_rate=0.02)).fit(catalogs.catalog())


@pytest.fixture(scope="session")
def short() -> Recommender:
    """Fitted on the same, but for two epochs only."""
    return Recommender(catalogs.config(**SHORT)).fit(catalogs.catalog())


@pytest.fixture(scope="session")
def saved(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(folder)
    return folder


@pytest.fixture
def fresh(saved: Path) -> Recommender:
    """The fitted recommender, for one test alone."""
    return Recommender.load(saved)
