"""What every test may ask for, and how the tests are dealt out to the worker processes.

A test file stays with one worker, so that what its tests share is made once, and all tests that
need a real Neo4j stay with one, so that one server runs and nobody empties it under another.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.testing
from hypothesis import settings
from typer.main import get_command
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from kgrec import Recommender
    from tests.neo4j_server import Server

# One thread for each worker, and for the processes it starts: the tensors of tests are so small
# that a second thread costs more than it gives. It counts only before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# typer's runner makes every command anew for each call, which takes longer than most of the calls.
typer.testing._get_command = cache(get_command)  # type: ignore[attr-defined]

# What other workers do is no example's fault.
settings.register_profile("shared-processor", deadline=None)
settings.load_profile("shared-processor")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many as there are processors; none for tests of one file, which would share one anyway."""
    files = {argument.partition("::")[0] for argument in config.args}
    if all(file.endswith(".py") for file in files) and len(files) == 1:
        return 0
    return os.cpu_count() or 1


class FilesTogether(LoadFileScheduling):
    """Deals out whole files, and those that ask for ``neo4j_server`` as if they were one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "neo4j" if _asks_for_server(self.config.rootpath / file) else file


@cache
def _asks_for_server(file: Path) -> bool:
    return "neo4j_server" in file.read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    config.option.loadscopereorder = False  # the order is that of pytest_collection_modifyitems
    return FilesTogether(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers share the files, long ones come first."""
    if hasattr(config, "workerinput"):
        weights = Counter[Path]()
        for item in items:
            weights[item.path] += _weight(item)
        items.sort(key=lambda item: (-weights[item.path], item.path))


def _weight(item: pytest.Item) -> int:
    """A guess at how long a test takes, compared with others."""
    if item.get_closest_marker("slow"):
        return 200
    return 20 if item.get_closest_marker("neo4j") else 1


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
    import loaders  # with pandas: only where it is needed

    return loaders.fetch("ml-100k-recbole")


@pytest.fixture(scope="session")
def ml100k() -> Path:
    """MovieLens-100K with named facts, in the CSV layout; in the user's cache."""
    import loaders

    return loaders.fetch("ml-100k")


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Server]:
    """A real Neo4j, one for the whole run; it fails, never skips, where none can be started."""
    from tests.neo4j_server import running_server

    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def fitted() -> Recommender:
    """A recommender fitted once; tests that change one take ``fresh``."""
    from kgrec import Recommender
    from tests.recommender import catalogs

    config = catalogs.config(epochs=40, learning_rate=0.02)
    return Recommender(config).fit(catalogs.catalog())


@pytest.fixture(scope="session")
def short() -> Recommender:
    """A recommender fitted on the same catalog for two epochs."""
    from kgrec import Recommender
    from tests.recommender import catalogs

    return Recommender(catalogs.config(**catalogs.SHORT)).fit(catalogs.catalog())


@pytest.fixture(scope="session")
def saved(fitted: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the fitted recommender."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    fitted.save(folder)
    return folder


@pytest.fixture
def fresh(saved: Path) -> Recommender:
    """The fitted recommender, for one test alone."""
    from kgrec import Recommender

    return Recommender.load(saved)
