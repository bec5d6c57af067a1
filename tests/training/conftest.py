"""The snapshot that the training tests share: no test rows, no validation rows."""

from __future__ import annotations

import pytest

from kgrec.graph import GraphSnapshot
from tests.recommender import catalogs


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("training")).restricted(("train",))
