"""One sample graph for all tests of the model."""

from __future__ import annotations

import pytest

from tests.nn.samples import Sample, make_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("nn"))
