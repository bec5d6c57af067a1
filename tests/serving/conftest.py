"""One service for the tests that only ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.running import Running, running


@pytest.fixture(scope="package")
def service(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of the fitted recommender; tests use users of their own where they write."""
    root = tmp_path_factory.mktemp("service")
    with running("--model", saved, "--root", root) as found:
        yield found
