"""What all tests of hostile texts share: one fit, and its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgrec import Recommender
from tests.hostile.catalogs import catalog
from tests.recommender import catalogs


@pytest.fixture(scope="package")
def model() -> Recommender:
    """A recommender of the planted catalog."""
    return Recommender(catalogs.config(**catalogs.SHORT)).fit(catalog())


@pytest.fixture(scope="package")
def folder(model: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    place = tmp_path_factory.mktemp("hostile") / "model"
    model.save(place)
    return place


@pytest.fixture(scope="package")
def user(model: Recommender) -> str:
    """A user with a hostile id and a history."""
    return next(one for one in model.snapshot.users.ids.tolist() if "MARKER" in one)


@pytest.fixture(scope="package")
def item(model: Recommender, user: str) -> str:
    """An item with a hostile id that the user is recommended."""
    ids = model.recommend(user, k=30)["item_id"].tolist()
    return next(one for one in ids if "MARKER" in one)
