"""One service for the tests of its client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgrec import Recommender
from kgrec.client import Client
from tests.serving.running import Running, running


@pytest.fixture(scope="package")
def service(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("--model", saved, "--root", tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="package")
def client(service: Running) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{service.port}") as found:
        yield found


@pytest.fixture(scope="package")
def model(saved: Path) -> Recommender:
    return Recommender.load(saved)
