"""What every test may ask for: the benchmark data, and the small public data set of the demo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import loaders
from tests.neo4j_server import Server, running_server


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of benchmark data: KGREC_TEST_DATA, or shared/data beside the repository."""
    given = os.environ.get("KGREC_TEST_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(given) if given else beside
    if not (folder / "README.md").is_file():
        pytest.skip(f"the benchmark data is not at {folder}: set KGREC_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def ml100k_dir() -> Path:
    """RecBole's atomic files of MovieLens-100K, downloaded once into the user's cache."""
    return loaders.fetch("ml-100k")


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Server]:
    """A real Neo4j, one for the whole run; it fails, never skips, where none can be started."""
    with running_server() as server:
        yield server
