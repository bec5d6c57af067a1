"""The snapshot that the training tests share: no test rows, no validation rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from kgrec.graph import GraphSnapshot
from tests.recommender import catalogs


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only wait for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    return catalogs.snapshot(tmp_path_factory.mktemp("training")).restricted(("train",))
