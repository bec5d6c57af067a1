"""What every test may ask for: the benchmark data, and the small public data set of the demo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import loaders


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
