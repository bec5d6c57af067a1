"""A small graph for several processes, and runs over it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kgrec.config import RecommenderConfig
from kgrec.distributed import WorkerConfig, worker
from kgrec.graph.parquet import write_snapshot
from kgrec.graph.source import catalog_snapshot
from tests.distributed.ranks import outcomes, run_ranks
from tests.recommender import catalogs

Report = dict[str, Any]
EPOCHS = 2


def settings(**training: object) -> RecommenderConfig:
    """Settings of a fit with two steps an epoch."""
    few = {"epochs": EPOCHS, "valid_every": 1, "batch_size": 8, "negatives": 8, "refit": False}
    return catalogs.config(**{**few, **training})


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the snapshot of a catalog."""
    folder = tmp_path_factory.mktemp("graph")
    write_snapshot(catalog_snapshot(catalogs.catalog()), folder)
    return folder


@pytest.fixture(scope="session")
def runs(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The folders of the same training by one and by two ranks."""
    place = tmp_path_factory.mktemp("runs")
    for ranks in (1, 2):
        train(ranks, graph, place / str(ranks))
    return {ranks: place / str(ranks) for ranks in (1, 2)}


def train(ranks: int, graph: Path, folder: Path, **changed: Any) -> Report:
    """Train with so many ranks; the report."""
    config = task(graph, **changed)
    reports = run_ranks(ranks, lambda rank: worker(config, folder))
    assert all(report["by_rank"] == reports[0]["by_rank"] for report in reports)
    return reports[0]


def interrupted(ranks: int, graph: Path, folder: Path) -> list[str | None]:
    """Kill the first rank after its second epoch; the errors by rank."""

    def kill(what: str, done: int, total: int) -> None:
        if what.startswith("training") and done == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    config = task(graph)
    found = outcomes(ranks, lambda rank: worker(config, folder, kill))
    return [error for _, error in found]


def task(graph: Path, **changed: Any) -> WorkerConfig:
    """What the ranks get."""
    return WorkerConfig(**{"source": str(graph), "settings": settings(), **changed})
